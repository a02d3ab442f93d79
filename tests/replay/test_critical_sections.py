"""Critical sections: how they are entered, and left at every exit (checklist H5, H8)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from durable.model.entity_ids import EntityId
from durable.model.history import EntityUnlockSent, HistoryEvent
from durable.model.status import RuntimeStatus
from durable.replay.decision import Decision
from tests.replay.recording import (
    START,
    Context,
    Orchestration,
    Recording,
    asked,
    completed,
    decide_cold,
    fired,
    granted,
    not_served,
    pending_of,
    raised,
    resumed,
    served,
    suspended,
    terminated,
)

A, B, C = EntityId("e", "a"), EntityId("e", "b"), EntityId("e", "c")


def releases(recording: Recording) -> list[Any]:
    """List what was released: the id of the fact, and of the lock."""
    return [(asked[0], asked[3]) for asked in pending_of(recording.history) if "release" in asked]


# Entering and leaving.


def with_yield(context: Context) -> Orchestration:
    """The form of the paper."""
    with (yield context.lock([B, A])):
        context.signal_entity(C, "seen", context.is_locked)
        got = yield context.call_entity(A, "get")
    return [got, context.is_locked]


def with_varargs_of_lock_entities(context: Context) -> Orchestration:
    """The other name, and the list spelled out; each entity counts once."""
    section = yield context.lock_entities(B, "@E@a", A)
    with section:
        context.signal_entity(C, "seen", context.is_locked)
        got = yield context.call_entity(A, "get")
    return [got, context.is_locked]


async def async_with(context: Context) -> Any:
    """The form of an `async def`."""
    async with context.lock([A, B]):
        context.signal_entity(C, "seen", context.is_locked)
        got = await context.call_entity(A, "get")
    return [got, context.is_locked]


async def with_await(context: Context) -> Any:
    """A plain `with` in an `async def`."""
    with await context.lock(entity for entity in (B, A)):
        context.signal_entity(C, "seen", context.is_locked)
        got = await context.call_entity(A, "get")
    return [got, context.is_locked]


def released_by_hand(context: Context) -> Orchestration:
    """Without a `with`."""
    section = yield context.lock([A, B])
    context.signal_entity(C, "seen", context.is_locked)
    got = yield context.call_entity(A, "get")
    section.release()
    return [got, context.is_locked]


@pytest.mark.parametrize(
    "orchestrator",
    [with_yield, with_varargs_of_lock_entities, async_with, with_await, released_by_hand],
)
def test_a_section_is_entered_with_the_grant_and_left_behind_its_calls(
    orchestrator: Callable[..., Any],
) -> None:
    """In any form: one request, sorted and each once; then the code; then one release."""
    recording = Recording(orchestrator)
    assert asked(recording.last) == [(0, "lock", ["@e@a", "@e@b"])]
    recording.episode(granted(0))
    assert asked(recording.last) == [
        (1, "signal", "@e@c", "seen", True),
        (2, "call", "@e@a", "get", None),
    ]
    recording.episode(served(2, 7))
    assert asked(recording.last) == [(3, "release", ["@e@a", "@e@b"], 0)]
    assert recording.output == [7, False]


def test_the_locked_entities_are_told_from_the_grant_to_the_release() -> None:
    """Before and behind it there are none."""
    seen: list[Any] = []

    def orchestrator(context: Context) -> Orchestration:
        task = context.lock([C, A])
        seen.append(context.locked_entities)
        with (yield task):
            seen.append(context.locked_entities)
        seen.append(context.locked_entities)

    Recording(orchestrator).episode(granted(0))
    assert seen[-3:] == [(), (A, C), ()]


def test_no_entities_make_no_section() -> None:
    """It is an error of the argument, at the call."""

    def orchestrator(context: Context) -> Any:
        with pytest.raises(ValueError, match=r"^The list of entities to lock must not be empty\.$"):
            context.lock([])
        return "caught"

    assert Recording(orchestrator).output == "caught"


async def awaited_too_much(context: Context) -> Any:
    """The section, entered, in an `async with`."""
    async with await context.lock([A]):
        return "inside"


def with_alone(context: Context) -> Any:
    """Without the yield."""
    with context.lock([A]):  # type: ignore[attr-defined, unused-ignore]
        return "inside"


@pytest.mark.parametrize(
    ("orchestrator", "advice"),
    [
        (with_alone, "write 'with (yield context.lock(...))'"),
        (awaited_too_much, "'async with context.lock(...)' without the 'await'"),
    ],
)
def test_a_section_that_is_not_entered_as_it_should_says_how(
    orchestrator: Callable[[Context], Any], advice: str
) -> None:
    """And no code runs as if it held the locks."""
    recording = Recording(orchestrator)
    if recording.last.status is not RuntimeStatus.FAILED:
        recording.episode(granted(0))
    assert recording.last.status is RuntimeStatus.FAILED
    assert advice in recording.output


@pytest.mark.parametrize(
    ("entities", "error"),
    [("acc", ValueError), (5, TypeError), (None, TypeError), ([A, "acc"], ValueError)],
)
def test_what_names_no_entity_can_not_be_locked(entities: Any, error: type[Exception]) -> None:
    """The error says how an entity is named."""

    def orchestrator(context: Context) -> Any:
        with pytest.raises(error, match="An entity is an EntityId, or its instance id '@name@key'"):
            context.lock(entities)
        return "caught"

    assert Recording(orchestrator).output == "caught"


def test_sections_one_after_another_are_each_asked_for_and_left() -> None:
    """The second request names itself in its release."""

    def orchestrator(context: Context) -> Orchestration:
        for entity in (A, B):
            with (yield context.lock(entity)):
                yield context.call_entity(entity, "get")

    recording = Recording(orchestrator)
    recording.each(granted(0), served(1), granted(3), served(4))
    assert recording.last.status is RuntimeStatus.COMPLETED
    assert releases(recording) == [(2, 0), (5, 3)]


def test_what_goes_on_in_a_section_without_its_entities_is_allowed() -> None:
    """Activities, retries, timers, events, detached starts and signals to others (H8)."""

    def orchestrator(context: Context) -> Orchestration:
        before = context.call_entity(A, "slow")
        yield context.task_any([before, context.call_activity("first")])
        with (yield context.lock([A])):
            both = [context.call_activity("check"), context.wait_for_external_event("go")]
            yield context.task_all(both)
            yield context.create_timer(START + timedelta(seconds=9))
            context.start_new_orchestration("audit", instance_id="audit")
            context.send_event("other", "hello")
            context.signal_entity(B, "note")
            yield context.call_entity(A, "get")
            yield context.call_entity(A, "get")
            yield before

    recording = Recording(orchestrator)
    recording.each(completed(1), granted(2), completed(3), raised("go"), fired(4, 9))
    assert [each[1:3] for each in asked(recording.last)] == [
        ("audit", None),
        ("hello", None),
        ("signal", "@e@b"),
        ("call", "@e@a"),
    ]
    recording.each(served(8), served(9), served(0))
    assert recording.last.status is RuntimeStatus.COMPLETED
    assert releases(recording) == [(10, 2)]


def test_a_section_left_twice_is_released_once_and_not_entered_again() -> None:
    """`release` in the block, the end of the block, and `with` once more on what is over."""

    def orchestrator(context: Context) -> Orchestration:
        task = context.lock(A)
        with (yield task) as section:
            section.release()
            yield context.call_entity(B, "get")
        with pytest.raises(RuntimeError, match="left already"), (yield task):
            pass

    recording = Recording(orchestrator)
    recording.each(granted(0), served(2))
    assert recording.last.status is RuntimeStatus.COMPLETED
    assert releases(recording) == [(1, 0)]


# Every way out (H5). What is still open at the end of an execution the engine releases.


def broken(context: Context) -> Orchestration:
    """Raise inside of a section, and go on outside."""
    try:
        with (yield context.lock([A])):
            yield context.call_entity(A, "explode")
    except OSError as error:
        yield context.call_activity("tell", type(error).__name__)
    except Exception as error:  # noqa: BLE001
        yield context.call_activity("tell", type(error).__name__)
    yield context.call_entity(B, "get")


def test_an_error_that_leaves_the_section_releases_it_in_a_replay_too() -> None:
    """Azure/azure-functions-durable-extension#2743: every episode here is replayed cold, too."""
    recording = Recording(broken)
    recording.each(granted(0), not_served(1))
    assert asked(recording.last) == [
        (2, "release", ["@e@a"], 0),
        (3, "tell", "TaskFailedError"),
    ]
    recording.each(completed(3), served(4))
    assert releases(recording) == [(2, 0)]
    again = decide_cold(recording.history, [], broken, strict=True)
    assert isinstance(again, Decision)
    assert asked(again) == []


def test_an_error_that_nobody_catches_and_a_return_release_before_the_end() -> None:
    """The release is a fact before ExecutionCompleted."""

    def orchestrator(context: Context) -> Orchestration:
        with (yield context.lock([A])):
            if context.get_input():
                raise OSError("no luck")
            return "done"

    for fails in (True, False):
        recording = Recording(orchestrator, fails)
        recording.episode(granted(0))
        status = RuntimeStatus.FAILED if fails else RuntimeStatus.COMPLETED
        assert recording.last.status is status
        kinds = [type(fact).__name__ for fact in recording.last.facts]
        assert kinds[-3:] == ["EntityUnlockSent", "ExecutionCompleted", "OrchestratorCompleted"]


def in_a_section(context: Context) -> Orchestration:
    """Wait in a section, in both ways of holding one."""
    outer = yield context.lock([A])
    try:
        with outer:
            yield context.call_entity(A, "get")
    finally:
        outer.release()


async def in_an_async_section(context: Context) -> None:
    """Wait in a section of an `async def`."""
    async with context.lock([A]):
        await context.call_entity(A, "get")


@pytest.mark.parametrize("orchestrator", [in_a_section, in_an_async_section])
def test_an_execution_that_is_dropped_in_a_section_asks_for_nothing(
    orchestrator: Callable[..., Any],
) -> None:
    """Rule J: its `with` block is closed by Python, and that is no release."""
    recording = Recording(orchestrator)
    decision = recording.episode(granted(0))
    assert decision.execution is not None
    decision.execution.drop()
    assert decision.execution.docket.actions == []
    assert decision.execution.tasks_scheduled == 2


@pytest.mark.parametrize("orchestrator", [in_a_section, in_an_async_section])
def test_a_terminate_in_a_section_records_no_release_of_the_codes(
    orchestrator: Callable[..., Any],
) -> None:
    """It ends the instance between two statements; the engine sees by the rows what is open."""
    recording = Recording(orchestrator)
    recording.each(granted(0), terminated("enough"))
    assert recording.last.status is RuntimeStatus.TERMINATED
    assert releases(recording) == []


def test_a_terminate_beside_the_answer_that_would_have_left_the_section() -> None:
    """What the code did in that episode counts as not done: the release is not recorded."""

    def orchestrator(context: Context) -> Orchestration:
        with (yield context.lock([A])):
            yield context.call_entity(A, "get")
        yield context.wait_for_external_event("never")

    recording = Recording(orchestrator)
    recording.episode(granted(0))
    recording.episode(served(1), terminated())
    assert recording.last.status is RuntimeStatus.TERMINATED
    assert asked(recording.last) == []


@pytest.mark.parametrize("waits", [False, True], ids=["no yield", "yield"])
def test_continue_as_new_in_a_section_leaves_its_release_to_the_engine(waits: bool) -> None:
    """With a yield behind it or without; the section stands open in the rows, once."""

    def orchestrator(context: Context) -> Orchestration:
        with (yield context.lock([A])):
            ending = context.continue_as_new("next")
            if waits:
                yield ending

    recording = Recording(orchestrator)
    recording.episode(granted(0))
    assert recording.last.status is RuntimeStatus.CONTINUED_AS_NEW
    assert releases(recording) == []


def test_what_the_engine_releases_at_the_end_is_nothing_that_the_code_must_ask_for() -> None:
    """A replay of the whole history passes by it, under whatever id."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.lock([A])
        return "held"

    recording = Recording(orchestrator)
    recording.episode(granted(0))
    for place, task_id in ((-1, 1), (-2, -1)):
        release = EntityUnlockSent(
            timestamp=START, event_id=task_id, lock_set='["@e@a"]', critical_section_id=0
        )
        history: list[HistoryEvent] = list(recording.history)
        history.insert(len(history) + place, release)
        assert isinstance(decide_cold(history, [], orchestrator, strict=True), Decision)


# Taking a request back.


def impatient(context: Context) -> Orchestration:
    """Wait for a lock for five seconds."""
    lock = context.lock([A, B])
    timer = context.create_timer(START + timedelta(seconds=5))
    winner = yield context.task_any([lock, timer])
    if winner is timer:
        lock.cancel()
        lock.cancel()
        got = yield context.call_entity(A, "get")
        return ["too late", got, lock.is_completed]
    timer.cancel()
    with lock.result:
        return ["in time", (yield context.call_entity(A, "get"))]


def test_a_lock_that_is_waited_for_too_long_is_taken_back() -> None:
    """By one release of the whole set; a grant that comes after all is nobody's."""
    recording = Recording(impatient)
    assert asked(recording.last) == [(0, "lock", ["@e@a", "@e@b"]), (1, 5.0)]
    recording.episode(fired(1, 5))
    assert asked(recording.last) == [
        (2, "release", ["@e@a", "@e@b"], 0),
        (3, "call", "@e@a", "get", None),
    ]
    recording.each(granted(0), served(3, 7))
    assert recording.output == ["too late", 7, False]
    assert releases(recording) == [(2, 0)]


def test_a_lock_that_comes_in_time_is_the_winner() -> None:
    """Its result is the section."""
    recording = Recording(impatient)
    recording.each(granted(0), served(2, 7))
    assert recording.output == ["in time", 7]
    assert releases(recording) == [(3, 0)]


def test_a_lock_that_is_granted_can_not_be_taken_back() -> None:
    """It is released instead."""

    def orchestrator(context: Context) -> Orchestration:
        task = context.lock(A)
        with (yield task):
            with pytest.raises(ValueError, match="completed"):
                task.cancel()
            return context.is_locked

    recording = Recording(orchestrator)
    recording.episode(granted(0))
    assert recording.output is True
    assert releases(recording) == [(1, 0)]


def test_a_lock_that_was_taken_back_before_it_was_asked_for_never_is() -> None:
    """No request, no release; and it never completes."""

    def orchestrator(context: Context) -> Orchestration:
        task = context.lock(A)
        task.cancel()
        yield context.task_any([task, context.call_entity(A, "get")])
        with (yield context.lock(A)):
            return "entered"

    recording = Recording(orchestrator)
    assert asked(recording.last) == [(0, "call", "@e@a", "get", None)]
    recording.each(served(0), granted(1))
    assert recording.output == "entered"


def test_a_grant_enters_the_section_whatever_the_code_waits_for() -> None:
    """A request that lost its race and was not taken back is a section from the grant on."""

    def orchestrator(context: Context) -> Orchestration:
        lock = context.lock(A)
        yield context.task_any([lock, context.call_activity("first")])
        before = context.is_locked
        yield context.call_activity("second")
        after = context.is_locked
        with lock.result:
            got = yield context.call_entity(A, "get")
        return [before, after, got]

    recording = Recording(orchestrator)
    recording.each(completed(1), granted(0), completed(2), served(3, 7))
    assert recording.output == [False, True, 7]
    assert releases(recording) == [(4, 0)]


def test_a_grant_that_comes_while_suspended_is_applied_by_the_resume() -> None:
    """Like any answer."""
    recording = Recording(with_yield)
    recording.each(suspended(), granted(0))
    assert asked(recording.last) == []
    recording.each(resumed(), served(2, 7))
    assert recording.output == [7, False]
