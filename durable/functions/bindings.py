"""The durable bindings as azure.functions describes bindings.

They are for whoever builds or prints a function. None reaches the host: it would ask the .NET
Durable extension to serve it.
"""

from azure.functions.decorators.core import InputBinding, Trigger

from durable.functions.constants import (
    ACTIVITY_TRIGGER,
    DURABLE_CLIENT,
    ENTITY_TRIGGER,
    ORCHESTRATION_TRIGGER,
)
from durable.functions.errors import BindingRefusedError


class OrchestrationTrigger(Trigger):
    """The trigger of an orchestrator. `orchestration` is its name, if not the function's."""

    kind = "orchestration_trigger"

    @staticmethod
    def get_binding_name() -> str:
        """Name the binding type, as the Durable extension does."""
        return ORCHESTRATION_TRIGGER

    def __init__(self, name: str, orchestration: str | None = None) -> None:
        """Bind the parameter `name`."""
        self.orchestration = orchestration
        super().__init__(name=name)

    @property
    def chosen_name(self) -> str | None:
        """The name that the decorator gives."""
        return self.orchestration


class ActivityTrigger(Trigger):
    """The trigger of an activity. `activity` is its name, if not the function's."""

    kind = "activity_trigger"

    @staticmethod
    def get_binding_name() -> str:
        """Name the binding type, as the Durable extension does."""
        return ACTIVITY_TRIGGER

    def __init__(self, name: str, activity: str | None = None) -> None:
        """Bind the parameter `name`."""
        self.activity = activity
        super().__init__(name=name)

    @property
    def chosen_name(self) -> str | None:
        """The name that the decorator gives."""
        return self.activity


class EntityTrigger(Trigger):
    """The trigger of an entity. `entity_name` is its name, if not the function's."""

    kind = "entity_trigger"

    @staticmethod
    def get_binding_name() -> str:
        """Name the binding type, as the Durable extension does."""
        return ENTITY_TRIGGER

    def __init__(self, name: str, entity_name: str | None = None) -> None:
        """Bind the parameter `name`. Raises `BindingRefusedError` for an empty `entity_name`."""
        if entity_name is not None and not entity_name:
            raise BindingRefusedError(
                "An entity can't have an empty name. Give it one, or leave the name out: then it "
                "is named as its function or class is."
            )
        self.entity_name = entity_name
        super().__init__(name=name)

    @property
    def chosen_name(self) -> str | None:
        """The name that the decorator gives."""
        return self.entity_name


class DurableClient(InputBinding):
    """The binding of a parameter that gets a durable client."""

    @staticmethod
    def get_binding_name() -> str:
        """Name the binding type, as the Durable extension does."""
        return DURABLE_CLIENT

    def __init__(
        self, name: str, task_hub: str | None = None, connection_name: str | None = None
    ) -> None:
        """Bind the parameter `name` to a client of this hub, or of the app's own."""
        self.task_hub = task_hub
        self.connection_name = connection_name
        super().__init__(name=name)
