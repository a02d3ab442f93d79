"""The instance record (the `sentinel` row) and the rows of its history.

Invariant: rows with an ordinal above `record.sequence` do not exist, whatever the table holds; a
commit that was cut off left them (rule C3). Ordinals and episode numbers count up for ever, across
executions and lives (rule E1).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from durable.model.entities import EntityRecord
from durable.model.history import HistoryEvent
from durable.model.ids import ExecutionId
from durable.model.status import RuntimeStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRecord:
    """The state of one instance, all of it, but for its history.

    `generation` counts the starts of this id; `life_id` is the execution id of the last one.
    `sequence` is the ordinal of the last committed row, `base` that of the first row of the
    current execution. `unsent` holds the episodes whose messages may not all have been sent.
    `status_sequence` counts what the projection has to show, so that it is only ever replaced by
    something newer (rule H). `input` is here only while the instance is pending; afterwards it is
    in the ExecutionStarted row. `reason` says why a suspended instance is parked. `parent` is the
    ParentInstance of a child; `scheduled_at` is when a pending instance may begin.

    What outlives an execution (rule D): `marks` are the watermarks of the streams that come in, by
    origin; they belong to the id and survive everything. `outs` are the numbers of the streams that
    go out, `message_ids` what clients have sent; both are only what earlier executions of this life
    left, the rows of the running one tell the rest. What has no room here lies in sealed rows, from
    number `sealed_from` to before `sealed`.
    `waiting`: how many messages are kept beside a pending instance for its beginning; rows of them
    with a higher place do not exist, as a commit that was cut off left them.
    `state` and `entity`: those of an entity; `state` is JSON text, `None` where there is none.
    `is_purged`: a tombstone; nothing but this is left of an instance.
    """

    generation: int
    life_id: ExecutionId
    execution_id: ExecutionId
    name: str
    status: RuntimeStatus
    created_at: datetime
    updated_at: datetime
    commit_id: str
    version: str | None = None
    completed_at: datetime | None = None
    sequence: int = -1
    base: int = 0
    episode: int = 0
    unsent: frozenset[int] = frozenset()
    status_sequence: int = 0
    input: str | None = None
    output: str | None = None
    custom_status: str | None = None
    reason: str | None = None
    parent: str | None = None
    scheduled_at: datetime | None = None
    marks: Mapping[str, int] = field(default_factory=dict)
    outs: Mapping[str, int] = field(default_factory=dict)
    message_ids: frozenset[str] = frozenset()
    sealed: int = 0
    sealed_from: int = 0
    waiting: int = 0
    is_purged: bool = False
    state: str | None = None
    entity: EntityRecord | None = None
    blobs: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_stub(self) -> bool:
        """The id has a sentinel but has never had a life: it counts as absent."""
        return self.generation == 0

    @property
    def is_absent(self) -> bool:
        """There is no instance, whatever is remembered of the id."""
        return self.is_stub or self.is_purged

    @property
    def is_pending(self) -> bool:
        """The execution is accepted, its code has not begun."""
        return self.status in {RuntimeStatus.PENDING, RuntimeStatus.CONTINUED_AS_NEW}

    @property
    def has_state(self) -> bool:
        """The entity has a state: it was set, and not deleted since."""
        return not self.is_absent and (self.state is not None or "State" in self.blobs)

    @property
    def is_alive(self) -> bool:
        """There is an instance, and it has not ended."""
        return not self.is_absent and not self.status.is_terminal


def stub_of(record: InstanceRecord) -> InstanceRecord:
    """Make the record that fences a first commit of many chunks, before there is another."""
    return replace(
        record,
        generation=0,
        life_id=ExecutionId(""),
        execution_id=ExecutionId(""),
        status=RuntimeStatus.PENDING,
        sequence=-1,
        base=0,
        episode=0,
        unsent=frozenset(),
        status_sequence=0,
        input=None,
        output=None,
        custom_status=None,
        reason=None,
        commit_id="",
        parent=None,
        scheduled_at=None,
        marks={},
        outs={},
        message_ids=frozenset(),
        sealed=0,
        sealed_from=0,
        waiting=0,
        is_purged=False,
        state=None,
        entity=None,
        blobs={},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One committed fact: where it stands, which episode committed it, which message brought it.

    `number`: the place in the stream to its receiver of the message that the fact asks for.
    `blobs`: column → blob name, for payloads too large for a table property.
    """

    ordinal: int
    episode: int
    execution_id: ExecutionId
    event: HistoryEvent
    message_id: str | None = None
    number: int | None = None
    blobs: Mapping[str, str] = field(default_factory=dict)
