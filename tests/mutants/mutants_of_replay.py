"""Bugs in the mind: order, time, determinism, events, and dropping a generator (rule J)."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from durable.engine import deciding
from durable.model.actions import Action
from durable.model.history import (
    EventRaised,
    ExecutionCompleted,
    ExecutionStarted,
    HistoryEvent,
    OrchestratorStarted,
    Scheduling,
    answered_task_id,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.status import RuntimeStatus
from durable.model.types_of_app import TypesOfApp
from durable.replay import docket, episode, replaying
from durable.replay.decision import Decision, Divergence
from durable.replay.episode import decide
from durable.replay.executor import Execution, Orchestrator
from durable.replay.surroundings import HTTP_POLL
from durable.replay.tasks import TaskBase, WhenAnyTask
from tests.mutants.mutant import mutant, mutant_of_many, replaced

_advance = episode._advance
_ending = episode._ending
_check_episode = replaying._check_episode
_apply = Execution.apply
_run_on = Execution._run_on
_child_completed = WhenAnyTask.child_completed


@mutant_of_many(rule="semantics 5.4: task_any by batch", shown_by=("race, then its loser",))
@contextlib.contextmanager
def task_any_by_batch() -> Iterator[None]:
    """All inputs of an episode are applied, then the code runs once.

    Of the tasks that completed meanwhile the lowest index wins, not the first that was recorded.
    """

    def wait_for_the_batch(self: Execution) -> None:
        del self

    def ending(
        execution: Execution, time: datetime, *, terminated: bool, reason: str | None
    ) -> ExecutionCompleted | None:
        _run_on(execution)
        return _ending(execution, time, terminated=terminated, reason=reason)

    def check_episode(
        execution: Execution, recorded: Mapping[int, Scheduling], due: int, *, is_over: bool
    ) -> None:
        _run_on(execution)
        _check_episode(execution, recorded, due, is_over=is_over)

    def child_completed(self: WhenAnyTask, child: TaskBase, order: int) -> None:
        _child_completed(self, child, order)
        self._value = self.completed_tasks[0]

    with (
        replaced(Execution, "_run_on", wait_for_the_batch),
        replaced(episode, "_ending", ending),
        replaced(replaying, "_check_episode", check_episode),
        replaced(WhenAnyTask, "child_completed", child_completed),
    ):
        yield


@mutant(WhenAnyTask, "child_completed", rule="semantics C3: ties", shown_by=("ties",))
def of_several_winners_the_one_told_first(self: WhenAnyTask, child: TaskBase, order: int) -> None:
    """Of children that one completion decides, the one that was made first wins.

    Who wins depends on the order in which the code has made its tasks, not on where they stand.
    """
    self.complete(child, failed=False, order=order)


@mutant(
    episode, "_advance", rule="semantics 5.4: task_any by batch", shown_by=("race, then its loser",)
)
def recorded_in_another_order_than_applied(
    execution: Execution, arrived: Sequence[HistoryEvent], time: datetime
) -> Decision:
    """The inputs of an episode are recorded tidily, by task id.

    A replay applies them in that order and another task wins.
    """
    decision = _advance(execution, arrived, time)
    started, facts = decision.facts[0], decision.facts[1:]
    inputs, others = facts[: decision.consumed], facts[decision.consumed :]
    tidy = sorted(
        inputs,
        key=lambda event: (
            not isinstance(event, ExecutionStarted),
            -1 if (task_id := answered_task_id(event)) is None else task_id,
        ),
    )
    return replace(decision, facts=(started, *tidy, *others))


@mutant(docket, "same_arguments", rule="semantics 5.4: argument mismatch ignored")
def argument_mismatch_ignored(recorded: Scheduling, action: Action) -> bool:
    """Arguments are not compared, also where that was asked for.

    Code that was changed goes on over a history that it would not have written.
    """
    return True


@mutant(docket, "matches", rule="semantics 5.4: mismatch ignored")
def name_mismatch_ignored(recorded: Scheduling, action: Action) -> bool:
    """Neither kind nor name of a task is compared: the answer to one activity goes to another."""
    return True


@mutant(
    deciding, "decide", rule="semantics 5.4: time of the replay", shown_by=("clock between timers",)
)
def the_time_of_now_on_replay(
    history: Sequence[HistoryEvent],
    arrived: Sequence[HistoryEvent],
    orchestrator: Orchestrator,
    *,
    now: datetime,
    instance_id: InstanceId,
    execution_id: ExecutionId | None = None,
    live: Execution | None = None,
    strict_arguments: bool = False,
    types: TypesOfApp | None = None,
    http_poll: timedelta = HTTP_POLL,
) -> Decision | Divergence:
    """The code sees the time of now in episodes that it saw long ago.

    Timers and outputs come out different on a host that replays.
    """
    seen_now = [
        replace(event, timestamp=now) if isinstance(event, OrchestratorStarted) else event
        for event in history
    ]
    return decide(
        seen_now,
        arrived,
        orchestrator,
        now=now,
        instance_id=instance_id,
        execution_id=execution_id,
        live=live,
        strict_arguments=strict_arguments,
        types=types,
        http_poll=http_poll,
    )


@mutant(episode, "_episode_time", rule="design 5: episode time", shown_by=("clock between timers",))
def episode_time_goes_back(
    execution: Execution, arrived: Sequence[HistoryEvent], now: datetime
) -> datetime:
    """An episode has the time of its host's clock.

    On a host whose clock is behind it is before the last episode, and before the timer that it is
    about.
    """
    return now


@mutant(
    episode,
    "_advance",
    rule="semantics 5.4: terminate still sends",
    shown_by=("terminated with an event beside it", "terminated where errors are caught"),
)
def terminate_sends_what_was_asked_beside_it(
    execution: Execution, arrived: Sequence[HistoryEvent], time: datetime
) -> Decision:
    """What the code asked for in the very episode that terminates it is recorded, and run."""
    first = execution.tasks_scheduled
    decision = _advance(execution, arrived, time)
    if decision.status is not RuntimeStatus.TERMINATED:
        return decision
    open_tasks = sorted(execution.docket.open.items())
    asked = [task.to_action(n).to_fact(time) for n, task in open_tasks if n >= first]
    *facts, ended, completed = decision.facts
    return replace(decision, facts=(*facts, *asked, ended, completed))


@mutant(
    Execution,
    "apply",
    rule="semantics 5.4: unread event lost",
    shown_by=("suspended, its events kept in order", "lost race, its event kept"),
)
def unread_event_lost(self: Execution, event: HistoryEvent) -> None:
    """An event that comes while nobody waits for it is forgotten.

    The code that asks for it later waits for ever.
    """
    if not isinstance(event, EventRaised) or self._waiting[event.name]:
        _apply(self, event)


@mutant(Execution, "_deliver", rule="semantics 5.4: event read twice")
def an_event_read_by_every_wait(self: Execution) -> None:
    """An event that was read stays unread as well: the next wait for its name gets it again."""
    while self._awaited is not None and not self._awaited.is_completed:
        names = [name for name, waits in self._waiting.items() if waits and self._unread[name]]
        if not names:
            return
        name = min(names, key=lambda name: self._unread[name][0].order)
        waiter = self._waiting[name].popleft()
        if not waiter.is_completed:
            value, failed = self._data_for(waiter, self._unread[name][0].event)
            self._complete(waiter, value, failed=failed)


@mutant(
    Execution,
    "_answer",
    rule="semantics 5.4: cancelled timer",
    shown_by=("cancelled timer, waited for", "cancelled timer"),
)
def a_cancelled_timer_completes(self: Execution, task_id: int, value: Any, *, failed: bool) -> None:
    """A timer that was cancelled completes when it fires.

    It wins the race that it was taken out of.
    """
    task = self.docket.open.pop(task_id, None)
    if task is not None:
        self._complete(task, value, failed=failed)
