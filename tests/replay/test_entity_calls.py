"""Calls and signals of entities, as far as the mind decides them."""

from datetime import timedelta
from typing import Any

import pytest

from durable.model.entity_ids import EntityId
from durable.model.errors import InvalidInstanceIdError
from durable.model.failures import TaskFailedError
from durable.model.history import EntityOperationSignaled
from durable.model.status import RuntimeStatus
from durable.replay.decision import Decision, Divergence
from tests.replay.recording import (
    START,
    Context,
    Orchestration,
    Orchestrator,
    Recording,
    asked,
    decide_cold,
    fired,
    not_served,
    served,
)

COUNTER = EntityId("Counter", "a")


def test_a_call_is_asked_for_when_it_is_yielded_and_gives_the_result() -> None:
    """Under the instance id of the entity, whose name is in lower case."""

    def orchestrator(context: Context) -> Orchestration:
        context.call_entity(COUNTER, "never awaited")
        return (yield context.call_entity(COUNTER, "add", 5))

    recording = Recording(orchestrator)
    assert asked(recording.last) == [(0, "call", "@counter@a", "add", 5)]
    recording.episode(served(0, {"now": 7}))
    assert recording.output == {"now": 7}


def test_an_entity_may_be_named_by_its_instance_id() -> None:
    """As a client shows it; the name's case does not matter, the key's does."""

    async def orchestrator(context: Context) -> Any:
        return await context.call_entity("@Counter@A/1@x", "get")

    assert asked(Recording(orchestrator).last) == [(0, "call", "@counter@A/1@x", "get", None)]


def test_a_result_is_of_the_expected_type_and_a_failure_raises() -> None:
    """As with an activity."""

    def orchestrator(context: Context) -> Orchestration:
        due = yield context.call_entity(COUNTER, "due", expected_type=timedelta)
        try:
            yield context.call_entity(COUNTER, "explode")
        except TaskFailedError as error:
            return [due.total_seconds(), error.error_type, error.is_caused_by(OSError)]

    recording = Recording(orchestrator)
    recording.each(served(0, "PT1M30S"), not_served(1))
    assert recording.output == [90.0, "OSError", True]


def test_a_result_of_another_type_fails_the_call() -> None:
    """It says of which operation."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.call_entity(COUNTER, "get", expected_type=int)
        except ValueError as error:
            return str(error)

    recording = Recording(orchestrator)
    recording.episode(served(0, "no number"))
    assert "result of operation 'get'" in recording.output


def test_a_signal_takes_effect_at_its_line_and_keeps_its_place_among_the_calls() -> None:
    """It takes a task id, and has no answer; a time is in UTC."""

    def orchestrator(context: Context) -> Orchestration:
        call = context.call_entity(COUNTER, "add", 1)
        context.signal_entity(COUNTER, "add", 2)
        yield call
        later = context.current_utc_datetime.replace(tzinfo=None) + timedelta(hours=1)
        context.signal_entity("@other@b", "wake", scheduled_time=later)
        return context.is_locked

    recording = Recording(orchestrator)
    assert asked(recording.last) == [
        (0, "signal", "@counter@a", "add", 2),
        (1, "call", "@counter@a", "add", 1),
    ]
    recording.episode(served(1))
    assert asked(recording.last) == [(2, "signal", "@other@b", "wake", None)]
    signal = next(f for f in recording.last.facts if isinstance(f, EntityOperationSignaled))
    assert signal.scheduled_time == START + timedelta(hours=1)
    assert recording.last.status is RuntimeStatus.COMPLETED


def test_calls_run_side_by_side_and_in_races_like_any_task() -> None:
    """Each answer completes its own call."""

    def orchestrator(context: Context) -> Orchestration:
        calls = [context.call_entity(EntityId("c", key), "get") for key in "xy"]
        both = context.task_all(calls)
        timer = context.create_timer(START + timedelta(seconds=5))
        winner = yield context.task_any([timer, both])
        return [winner is both, both.result, calls[1].result]

    recording = Recording(orchestrator)
    recording.each(served(2, "second"), served(1, "first"))
    assert recording.output == [True, ["first", "second"], "second"]
    late = Recording(orchestrator)
    late.each(served(2, "second"), fired(0, 5))
    assert late.output == [False, None, "second"]


@pytest.mark.parametrize(
    ("entity", "operation", "error"),
    [
        ("counter", "add", ValueError),
        ("@counter", "add", ValueError),
        (("counter", "a"), "add", TypeError),
        (None, "add", TypeError),
        (EntityId("c", "k" * 300), "add", InvalidInstanceIdError),
        (EntityId("c", "\x00"), "add", InvalidInstanceIdError),
        (COUNTER, "", ValueError),
        (COUNTER, 5, TypeError),
    ],
)
def test_what_names_no_entity_or_no_operation_raises_at_its_line(
    entity: Any, operation: Any, error: type[Exception]
) -> None:
    """Nothing is asked for; calls and signals are checked alike."""

    def orchestrator(context: Context) -> Any:
        for member in (context.call_entity, context.signal_entity):
            with pytest.raises(error):
                member(entity, operation)
        return "caught"

    recording = Recording(orchestrator)
    assert recording.output == "caught"
    assert asked(recording.last) == []


def acts(*names: str) -> Orchestrator:
    """Do these things with entities, one after another."""

    def orchestrator(context: Context) -> Orchestration:
        for name in names:
            what, _, rest = name.partition(" ")
            entity, operation, value = [*rest.split("."), None, None][:3]
            if what == "signal":
                context.signal_entity(f"@e@{entity}", str(operation), value)
            elif what == "lock":
                (yield context.lock([f"@e@{key}" for key in rest])).release()
            else:
                yield context.call_entity(f"@e@{entity}", str(operation), value)

    return orchestrator


DIFFERENT = {
    "another operation": ("call x.get", "call x.put", "a call of 'get' of entity '@e@x'"),
    "another entity": ("call x.get", "call y.get", "a call of 'get' of entity '@e@x'"),
    "a signal for a call": ("call x.get", "signal x.get", "a signal 'get' to entity '@e@x'"),
    "another signal": ("signal x.get", "signal x.put", "a signal 'get' to entity '@e@x'"),
    "another lock": ("lock xy", "lock xz", "a lock of '@e@x', '@e@y'"),
    "a lock more": ("call x.get", "lock x", "a lock of '@e@x'"),
}


@pytest.mark.parametrize(("recorded", "deployed", "told"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_a_change_of_what_is_asked_of_entities_is_noticed_and_explained(
    recorded: str, deployed: str, told: str
) -> None:
    """In kind, name, or whom it is for."""
    wait = "call z.wait"
    history = Recording(acts(recorded, wait)).history
    decision = decide_cold(history, [served(1)], acts(deployed, wait))
    assert isinstance(decision, Divergence)
    assert told in decision.mismatch.explain()


@pytest.mark.parametrize(
    ("recorded", "deployed"), [("call x.add.1", "call x.add.2"), ("signal x.a.1", "signal x.a.2")]
)
def test_another_input_of_an_operation_is_a_warning_and_in_strict_mode_a_mismatch(
    recorded: str, deployed: str
) -> None:
    """As with activities; the text shows what was sent."""
    wait = "call z.wait"
    history = Recording(acts(recorded, wait)).history
    lenient = decide_cold(history, [], acts(deployed, wait))
    assert isinstance(lenient, Decision)
    assert 'with input "1"' in lenient.warnings[0]
    assert isinstance(decide_cold(history, [], acts(deployed, wait), strict=True), Divergence)


def test_another_time_of_a_signal_is_a_mismatch_in_strict_mode() -> None:
    """It is an argument like any other."""

    def signals(hours: int) -> Orchestrator:
        def orchestrator(context: Context) -> Orchestration:
            due = START + timedelta(hours=hours)
            context.signal_entity(COUNTER, "wake", scheduled_time=due)
            yield context.wait_for_external_event("e")

        return orchestrator

    history = Recording(signals(1)).history
    assert isinstance(decide_cold(history, [], signals(1), strict=True), Decision)
    decision = decide_cold(history, [], signals(2), strict=True)
    assert isinstance(decision, Divergence)
    assert "not before 2026-01-01T01:00:00" in decision.mismatch.expected
