"""What each construct means when a program runs as code: decided by the engine's own replay."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from durable.model.failures import FailureDetails
from durable.model.history import ExecutionCompleted, TaskFailed
from durable.model.status import RuntimeStatus
from durable.replay.context import ExecutionDropped
from durable.testing.programs.code import (
    STYLES,
    Style,
    activity_of,
    orchestrator_of,
    registry_of,
)
from durable.testing.programs.direct_context import DirectContext
from durable.testing.programs.direct_sections import DirectSection
from durable.testing.programs.errors import ProgramError, UnsupportedProgram
from durable.testing.programs.expressions import evaluate
from durable.testing.programs.syntax import (
    MODULUS,
    Activity,
    AllOf,
    AnyOf,
    Await,
    CallActivity,
    CallEntity,
    CallOrchestration,
    Cancel,
    Clock,
    Constant,
    Entity,
    If,
    Let,
    Made,
    Make,
    Operation,
    Orchestration,
    Program,
    Raise,
    Repeat,
    Return,
    Row,
    Section,
    SetState,
    SetStatus,
    SetTimer,
    Signal,
    SignalEntity,
    Start,
    StartDetached,
    Statement,
    Sum,
    Task,
    Try,
    Value,
    Variable,
    WaitForEvent,
)
from tests.replay.recording import START, Recording, asked, completed, fired, raised, terminated

ECHO = Activity("echo", Variable("input"))
CALL = CallActivity("echo", Constant(1))
WAIT = WaitForEvent("go")
V = Variable("v")


class Nobody:
    """Surroundings that nothing is asked of."""

    def now(self) -> datetime:
        return START

    def start_detached(self, name: str, argument: Value, instance_id: str | None) -> str:
        raise NotImplementedError

    def send_event(self, instance_id: str, name: str, data: Value) -> None:
        raise NotImplementedError

    def signal_entity(
        self, entity: str, operation: str, argument: Value, due_at: datetime | None
    ) -> None:
        raise NotImplementedError

    def make_section(self, entities: Sequence[str]) -> DirectSection:
        raise NotImplementedError


def recording_of(*body: Statement, argument: Value = None) -> Recording:
    """Run the first episode of an orchestration with this body."""
    return Recording(orchestrator_of(Orchestration("orchestrator", body)), argument)


def awaited(task: Task) -> Recording:
    """Await one task and return its value."""
    return recording_of(Await("v", task), Return(V))


def failed(task_id: int, message: str) -> TaskFailed:
    """Fail a task as the engine does: its text has more than the message."""
    return TaskFailed(
        timestamp=START,
        task_scheduled_id=task_id,
        reason=f"Activity function 'echo' failed: {message}",
        details="Traceback: many lines",
        failure_details=FailureDetails(error_type="ProgramError", error_message=message),
    )


def failure_of(recording: Recording) -> str:
    """Read the message with which an orchestration failed."""
    ending = recording.history[-2]
    assert isinstance(ending, ExecutionCompleted)
    assert ending.failure_details is not None
    assert ending.failure_details.inner_failure is None
    return ending.failure_details.error_message


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (Constant((1, "two", None)), (1, "two", None)),
        (Variable("x"), (4, "abc")),
        (Variable("missing"), None),
        (Sum((Variable("x"), Constant(True), Constant(None))), 8),
        (Sum((Constant(MODULUS), Constant(-1))), MODULUS - 1),
        (Row((Constant(1), Variable("x"))), (1, (4, "abc"))),
        (Clock(), 1_767_225_600_000),
    ],
)
def test_an_expression_has_its_value(expression: Any, value: Value) -> None:
    """Each kind of expression evaluates to what the language says, missing variables to None."""
    assert evaluate(expression, {"x": (4, "abc")}, now=START) == value


def test_an_activity_computes_or_raises_its_error() -> None:
    """An activity gives its expression of the input, and raises where the condition is odd."""
    picky = activity_of(Activity("a", Row((Variable("input"),)), Variable("input"), "odd"))
    assert picky([1, 1]) == ((1, 1),)
    with pytest.raises(ProgramError, match=r"^odd$"):
        picky([1, 2])


def test_arrays_go_out_as_json_and_come_back_as_tuples() -> None:
    """A tuple is a JSON array in inputs and outputs; a result that is one is a tuple again."""
    recording = recording_of(
        Await("v", CallActivity("echo", Row((Variable("input"), Constant(()))))),
        If(Sum((V,)), (Return(Row((V, V))),)),
        argument=(1, (2,)),
    )
    assert asked(recording.last) == [(0, "echo", [[1, [2]], []])]
    recording.episode(completed(0, [1, [2, 4]]))
    assert recording.output == [[1, [2, 4]], [1, [2, 4]]]


def test_a_task_is_scheduled_when_it_is_awaited_and_only_once() -> None:
    """`Make` asks for nothing; ids count up from the left; no task is asked for a second time."""
    recording = recording_of(
        Make("late", CallActivity("echo", Constant("late"))),
        Make("early", CallActivity("echo", Constant("early"))),
        Await("_", AllOf((Made("early"), CALL, Made("late")))),
        Await("v", AllOf((Made("late"), SetTimer(5), Made("late")))),
        Return(V),
    )
    assert [task[2] for task in asked(recording.last)] == ["early", 1, "late"]
    recording.each(completed(0, "a"), completed(1, "b"), completed(2, "c"))
    assert asked(recording.last) == [(3, 5.0)]
    recording.episode(fired(3, 5), after_s=5)
    assert recording.output == ["c", None, "c"]


def test_a_timer_counts_from_the_episode_in_which_it_was_made() -> None:
    """The due time is fixed by `Make`, however much later the timer is awaited."""
    recording = recording_of(Make("t", SetTimer(10)), Await("_", WAIT), Await("_", Made("t")))
    recording.episode(raised("go"), after_s=60)
    assert asked(recording.last) == [(0, 10.0)]


def test_events_bring_their_data_in_order() -> None:
    """The value of a wait is the event's data."""
    recording = awaited(AllOf((WAIT, WaitForEvent("other"), WAIT)))
    recording.each(raised("go", 1), raised("go", [2]), raised("other", "x"))
    assert recording.output == [1, "x", [2]]


def test_the_value_of_a_race_is_index_and_value_however_deep_it_lies() -> None:
    """An any-of gives (index, value) alone, inside an all-of, and inside another any-of."""
    race = AnyOf((WAIT, AllOf((CALL, AnyOf((SetTimer(9), CALL))))))
    recording = awaited(AllOf((race, AnyOf(()), AllOf(()))))
    recording.each(completed(2, "inner"), completed(0, "outer"))
    assert recording.output == [[1, ["outer", [1, "inner"]]], [], []]


def test_a_failed_task_wins_a_race_without_raising() -> None:
    """The prize is ("failed", message), for an activity and for an all-of."""
    recording = awaited(AllOf((AnyOf((WAIT, CALL)), AnyOf((AllOf((WAIT, CALL)),)))))
    recording.each(failed(0, "first"), failed(1, "second"))
    assert recording.output == [[1, ["failed", "first"]], [0, ["failed", "second"]]]


def test_the_loser_of_a_race_can_be_awaited_again() -> None:
    """A made task keeps its place: awaited after a lost race it gives its own result."""
    recording = recording_of(
        Make("slow", CALL),
        Await("first", AnyOf((Made("slow"), SetTimer(1)))),
        Await("v", Made("slow")),
        Return(Row((Variable("first"), V))),
    )
    recording.episode(fired(1, 1), after_s=1)
    assert asked(recording.last) == []
    recording.episode(completed(0, "done"), after_s=2)
    assert recording.output == [[1, None], "done"]


def test_a_name_that_nothing_was_made_under_is_no_task() -> None:
    """`Made` of an unknown name is complete at once, with no values."""
    assert awaited(Made("nothing")).output == []


def test_a_cancelled_timer_never_completes() -> None:
    """`Cancel` keeps a timer from completing; it leaves fired timers and other tasks alone."""
    recording = recording_of(
        Make("t", SetTimer(1)),
        Make("fired", SetTimer(0)),
        Make("call", CALL),
        Await("_", Made("fired")),
        Cancel("fired"),
        Cancel("call"),
        Cancel("unknown"),
        Cancel("t"),
        Await("v", AllOf((Made("fired"), Made("call"), AnyOf((Made("t"), WAIT))))),
        Return(V),
    )
    recording.each(fired(0), completed(1, "kept"), fired(2, 1))
    assert recording.last.status is RuntimeStatus.RUNNING
    recording.episode(raised("go", "came"), after_s=1)
    assert recording.output == [None, "kept", [1, "came"]]


def test_try_binds_the_activitys_own_message() -> None:
    """The handler sees the message that the activity raised, without the engine's words."""
    recording = recording_of(
        Try((Await("v", CALL), Return(V)), "e", (Return(Row((Variable("e"), V))),))
    )
    recording.episode(failed(0, "odd"))
    assert recording.output == ["odd", None]


def test_try_catches_what_its_own_body_raises_and_nothing_else() -> None:
    """Raised errors go to the nearest `Try`; a handler's own error goes on to the next."""
    inner = Try((Raise("a"),), "inner", (Raise("b"),))
    recording = recording_of(
        Try((inner, Return(Constant("not reached"))), "outer", ()),
        Return(Row((Variable("inner"), Variable("outer")))),
    )
    assert recording.output == ["a", "b"]


@pytest.mark.parametrize(
    "body",
    [
        (Raise("odd"),),
        (Try((Raise("even"),), "e", (Raise("odd"),)),),
        (Await("v", AllOf((CALL, CALL))),),
        (Try((Await("v", AllOf((CALL, CALL))),), "e", (Await("v", Made("no")), Raise("odd"))),),
    ],
)
def test_an_error_that_nobody_catches_fails_the_orchestration_with_its_message(
    body: tuple[Statement, ...],
) -> None:
    """The output is the engine's sentence around the program's message, the details are clean."""
    recording = recording_of(*body)
    if recording.last.status is RuntimeStatus.RUNNING:
        recording.episode(failed(1, "odd"))
    assert recording.last.status is RuntimeStatus.FAILED
    assert recording.output == "Orchestrator function 'orchestrator' failed: odd"
    assert failure_of(recording) == "odd"


def test_return_ends_all_blocks_at_once() -> None:
    """`Return` inside of If, Repeat and Try ends the orchestration; nothing behind it runs."""
    recording = recording_of(
        Let("v", Constant(0)),
        Repeat(
            5,
            (
                Let("v", Sum((V, Constant(1)))),
                Try((If(Sum((V, Constant(0))), (), (Return(V),)),), "e", (Return(Constant("e")),)),
            ),
        ),
        SetStatus(Constant("not reached")),
    )
    assert recording.output == 2
    assert recording.last.custom_status is None


def test_a_body_that_ends_returns_nothing() -> None:
    """Without `Return` the output is null; a loop of no times runs nothing."""
    recording = recording_of(Repeat(0, (Raise("no"),)), If(Constant(2), (Raise("no"),)))
    assert recording.last.status is RuntimeStatus.COMPLETED
    assert recording.output is None


def test_the_custom_status_is_set_and_cleared() -> None:
    """The last value stands; None clears it."""
    recording = recording_of(
        SetStatus(Row((Constant(1),))), Await("_", WAIT), SetStatus(Constant(None))
    )
    assert recording.last.custom_status == "[1]"
    assert recording.episode(raised("go")).custom_status is None


def test_a_terminated_orchestration_runs_no_handler() -> None:
    """`Try` does not catch the end: what its handler would do is not done."""
    recording = recording_of(
        Try((Await("v", CALL),), "e", (SetStatus(Constant("caught")), Await("v", CALL)))
    )
    decision = recording.episode(terminated("enough"))
    assert decision.status is RuntimeStatus.TERMINATED
    assert asked(decision) == []
    assert decision.custom_status is None


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("end", [GeneratorExit, ExecutionDropped, KeyboardInterrupt])
def test_no_program_catches_what_is_not_an_error_of_a_program(
    end: type[BaseException], style: Style
) -> None:
    """What closes a generator passes through every `Try` of it."""
    body = (Try((Try((Await("v", WAIT),), "e", (Raise("inner"),)),), "e", (Await("v", WAIT),)),)
    code = orchestrator_of(Orchestration("o", body), style=style)(DirectContext(None, Nobody()))
    code.send(None)
    with pytest.raises(end):
        code.throw(end())


PROGRAM = Program("p", (Orchestration("main", ()),), (ECHO,), script=(Start("a", "main"),))


def with_body(*body: Statement) -> Program:
    """Give the program this body."""
    return replace(PROGRAM, orchestrations=(Orchestration("main", body),))


def with_operation(statement: SetState | SignalEntity | StartDetached) -> Program:
    """Give the program an entity whose operation does this."""
    operation = Operation("o", (statement,), Constant(None))
    return replace(PROGRAM, entities=(Entity("e", 0, (operation,)),))


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("CallOrchestration", with_body(Await("v", CallOrchestration("unknown", Constant(1))))),
        ("StartDetached", with_body(StartDetached("unknown", Constant(1)))),
        ("CallEntity", with_body(Make("t", AllOf((CALL, CallEntity("e", "o", Constant(1))))))),
        ("SignalEntity", with_body(Repeat(2, (SignalEntity("e", "o", Constant(1)),)))),
        ("Signal", replace(PROGRAM, script=(Signal("e", "o"),))),
        ("Section", with_body(Try((), "e", (Section(("e",), ()),)))),
        ("Entity", replace(PROGRAM, entities=(Entity("E", 0, ()),))),
        ("Entity", replace(PROGRAM, entities=(Entity("e", None, ()),))),
        ("Clock", with_operation(SetState(Clock()))),
        ("SignalEntity", with_operation(SignalEntity("e", "o", Constant(1), 60))),
        ("StartDetached", with_operation(StartDetached("main", Constant(1)))),
        ("Clock", replace(PROGRAM, activities=(Activity("a", Sum((Clock(),))),))),
        ("CallActivity", with_body(Await("v", CallActivity("unknown", V)))),
        ("Start", replace(PROGRAM, script=(Start("a", "unknown"),))),
    ],
)
def test_what_the_engine_cannot_do_is_refused_by_name(name: str, program: Program) -> None:
    """A program with it anywhere is refused before anything runs."""
    assert registry_of(PROGRAM).orchestrators.keys() == {"main"}
    with pytest.raises(UnsupportedProgram, match=f"^{name}: "):
        registry_of(program)
