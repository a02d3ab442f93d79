"""Programs written by hand, each for one thing that can go wrong; small enough for every fault.

`CONFLUENT` names those with one outcome, whatever the schedule: when a timer fires beside other
things, in which order messages arrive, and who wins a race must not show in them. Caller actions
are taken to happen in the order of the script, whenever they happen.
"""

from durable.testing.programs import (
    bodies,
    contested_sections,
    corners,
    families,
    lifecycles,
    sections,
    signals,
)
from durable.testing.programs.syntax import (
    Block,
    CallerAction,
    Orchestration,
    Program,
    RaiseEvent,
    Start,
    Terminate,
    Value,
)

LARGE = "x" * bodies.LARGE_CHARS


def _program(name: str, body: Block, *script: CallerAction, argument: Value = 0) -> Program:
    """One orchestration, and one instance of it that is started first."""
    start = Start("a", "main", argument)
    main = Orchestration("main", body)
    return Program(name, (main,), bodies.ACTIVITIES, script=(start, *script))


def _events(name: str, *data: Value, at_s: int = 1, apart_s: int = 0) -> tuple[RaiseEvent, ...]:
    return tuple(
        RaiseEvent("a", name, datum, at_s + apart_s * index) for index, datum in enumerate(data)
    )


_CONFLUENT = (
    _program("sequence of 5", bodies.SEQUENCE),
    _program("fan-out of 8", bodies.fan(8)),
    _program("fan-out of 25", bodies.fan(25)),
    _program("bursts", bodies.BURSTS, *_events("number", 10, 20, 30)),
    _program("timer race, won by the timer", bodies.RACE),
    _program("events, an activity after each", bodies.EVENTS, *_events("number", 1, 2, 3)),
    _program("failure, caught", bodies.CAUGHT),
    _program("failure, not caught", bodies.UNCAUGHT),
    _program("failure beside siblings that run on", bodies.SIBLINGS),
    _program("tasks shared and awaited again", bodies.SHARED),
    _program("an answer after the end", bodies.FIRST_OF_THREE),
    _program("custom status, kept", bodies.STATUS),
    _program("custom status, cleared", bodies.STATUS, argument=1),
    _program("started while alive", bodies.GO, Start("a", "main", 7, 1), *_events("go", 1, at_s=2)),
    # Messages of one second arrive in any order: what is behind the end must do nothing.
    _program(
        "messages to a finished instance",
        bodies.GO,
        *_events("go", 1, 1, at_s=5),
        Terminate("b", "nobody is there", 5),
        *_events("go", 1, at_s=2 * bodies.HOUR_S),
    ),
    # Whether the second start is refused or begins a second life, the end is the same.
    _program(
        "started again with the same input",
        bodies.SHORT,
        Start("a", "main", 0, bodies.HOUR_S),
    ),
    _program(
        "two instances",
        bodies.TWICE,
        Start("b", "main", 100),
        *_events("go", 1),
        RaiseEvent("b", "go", 2, 1),
    ),
    _program("nested tasks", bodies.NESTED),
    _program("timers due at once", bodies.TIMERS),
    _program("cancelled timer", bodies.CANCELLED),
    _program("large values", bodies.LARGE, argument=LARGE),
    _program("far timers due at once", bodies.FAR_TIMERS),
    _program("ties", bodies.TIES),
    _program("large values in bursts", bodies.LARGE_BURSTS, *_events("text", LARGE, LARGE + "y")),
)

_RACING = (
    # Its custom status is not shown if the terminate comes before the code has run.
    _program("terminated", bodies.OUTSTANDING, Terminate("a", "enough", 1)),
    _program("timer race, won by the event", bodies.RACE, *_events("go", 41, at_s=60)),
    _program(
        "events in order",
        bodies.EVENTS_IN_ORDER,
        *_events("number", 1, 2, 3, apart_s=bodies.HOUR_S),
    ),
    _program("race, then its loser", bodies.LOSER),
    _program("lost race, its event kept", bodies.KEPT_EVENT, *_events("go", 1, at_s=60)),
    _program(
        "terminated with an event beside it",
        bodies.GO,
        *_events("go", 1, at_s=5),
        Terminate("a", "enough", 5),
    ),
    _program(
        "started again with another input", bodies.SHORT, Start("a", "main", 100, bodies.HOUR_S)
    ),
    _program("clock between timers", bodies.CLOCK),
    _program("cancelled timer, waited for", bodies.CANCELLED_AND_WAITED_FOR),
    _program("terminated where errors are caught", bodies.DEAF, Terminate("a", "enough", 5)),
    # What is left of the first life must do nothing to the second.
    _program(
        "terminated, then started again",
        bodies.OUTSTANDING,
        Terminate("a", "enough", 1),
        Start("a", "main", 1, 2),
        Terminate("a", "enough again", 60),
    ),
    _program("large values, twice", bodies.LARGE, Start("a", "main", LARGE, 60), argument=LARGE),
    _program(
        "messages of one life for the next",
        bodies.GO,
        *_events("go", 1, at_s=5),
        Terminate("a", "enough", 5),
        Start("a", "main", 7, 30),
        *_events("go", 2, at_s=bodies.HOUR_S),
    ),
)

# What the engine has learnt with issue 5: several instances and executions, and whole lives.
COMING: tuple[Program, ...] = (
    *families.CONFLUENT,
    *lifecycles.CONFLUENT,
    *corners.CONFLUENT,
    *families.RACING,
    *lifecycles.RACING,
    *corners.RACING,
)
HANDWRITTEN: tuple[Program, ...] = (*_CONFLUENT, *_RACING)
WRITTEN: tuple[Program, ...] = (*HANDWRITTEN, *COMING)
# Entities and critical sections: under faults in slices of their own.
SECTION_PROGRAMS: tuple[Program, ...] = (
    *signals.CONFLUENT,
    *sections.CONFLUENT,
    *signals.RACING,
    *contested_sections.RACING,
)
NAMED: dict[str, Program] = {program.name: program for program in (*WRITTEN, *SECTION_PROGRAMS)}
CONFLUENT: frozenset[str] = frozenset(
    program.name
    for program in (
        *_CONFLUENT,
        *families.CONFLUENT,
        *lifecycles.CONFLUENT,
        *corners.CONFLUENT,
        *signals.CONFLUENT,
        *sections.CONFLUENT,
    )
)
