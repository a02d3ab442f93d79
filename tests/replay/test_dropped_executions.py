"""Rule J: a dropped execution runs no user code with effect. And terminate, which drops."""

import contextlib
import gc
import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest

from durable.model.history import ExecutionCompleted, TaskScheduled
from durable.model.status import RuntimeStatus
from durable.replay.decision import Decision
from durable.replay.retries import RetryOptions
from tests.replay.recording import (
    Context,
    Orchestration,
    Orchestrator,
    Recording,
    completed,
    decide_cold,
    raised,
    started,
    terminated,
)


def first_episode(orchestrator: Orchestrator) -> Decision:
    """Run an orchestrator to its first wait."""
    decision = decide_cold([], [started()], orchestrator)
    assert isinstance(decision, Decision)
    return decision


def drop(decision: Decision) -> None:
    """Let go of the generator behind a decision."""
    assert decision.execution is not None
    decision.execution.drop()


USES: dict[str, Callable[[Context], Any]] = {
    "call_activity": lambda c: c.call_activity("late"),
    "create_timer": lambda c: c.create_timer(c.current_utc_datetime),
    "wait_for_external_event": lambda c: c.wait_for_external_event("late"),
    "task_all": lambda c: c.task_all([]),
    "task_any": lambda c: c.task_any([]),
    "set_custom_status": lambda c: c.set_custom_status("late"),
    "custom_status": lambda c: c.custom_status,
    "new_uuid": lambda c: c.new_uuid(),
    "new_guid": lambda c: c.new_guid(),
    "get_input": lambda c: c.get_input(),
    "current_utc_datetime": lambda c: c.current_utc_datetime,
    "instance_id": lambda c: c.instance_id,
    "is_replaying": lambda c: c.is_replaying,
    "name": lambda c: c.name,
    "call_activity_with_retry": lambda c: c.call_activity_with_retry("late", RetryOptions(1, 1)),
    "call_sub_orchestrator": lambda c: c.call_sub_orchestrator("late"),
    "call_sub_orchestrator_with_retry": lambda c: c.call_sub_orchestrator_with_retry(
        "late", RetryOptions(1, 1)
    ),
    "start_new_orchestration": lambda c: c.start_new_orchestration("late"),
    "send_event": lambda c: c.send_event("other", "late"),
    "call_http": lambda c: c.call_http("GET", "https://late.example"),
    "continue_as_new": lambda c: c.continue_as_new("late"),
    "call_entity": lambda c: c.call_entity("@entity@key", "late"),
    "signal_entity": lambda c: c.signal_entity("@entity@key", "late"),
    "lock": lambda c: c.lock("@entity@key"),
    "lock_entities": lambda c: c.lock_entities(["@entity@key"]),
    "is_locked": lambda c: c.is_locked,
    "locked_entities": lambda c: c.locked_entities,
    "parent_instance_id": lambda c: c.parent_instance_id,
    "version": lambda c: c.version,
    "will_continue_as_new": lambda c: c.will_continue_as_new,
    "function_context": lambda c: c.function_context,
    "logger": lambda c: c.logger,
    "create_replay_safe_logger": lambda c: c.create_replay_safe_logger(logging.getLogger()),
    "histories": lambda c: c.histories,
    "decision_started_event": lambda c: c.decision_started_event,
    "open_tasks": lambda c: c.open_tasks,
    "deferred_tasks": lambda c: c.deferred_tasks,
}
NOT_OF_AN_EXECUTION = {"from_json"}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_a_dead_context_answers_nothing(use: Callable[[Context], Any]) -> None:
    """Every member raises something that `except Exception` does not catch."""
    seen: list[str] = []

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.call_activity("a")
        finally:
            try:
                use(context)
                seen.append("answered")
            except Exception:  # noqa: BLE001
                seen.append("caught as an Exception")
            except BaseException:
                seen.append("dead")
                raise

    decision = first_episode(orchestrator)
    drop(decision)
    assert seen == ["dead"]
    assert decision.custom_status is None


def test_every_public_member_of_the_context_is_among_those_cases() -> None:
    """A member that is added later must be dead too."""
    public = {name for name in dir(Context) if not name.startswith("_")}
    assert public - NOT_OF_AN_EXECUTION == set(USES)


def test_no_error_of_a_dying_generator_reaches_who_drops_it() -> None:
    """Neither a `finally` that raises, nor one that yields, nor a swallowed GeneratorExit."""

    def raises(context: Context) -> Orchestration:
        try:
            yield context.call_activity("a")
        finally:
            raise RuntimeError("out of finally")

    def exits(context: Context) -> Orchestration:
        try:
            yield context.call_activity("a")
        finally:
            raise SystemExit

    def yields(context: Context) -> Orchestration:
        task = context.call_activity("a")
        try:
            yield task
        finally:
            yield task

    def swallows(context: Context) -> Orchestration:
        try:
            yield context.call_activity("a")
        except GeneratorExit:
            return "went on"

    for orchestrator in (raises, exits, yields, swallows):
        decision = first_episode(orchestrator)
        facts = decision.facts
        drop(decision)
        drop(decision)
        assert decision.facts == facts


def test_a_helper_generator_is_dropped_with_its_caller() -> None:
    """`finally` blocks of both run, from the inside out, and neither can schedule anything."""
    seen: list[str] = []

    def helper(context: Context) -> Orchestration:
        try:
            yield context.call_activity("a")
        finally:
            seen.append("helper")
            yield context.call_activity("compensate inside")

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield from helper(context)
        finally:
            seen.append("orchestrator")
            yield context.call_activity("compensate outside")

    drop(first_episode(orchestrator))
    assert seen == ["helper", "orchestrator"]


def test_a_retry_loop_with_a_bare_except_does_not_spin_when_it_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`except:` around a call catches the dead context too; dropping must end nevertheless."""
    # That such a generator never ends is another matter: see the next test.
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    attempts = 0

    def orchestrator(context: Context) -> Orchestration:
        nonlocal attempts
        while attempts < 5000:
            attempts += 1
            try:
                yield context.call_activity("flaky")
                break
            except:  # noqa: E722
                continue

    drop(first_episode(orchestrator))
    assert attempts < 5000, "only the bound of this test ended the loop"


def test_code_that_swallows_its_end_again_and_again_makes_no_noise_at_collection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Dropping is final: the garbage collector has no generator to close again."""
    noise: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda error: noise.append(str(error.exc_value)))

    def orchestrator(context: Context) -> Orchestration:
        task = context.call_activity("a")
        for _ in range(3):
            with contextlib.suppress(BaseException):
                yield task

    drop(first_episode(orchestrator))
    gc.collect()
    assert noise == []


def test_terminate_ends_the_instance_with_its_reason_and_asks_for_nothing() -> None:
    """A `finally` that would compensate is not heard."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.call_activity("a")
        finally:
            context.set_custom_status("compensating")
            yield context.call_activity("compensate")

    recording = Recording(orchestrator)
    recording.episode(terminated("enough"))
    assert recording.last.status is RuntimeStatus.TERMINATED
    assert recording.output == "enough"
    assert recording.last.custom_status is None
    assert not [fact for fact in recording.last.facts if isinstance(fact, TaskScheduled)]
    ended = recording.last.facts[-2]
    assert isinstance(ended, ExecutionCompleted)
    assert ended.orchestration_status is RuntimeStatus.TERMINATED


def test_terminate_takes_its_place_among_the_inputs() -> None:
    """What came before it is applied, what came behind it is left over."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.wait_for_external_event("go")
        return "finished"

    first, second = Recording(orchestrator), Recording(orchestrator)
    decision = first.episode(terminated("enough"), raised("go"))
    assert (decision.status, decision.consumed) == (RuntimeStatus.TERMINATED, 1)
    decision = second.episode(raised("go"), terminated("enough"))
    assert (decision.status, decision.consumed) == (RuntimeStatus.COMPLETED, 1)


def test_terminate_that_comes_with_the_start_ends_the_instance_at_once() -> None:
    """Nothing of what the first lines ask for is scheduled."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity("a")

    decision = decide_cold([], [started(), terminated()], orchestrator)
    assert isinstance(decision, Decision)
    assert decision.status is RuntimeStatus.TERMINATED
    assert decision.consumed == 2
    assert not [fact for fact in decision.facts if isinstance(fact, TaskScheduled)]


def test_terminate_reaches_code_that_swallows_everything() -> None:
    """An orchestrator can't refuse its end."""

    def orchestrator(context: Context) -> Orchestration:
        task = context.call_activity("a")
        try:
            yield task
        except BaseException:  # noqa: BLE001
            yield task
        return "survived"

    recording = Recording(orchestrator)
    recording.episode(terminated("enough"))
    assert recording.last.status is RuntimeStatus.TERMINATED
    assert recording.output == "enough"


def test_a_replay_of_a_divergent_history_leaves_no_live_generator() -> None:
    """The execution that diverged is dropped: its `finally` can do nothing."""
    seen: list[str] = []

    def recorded(context: Context) -> Orchestration:
        yield context.call_activity("a")

    def deployed(context: Context) -> Orchestration:
        try:
            yield context.call_activity("b")
        finally:
            seen.append("finally")
            context.set_custom_status("late")
            seen.append("alive")

    recording = Recording(recorded)
    decide_cold(recording.history, [completed(0)], deployed)
    assert seen == ["finally"]
