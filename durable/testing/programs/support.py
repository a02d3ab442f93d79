"""What of the language can run as code. The rest is refused by name, before anything runs."""

import re

from durable.testing.programs.errors import UnsupportedProgram
from durable.testing.programs.nodes import nodes_of
from durable.testing.programs.syntax import (
    CallActivity,
    CallEntity,
    CallOrchestration,
    Clock,
    Entity,
    Program,
    Section,
    Signal,
    SignalEntity,
    Start,
    StartDetached,
)

# In any store ids of such names are sorted as the names are: so lock sets are in one order.
ENTITY_NAME = re.compile("[a-z]+")


def refuse_unsupported(program: Program) -> None:
    """Raise `UnsupportedProgram` for the first thing in the program that can't run as code."""
    if any(isinstance(node, Clock) for node in nodes_of((program.activities, program.entities))):
        raise UnsupportedProgram("Clock: only an orchestration has the time of its episode.")
    for entity in program.entities:
        _refuse_unsupported_entity(entity)
    _refuse_unknown_names(program)
    _refuse_unknown_entities(program)


def _refuse_unsupported_entity(entity: Entity) -> None:
    if not ENTITY_NAME.fullmatch(entity.name):
        raise UnsupportedProgram(f"Entity: '{entity.name}' is not a name of small letters.")
    if entity.initial is None:
        raise UnsupportedProgram(f"Entity: '{entity.name}' begins with None, which is no state.")
    for node in nodes_of(entity.operations):
        if isinstance(node, SignalEntity) and node.after_s:
            raise UnsupportedProgram(
                "SignalEntity: an entity's can't be for later; it has no clock."
            )
        if isinstance(node, StartDetached) and node.instance_id is None:
            raise UnsupportedProgram("StartDetached: what an entity starts needs an id.")


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


def _refuse_unknown_entities(program: Program) -> None:
    operations = {
        (entity.name, operation.name)
        for entity in program.entities
        for operation in entity.operations
    }
    names = {entity.name for entity in program.entities}
    for node in nodes_of(program):
        kind = type(node).__name__
        match node:
            case CallEntity(entity, name) | SignalEntity(entity, name) | Signal(entity, name):
                if (entity, name) not in operations:
                    raise UnsupportedProgram(f"{kind}: entity '{entity}' has no '{name}'.")
            case Section(entities) if not names.issuperset(entities):
                raise UnsupportedProgram(f"{kind}: not all of {entities} are entities.")
            case _:
                pass
