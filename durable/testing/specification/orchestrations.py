"""One execution of an orchestration: `begin` it, then `apply` what happens, one input at a time.

Pure: a state and an input give a state and effects. `machine` runs the code, `waiting` keeps the
tasks; their rules are said there.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from durable.testing.programs.syntax import Program, Value
from durable.testing.specification.effects import ContinuedAsNew, Effect, Ended
from durable.testing.specification.executions import Frame, Orchestrating
from durable.testing.specification.inputs import (
    Answer,
    EventArrived,
    Input,
    Resumed,
    Suspended,
    Terminated,
)
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


def end_before_it_began(name: str, end: Terminated, *, custom_status: Value = None) -> Step:
    """Terminate an accepted execution of which no statement has run (ours, decision 1)."""
    state = Orchestrating(name, "Terminated", end.reason, custom_status)
    return Step(state, (Ended("Terminated", end.reason, end.is_recursive),))


def apply(program: Program, state: Orchestrating, input_: Input, time: datetime) -> Step:
    """Apply one input in the episode of this time, and run on as far as the code can go.

    Changes nothing once the execution is over. `WrongAnswerError` for an answer of the wrong kind,
    `RunawayError` if the code never waits.
    """
    if state.is_over:
        return Step(state, ())
    match input_:
        case Suspended():
            return Step(replace(state, status="Suspended"), ())
        case Resumed():
            return _resume(program, replace(state, status="Running", held=()), state.held, time)
        case _ if state.status == "Suspended" and not isinstance(input_, Terminated):
            return Step(replace(state, held=(*state.held, input_)), ())
        case _:
            return _advance(program, state, input_, time)


def _advance(
    program: Program,
    state: Orchestrating,
    input_: Answer | EventArrived | Terminated,
    time: datetime,
) -> Step:
    machine = Machine(program, state, time)
    match input_:
        case Terminated(reason, is_recursive):
            # Ours, decision 1: at once, without another statement of the code.
            machine.end("Terminated", reason, ends_children=is_recursive)
        case EventArrived():
            machine.waiting.arrive(input_)
        case _:
            machine.waiting.answer(input_)
    machine.run()
    return Step(machine.freeze(), tuple(machine.effects))


def _resume(
    program: Program, state: Orchestrating, held: tuple[Input, ...], time: datetime
) -> Step:
    """Apply what was held one by one, in order, in the one episode (ours, decision 16).

    If the code continues as new on the way, the rest goes the way of what was not read: events to
    the new execution, answers to nobody (ours, decision 12).
    """
    effects: list[Effect] = []
    for at, input_ in enumerate(held):
        step = apply(program, state, input_, time)
        state, found = step.state, list(step.effects)
        if found and isinstance(found[-1], ContinuedAsNew):
            rest = tuple(each for each in held[at + 1 :] if isinstance(each, EventArrived))
            found[-1] = replace(found[-1], unread=(*found[-1].unread, *rest))
        effects += found
        if state.is_over:
            break
    return Step(state, tuple(effects))
