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
        listed = ", ".join(f"'{one}'" for one in sorted(known))
        also = (
            f"The following are the known orchestrator functions: {listed}."
            if listed
            else "No orchestrator functions are currently registered!"
        )
        super().__init__(
            f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator "
            f"function. Additional info: {also}"
        )
