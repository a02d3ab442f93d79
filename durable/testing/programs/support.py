"""What of the language can run as code today. The rest is refused by name, before anything runs."""

from durable.testing.programs.errors import UnsupportedProgram
from durable.testing.programs.nodes import nodes_of
from durable.testing.programs.syntax import (
    CallActivity,
    CallEntity,
    CallOrchestration,
    Clock,
    Program,
    Section,
    SignalEntity,
    Start,
    StartDetached,
)

# Struck from this list as the engine learns them.
UNSUPPORTED = (CallEntity, SignalEntity, Section)


def refuse_unsupported(program: Program) -> None:
    """Raise `UnsupportedProgram` for the first thing in the program that can't run as code."""
    if program.entities:
        raise UnsupportedProgram(f"Entity: '{program.entities[0].name}'; the engine has none yet.")
    for node in nodes_of(program.orchestrations):
        if isinstance(node, UNSUPPORTED):
            raise UnsupportedProgram(f"{type(node).__name__}: the engine can't do it yet.")
    if any(isinstance(node, Clock) for node in nodes_of(program.activities)):
        raise UnsupportedProgram("Clock: only an orchestration has the time of its episode.")
    _refuse_unknown_names(program)


def _refuse_unknown_names(program: Program) -> None:
    """The engine holds an instance whose function is missing: it hopes for a host that has it."""
    activities = {activity.name for activity in program.activities}
    orchestrations = {orchestration.name for orchestration in program.orchestrations}
    for node in nodes_of(program):
        if isinstance(node, CallActivity) and node.name not in activities:
            raise UnsupportedProgram(f"CallActivity: there is no activity '{node.name}'.")
        if isinstance(node, CallOrchestration | StartDetached) and node.name not in orchestrations:
            kind = type(node).__name__
            raise UnsupportedProgram(f"{kind}: there is no orchestration '{node.name}'.")
        if isinstance(node, Start) and node.orchestration not in orchestrations:
            raise UnsupportedProgram(f"Start: there is no orchestration '{node.orchestration}'.")
