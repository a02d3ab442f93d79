"""Every table, queue, container and blob of a task hub (DTFx's names).

Queue and container names are lower-case by the service's rule, table names as the hub is written.
"""

from dataclasses import dataclass

from durable.storage.port import TIMERS, WORK_ITEMS, control_queue

TASK_HUB_BLOB = "taskhub.json"
MANAGEMENT_KEY_BLOB = "management-key"
POISON_SUFFIX = "-poison"
BURIED_SUFFIX = "-buried"


@dataclass(frozen=True, slots=True)
class HubNames:
    """The names that one hub's name stands for."""

    task_hub: str

    @property
    def history_table(self) -> str:
        """Name the table of history rows and sentinels."""
        return f"{self.task_hub}History"

    @property
    def instances_table(self) -> str:
        """Name the table of summaries."""
        return f"{self.task_hub}Instances"

    @property
    def leases_container(self) -> str:
        """Name the container of `taskhub.json` and the management key."""
        return f"{self.task_hub.lower()}-leases"

    @property
    def payloads_container(self) -> str:
        """Name the container of large payloads."""
        return f"{self.task_hub.lower()}-largemessages"

    def queue(self, queue: str) -> str:
        """Name a queue of the port in the account."""
        return f"{self.task_hub.lower()}-{queue}"

    @property
    def timers_table(self) -> str:
        """Name the table of timers that are due too late for a queue."""
        return f"{self.task_hub}Timers"

    def poison_queue(self, queue: str) -> str:
        """Name where the Functions host moves messages of a queue that it gives up."""
        return self.queue(queue) + POISON_SUFFIX

    def buried_queue(self, queue: str) -> str:
        """Name where we put messages of a queue that nobody can read."""
        return self.queue(queue) + BURIED_SUFFIX

    def poisoned_queue(self, name: str) -> str | None:
        """Tell from the account's name of a poison queue which queue of the port it belongs to."""
        prefix = self.queue("")
        if not (name.startswith(prefix) and name.endswith(POISON_SUFFIX)):
            return None
        return name.removeprefix(prefix).removesuffix(POISON_SUFFIX)

    def queues(self, partition_count: int) -> list[str]:
        """List the queues, by their names in the port, of a hub with so many partitions."""
        controls = [control_queue(partition) for partition in range(partition_count)]
        return [*controls, WORK_ITEMS, TIMERS]
