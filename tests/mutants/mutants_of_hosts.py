"""Bugs around an invocation and its process: leaders, timers, patience, poison (A1, A4, B, K)."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from durable.engine import work_items, worker
from durable.engine.activities import failed, run_activity
from durable.engine.coalescer import Coalescer, Submission, _Lane
from durable.engine.deciding import Decider
from durable.engine.dispatch import Dispatcher
from durable.engine.holding import Held, hold
from durable.engine.patience import BACKOFF_S_MAX
from durable.engine.registry import Registry
from durable.engine.sweep import Sweeper
from durable.engine.trials import TRIALS_ENOUGH, Trials
from durable.engine.worker import TaskHubWorker
from durable.model.environment import Environment
from durable.model.history import TaskCompleted, TaskFailed, TaskScheduled, TimerFired
from durable.model.ids import InstanceId
from durable.model.messages import TaskMessage
from durable.storage import sending
from durable.storage.outbox import Outgoing
from durable.storage.port import TIMERS, Poisoned, StorageFault
from durable.storage.timers import key_of
from tests.mutants.mutant import mutant, mutant_of_many, replaced

_deliver = TaskHubWorker._deliver
_put = Dispatcher.put
_promote = Sweeper._promote
_take_up = Sweeper._take_up


@mutant(TaskHubWorker, "_deliver", rule="A1")
async def acknowledged_although_storage_failed(
    self: TaskHubWorker, message: TaskMessage, *, duty: bool
) -> None:
    """An invocation whose state could not be read or committed returns as if it had been.

    The host deletes the message, and what it carried is lost.
    """
    with contextlib.suppress(StorageFault):
        await self._coalescer.submit(message, duty=duty)


@mutant(TaskHubWorker, "_deliver", rule="A4")
async def handed_back_without_again(
    self: TaskHubWorker, message: TaskMessage, *, duty: bool
) -> None:
    """Where storage stays away a copy of the message is put back as it came.

    If its episode is committed and not sent, the copy is known, has no duty, and is dropped.
    """
    try:
        await _deliver(self, message, duty=duty)
    except StorageFault:
        queue = self._control_queue(message)
        copy = Outgoing(queue=queue, message=message, delay_s=BACKOFF_S_MAX)
        await self._dispatcher.put(copy)


@mutant(TaskHubWorker, "_deliver_when_due", rule="A4")
async def a_timer_put_back_without_its_duty(
    self: TaskHubWorker, message: TaskMessage, *, duty: bool
) -> None:
    """A redelivered timer that this host's clock finds early is put back as it came.

    If a host whose clock is ahead recorded it and died, nobody sends that episode.
    """
    fired = message.event
    if isinstance(fired, TimerFired) and fired.fire_at > self._environment.now():
        await self._put(Outgoing(queue=TIMERS, message=message, due_at=fired.fire_at))
        return
    await self._deliver(message, duty=duty)


@mutant(worker, "hold", rule="A4")
def a_held_copy_without_again(message: TaskMessage, now: datetime) -> tuple[TaskMessage, float]:
    """The copy that is held for a host with the right code has no `again`.

    A redelivered message that stood in one batch with a new one loses its duty.
    """
    copy, delay_s = hold(message, now)
    return replace(copy, again=message.again), delay_s


@mutant(Coalescer, "_lead", rule="B4")
async def a_dead_leader_leaves_its_followers_waiting(
    self: Coalescer, instance_id: InstanceId, lane: _Lane, mine: Submission
) -> None:
    """The leader steps down at the end of its way and nowhere else.

    Where its invocation is killed, its batch and all who come later wait for ever (hole H14a).
    """
    lane.has_leader = True
    if mine.answer.done():
        mine.answer = mine.answer.get_loop().create_future()
    while not mine.answer.done():
        size = min(len(lane.pending), self._batch_max)
        await self._deal_with(instance_id, [lane.pending.popleft() for _ in range(size)])
    self._step_down(instance_id, lane)


@mutant(Submission, "fail", rule="B4")
def a_failed_batch_is_answered_as_done(self: Submission, error: BaseException) -> None:
    """A leader that fails or dies releases its followers.

    Their messages are deleted, and nothing of them was recorded.
    """
    self.done()


@mutant_of_many(rule="semantics 5.4: timer early", shown_by=("timer race, won by the timer",))
@contextlib.contextmanager
def timers_fire_early() -> Iterator[None]:
    """A delay is cut to whole seconds, and a timer is delivered whenever its message shows.

    It fires up to a second before it is due.
    """

    async def put(self: Dispatcher, outgoing: Outgoing) -> None:
        due_at = outgoing.due_at.replace(microsecond=0) if outgoing.due_at else None
        await _put(self, replace(outgoing, due_at=due_at))

    async def deliver_when_shown(self: TaskHubWorker, message: TaskMessage, *, duty: bool) -> None:
        await self._deliver(message, duty=duty)

    with (
        replaced(Dispatcher, "put", put),
        replaced(TaskHubWorker, "_deliver_when_due", deliver_when_shown),
    ):
        yield


@mutant(Sweeper, "_promote", rule="sweep: copy, then remove", shown_by=("far timers due at once",))
async def a_far_timer_removed_before_it_is_put(self: Sweeper, key: str, body: str) -> None:
    """A timer that has come near is taken out of the table, then put into the queue.

    A sweep that dies in between has lost it.
    """
    await self._store.remove_timer(key)
    await _promote(self, key, body)


@mutant(sending, "timer_key", rule="sweep: one row a timer", shown_by=("far timers due at once",))
def far_timers_known_by_their_time(message: TaskMessage, due_at: datetime) -> str:
    """Two far timers that are due at one time have one row: the second replaces the first."""
    return key_of(due_at)


@mutant(Sweeper, "_take_up", rule="K: poison", shown_by=("custom status, kept",))
async def poison_forgotten_before_it_is_readmitted(self: Sweeper, poisoned: Poisoned) -> None:
    """A message that the host has given up is deleted, then put again.

    A sweep that dies in between has lost it.
    """
    await self._store.forget_poisoned(poisoned)
    await _take_up(self, poisoned)


@mutant(
    Trials,
    "count",
    rule="K: poison",
    shown_by=(
        "tests/engine/test_sweep_and_poison.py::test_who_waits_beside_four_deadly_ones_is_never_blamed",
    ),
)
async def what_waited_for_its_turn_counts_as_tried(self: Trials, message: TaskMessage) -> int:
    """A suspect is given up for the host's count alone, also for the deaths of others."""
    return TRIALS_ENOUGH if message.is_suspect and message.again else 0


@mutant(
    Trials,
    "clear",
    rule="K: poison",
    shown_by=("tests/engine/test_trials.py::test_a_suspect_that_comes_back_has_no_marks_left",),
)
async def the_marks_of_who_came_back_stay(self: Trials, message: TaskMessage) -> None:
    """A suspect that is put off or held, alive each time, is given up in the end."""


@mutant(work_items, "run_activity", rule="K: missing function", shown_by=("sequence of 5",))
async def a_missing_activity_fails_at_once(
    registry: Registry,
    environment: Environment,
    task: TaskScheduled,
    *,
    instance_id: str = "",
    execution_id: str | None = None,
) -> TaskCompleted | TaskFailed:
    """A host that has not the activity fails the task, as if no other host could have it.

    A deploy in progress fails orchestrations.
    """
    try:
        return await run_activity(
            registry, environment, task, instance_id=instance_id, execution_id=execution_id
        )
    except Held as held:
        return failed(task, LookupError(held.reason), environment)


@mutant(Decider, "_is_final", rule="K: missing function", shown_by=("sequence of 5",))
def a_missing_orchestrator_parks_at_once(
    self: Decider, messages: Sequence[TaskMessage], now: datetime
) -> bool:
    """A host that has not the orchestrator parks the instance, as if no other host could have it.

    A deploy in progress stops orchestrations.
    """
    return True
