"""Bodies at random whose end does not depend on the schedule. Needs Hypothesis.

Rule 1. What wins a race is known beforehand, or does not show.
Rule 2. All failures have one message: a program calls one failing activity at most.
Rule 3. What may fail and what takes events are never awaited together: an all-of that failed early
        would leave it to chance which of its waits took an event.
Rule 4. No name of a task is made twice by two statements, and no timer is cancelled that may be
        about to fire.
Rule 5. Nothing looks at the clock.
Rule 6. Children without an id are asked for in one order: no retry is of a child.
"""

from collections.abc import Callable
from functools import cache

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from durable.testing.programs.syntax import (
    Activity,
    AllOf,
    AnyOf,
    Await,
    Block,
    CallActivity,
    Cancel,
    If,
    Let,
    Made,
    Make,
    Raise,
    Repeat,
    SetStatus,
    SetTimer,
    Task,
    Try,
    WaitForEvent,
)
from durable.testing.programs.vocabulary import (
    ECHO,
    EVENTS,
    INCREMENT,
    NEST_MAX,
    NEVER,
    SMALL_VALUES,
    TIMERS,
    VALUES,
    VARIABLE_NAMES,
    VARIABLE_VALUES,
    calls,
    child_calls,
    often,
)


# Made once: to make strategies takes longer than to draw from them.
@cache
def _taking_events(*, has_children: bool) -> SearchStrategy[Task]:
    return st.one_of(
        calls(ECHO, INCREMENT),
        TIMERS,
        *often(st.builds(WaitForEvent, st.sampled_from(EVENTS)), 4),
        *([child_calls()] if has_children else []),
    )


@cache
def _may_fail(failing: Activity, *, has_children: bool) -> SearchStrategy[Task]:
    children = often(child_calls(failing), 2) if has_children else []
    return st.one_of(calls(ECHO, INCREMENT, failing), TIMERS, *children)


@cache
def _racers(failing: Activity, *, has_children: bool) -> SearchStrategy[list[Task]]:
    racer = st.one_of(_may_fail(failing, has_children=has_children), st.just(NEVER))
    return st.lists(racer, min_size=2, max_size=3)


@cache
def _fans(*activities: Activity) -> SearchStrategy[list[CallActivity]]:
    return st.lists(calls(*activities), min_size=2, max_size=5)


# Nobody reads this variable.
UNSEEN = "unseen"


class OneOutcome:
    """Draws one body."""

    def __init__(self, draw: DrawFn, failing: Activity, *, has_children: bool = False) -> None:
        """Draw by `draw`; only this activity may fail, and with it the child that calls it."""
        self._has_children = has_children
        self._draw = draw
        self._failing = failing
        # Whether they take events → the names of tasks that were made.
        self._made: dict[bool, list[str]] = {False: [], True: []}
        self._names = 0

    def body(self, *, nest: int = 0, statements_max: int = 6) -> Block:
        """Draw a block."""
        kinds: list[Callable[[int], Block]] = [
            self._let,
            *[self._await] * 5,  # it is what programs are about
            self._status,
            self._make,
            self._unseen_race,
            self._cancelled_timer,
            self._fired_timer,
        ]
        if nest > 0:
            kinds.append(self._raise)
        if nest < NEST_MAX:
            kinds += [self._try, self._if, self._repeat]
        count = self._draw(st.integers(1, statements_max))
        drawn = (self._draw(st.sampled_from(kinds))(nest) for _ in range(count))
        return tuple(statement for statements in drawn for statement in statements)

    def _inner(self, nest: int) -> Block:
        return self.body(nest=nest + 1, statements_max=2)

    def _let(self, _: int) -> Block:
        return (Let(self._draw(VARIABLE_NAMES), self._draw(VALUES)),)

    def _status(self, _: int) -> Block:
        return (SetStatus(self._draw(SMALL_VALUES)),)

    def _raise(self, _: int) -> Block:
        return (Raise("raised"),)

    def _await(self, _: int) -> Block:
        takes_events = self._draw(st.booleans())
        return (Await(self._draw(VARIABLE_NAMES), self._task(takes_events=takes_events)),)

    def _make(self, _: int) -> Block:
        takes_events = self._draw(st.booleans())
        task, name = self._task(takes_events=takes_events), self._new_name()
        self._made[takes_events].append(name)
        return (Make(name, task),)

    def _unseen_race(self, _: int) -> Block:
        racers = _racers(self._failing, has_children=self._has_children)
        return (Await(UNSEEN, AnyOf(tuple(self._draw(racers)))),)

    def _cancelled_timer(self, _: int) -> Block:
        name = self._new_name()
        race = AnyOf((Made(name), self._draw(calls(ECHO, INCREMENT))))
        return (
            Make(name, SetTimer(1)),
            Cancel(name),
            Await(self._draw(VARIABLE_NAMES), race),
        )

    def _fired_timer(self, _: int) -> Block:
        name = self._new_name()
        return (
            Make(name, self._draw(TIMERS)),
            Await(UNSEEN, Made(name)),
            Cancel(name),
            Await(self._draw(VARIABLE_NAMES), AnyOf((Made(name), NEVER))),
        )

    def _try(self, nest: int) -> Block:
        return (Try(self._inner(nest), "error", self._inner(nest)),)

    def _if(self, nest: int) -> Block:
        return (If(self._draw(VARIABLE_VALUES), self._inner(nest), self._inner(nest)),)

    def _repeat(self, nest: int) -> Block:
        return (Repeat(self._draw(st.integers(0, 3 - nest)), self._inner(nest)),)

    def _new_name(self) -> str:
        self._names += 1
        return f"t{self._names}"

    def _task(self, *, takes_events: bool, nest: int = 0) -> Task:
        kinds = ["leaf", "leaf", "made"]
        if nest < NEST_MAX:
            kinds += ["all", "fan", "any", "never"]
        match self._draw(st.sampled_from(kinds)):
            case "made" if self._made[takes_events]:
                return Made(self._draw(st.sampled_from(self._made[takes_events])))
            case "all":
                return AllOf(self._children(3, takes_events=takes_events, nest=nest))
            case "fan":
                fans = _fans(INCREMENT) if takes_events else _fans(INCREMENT, self._failing)
                return AllOf(tuple(self._draw(fans)))
            case "any":
                return AnyOf(self._children(1, takes_events=takes_events, nest=nest))
            case "never":
                return AnyOf((NEVER, self._task(takes_events=takes_events, nest=nest + 1)))
            case _:
                return self._draw(self._leaves(takes_events=takes_events))

    def _children(self, count_max: int, *, takes_events: bool, nest: int) -> tuple[Task, ...]:
        count = self._draw(st.integers(0, count_max))
        return tuple(self._task(takes_events=takes_events, nest=nest + 1) for _ in range(count))

    def _leaves(self, *, takes_events: bool) -> SearchStrategy[Task]:
        if takes_events:
            return _taking_events(has_children=self._has_children)
        return _may_fail(self._failing, has_children=self._has_children)
