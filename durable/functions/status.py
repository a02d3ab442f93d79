"""OrchestrationRuntimeStatus and DurableOrchestrationStatus of azure-functions-durable 1.7.

The constructor takes the members of the management API's status payload, so that a user's test
can make one from JSON.
"""

from datetime import datetime
from enum import Enum
from typing import Any

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class OrchestrationRuntimeStatus(Enum):
    """Where an orchestration stands."""

    Running = "Running"
    Completed = "Completed"
    ContinuedAsNew = "ContinuedAsNew"
    Failed = "Failed"
    Canceled = "Canceled"
    Terminated = "Terminated"
    Pending = "Pending"
    Suspended = "Suspended"


class DurableOrchestrationStatus:
    """The status of an instance. It is falsy where there is no such instance."""

    def __init__(  # noqa: PLR0917  (1.7's signature)
        self,
        name: str | None = None,
        instanceId: str | None = None,  # noqa: N803  (names of the JSON payload, as in 1.7)
        createdTime: str | None = None,  # noqa: N803
        lastUpdatedTime: str | None = None,  # noqa: N803
        input: Any | None = None,  # noqa: A002
        output: Any | None = None,
        runtimeStatus: str | OrchestrationRuntimeStatus | None = None,  # noqa: N803
        customStatus: Any | None = None,  # noqa: N803
        history: list[Any] | None = None,
        **others: Any,
    ) -> None:
        """Take the members of a status payload; unknown ones become attributes."""
        self._name = name
        self._instance_id = instanceId
        self._created_time = datetime.fromisoformat(createdTime) if createdTime else None
        self._last_updated_time = (
            datetime.fromisoformat(lastUpdatedTime) if lastUpdatedTime else None
        )
        self._input = input
        self._output = output
        self._runtime_status = (
            OrchestrationRuntimeStatus(runtimeStatus) if runtimeStatus is not None else None
        )
        self._custom_status = customStatus
        # The management API's name of it is the one that 1.7's own constructor does not know (Q5).
        self._history = history if history is not None else others.get("historyEvents")
        for member, value in others.items():
            setattr(self, member, value)

    def __bool__(self) -> bool:
        """Say whether there is such an instance."""
        return self._created_time is not None

    @classmethod
    def from_json(cls, json_obj: Any) -> "DurableOrchestrationStatus":
        """Make one from a status payload, or from the text of an error."""
        return cls(message=json_obj) if isinstance(json_obj, str) else cls(**json_obj)

    def to_json(self) -> dict[str, Any]:
        """Print the payload."""
        payload: dict[str, Any] = {"name": self._name, "instanceId": self._instance_id}
        if self._created_time is not None:
            payload["createdTime"] = self._created_time.strftime(TIME_FORMAT)
        if self._last_updated_time is not None:
            payload["lastUpdatedTime"] = self._last_updated_time.strftime(TIME_FORMAT)
        payload["output"] = self._output
        payload["input"] = self._input
        if self._runtime_status is not None:
            payload["runtimeStatus"] = self._runtime_status.name
        payload["customStatus"] = self._custom_status
        payload["history"] = self._history
        return payload

    @property
    def name(self) -> str | None:
        """The orchestrator's name."""
        return self._name

    @property
    def instance_id(self) -> str | None:
        """The instance id."""
        return self._instance_id

    @property
    def created_time(self) -> datetime | None:
        """When it was started, in UTC, aware."""
        return self._created_time

    @property
    def last_updated_time(self) -> datetime | None:
        """When its history grew last, in UTC, aware."""
        return self._last_updated_time

    @property
    def input_(self) -> Any:
        """The input."""
        return self._input

    @property
    def output(self) -> Any:
        """The output, or what it failed with."""
        return self._output

    @property
    def runtime_status(self) -> OrchestrationRuntimeStatus | None:
        """Where it stands."""
        return self._runtime_status

    @property
    def custom_status(self) -> Any:
        """What the orchestrator shows."""
        return self._custom_status

    @property
    def history(self) -> list[Any] | None:
        """The history where it was asked for: a mapping for each event, as the HTTP API has it."""
        return self._history
