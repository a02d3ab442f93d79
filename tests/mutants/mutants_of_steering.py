"""Bugs in what callers do to a life: suspend, resume, rewind, start for later; versions; retries.

Much of it is no matter of the protocol: a test of the mind or of the engine shows it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from durable.client import starting
from durable.engine import deciding, rewinding
from durable.engine.inbox import Verdict, _Judge
from durable.engine.settings import EngineSettings
from durable.engine.versions import Refusal
from durable.model.history import (
    EventRaised,
    ExecutionRewound,
    ExecutionSuspended,
    HistoryEvent,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
)
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.replay import episode, replaying, retries, suspension
from durable.replay.calls import TimerTask
from durable.replay.decision import Decision
from durable.replay.executor import Execution
from durable.replay.parking import park
from durable.replay.procedures import Steps
from durable.storage.port import BlobStore
from tests.mutants.mutant import mutant, mutant_of_many, replaced

_take = suspension.take
_resume = suspension._resume
_judge_answer = _Judge._judge_answer
_judge_request = _Judge._judge_request
_judge_sent = _Judge._judge_sent
_judge_start = _Judge._judge_start
_can_rewind = _Judge._can_rewind
_rewound = rewinding.rewound
_steps = retries.RetryAbleTask.steps

LIFECYCLE = "tests/engine/test_lifecycle.py::"
REWINDS = "tests/engine/test_rewinds.py::"
SUSPENSION = "tests/replay/test_suspension.py::"
IN_ORDER = ("suspended, its events kept in order",)


@mutant_of_many(rule="semantics: suspend", shown_by=("suspended while activities run",))
@contextmanager
def a_suspend_suspends_nothing() -> Iterator[None]:
    """A suspend is recorded and has no effect."""

    def take(execution: Execution, event: HistoryEvent) -> Sequence[EventRaised]:
        return () if isinstance(event, ExecutionSuspended) else _take(execution, event)

    with replaced(episode, "take", take), replaced(replaying, "take", take):
        yield


@mutant_of_many(
    rule="semantics: suspend",
    shown_by=(
        SUSPENSION + "test_what_arrives_while_suspended_is_recorded_and_not_applied",
        LIFECYCLE + "test_a_suspended_instance_survives_a_restart_of_its_host",
    ),
)
@contextmanager
def what_comes_while_suspended_is_applied() -> Iterator[None]:
    """Inputs behind a suspend are applied as they come, though the instance says Suspended."""

    def take(execution: Execution, event: HistoryEvent) -> Sequence[EventRaised]:
        was_suspended, execution.is_suspended = execution.is_suspended, False
        left = _take(execution, event)
        execution.is_suspended = was_suspended or execution.is_suspended
        return left

    with replaced(episode, "take", take), replaced(replaying, "take", take):
        yield


@mutant(suspension, "_resume", rule="semantics: resume", shown_by=IN_ORDER)
def a_resume_forgets_what_was_held(execution: Execution) -> Sequence[EventRaised]:
    """What came while the instance was suspended never reaches the code."""
    execution.held = []
    return _resume(execution)


@mutant(suspension, "_resume", rule="semantics: resume", shown_by=IN_ORDER)
def a_resume_applies_the_last_first(execution: Execution) -> Sequence[EventRaised]:
    """What was held is applied in another order than that in which it was recorded."""
    execution.held.reverse()
    return _resume(execution)


@mutant(
    deciding,
    "park",
    rule="K: parking",
    shown_by=(
        LIFECYCLE + "test_a_changed_orchestrator_is_repaired_by_the_right_code_and_a_resume",
        LIFECYCLE + "test_an_instance_that_was_parked_before_it_began_begins_with_the_code",
    ),
)
def a_parking_is_noted_behind_what_came(
    arrived: Sequence[HistoryEvent],
    *,
    now: datetime,
    reason: str,
    custom_status: str | None,
    is_parked: bool,
    parent_instance: str | None = None,
) -> Decision:
    """What the wrong code was given is recorded as if it had been applied.

    A replay gives it to the right code there, which then does what the history has not.
    """
    decision = park(
        arrived,
        now=now,
        reason=reason,
        custom_status=custom_status,
        is_parked=is_parked,
        parent_instance=parent_instance,
    )
    first, *facts, last = decision.facts
    facts.sort(key=lambda fact: isinstance(fact, ExecutionSuspended))
    return replace(decision, facts=(first, *facts, last))


# Rewind.


@mutant(
    _Judge,
    "_judge_answer",
    rule="semantics: rewind",
    shown_by=(
        "tests/engine/test_admission.py::test_an_answer_to_a_run_that_a_rewind_made_void_is_known",
    ),
)
def an_answer_of_a_voided_run_is_taken(self: _Judge, message: TaskMessage, task_id: int) -> Verdict:
    """Which run an answer is of is not asked.

    The failure that was rewound comes once more and ends the instance again.
    """
    answer = message.event
    if not isinstance(answer, TaskCompleted | TaskFailed):
        return _judge_answer(self, message, task_id)
    run = self.standing.ledger.runs.get(task_id)
    mine = replace(message, event=replace(answer, run=run))
    return _judge_answer(self, mine, task_id)


@mutant(
    deciding,
    "rewound",
    rule="semantics: rewind",
    shown_by=(LIFECYCLE + "test_a_rewound_instance_repeats_what_failed_and_nothing_else",),
)
async def a_rewind_keeps_the_failed_answer(
    store: BlobStore, rows: Sequence[HistoryRow], inputs: Sequence[TaskMessage]
) -> tuple[list[HistoryRow], list[TaskMessage]]:
    """The answer that ended the instance comes again with the others, and ends it again."""
    kept, given = await _rewound(store, rows, inputs)
    voided = rows[-1].episode
    failed = [
        row
        for row in rows
        if row.episode == voided
        and isinstance(row.event, TaskFailed | SubOrchestrationInstanceFailed)
    ]
    again = [replace(inputs[0], event=row.event, message_id=row.message_id) for row in failed[-1:]]
    return kept, [*given, *again]


@mutant(
    deciding,
    "with_tasks_asked_anew",
    rule="semantics: rewind",
    shown_by=(LIFECYCLE + "test_a_rewound_instance_repeats_what_failed_and_nothing_else",),
)
async def a_rewind_asks_for_nothing_anew(
    store: BlobStore, decision: Decision, rows: Sequence[HistoryRow]
) -> Decision:
    """A rewound instance waits for answers that were given and taken."""
    del store, rows
    return decision


@mutant(
    replaying,
    "_is_of_code",
    rule="semantics: rewind",
    shown_by=(LIFECYCLE + "test_a_timer_that_a_rewind_set_again_is_replayed_as_one",),
)
def a_timer_set_again_counts_as_another(event: HistoryEvent) -> bool:
    """A replay takes a timer that a rewind has set again for one more that the code asked for."""
    is_again = isinstance(event, TaskScheduled) and event.run is not None
    return event.event_id >= 0 and not is_again


@mutant(
    _Judge,
    "_can_rewind",
    rule="semantics: rewind",
    shown_by=(REWINDS + "test_a_rewind_undoes_only_the_failure_that_its_client_saw",),
)
def a_rewind_undoes_any_failure(self: _Judge, event: HistoryEvent) -> bool:
    """Which failure its client saw is not asked: two requests for one rewind twice."""
    del event
    return self.has_failed


@mutant(
    _Judge,
    "_judge_sent",
    rule="semantics: rewind",
    shown_by=(REWINDS + "test_a_child_that_was_purged_is_run_anew",),
)
def a_rewound_parent_waits_for_a_child_that_is_gone(
    self: _Judge, message: TaskMessage
) -> tuple[Verdict, TaskMessage]:
    """A child that was purged meanwhile is asked for its answer, and nobody is there to give it."""
    if isinstance(message.event, ExecutionRewound) and not self.is_there:
        return Verdict.COUNTED, message
    return _judge_sent(self, message)


# Starts and versions.


@mutant(
    deciding,
    "refuse_version",
    rule="semantics: versions",
    shown_by=(
        LIFECYCLE + "test_a_host_runs_the_versions_that_its_settings_say",
        LIFECYCLE + "test_a_version_that_does_not_fit_waits_for_a_host_that_has_it",
    ),
)
def any_host_runs_any_version(
    record: InstanceRecord, settings: EngineSettings
) -> tuple[Refusal, str] | None:
    """The version of an instance is not compared with the host's."""
    del record, settings
    return None


@mutant(
    starting,
    "due_at_of",
    rule="semantics: scheduled start",
    shown_by=(
        "started for later",
        LIFECYCLE + "test_a_scheduled_start_is_never_early_and_begins_with_what_came_before",
    ),
)
def a_start_for_later_begins_at_once(event: HistoryEvent) -> datetime | None:
    """The message of a start for later is put where it shows at once."""
    del event
    return None


@mutant(
    _Judge, "_judge_request", rule="semantics: scheduled start", shown_by=("started for later",)
)
def an_event_begins_what_was_to_begin_later(self: _Judge, message: TaskMessage) -> Verdict:
    """An event to an instance that waits for its time begins it."""
    self.is_waiting = False
    return _judge_request(self, message)


@mutant(
    _Judge, "_judge_request", rule="semantics: scheduled start", shown_by=("started for later",)
)
def events_before_the_beginning_are_dropped(self: _Judge, message: TaskMessage) -> Verdict:
    """An event to an instance that waits for its time is lost."""
    verdict = _judge_request(self, message)
    return Verdict.DROPPED if verdict is Verdict.WAITING else verdict


# Retries.


@mutant(
    retries.RetryAbleTask,
    "steps",
    rule="semantics: retries",
    shown_by=("retries, in vain",),
)
def a_timer_follows_the_last_attempt(self: retries.RetryAbleTask) -> Steps:
    """After the last attempt one more timer is waited for, as 1.7 did."""
    outcome = yield from _steps(self)
    if outcome.failed:
        yield TimerTask(self._seen.now)
    return outcome


@mutant(
    _Judge,
    "_judge_start",
    rule="E2",
    shown_by=(REWINDS + "test_a_start_that_a_rewind_overtakes_is_refused_for_good",),
)
def a_refused_start_begins_a_life_behind_a_rewind(self: _Judge, message: TaskMessage) -> Verdict:
    """The generation alone says what a start was to replace."""
    return _judge_start(self, replace(message, replaced_episode=None))


@mutant(
    _Judge,
    "_can_rewind",
    rule="E1",
    shown_by=(REWINDS + "test_a_rewind_that_a_purge_overtakes_does_nothing",),
)
def a_tombstone_can_be_rewound(self: _Judge, event: HistoryEvent) -> bool:
    """What failed and was purged counts as failed still."""
    record = self.standing.record
    failed = record is not None and record.status is RuntimeStatus.FAILED
    return failed or _can_rewind(self, event)
