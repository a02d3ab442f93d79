"""What the clients of the client machine ask of an instance, and when an answer to it is right.

Each request has a mark that no other has: it is found in the one row that records the request.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from durable.client.durable_client import DurableClient
from durable.model.errors import (
    InstanceEndedError,
    InstanceExistsError,
    InstanceNotEndedError,
    InstanceNotFoundError,
)
from durable.model.history import (
    EventRaised,
    ExecutionResumed,
    ExecutionRewound,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
)
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.queries import OrchestrationStatus
from durable.model.status import RuntimeStatus
from durable.model.streams import EXECUTION_MARK
from durable.storage.port import StorageOutcome
from durable.testing.world.actors import ActorDied
from durable.testing.world.world import World

ACCEPTED = "accepted"
UNKNOWN = "outcome unknown"
EXISTS = InstanceExistsError.__name__
NOT_FOUND = InstanceNotFoundError.__name__
ENDED = InstanceEndedError.__name__
NOT_ENDED = InstanceNotEndedError.__name__
REFUSALS = (
    InstanceExistsError,
    InstanceNotFoundError,
    InstanceEndedError,
    InstanceNotEndedError,
)


@dataclass(frozen=True, slots=True)
class Request:
    """One call of a client."""

    instance_id: str
    mark: int

    @property
    def reason(self) -> str:
        """The mark, as a text."""
        return f"for reason {self.mark}"

    async def make(self, client: DurableClient) -> str:
        """Call, and give the answer; a refusal or a fault is raised."""
        raise NotImplementedError

    def is_right(self, answer: str, record: InstanceRecord | None) -> bool:
        """Whether an instance that stands so may be answered for so: what is for a live one."""
        right = NOT_FOUND if is_nothing(record) else ACCEPTED if is_alive(record) else ENDED
        return answer == right

    def is_recorded_in(self, row: HistoryRow) -> bool:
        """Whether the row is there by this request."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Start(Request):
    """Start an instance; its input is the mark."""

    orchestration: str

    async def make(self, client: DurableClient) -> str:
        """Call."""
        await client.start(self.orchestration, instance_id=self.instance_id, input_=self.mark)
        return ACCEPTED

    def is_right(self, answer: str, record: InstanceRecord | None) -> bool:
        """A start leaves its own life behind it, be it ended or purged by now."""
        return record is not None if answer == ACCEPTED else answer == EXISTS and is_alive(record)

    def is_recorded_in(self, row: HistoryRow) -> bool:
        """A child and an execution that follows another are not the work of clients."""
        match row.event:
            case ExecutionStarted(parent_instance=None):
                is_first = EXECUTION_MARK not in row.execution_id
                return is_first and row.event.input == json.dumps(self.mark)
            case _:
                return False


@dataclass(frozen=True, slots=True)
class RaiseEvent(Request):
    """Raise an event; its data is the mark."""

    name: str

    async def make(self, client: DurableClient) -> str:
        """Call."""
        await client.raise_event(self.instance_id, self.name, self.mark)
        return ACCEPTED

    def is_recorded_in(self, row: HistoryRow) -> bool:
        """An event that an execution has left to the next has no id any more."""
        is_new = isinstance(row.event, EventRaised) and row.message_id is not None
        return is_new and getattr(row.event, "input", None) == json.dumps(self.mark)


@dataclass(frozen=True, slots=True)
class Terminate(Request):
    """Terminate an instance, with or without its children."""

    is_recursive: bool

    async def make(self, client: DurableClient) -> str:
        """Call."""
        await client.terminate(self.instance_id, self.reason, recursive=self.is_recursive)
        return ACCEPTED

    def is_recorded_in(self, row: HistoryRow) -> bool:
        """The reason is JSON, as it is the output. What a parent sends to a child has no id."""
        is_mine = isinstance(row.event, ExecutionTerminated) and row.message_id is not None
        return is_mine and getattr(row.event, "input", None) == json.dumps(self.reason)


@dataclass(frozen=True, slots=True)
class Suspend(Request):
    """Suspend an instance."""

    async def make(self, client: DurableClient) -> str:
        """Call."""
        await client.suspend(self.instance_id, self.reason)
        return ACCEPTED

    def is_recorded_in(self, row: HistoryRow) -> bool:
        """By its reason."""
        return isinstance(row.event, ExecutionSuspended) and row.event.reason == self.reason


@dataclass(frozen=True, slots=True)
class Resume(Request):
    """Resume an instance."""

    async def make(self, client: DurableClient) -> str:
        """Call."""
        await client.resume(self.instance_id, self.reason)
        return ACCEPTED

    def is_recorded_in(self, row: HistoryRow) -> bool:
        """By its reason."""
        return isinstance(row.event, ExecutionResumed) and row.event.reason == self.reason


@dataclass(frozen=True, slots=True)
class Rewind(Request):
    """Rewind a failed instance."""

    async def make(self, client: DurableClient) -> str:
        """Call."""
        await client.rewind(self.instance_id, self.reason)
        return ACCEPTED

    def is_right(self, answer: str, record: InstanceRecord | None) -> bool:
        """Only what failed is rewound."""
        if record is None or record.is_absent:
            return answer == NOT_FOUND
        if record.status is RuntimeStatus.FAILED:
            return answer == ACCEPTED
        return answer == (ENDED if record.status.is_terminal else NOT_ENDED)

    def is_recorded_in(self, row: HistoryRow) -> bool:
        """By its reason; a child that is rewound with its parent has another message."""
        is_mine = isinstance(row.event, ExecutionRewound) and row.message_id is not None
        return is_mine and getattr(row.event, "reason", None) == self.reason


@dataclass(frozen=True, slots=True)
class Purge(Request):
    """Purge an instance. No row records it: it leaves a tombstone."""

    async def make(self, client: DurableClient) -> str:
        """Call; that there was nothing to purge is an answer like a refusal."""
        return ACCEPTED if await client.purge(self.instance_id) else NOT_FOUND

    def is_right(self, answer: str, record: InstanceRecord | None) -> bool:
        """Behind a purge there is a tombstone, if only until the next start."""
        if answer == ACCEPTED:
            return record is not None and record.is_purged
        return answer == (NOT_ENDED if is_alive(record) else NOT_FOUND) and (
            is_alive(record) or is_nothing(record)
        )

    def is_recorded_in(self, row: HistoryRow) -> bool:
        """Never."""
        return False


async def answer_to(request: Request, world: World) -> str:
    """Let a client ask, once, and tell what it learns."""
    try:
        return await world.as_caller(request.make)
    except (ActorDied, StorageOutcome):
        return UNKNOWN
    except REFUSALS as refusal:
        return type(refusal).__name__


def check_answer(request: Request, answer: str, stood: Sequence[InstanceRecord | None]) -> None:
    """Rule 1: the answer was right at some moment of the call; `stood`: all records meanwhile."""
    assert answer == UNKNOWN or any(request.is_right(answer, record) for record in stood), (
        f"{request} was answered with '{answer}', and never meanwhile was that right: {stood}"
    )


def check_shown(status: OrchestrationStatus | None, stood: Sequence[InstanceRecord | None]) -> None:
    """Rule 1 for a status that was read."""
    assert any(_is_shown(status, record) for record in stood), (
        f"{status} was read, and there were only {stood}"
    )


def _is_shown(status: OrchestrationStatus | None, record: InstanceRecord | None) -> bool:
    if status is None or record is None or record.is_absent:
        return status is None and is_nothing(record)
    return (
        status.name,
        status.runtime_status,
        status.custom_status,
        status.output,
        status.updated_at,
    ) == (record.name, record.status, record.custom_status, record.output, record.updated_at)


def is_nothing(record: InstanceRecord | None) -> bool:
    """Whether there is no instance."""
    return record is None or record.is_absent


def is_alive(record: InstanceRecord | None) -> bool:
    """Whether there is one that has not ended."""
    return record is not None and record.is_alive
