"""PurgeHistoryResult of azure-functions-durable 1.7."""

from collections.abc import Mapping
from typing import Any


class PurgeHistoryResult:
    """What a purge has done."""

    def __init__(self, instancesDeleted: int, **others: Any) -> None:  # noqa: N803  (the JSON's)
        """Take the members of the management API's answer; unknown ones become attributes."""
        self._instances_deleted = instancesDeleted
        vars(self).update(others)

    @classmethod
    def from_json(cls, json_obj: Mapping[str, Any]) -> "PurgeHistoryResult":
        """Make one from the management API's answer."""
        return cls(**json_obj)

    @property
    def instances_deleted(self) -> int:
        """How many instances were deleted."""
        return self._instances_deleted
