"""Bugs in continue-as-new: what goes over to the next execution and what stays behind (rule F)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from durable.engine import collection, deciding, dispatch, opening, proposals
from durable.engine.chapters import Chapter, Numbering
from durable.engine.dispatch import Dispatcher
from durable.engine.warm import InstanceState
from durable.model.history import ExecutionStarted
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.replay.decision import Continuation
from durable.storage import resending
from durable.storage.outbox import Outgoing
from durable.storage.port import TaskHubStore
from durable.storage.resending import is_wanted
from tests.mutants.mutant import mutant, mutant_of_many, replaced

_open_next = opening.open_next
_carrying = proposals._carrying
_delete = collection._delete

EVENTS_KEPT = ("continued as new, unread events kept", "resumed into a continue-as-new")
TWO_EPISODES = ("continued as new, two episodes unfinished",)

Opened = tuple[InstanceRecord, list[TaskMessage]]


@mutant(proposals, "open_next", rule="F: events carried over", shown_by=EVENTS_KEPT)
def unread_events_are_left_behind(
    instance_id: InstanceId,
    ended: InstanceRecord,
    continued: Continuation,
    left: Sequence[TaskMessage],
    *,
    time: datetime,
    base: int,
) -> Opened:
    """Events that nobody has read end with the execution that they came to."""
    bare = replace(continued, carried=())
    return _open_next(instance_id, ended, bare, left, time=time, base=base)


@mutant(proposals, "open_next", rule="F: events carried over", shown_by=EVENTS_KEPT)
def unread_events_are_carried_over_twice(
    instance_id: InstanceId,
    ended: InstanceRecord,
    continued: Continuation,
    left: Sequence[TaskMessage],
    *,
    time: datetime,
    base: int,
) -> Opened:
    """Events that nobody has read come to the next execution once more."""
    twice = replace(continued, carried=continued.carried * 2)
    return _open_next(instance_id, ended, twice, left, time=time, base=base)


@mutant(proposals, "open_next", rule="F: events carried over", shown_by=EVENTS_KEPT)
def what_came_behind_the_end_is_left_behind(
    instance_id: InstanceId,
    ended: InstanceRecord,
    continued: Continuation,
    left: Sequence[TaskMessage],
    *,
    time: datetime,
    base: int,
) -> Opened:
    """Events of the batch that the execution did not come to are dropped with its end."""
    del left
    return _open_next(instance_id, ended, continued, (), time=time, base=base)


@mutant(
    proposals,
    "open_next",
    rule="F: the answer is owed on",
    shown_by=("a child of two executions",),
)
def a_child_that_continues_forgets_its_parent(
    instance_id: InstanceId,
    ended: InstanceRecord,
    continued: Continuation,
    left: Sequence[TaskMessage],
    *,
    time: datetime,
    base: int,
) -> Opened:
    """The execution that follows answers nobody."""
    orphan = replace(ended, parent=None)
    return _open_next(instance_id, orphan, continued, left, time=time, base=base)


@mutant(
    proposals,
    "_as_left",
    rule="F: the custom status",
    shown_by=("a status of the execution before",),
)
def the_custom_status_ends_with_its_execution(chapter: Chapter) -> InstanceRecord:
    """What an execution has shown is forgotten when it continues as new in the same commit."""
    return chapter.opened


@mutant_of_many(rule="D2: answer of an old execution", shown_by=TWO_EPISODES)
@contextmanager
def answers_go_over_to_the_next_execution() -> Iterator[None]:
    """An answer that came behind the end is taken by the next execution.

    It is for another task of that number.
    """

    def is_carried(message: TaskMessage) -> bool:
        del message
        return True

    with (
        replaced(opening, "is_carried", is_carried),
        replaced(proposals, "is_carried", is_carried),
    ):
        yield


@mutant(
    proposals,
    "_carrying",
    rule="D3: ids of requests forgotten",
    shown_by=("an event of the execution before", "continued as new, unread events kept"),
)
def ids_of_requests_end_with_their_execution(
    record: InstanceRecord,
    opened: InstanceRecord,
    numbering: Numbering,
    state: InstanceState,
    rows: Sequence[HistoryRow],
) -> InstanceRecord:
    """A new execution does not know what clients have sent to those before.

    When their rows are collected, a copy that comes late is taken again.
    """
    carrying = _carrying(record, opened, numbering, state, rows)
    return replace(carrying, message_ids=frozenset())


@mutant_of_many(rule="F", shown_by=TWO_EPISODES)
@contextmanager
def old_rows_collected_unasked() -> Iterator[None]:
    """Old rows are deleted whether or not the store lists their episode as unsent.

    What another host's dead invocation left unsent is nowhere else.
    """

    async def adopt_nothing(
        dispatcher: Dispatcher, instance_id: InstanceId, state: InstanceState
    ) -> None:
        del dispatcher, instance_id, state

    async def delete_all(
        store: TaskHubStore, instance_id: InstanceId, state: InstanceState
    ) -> None:
        snapshot = state.snapshot
        assert snapshot.record is not None
        state.snapshot = replace(snapshot, record=replace(snapshot.record, unsent=frozenset()))
        await _delete(store, instance_id, state)
        state.snapshot = replace(state.snapshot, record=snapshot.record)

    with replaced(collection, "_adopt", adopt_nothing), replaced(collection, "_delete", delete_all):
        yield


@mutant(deciding.Case, "clock", rule="F: time goes on")
def an_execution_begins_by_its_hosts_clock(self: deciding.Case) -> datetime:
    """A new execution does not know how late it was in the one before.

    On a host whose clock is behind, the time of the instance goes back.
    """
    return self.now


@mutant_of_many(rule="F: the wake", shown_by=("many executions without waiting",))
@contextmanager
def a_cut_off_chain_is_not_woken() -> Iterator[None]:
    """What continues as new too often in one commit is left without a message to itself."""

    def is_wanted_but_a_wake(outgoing: Outgoing, record: InstanceRecord) -> bool:
        message = outgoing.message
        is_wake = isinstance(message.event, ExecutionStarted) and message.origin is None
        return is_wanted(outgoing, record) and not is_wake

    with (
        replaced(dispatch, "is_wanted", is_wanted_but_a_wake),
        replaced(resending, "is_wanted", is_wanted_but_a_wake),
    ):
        yield
