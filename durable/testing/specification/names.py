"""Names: which function a name means. One that means none is the fault of the program."""

from durable.testing.programs.syntax import Activity, Entity, Operation, Orchestration, Program


class UnknownNameError(LookupError):
    """A program uses a function that it does not have."""


def orchestration_named(program: Program, name: str) -> Orchestration:
    """Find an orchestrator function."""
    for orchestration in program.orchestrations:
        if orchestration.name == name:
            return orchestration
    raise UnknownNameError(f"Program '{program.name}' has no orchestration '{name}'.")


def activity_named(program: Program, name: str) -> Activity:
    """Find an activity function."""
    for activity in program.activities:
        if activity.name == name:
            return activity
    raise UnknownNameError(f"Program '{program.name}' has no activity '{name}'.")


def entity_named(program: Program, name: str) -> Entity:
    """Find an entity."""
    for entity in program.entities:
        if entity.name == name:
            return entity
    raise UnknownNameError(f"Program '{program.name}' has no entity '{name}'.")


def operation_named(entity: Entity, name: str) -> Operation:
    """Find an operation of an entity."""
    for operation in entity.operations:
        if operation.name == name:
            return operation
    raise UnknownNameError(f"Entity '{entity.name}' has no operation '{name}'.")
