"""TaskMessage: an event on its way to an instance, or a task on its way to a worker.

Identity (rule D2): an answer is known by its task id, a client's start by its execution id, what
else a client sends by `message_id`, and what an instance sends to another by its place in the
stream between them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from durable.model.history import HistoryEvent
from durable.model.ids import ExecutionId, InstanceId
from durable.model.streams import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskMessage:
    """One event with its address.

    `generation`: for what a client sends, the life of the instance that it was accepted for (rule
    E4); a start carries the generation that it replaces (rule E2), and in `replaced_episode` the
    last episode of that: a rewind brings a life back that keeps its generation.
    `origin`, `number`: the stream that the message is in, and its place there.
    `blobs`: column → blob name, for payloads that travel beside the message; they belong to the
    receiver (rule I).
    `held_since`, `holds`: since when, and how often, hosts without the right code have handed the
    message back (rule K).
    `is_suspect`: it may have ended the process that ran it, and runs alone from now on;
    `poisonings`: how often it was given up, having ended its process alone.
    """

    instance_id: InstanceId
    event: HistoryEvent
    execution_id: ExecutionId | None = None
    generation: int | None = None
    replaced_episode: int | None = None
    message_id: str | None = None
    origin: Origin | None = None
    number: int = 0
    again: bool = False
    blobs: Mapping[str, str] = field(default_factory=dict)
    held_since: datetime | None = None
    holds: int = 0
    is_suspect: bool = False
    poisonings: int = 0
