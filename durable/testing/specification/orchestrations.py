"""One execution of an orchestration: `begin` it, then `apply` what happens, one input at a time.

Pure: a state and an input give a state and effects. `machine` runs the code, `waiting` keeps the
tasks; their rules are said there.
"""

from dataclasses import dataclass
from datetime import datetime

from durable.testing.programs.syntax import Program, Value
from durable.testing.specification.effects import Effect, Ended
from durable.testing.specification.executions import Frame, Orchestrating
from durable.testing.specification.inputs import EventArrived, Input, Terminated
from durable.testing.specification.machine import STATEMENTS_MAX, Machine, RunawayError
from durable.testing.specification.waiting import WrongAnswerError

__all__ = [
    "STATEMENTS_MAX",
    "Orchestrating",
    "RunawayError",
    "Step",
    "WrongAnswerError",
    "apply",
    "begin",
    "end_before_it_began",
]


@dataclass(frozen=True, slots=True)
class Step:
    """What one input leads to: the state after it, and what was asked for on the way."""

    state: Orchestrating
    effects: tuple[Effect, ...]


def begin(
    program: Program,
    name: str,
    argument: Value,
    time: datetime,
    *,
    custom_status: Value = None,
    unread: tuple[EventArrived, ...] = (),
) -> Step:
    """Run an orchestration to its first wait (paper 4.3, StartNew-Fresh: `busy (f c)`).

    `custom_status` and `unread` are what the execution before it left, if that continued as new
    (ours, decision 12). `RunawayError` if the code never waits.
    """
    state = Orchestrating(
        name=name,
        custom_status=custom_status,
        unread=unread,
        frames=(Frame(0),),
        variables=(("input", argument),),
    )
    machine = Machine(program, state, time)
    machine.run()
    return Step(machine.freeze(), tuple(machine.effects))


def end_before_it_began(name: str, reason: str | None, *, custom_status: Value = None) -> Step:
    """Terminate an accepted execution of which no statement has run (ours, decision 1)."""
    state = Orchestrating(name, "Terminated", reason, custom_status)
    return Step(state, (Ended("Terminated", reason),))


def apply(program: Program, state: Orchestrating, input_: Input, time: datetime) -> Step:
    """Apply one input in the episode of this time, and run on as far as the code can go.

    Changes nothing once the execution is over. `WrongAnswerError` for an answer of the wrong kind,
    `RunawayError` if the code never waits.
    """
    if state.status != "Running":
        return Step(state, ())
    machine = Machine(program, state, time)
    match input_:
        case Terminated(reason):
            # Ours, decision 1: at once, without another statement of the code.
            machine.end("Terminated", reason)
        case EventArrived():
            machine.waiting.arrive(input_)
        case _:
            machine.waiting.answer(input_)
    machine.run()
    return Step(machine.freeze(), tuple(machine.effects))
