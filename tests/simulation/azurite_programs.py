"""Which programs run on Azurite too, and how they are made short enough for real time.

Timers are short, but for far ones, which never fire there; and the hub comes to rest before callers
go on to what they do at a later time of the script.
"""

from dataclasses import fields, is_dataclass, replace
from itertools import pairwise
from typing import Any, cast

from hypothesis import HealthCheck, Phase, given, seed, settings

from durable.testing.programs.accounts import V, add, get, program_of, signal
from durable.testing.programs.bodies import NEVER, echo
from durable.testing.programs.handwritten import COMING, HANDWRITTEN, NAMED
from durable.testing.programs.nodes import nodes_of
from durable.testing.programs.strategies import confluent_programs
from durable.testing.programs.syntax import (
    AllOf,
    Await,
    Block,
    CallActivity,
    CallerAction,
    Clock,
    Constant,
    If,
    Program,
    RaiseEvent,
    Repeat,
    Retry,
    Return,
    Section,
    SetTimer,
    Signal,
    SignalEntity,
    Start,
    Sum,
    Terminate,
    Try,
    Variable,
)

TIMER_S_MAX = 1
# What is as late as this lies in the table of far timers, where no rest is disturbed by it.
FAR_S = 3600
PACE_S = 600
RANDOM_PROGRAMS = 4
DRAWN = 120
NODES = range(20, 120)
REAL_S_MAX = 6

# What is first is chance in these, and it shows: only what may come out is known.
BY_CHANCE = (
    "race, then its loser",
    "terminated with an event beside it",
    "two parents, one child id",
    "child against a start by a caller",
    "terminated while a child's start is under way",
    "resumed for nothing",
    "retries in a fan-out",
)

# A far timer fires in these, or one must be slower than something else; or something is done to
# what no longer runs when the hub has come to rest before.
TOO_LONG = (
    "timer race, won by the timer",
    "far timers due at once",
    "cancelled timer, waited for",
    "retry beaten by a timer",
    "retry until an id is free",
    "terminated, what it detached is not",
    "suspended while activities run",
    "suspended twice, resumed twice",
    "parent suspended while its child ends",
    "purged while alive",
    "receiver purged and born again",
    "child purged, then called again",
    "started for much later",
    "child whose id is to start later",
    "purged between two messages of a stream",
    "detached onto a purged id",
)
# By the properties of docs/semantics.md that they show; all of them show G1 and G4.
OF_ENTITIES = {
    "calls and signals of one sender, in order": "G2, G5",
    "a failed operation between others": "G5, G6, G8",
    "an entity signals another and itself": "G7, G8",
    "an entity starts an orchestration": "G7, G8",
    "signals of callers": "G3",
    "a signal for later": "G3",
    "a transfer between two accounts, and an audit": "H1, H2, H3",
    "two lockers in opposite order": "H1, H2, H3",
    "a signal, then a lock, then a call": "H7",
    "a call that nobody waits for, then out of the section": "H7, H8",
    "broken rules, caught inside": "H4",
    "an error inside a section, not caught": "H5",
    "continued as new from inside a section": "H5",
    "terminated inside a section": "H5",
    "a lock of a hot entity": "H2, H9",
}
# H2, H8 and H5. They have one outcome too: a change between the two looks would make the sum odd.
ON_AZURITE_ALONE = (
    program_of(
        "a section that takes its time",
        (
            Section(
                ("alice",),
                (
                    Await("before", get("alice")),
                    Await("_", AllOf((echo(1), SetTimer(30)))),
                    Await("after", get("alice")),
                ),
            ),
            If(
                Sum((Variable("before"), Variable("after"))),
                (Return(Constant("disturbed")),),
                (Return(Constant("alone")),),
            ),
        ),
        Start("b", "other"),
        Signal("alice", "add", 1),
        other=(signal("alice", 1), Await("v", add("alice", 1)), Return(Constant("added"))),
    ),
    program_of(
        "terminated while it waits for a lock, and while it holds one",
        (Section(("bob",), (Await("_", NEVER),)),),
        Start("b", "other", at_s=5),
        Terminate("b", "enough", 10),
        Signal("alice", "add", 1, 15),
        Start("c", "locks bob", 7, 20),
        Terminate("a", "enough", 30),
        other=(Section(("alice", "bob", "carol"), (Await("v", add("alice", 1)),)), Return(V)),
    ),
)
# What is terminated here waits for a timer of this length, which so is a far one.
WAITED_FOR_S = 30


def single_instances() -> list[Program]:
    """List every third program of one orchestration and its callers."""
    return [sampled(program) for program in HANDWRITTEN if _is_comparable(program)][::3]


def families_and_lives() -> list[Program]:
    """List every third program of several instances, executions and lives."""
    return [sampled(program) for program in COMING if _is_comparable(program)][::3]


def entities_and_sections() -> list[Program]:
    """List programs that between them show the properties of entities and sections."""
    written = (*(NAMED[name] for name in OF_ENTITIES), *ON_AZURITE_ALONE)
    return [sampled(program) for program in written]


def _is_comparable(program: Program) -> bool:
    looks_at_the_clock = any(isinstance(node, Clock) for node in nodes_of(program))
    return program.name not in TOO_LONG and not looks_at_the_clock


def sampled(program: Program) -> Program:
    """Make timers short, and the times of the script so far apart that the hub rests in between."""
    ends = any(isinstance(action, Terminate) for action in program.script)
    shorter = cast("Program", _with_short_timers(program, WAITED_FOR_S if ends else FAR_S))
    script: list[CallerAction] = []
    times = 0
    for before, action in pairwise((None, *shorter.script)):
        assert action is not None
        times += before is not None and _rests_between(before, action)
        script.append(replace(action, at_s=PACE_S * times))
    return replace(shorter, script=tuple(script))


def _rests_between(before: CallerAction, action: CallerAction) -> bool:
    """At another time; and where the order in which two events come would show in the history."""
    match before, action:
        case RaiseEvent(), RaiseEvent() if before.name == action.name:
            in_order = before.instance_id == action.instance_id and before.data != action.data
        case _:
            in_order = False
    return in_order or before.at_s != action.at_s


def _with_short_timers(tree: Any, far_s: int) -> Any:
    if isinstance(tree, tuple):
        return tuple(_with_short_timers(each, far_s) for each in tree)
    if not is_dataclass(tree) or isinstance(tree, type):
        return tree
    parts = {f.name: _with_short_timers(getattr(tree, f.name), far_s) for f in fields(tree)}
    return _shortened(replace(tree, **parts), far_s)


def _shortened(node: Any, far_s: int) -> Any:
    match node:
        case SetTimer(after_s):
            return SetTimer(FAR_S if after_s >= far_s else min(after_s, TIMER_S_MAX))
        case Retry():
            return replace(node, first_s=TIMER_S_MAX, coefficient=1)
        case Start():
            return replace(node, delay_s=min(node.delay_s, TIMER_S_MAX))
        case Signal() | SignalEntity():
            return replace(node, after_s=min(node.after_s, TIMER_S_MAX))
        case _:
            return node


def drawn() -> list[Program]:
    """Draw random programs with one outcome: always the same, neither trivial nor slow."""
    found: dict[Any, Program] = {}

    @seed(1)
    @settings(
        max_examples=DRAWN,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(confluent_programs())
    def each(program: Program) -> None:
        nodes = list(nodes_of(program.orchestrations))
        calls = any(isinstance(node, CallActivity) for node in nodes)
        slowest = max(_seconds_of(each.body) for each in program.orchestrations)
        if len(nodes) in NODES and calls and slowest <= REAL_S_MAX:
            found[program.orchestrations] = sampled(program)

    each()
    # Those in which callers do most.
    return sorted(found.values(), key=lambda each: -len(each.script))[:RANDOM_PROGRAMS]


def _seconds_of(block: Block) -> int:
    """Say how long timers can hold up a block at most, when all are short."""
    seconds = 0
    for statement in block:
        match statement:
            case Repeat(times, body):
                seconds += times * _seconds_of(body)
            case Try(body, _, handler):
                seconds += _seconds_of(body) + _seconds_of(handler)
            case If(_, then, otherwise):
                seconds += max(_seconds_of(then), _seconds_of(otherwise))
            case _:
                # Timers of one statement run side by side; the service counts whole seconds.
                seconds += 2 * any(isinstance(node, SetTimer) for node in nodes_of(statement))
    return seconds


def has_far_timers(program: Program) -> bool:
    """Whether a timer is left that never fires."""
    timers = [node for node in nodes_of(program) if isinstance(node, SetTimer)]
    return any(timer.after_s >= FAR_S for timer in timers)
