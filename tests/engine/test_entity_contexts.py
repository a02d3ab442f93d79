"""What an operation knows by its context, and what it may ask for."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from durable.engine.entity_context import DurableEntityContext, RunningOperation
from durable.engine.entity_state import LiveState
from durable.model.actions import CreateSubOrchestration, SignalEntity
from durable.model.converters import JsonConverter
from durable.model.entity_ids import EntityId
from tests.engine.one_operation import COUNTER, SYSTEM, counter, failure, run


async def test_the_context_says_what_is_asked_of_whom() -> None:
    """What 1.7's says, and what it lacks."""
    seen: list[Any] = []

    def entity(context: DurableEntityContext) -> None:
        seen.append(
            [
                context.entity_name,
                context.entity_key,
                context.entity_id,
                context.operation_name,
                context.is_signal,
                context.is_newly_constructed,
                context.has_state,
                context.get_input(),
            ]
        )

    await run(entity, "Look", '{"at": 1}', is_signal=True)
    await run(entity, "look", state="null")
    assert seen == [
        ["counter", "a", COUNTER, "Look", True, True, False, {"at": 1}],
        ["counter", "a", COUNTER, "look", False, False, True, None],
    ]


async def test_input_and_state_are_read_as_the_expected_type() -> None:
    """By the converter of the app."""
    seen: list[Any] = []

    def entity(context: DurableEntityContext) -> None:
        seen.extend((context.get_input(Decimal), context.get_state(expected_type=datetime)))

    moment = datetime(2030, 1, 2, tzinfo=UTC)
    await run(entity, input_='"1.50"', state=f'"{moment.isoformat()}"')
    assert seen == [Decimal("1.50"), moment]


async def test_a_state_that_does_not_fit_its_type_fails_the_operation() -> None:
    """The error names the entity and what is wrong."""
    outcome = await failure(lambda context: context.get_state(expected_type=datetime), state='"x"')
    assert outcome.failure is not None
    assert outcome.failure.error_type == "InvalidPayloadError"
    assert "state of entity '@counter@a'" in outcome.failure.error_message


async def test_a_state_that_is_changed_in_place_is_saved() -> None:
    """As in 1.7, be it one that was read, or one that was set."""

    def read(context: DurableEntityContext) -> None:
        context.get_state().append(2)

    def made(context: DurableEntityContext) -> None:
        state = context.get_state(list)
        context.set_state(state)
        state.append(1)

    assert (await run(made)).state == "[1]"
    assert (await run(read, state="[1]")).state == "[1,2]"


async def test_a_state_that_is_only_read_keeps_its_text() -> None:
    """Also where this version of the app reads less of it than was written."""
    text = '{"of": "a newer version", "n": 1.0}'
    outcome = await run(lambda context: context.get_state(expected_type=dict), state=text)
    assert outcome.state == text


class OneWay:
    """A converter that reads what it can't write."""

    def encode(self, value: Any) -> str:
        """Print."""
        return JsonConverter().encode(value)

    def decode(self, text: str, expected_type: Any) -> Any:
        """Read."""
        del text, expected_type
        return object()


def test_a_state_that_can_be_read_and_not_written_keeps_its_text() -> None:
    """Only a state that is set has to have a JSON form."""
    state = LiveState("5", what="state", converter=OneWay())
    assert state.get() is state.get()
    assert state.text() == "5"


async def test_what_an_initializer_returns_is_not_saved() -> None:
    """Unless it is changed; and an initializer is something to call."""
    assert (await run(lambda context: context.get_state(list))).state is None
    outcome = await failure(lambda context: context.get_state(5), state=None)
    assert "needs to be a callable" in outcome.reason


@pytest.mark.parametrize("state", [None, "null"])
async def test_what_an_initializer_returns_is_saved_when_it_is_changed_in_place(
    state: str | None,
) -> None:
    """As a stored state is: each `get_state` of the operation gives the same one."""
    seen: list[Any] = []

    def entity(context: DurableEntityContext) -> None:
        context.get_state(list).append(1)
        context.get_state(list).append(2)
        seen.append((context.has_state, context.get_state()))

    def gone(context: DurableEntityContext) -> None:
        context.get_state(list).append(1)
        context.destruct_on_exit()
        context.get_state(list).append(2)

    def bad(context: DurableEntityContext) -> None:
        context.get_state(list).append(object())

    assert (await run(entity, state=state)).state == "[1,2]"
    assert seen == [(True, [1, 2])]
    assert (await run(lambda context: context.get_state(object), state=state)).state == state
    assert (await run(gone, state=state)).state is None
    assert "can't be written" in (await failure(bad, state=state)).reason


async def test_a_state_of_none_is_a_state() -> None:
    """There is one, and reading it asks the initializer, as in 1.7."""
    seen: list[Any] = []

    def entity(context: DurableEntityContext) -> None:
        context.set_state(None)
        seen.extend((context.has_state, context.get_state(), context.get_state(lambda: 3)))

    assert (await run(entity)).state == "null"
    assert seen == [True, None, 3]


async def test_a_destructed_entity_has_no_state_unless_it_is_set_again() -> None:
    """The last word counts."""
    seen: list[Any] = []

    def gone(context: DurableEntityContext) -> None:
        context.get_state()
        context.destruct_on_exit()
        seen.append((context.has_state, context.get_state(lambda: "fresh")))
        context.set_result("bye")

    def back(context: DurableEntityContext) -> None:
        context.destruct_on_exit()
        context.set_state(1)

    outcome = await run(gone, state="7")
    assert (outcome.state, outcome.result, seen) == (None, '"bye"', [(False, "fresh")])
    assert (await run(back, state="7")).state == "1"


async def test_an_entity_signals_others_and_itself_and_starts_orchestrations() -> None:
    """In the order in which it asked; the numbers are the commit's to give."""
    at = datetime(2030, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    def entity(context: DurableEntityContext) -> None:
        context.signal_entity(EntityId("Account", "b"), "Deposit", 5)
        context.signal_entity("@counter@a", "again", scheduled_time=at)
        context.start_new_orchestration("flow", {"x": 1}, "flow-1", version="2")
        context.signal_entity(context.entity_id, "now")

    def signal(instance_id: str, operation: str, input_: str, **options: Any) -> SignalEntity:
        return SignalEntity(
            task_id=-1, instance_id=instance_id, operation=operation, input=input_, **options
        )

    assert (await run(entity)).sent == (
        signal("@account@b", "Deposit", "5"),
        signal("@counter@a", "again", "null", scheduled_time=datetime(2030, 1, 1, 10, tzinfo=UTC)),
        CreateSubOrchestration(
            task_id=-1,
            name="flow",
            instance_id="flow-1",
            input='{"x":1}',
            version="2",
            is_detached=True,
        ),
        signal("@counter@a", "now", "null"),
    )


async def test_an_orchestration_without_an_id_gets_a_new_one() -> None:
    """The operation is told it, and it is the one that starts."""

    def entity(context: DurableEntityContext) -> None:
        ids = [context.start_new_orchestration("flow") for _ in range(2)]
        context.set_result(ids)

    outcome = await run(entity, environment=SYSTEM)
    first, second = outcome.sent
    assert isinstance(first, CreateSubOrchestration)
    assert isinstance(second, CreateSubOrchestration)
    assert outcome.result == f'["{first.instance_id}","{second.instance_id}"]'
    assert first.instance_id != second.instance_id


REFUSED: list[tuple[Callable[[DurableEntityContext], Any], str, str]] = [
    (lambda context: context.call_entity(COUNTER, "get"), "RuntimeError", "wait for ever"),
    (lambda context: context.lock([COUNTER]), "RuntimeError", "can't lock entities: its"),
    (lambda context: context.call_activity("a", 1), "RuntimeError", "can't call an activity: its"),
    (lambda context: context.create_timer(1), "RuntimeError", "a scheduled_time"),
    (
        lambda context: context.call_sub_orchestrator("a", instance_id="b"),
        "RuntimeError",
        "can't wait for an orchestration: its",
    ),
    (lambda context: context.signal_entity(COUNTER, ""), "InvalidNameError", "can't be empty"),
    # These two would be committed, and then no host could send or read what the entity has.
    (lambda context: context.signal_entity(COUNTER, "\ud800"), "InvalidNameError", "surrogate"),
    (
        lambda context: context.start_new_orchestration("f", version=2),  # type: ignore[arg-type]
        "TypeError",
        "A version is a string, not int.",
    ),
    (
        lambda context: context.signal_entity("counter", "a"),
        "ValueError",
        "'@name@key'; 'counter' is neither",
    ),
    (lambda context: context.signal_entity(5, "a"), "TypeError", "An entity is an EntityId"),  # type: ignore[arg-type]
    (
        lambda context: context.signal_entity("@c@" + "k" * 300, "a"),
        "InvalidInstanceIdError",
        "256",
    ),
    (
        lambda context: context.signal_entity(COUNTER, "a", scheduled_time=timedelta(1)),  # type: ignore[arg-type]
        "TypeError",
        "takes a datetime",
    ),
    (lambda context: context.signal_entity(COUNTER, "a", object()), "InvalidPayloadError", "input"),
    (lambda context: context.start_new_orchestration(len), "ValueError", "Name a function"),
    (
        lambda context: context.start_new_orchestration("f", None, "@a@b"),
        "InvalidInstanceIdError",
        "@",
    ),
    (
        lambda context: context.start_new_orchestration("f", None, ""),
        "InvalidInstanceIdError",
        "empty",
    ),
]


@pytest.mark.parametrize(("code", "error_type", "text"), REFUSED)
async def test_what_an_entity_may_not_ask_for_raises_where_it_is_asked(
    code: Callable[[DurableEntityContext], Any], error_type: str, text: str
) -> None:
    """An entity that calls an entity, and arguments that nothing can be made of."""
    outcome = await failure(code)
    assert outcome.failure is not None
    assert outcome.failure.error_type == error_type
    assert text in outcome.failure.error_message


async def test_an_error_that_the_code_catches_has_no_effect() -> None:
    """The operation goes on, without what was refused."""

    def entity(context: DurableEntityContext) -> None:
        with pytest.raises(RuntimeError):
            context.call_entity(COUNTER, "get")
        context.set_state(1)

    outcome = await run(entity)
    assert (outcome.state, outcome.sent, outcome.failure) == ("1", (), None)


@pytest.mark.parametrize("error", [None, ValueError("no")])
async def test_a_context_is_dead_when_its_operation_has_ended(error: Exception | None) -> None:
    """Whoever keeps it is told so, and changes nothing."""
    kept: list[DurableEntityContext] = []

    def entity(context: DurableEntityContext) -> None:
        kept.append(context)
        if error is not None:
            raise error

    await run(entity, "add")
    for use in (
        lambda: kept[0].set_state(1),
        kept[0].get_state,
        lambda: kept[0].entity_id,
        lambda: kept[0].signal_entity(COUNTER, "x"),
        kept[0].destruct_on_exit,
    ):
        with pytest.raises(RuntimeError, match="'add' of the entity '@counter@a' has ended"):
            use()


def test_a_context_that_is_made_by_hand_serves_as_in_1_7() -> None:
    """For unit tests of entity functions."""
    context = DurableEntityContext("counter", "a", True, 3)
    assert (context.entity_id, context.get_state(), context.has_state) == (COUNTER, 3, True)
    with pytest.raises(RuntimeError, match="unassigned"):
        _ = context.operation_name
    with pytest.raises(ValueError, match="pass an instance_id"):
        context.start_new_orchestration("flow")
    assert not DurableEntityContext("counter", "a").has_state
    running = RunningOperation(
        entity_id=COUNTER, name="add", input="4", state=LiveState("3", what="state")
    )
    counter(DurableEntityContext("counter", "a", running=running))
    assert (running.state.text(), running.result) == ("7", 7)
