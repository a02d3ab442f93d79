"""The entities of the direct run: what was sent to them waits in one line, in order of arrival.

Rule 1. Served is the first in the line that may be: nothing of its sender's is before it at the
        same entity, and nobody else holds that. All locks of a section are taken at once.
Rule 2. A release stands in the line like everything else; a lock that waits still is taken back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from durable.testing.programs.code import Style
from durable.testing.programs.direct_sections import DirectSection
from durable.testing.programs.entity_code import class_of, function_of
from durable.testing.programs.errors import ProgramError
from durable.testing.programs.syntax import Entity, Value


@dataclass(eq=False, slots=True)
class Operation:
    """Run this; without an `answer` it is a signal. `origin` is whoever keeps an order."""

    origin: object
    entity: str
    name: str
    argument: Value
    answer: Callable[[Value, str | None], None] | None = None

    @property
    def entities(self) -> frozenset[str]:
        """Where it waits."""
        return frozenset({self.entity})


@dataclass(eq=False, slots=True)
class Locking:
    """Lock all entities of a section."""

    origin: object
    section: DirectSection
    granted: Callable[[], None]

    @property
    def entities(self) -> frozenset[str]:
        """Where it waits."""
        return self.section.entities


@dataclass(eq=False, slots=True)
class Unlocking:
    """Release one entity of a section."""

    origin: object
    entity: str

    @property
    def entities(self) -> frozenset[str]:
        """Where it waits."""
        return frozenset({self.entity})


class Outside(Protocol):
    """What entities ask of the run that they are part of."""

    def signal_from(self, sender: str, entity: str, operation: str, argument: Value) -> None:
        """Send an operation from an entity."""
        ...

    def start_from_entity(self, name: str, argument: Value, instance_id: str) -> None:
        """Start an instance that owes no answer."""
        ...


class DirectEntities:
    """All entities, and the line before them."""

    def __init__(self, entities: tuple[Entity, ...], style: Style, outside: Outside) -> None:
        """Begin with the initial states."""
        self.states: dict[str, Value] = {entity.name: entity.initial for entity in entities}
        self._entities = {entity.name: entity for entity in entities}
        self._style = style
        self._outside = outside
        self._holders: dict[str, object] = {}
        self._line: list[Operation | Locking | Unlocking] = []

    def take(self, sent: Operation | Locking) -> None:
        """Let something arrive."""
        self._line.append(sent)
        self._serve()

    def leave(self, origin: object, section: DirectSection) -> None:
        """Release what a section holds, or take its request back."""
        waiting = [
            each for each in self._line if isinstance(each, Locking) and each.section is section
        ]
        if waiting:
            self._line.remove(waiting[0])
        else:
            self._line += [Unlocking(origin, entity) for entity in sorted(section.entities)]
        self._serve()

    def _serve(self) -> None:
        while (place := self._first_that_may()) is not None:
            match self._line.pop(place):
                case Operation() as operation:
                    self._run(operation)
                case Locking() as locking:
                    self._holders.update(dict.fromkeys(locking.entities, locking.origin))
                    locking.granted()
                case Unlocking() as unlocking:
                    del self._holders[unlocking.entity]

    def _first_that_may(self) -> int | None:
        before: set[tuple[object, str]] = set()
        for place, each in enumerate(self._line):
            mine = {(each.origin, entity) for entity in each.entities}
            if not mine & before and self._may(each):
                return place
            before |= mine
        return None

    def _may(self, sent: Operation | Locking | Unlocking) -> bool:
        holders = {self._holders[entity] for entity in sent.entities if entity in self._holders}
        return not holders if isinstance(sent, Locking) else holders <= {sent.origin}

    def _run(self, sent: Operation) -> None:
        context = DirectEntityContext(sent.name, sent.argument, self.states[sent.entity])
        try:
            self._call(self._entities[sent.entity], context)
        except ProgramError as error:
            if sent.answer is not None:
                sent.answer(None, str(error))
            return
        self.states[sent.entity] = context.state
        for send in context.sends:
            send(self._outside, sent.entity)
        if sent.answer is not None:
            sent.answer(context.result, None)

    def _call(self, entity: Entity, context: "DirectEntityContext") -> None:
        if self._style == "generator":
            function_of(entity)(context)
            return
        itself = class_of(entity)()
        itself.value = context.state
        method = getattr(itself, context.operation_name)
        context.result = method(context.get_input(), context=context)
        context.state = itself.value


class DirectEntityContext:
    """What an operation sees. `sends` are what it has sent, to be carried out if it succeeds."""

    def __init__(self, operation_name: str, argument: Value, state: Value) -> None:
        """Show these."""
        self.operation_name = operation_name
        self.state = state
        self.result: Value = None
        self.sends: list[Callable[[Outside, str], None]] = []
        self._argument = argument

    def get_input(self) -> Value:
        """Return the input."""
        return self._argument

    def get_state(self, initializer: Callable[[], Any] | None = None) -> Value:  # noqa: ARG002
        """Return the state; here there is always one."""
        return self.state

    def set_state(self, state: Value) -> None:
        """Keep a state."""
        self.state = state

    def set_result(self, result: Value) -> None:
        """Say what the caller gets."""
        self.result = result

    def signal_entity(self, entity_id: Any, operation: str, input_: Any = None) -> None:
        """Send an operation to an entity."""
        name = entity_id.name
        self.sends.append(lambda out, sender: out.signal_from(sender, name, operation, input_))

    def start_new_orchestration(
        self, name: str, input_: Any = None, instance_id: str | None = None
    ) -> str:
        """Start an instance that owes no answer."""
        assert instance_id is not None, "support.py refuses it"
        self.sends.append(lambda out, _: out.start_from_entity(name, input_, instance_id))
        return instance_id
