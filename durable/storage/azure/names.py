"""Every table, queue, container and blob of a task hub (DTFx's names).

Queue and container names are lower-case by the service's rule, table names as the hub is written.
"""

from dataclasses import dataclass

from durable.storage.port import TIMERS, WORK_ITEMS, control_queue

TASK_HUB_BLOB = "taskhub.json"
MANAGEMENT_KEY_BLOB = "management-key"
POISON_SUFFIX = "-poison"


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

    def poison_queue(self, queue: str) -> str:
        """Name what the Functions host, and we, put beside a queue for what nobody can read."""
        return self.queue(queue) + POISON_SUFFIX

    def queues(self, partition_count: int) -> list[str]:
        """List the queues, by their names in the port, of a hub with so many partitions."""
        controls = [control_queue(partition) for partition in range(partition_count)]
        return [*controls, WORK_ITEMS, TIMERS]
