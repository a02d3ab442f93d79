"""Calls of entities, and critical sections, as the code of the direct run sees them.

What is forbidden inside a section is said a third time here, beside the engine and the
specification: of three readings of one rule a wrong one shows.
"""

from collections.abc import Callable, Iterable
from typing import Any, Self

from durable.testing.programs.direct_tasks import DirectChild, DirectRetry, Leaf

SECOND_CALL = (
    "Must not call an entity from a critical section "
    "while a prior call to the same entity is still pending."
)
CALL_OF_UNLOCKED = (
    "Must not call an entity from a critical section if it is not one of the locked entities."
)
CHILD = "While holding locks, cannot call suborchestrators."
SIGNAL_TO_LOCKED = "Must not signal a locked entity from a critical section."
NESTED = "Must not enter another critical section from within a critical section."
EMPTY = "The list of entities to lock must not be empty."


class DirectOperation(Leaf):
    """A call of an entity."""

    def __init__(self, entity: str, operation: str, argument: Any) -> None:
        """Remember what to call."""
        super().__init__()
        self.entity = entity
        self.operation = operation
        self.argument = argument


class DirectSection:
    """A critical section: the entities that it locks, and the calls that were made inside it."""

    def __init__(self, entities: Iterable[str], leave: Callable[["DirectSection"], None]) -> None:
        """Remember whom to tell at the end."""
        self.entities = frozenset(entities)
        self.calls: list[DirectOperation] = []
        self._leave = leave

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave(self)

    def broken_by(self, wanted: Iterable[Leaf]) -> str | None:
        """Say which rule is broken by asking for these, each once, from left to right."""
        called = {call.entity for call in self.calls if not call.is_completed}
        for leaf in dict.fromkeys(wanted):
            if isinstance(leaf, DirectRetry) and leaf.is_of_child and not leaf.is_completed:
                return CHILD
            if leaf.is_scheduled:
                continue
            if isinstance(leaf, DirectChild):
                return CHILD
            if isinstance(leaf, DirectOperation):
                if leaf.entity not in self.entities:
                    return CALL_OF_UNLOCKED
                if leaf.entity in called:
                    return SECOND_CALL
                called.add(leaf.entity)
        return None


class DirectLock(Leaf):
    """A wait for the locks of a section; its value is the section."""

    def __init__(self, section: DirectSection) -> None:
        """Remember for which."""
        super().__init__()
        self.section = section

    async def __aenter__(self) -> DirectSection:
        await self
        return self.section

    async def __aexit__(self, *_: object) -> None:
        self.section.__exit__()
