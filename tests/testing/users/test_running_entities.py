"""What a user's test can say about orchestrators that call, signal and lock entities."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

import durable.functions as df
from durable.engine.registry import Registry
from durable.model.entity_ids import EntityId
from durable.model.errors import LockingRulesViolationError
from durable.model.status import RuntimeStatus
from durable.replay.context import DurableOrchestrationContext
from durable.testing.replaying.replayer import Replayer
from durable.testing.replaying.report import Outcome
from durable.testing.running.fakes import NEVER, UnexpectedCallError, in_turn, taking
from durable.testing.running.instance import NotDeterministicError
from durable.testing.running.requests import EntityCall, EntitySignal
from durable.testing.running.runner import Event, run_orchestrator
from durable.testing.running.stepping import OrchestrationTest

Context = DurableOrchestrationContext
Orchestration = Generator[Any, Any, Any]

SOURCE, TARGET = EntityId("Account", "source"), EntityId("Account", "target")


@dataclass
class Money:
    """An amount."""

    amount: int


class Account:
    """A class entity."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.balance = 0

    def get(self) -> Money:
        """Tell the balance."""
        return Money(self.balance)

    def add(self, amount: int) -> None:
        """Put money in, or take it out; refuse what is not there."""
        self.balance += amount
        if self.balance < 0:
            raise ValueError("overdrawn")


def transfer(context: Context) -> Orchestration:
    """The paper's example: both balances change, or none does."""
    amount = context.get_input()
    with (yield context.lock([SOURCE, TARGET])):
        balance = yield context.call_entity(SOURCE, "get")
        if balance.amount < amount:
            return False
        both = [
            context.call_entity(SOURCE, "add", -amount),
            context.call_entity(TARGET, "add", amount),
        ]
        yield context.task_all(both)
    return True


def bank(orchestrator: Any) -> Registry:
    """Make an app of the account and one orchestrator."""
    registry = Registry()
    registry.add_entity("Account", Account)
    registry.add_orchestrator("transfer", orchestrator)
    return registry


@pytest.mark.parametrize(
    ("amount", "source", "target"), [(30, {"balance": 70}, {"balance": 30}), (200, None, None)]
)
def test_class_entities_run_for_real_and_their_states_are_seen(
    amount: int, source: Any, target: Any
) -> None:
    """Results have the annotated type; nobody holds anything at the end."""
    result = run_orchestrator(
        transfer, amount, entities=[Account], entity_states={SOURCE: {"balance": 100}}
    )
    assert result.value() is (source is not None)
    assert result.entities["@account@source"] == source or {"balance": 100}
    assert result.entities.get("@account@target") == target
    assert result.locked_entities == ()
    assert result.locks[0].entities == ("@account@source", "@account@target")


def counting(context: Context) -> Orchestration:
    """Signal, then call."""
    context.signal_entity(EntityId("counter", "a"), "add", 2)
    yield context.call_entity(EntityId("counter", "a"), "add", 3)
    return (yield context.call_entity(EntityId("counter", "b"), "add", 1))


def counter(state: Any, operation: str, amount: int) -> tuple[int, int]:
    """A fake: the new state, and the result."""
    assert operation == "add"
    return (state or 0) + amount, (state or 0) + amount


def counter_entity(context: Any) -> None:
    """The entity itself, as a function."""
    context.set_state(context.get_state(lambda: 0) + context.get_input())
    context.set_result(context.get_state())


@pytest.mark.parametrize("entity", [counter, counter_entity])
def test_a_plain_function_or_an_entity_function_keeps_a_state_for_each_key(entity: Any) -> None:
    """What is sent by one orchestration to one entity is served in order."""
    result = run_orchestrator(counting, entities={"Counter": entity})
    assert result.value() == 1
    assert result.entities == {"@counter@a": 5, "@counter@b": 1}
    assert [(s.operation, s.input) for s in result.signals] == [("add", 2)]
    assert [call.input for call in result.entity_calls] == [3, 1]
    assert isinstance(result.signals[0], EntitySignal)
    assert isinstance(result.entity_calls[0], EntityCall)


def test_what_the_decorators_return_runs_too() -> None:
    """An app can be tested as it is."""
    app = df.DFApp()

    @app.entity_trigger(context_name="context")
    def counter(context: Any) -> None:
        counter_entity(context)

    assert run_orchestrator(counting, app=app, entities=[counter]).value() == 1


def test_the_entities_of_an_app_run_without_being_named() -> None:
    """What the test gives stands before them."""
    app = bank(transfer)
    states = {SOURCE: {"balance": 7}}
    result = run_orchestrator("transfer", 5, app=app, entity_states=states)
    assert result.value() is True
    assert result.entities == {"@account@source": {"balance": 2}, "@account@target": {"balance": 5}}
    faked = run_orchestrator("transfer", 5, app=app, entities={"Account": Money(3)})
    assert faked.value() is False


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ({"counter": in_turn(1, 2)}, r"that returns the pair \(state, result\)"),
        ({"counter": taking(timedelta(1), 2)}, "not for entities"),
        ([in_turn(1, 2)], "in a list is neither"),
        (["counter"], "'counter' in a list is neither"),
    ],
)
def test_what_can_not_stand_for_an_entity_is_refused(given: Any, advice: str) -> None:
    """Not taken for a value."""
    with pytest.raises(TypeError, match=advice):
        run_orchestrator(counting, entities=given)


def test_a_value_or_an_error_stands_for_every_operation() -> None:
    """As for an activity; the failure has the text that the hub gives it."""
    assert run_orchestrator(counting, entities={"counter": 7}).value() == 7
    result = run_orchestrator(counting, entities={"counter": OSError("no luck")})
    assert result.status is RuntimeStatus.FAILED
    assert "Operation 'add' of entity '@counter@a' failed: no luck" in result.output


def test_a_failed_operation_changes_nothing() -> None:
    """The error is the caller's, the state is that of before."""

    def overdraw(context: Context) -> Orchestration:
        try:
            yield context.call_entity(SOURCE, "add", -5)
        except Exception as error:  # noqa: BLE001
            return type(error).__name__

    result = run_orchestrator(
        overdraw, entities=[Account], entity_states={"@account@source": {"balance": 1}}
    )
    assert result.value() == "TaskFailedError"
    assert result.entities == {"@account@source": {"balance": 1}}


def test_an_entity_without_a_fake_fails_the_test_naming_it() -> None:
    """Called, signaled or locked."""
    with pytest.raises(UnexpectedCallError, match=r"'@counter@a' \(given: 'account'\)"):
        run_orchestrator(counting, entities=[Account])
    with pytest.raises(UnexpectedCallError, match="locks it"):
        run_orchestrator(transfer, 1)


def test_a_scheduled_signal_is_served_at_its_time() -> None:
    """In virtual time, and not before."""

    def waking(context: Context) -> Orchestration:
        later = context.current_utc_datetime + timedelta(hours=2)
        context.signal_entity(SOURCE, "add", 5, scheduled_time=later)
        before = yield context.call_entity(SOURCE, "get")
        yield context.create_timer(later)
        return [before.amount, (yield context.call_entity(SOURCE, "get")).amount]

    assert run_orchestrator(waking, entities=[Account]).value() == [0, 5]


def test_entities_signal_entities_and_start_orchestrations() -> None:
    """What an operation sends is delivered behind it."""

    def chain(context: Any) -> None:
        context.set_state((context.get_state() or 0) + 1)
        if context.entity_key == "a":
            context.signal_entity(EntityId("chain", "b"), "pull")
            context.start_new_orchestration("late", instance_id="started")
        context.set_result(context.entity_key)

    def pulling(context: Context) -> Orchestration:
        return (yield context.call_entity(EntityId("chain", "a"), "pull"))

    def late(context: Context) -> Orchestration:
        yield context.call_activity("work")

    result = run_orchestrator(
        pulling, entities={"chain": chain}, children=[late], activities={"work": 1}
    )
    assert result.value() == "a"
    assert result.entities == {"@chain@a": 1, "@chain@b": 1}
    assert result.children["started"].is_completed


def test_others_wait_while_an_entity_is_locked() -> None:
    """A child that was started before finds the account as the section has left it."""

    def parent(context: Context) -> Orchestration:
        context.start_new_orchestration("other", instance_id="other")
        with (yield context.lock([SOURCE])):
            yield context.create_timer(context.current_utc_datetime + timedelta(hours=1))
            yield context.call_entity(SOURCE, "add", 5)
            yield context.create_timer(context.current_utc_datetime + timedelta(hours=1))
            yield context.call_entity(SOURCE, "add", 5)

    def other(context: Context) -> Orchestration:
        yield context.create_timer(context.current_utc_datetime + timedelta(minutes=1))
        context.signal_entity(SOURCE, "add", 100)
        with (yield context.lock([SOURCE, TARGET])):
            seen = yield context.call_entity(SOURCE, "get")
        return seen.amount

    result = run_orchestrator(parent, entities=[Account], children=[other])
    assert result.children["other"].value() == 110
    assert result.locked_entities == ()


@pytest.mark.parametrize("how", ["return", "raise", "broken rule", "continue as new", "terminate"])
def test_the_locks_are_free_at_every_end(how: str) -> None:
    """A section that stands open is released by the end, as the hub does it."""

    def leaving(context: Context) -> Orchestration:
        yield context.lock([SOURCE])
        if how == "raise":
            raise OSError("no luck")
        if how == "broken rule":
            yield context.call_entity(TARGET, "get")
        if how == "continue as new" and context.get_input() != "again":
            context.continue_as_new("again")
        if how == "terminate":
            yield context.wait_for_external_event("never")

    hour = timedelta(hours=1)
    result = run_orchestrator(
        leaving, entities=[Account], terminate_after=hour if how == "terminate" else None
    )
    assert result.status.is_terminal
    assert result.locked_entities == ()


def test_an_entity_that_never_answers_lets_a_lock_time_out() -> None:
    """The request is taken back; nobody holds the other entity."""

    def impatient(context: Context) -> Orchestration:
        lock = context.lock([SOURCE, EntityId("busy", "b")])
        timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
        if (yield context.task_any([lock, timer])) is timer:
            lock.cancel()
            return (yield context.call_entity(SOURCE, "get")).amount
        return "locked"

    result = run_orchestrator(impatient, entities={"Account": Account, "busy": NEVER})
    assert result.value() == 0
    assert result.locked_entities == ()


def test_an_orchestration_that_waits_in_a_section_holds_its_entities() -> None:
    """A test sees who is locked; an event lets it go on."""

    def waiting(context: Context) -> Orchestration:
        with (yield context.lock([SOURCE])):
            yield context.wait_for_external_event("go")

    held = run_orchestrator(waiting, entities=[Account])
    assert held.locked_entities == ("@account@source",)
    event = Event("go", after=timedelta(hours=1))
    assert run_orchestrator(waiting, entities=[Account], events=[event]).locked_entities == ()


def test_an_order_of_locks_that_is_not_deterministic_fails_the_test() -> None:
    """As with any other request."""
    turns = iter("abcdefgh")

    def fickle(context: Context) -> Orchestration:
        with (yield context.lock([EntityId("account", next(turns))])):
            yield context.call_activity("work")

    with pytest.raises(NotDeterministicError, match="a lock of '@account@"):
        run_orchestrator(fickle, entities=[Account], activities={"work": 1})


def test_a_history_with_entities_is_replayed_by_the_replayer() -> None:
    """Saved in full; another operation is found."""
    recorded = run_orchestrator(
        transfer, 5, entities=[Account], entity_states={SOURCE: {"balance": 9}}
    )
    assert Replayer(bank(transfer)).replay(list(recorded.history)).is_ok

    def changed(context: Context) -> Orchestration:
        with (yield context.lock([SOURCE, TARGET])):
            yield context.call_entity(SOURCE, "look")

    report = Replayer(bank(changed)).replay(list(recorded.history))
    assert "a call of 'get' of entity '@account@source'" in str(report.problem)


# Step by step.


def test_a_transfer_step_by_step() -> None:
    """Locks are granted at once; the test answers the operations."""
    test = OrchestrationTest(transfer, 30, app=bank(transfer)).start()
    assert test.locked_entities == ["@account@source", "@account@target"]
    test.complete_operation("get", {"amount": 50})
    assert [(call.entity, call.input) for call in test.open_operations] == [
        ("@account@source", -30),
        ("@account@target", 30),
    ]
    test.complete_operation("add").complete_operation("add")
    assert test.output is True
    assert test.locked_entities == []


def test_operations_are_completed_and_failed_by_entity_or_task_id() -> None:
    """What is not open is an error of the test that says what is."""

    def both(context: Context) -> Orchestration:
        calls = [context.call_entity(each, "get") for each in (SOURCE, TARGET)]
        try:
            return (yield context.task_all(calls))
        except Exception as error:  # noqa: BLE001
            return str(error).splitlines()[0].strip()

    test = OrchestrationTest(both).start()
    test.complete_operation("get", 1, entity=TARGET).complete_operation("get", 2, task_id=0)
    assert test.output == [2, 1]
    test = OrchestrationTest(both).start()
    with pytest.raises(AssertionError, match=r"'put' of entity '@account@source' is open.*'get'"):
        test.complete_operation("put", entity=SOURCE)
    test.fail_operation("get", OSError("no luck"), entity=SOURCE)
    assert test.output == "Operation 'get' of entity '@account@source' failed: no luck"


def test_a_lock_that_is_not_granted_is_waited_for() -> None:
    """`grants_locks=False` leaves it to the test."""

    def patient(context: Context) -> Orchestration:
        with (yield context.lock([SOURCE])):
            try:
                yield context.call_sub_orchestrator("child")
            except LockingRulesViolationError:
                yield context.call_activity("work")

    test = OrchestrationTest(patient, grants_locks=False).start()
    assert test.locked_entities == []
    test.grant_lock()
    assert test.locked_entities == ["@account@source"]
    assert test.complete("work").locked_entities == []
    assert test.status is RuntimeStatus.COMPLETED
    with pytest.raises(AssertionError, match="No lock is asked for"):
        test.grant_lock()


def test_a_history_of_a_status_query_that_has_entities_is_refused_with_advice() -> None:
    """It does not tell which call an answer is for."""
    shown = [
        {"EventType": "ExecutionStarted", "Timestamp": "2026-01-01T00:00:00Z", "Name": "transfer"},
        {"EventType": "EntityOperationCompleted", "Timestamp": "2026-01-01T00:00:00Z"},
    ]
    report = Replayer(bank(transfer)).replay(shown)
    assert report.outcome is Outcome.UNREADABLE
    assert "--save" in str(report.problem)
