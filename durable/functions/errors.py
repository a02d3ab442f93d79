"""What this door refuses, and what the caller may catch."""

from collections.abc import Iterable

from durable.model.errors import DurableError


class InvalidHostJsonError(DurableError, ValueError):
    """host.json, or an app setting in its place, can't be used; the text names the line."""


class BindingRefusedError(DurableError, ValueError):
    """A function can't be bound as it is declared; the text names the line to change."""


class NotServedError(DurableError, NotImplementedError):
    """azure-functions-durable has it and this package does not serve it; the text says why."""


class DurableFunctionsCompatibilityWarning(UserWarning):
    """Something of the app's configuration will not do here, or not for ever."""


class NotRegisteredError(DurableError, RuntimeError):
    """A function of a blueprint was called before the blueprint was registered with an app."""


class OrchestratorNotFoundError(DurableError, ValueError):
    """No orchestrator of this app has the name that was to be started."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        """Say it in the extension's words."""
        super().__init__(_not_found(name, "orchestrator", known))


class EntityFunctionNotFoundError(DurableError, ValueError):
    """No entity function or class of this app has the name of the entity that was signaled."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        """Say it in the extension's words."""
        super().__init__(_not_found(name, "entity", known))


def _not_found(name: str, kind: str, known: Iterable[str]) -> str:
    listed = ", ".join(f"'{one}'" for one in sorted(known))
    also = (
        f"The following are the known {kind} functions: {listed}."
        if listed
        else f"No {kind} functions are currently registered!"
    )
    return (
        f"The function '{name}' doesn't exist, is disabled, or is not an {kind} function. "
        f"Additional info: {also}"
    )
