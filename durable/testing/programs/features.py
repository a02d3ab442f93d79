"""Name what a program uses, so that statistics can say what was covered."""

from collections import Counter

from durable.testing.programs.nodes import nodes_of
from durable.testing.programs.syntax import (
    AllOf,
    AnyOf,
    CallActivity,
    CallOrchestration,
    Constant,
    Make,
    Program,
    Retry,
    Start,
    StartDetached,
)

FAN_WIDTH = 3
LARGE_CHARS = 16_000


def features(program: Program) -> frozenset[str]:
    """List the constructs by their class names, and in words what they come to together."""
    nodes = list(nodes_of(program))
    found = {type(node).__name__ for node in nodes} - {"Program"}
    failing = {activity.name for activity in program.activities if activity.fails_if is not None}
    starts = Counter(action.instance_id for action in program.script if isinstance(action, Start))
    makes = {node.name for node in nodes if isinstance(node, Make)}
    told = {
        "failing activity": any(isinstance(n, CallActivity) and n.name in failing for n in nodes),
        "fan-out": any(isinstance(n, AllOf) and len(n.tasks) >= FAN_WIDTH for n in nodes),
        "race": any(isinstance(n, AnyOf) and len(n.tasks) > 1 for n in nodes),
        "nested tasks": any(
            isinstance(n, AllOf | AnyOf) and any(isinstance(t, AllOf | AnyOf) for t in n.tasks)
            for n in nodes
        ),
        "task by name": bool(makes),
        "several instances": len(starts) > 1,
        "called by name": any(
            isinstance(n, CallOrchestration | StartDetached) and n.instance_id for n in nodes
        ),
        "retry in a group": any(
            isinstance(n, AllOf | AnyOf) and any(isinstance(t, Retry) for t in n.tasks)
            for n in nodes
        ),
        "second start": any(count > 1 for count in starts.values()),
        "large value": any(isinstance(n, Constant) and _is_large(n.value) for n in nodes),
    }
    return frozenset(found | {feature for feature, is_there in told.items() if is_there})


def _is_large(value: object) -> bool:
    return isinstance(value, str) and len(value) > LARGE_CHARS
