"""Entities of a run: their states, who holds them, and the fakes that stand for their code.

| given                                  | what an operation comes to                            |
|----------------------------------------|-------------------------------------------------------|
| a class, or a function of a context    | the entity itself: its code runs, with a state a key  |
| a function `(state, operation, input)` | the pair that it returns: the new state, the result   |
| an exception, or its class             | a failure with it                                     |
| `NEVER`                                | nothing: no call is answered, no lock is granted      |
| anything else                          | this value, for every operation                       |

`in_turn` and `taking` are for activities and children: an operation has a name and a state, so a
list of answers would not say which of them is whose.

Operations run through the engine's own `run_operation`: states and results have the forms that they
have in production, and one that fails changes nothing. A section is entered when all of its
entities are free and nobody asked for one of them before.
"""

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from durable.engine.entity_context import DurableEntityContext
from durable.engine.operations import (
    OperationOutcome,
    OperationRequest,
    failed_operation,
    run_operation,
)
from durable.engine.registry import Registry
from durable.model.converters import Converter
from durable.model.entity_ids import EntityId
from durable.model.history import (
    EntityLockGranted,
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationCompleted,
    EntityOperationFailed,
    EntityOperationSignaled,
    SubOrchestrationInstanceCreated,
)
from durable.model.ids import ExecutionId
from durable.model.streams import read_lock_set
from durable.model.values import decode_value, encode_value
from durable.replay.arguments import entity_instance
from durable.testing.given import Given, by_name, user_function
from durable.testing.running.agenda import Agenda
from durable.testing.running.answers import FrozenEnvironment, run_to_end
from durable.testing.running.fakes import InTurn, Never, Taking, UnexpectedCallError, as_function

Asked = EntityOperationCalled | EntityOperationSignaled | EntityLockRequested
SIGNALS_IN_A_ROW_MAX = 1000

Reply = EntityOperationCompleted | EntityOperationFailed | EntityLockGranted


@dataclass(frozen=True, slots=True)
class Sender:
    """Who asks: an execution of an orchestration, or an entity."""

    instance_id: str
    execution_id: ExecutionId


@dataclass(frozen=True, slots=True)
class _Holder:
    sender: Sender
    section: int


@dataclass(frozen=True, slots=True)
class _Message:
    """What was asked; `depth` signals of entities, each at once, led to it."""

    sender: Sender
    fact: Asked
    depth: int = 0

    @property
    def receivers(self) -> tuple[str, ...]:
        """The entities that it is for."""
        if isinstance(self.fact, EntityLockRequested):
            return read_lock_set(self.fact.lock_set)
        return (self.fact.instance_id,)


class _Moment(FrozenEnvironment):
    """A moment at which operations make ids that nobody else has."""

    def __init__(self, now: datetime, numbers: Iterator[int]) -> None:
        """Make them of these numbers."""
        super().__init__(now)
        self._numbers = numbers

    def new_id(self) -> str:
        """Make one that is the same in every run."""
        return f"{next(self._numbers):032x}"


class FakeEntities:
    """The entities of one run. `tell` carries a reply to the execution that waits for it."""

    def __init__(
        self,
        given: Mapping[str, Any],
        app: Registry,
        agenda: Agenda,
        *,
        tell: Callable[[Sender, Reply], None],
        start: Callable[[SubOrchestrationInstanceCreated], None],
    ) -> None:
        """Serve with these fakes, by name, and beside them with the entities of the app.

        `start` begins what an operation starts.
        """
        converter = app.converter
        fakes = {name.lower(): fake for name, fake in given.items()}
        self._given = {**app.entities, **fakes}
        self._registry = registry_of(fakes, converter)
        for name in app.entities.keys() - fakes.keys():
            self._registry.add_entity(name, app.entities[name])
        self._converter = converter
        self._agenda = agenda
        self._tell = tell
        self._start = start
        self._states: dict[str, str] = {}
        self._holders: dict[str, _Holder] = {}
        self._waiting: list[_Message] = []
        self._numbers = itertools.count(1)
        self.restless: str | None = None
        """An entity whose signals, to itself or in a circle, bring about each other without end."""

    def set_states(self, states: Mapping[Any, Any]) -> None:
        """Let these entities, by `EntityId` or instance id, have these states from now on."""
        for entity, state in states.items():
            text = encode_value(
                state, what=f"state of entity '{entity}'", converter=self._converter
            )
            self._states[entity_instance(entity)] = text

    @property
    def states(self) -> dict[str, Any]:
        """The states, as the values that their JSON says, by instance id."""
        return {each: decode_value(text) for each, text in self._states.items()}

    @property
    def locked(self) -> tuple[str, ...]:
        """The entities that somebody holds."""
        return tuple(sorted(self._holders))

    def take(self, sender: Sender, fact: Asked, depth: int = 0) -> None:
        """Accept a call, a signal or a lock, and serve what can be served."""
        message = _Message(sender, fact, depth)
        for receiver in message.receivers:
            self._check_known(receiver, fact)
        self._waiting.append(message)
        self._serve()

    def release(self, sender: Sender, section: int | None = None) -> None:
        """Let go of what this section holds, or has asked for; without one, of all sections."""
        self._holders = {
            entity: holder
            for entity, holder in self._holders.items()
            if holder.sender != sender or section not in {None, holder.section}
        }
        self._waiting = [
            message
            for message in self._waiting
            if message.sender != sender
            or not isinstance(message.fact, EntityLockRequested)
            or section not in {None, message.fact.event_id}
        ]
        self._serve()

    def _serve(self) -> None:
        while (message := self._next()) is not None:
            self._waiting.remove(message)
            fact = message.fact
            if isinstance(fact, EntityLockRequested):
                for entity in message.receivers:
                    self._holders[entity] = _Holder(message.sender, fact.event_id)
                now = self._agenda.now
                granted = EntityLockGranted(timestamp=now, task_scheduled_id=fact.event_id)
                self._tell(message.sender, granted)
            else:
                self._operate(message.sender, fact, message.depth)

    def _next(self) -> _Message | None:
        """Find the first message that nobody is in front of, and whose entities are free for it."""
        asked: set[str] = set()
        for message in self._waiting:
            if all(self._is_free(entity, message, asked) for entity in message.receivers):
                return message
            asked.update(message.receivers)
        return None

    def _is_free(self, entity: str, message: _Message, asked: set[str]) -> bool:
        if isinstance(self._given[_name_of(entity)], Never):
            return False
        holder = self._holders.get(entity)
        if holder is None:
            return entity not in asked
        return holder.sender == message.sender

    def _operate(
        self, sender: Sender, fact: EntityOperationCalled | EntityOperationSignaled, depth: int
    ) -> None:
        entity, now = fact.instance_id, self._agenda.now
        if depth > SIGNALS_IN_A_ROW_MAX:
            self.restless = entity
        request = OperationRequest(
            entity_id=EntityId.get_entity_id(entity),
            operation=fact.operation,
            input=fact.input,
            is_signal=isinstance(fact, EntityOperationSignaled),
        )
        state = self._states.pop(entity, None)
        moment = _Moment(now, self._numbers)
        outcome = run_to_end(run_operation(self._registry, moment, request, state))
        if outcome.state is not None:
            self._states[entity] = outcome.state
        if isinstance(fact, EntityOperationCalled):
            self._tell(sender, reply_to(fact, outcome, now))
        me = Sender(entity, ExecutionId(""))
        for action in outcome.sent:
            sent = action.to_fact(now)
            if isinstance(sent, EntityOperationSignaled):
                due = sent.scheduled_time or now
                deeper = 0 if due > now else depth + 1
                self._agenda.note(due, functools.partial(self.take, me, sent, deeper))
            elif isinstance(sent, SubOrchestrationInstanceCreated):
                self._agenda.note(now, functools.partial(self._start, sent))

    def _check_known(self, entity: str, fact: Asked) -> None:
        if _name_of(entity) in self._given:
            return
        what = "locks it" if isinstance(fact, EntityLockRequested) else f"asks for {fact.operation}"
        known = ", ".join(f"'{name}'" for name in sorted(self._given)) or "none"
        raise UnexpectedCallError(
            f"The test has no fake for the entity '{entity}' (given: {known}), and somebody {what}."
        )


def reply_to(
    call: EntityOperationCalled, outcome: OperationOutcome, now: datetime
) -> EntityOperationCompleted | EntityOperationFailed:
    """Answer a call with what the operation came to."""
    if outcome.failure is None:
        return EntityOperationCompleted(
            timestamp=now, task_scheduled_id=call.event_id, result=outcome.result
        )
    return EntityOperationFailed(
        timestamp=now,
        task_scheduled_id=call.event_id,
        reason=outcome.reason,
        details=outcome.details,
        failure_details=outcome.failure,
    )


def failure_of(call: EntityOperationCalled, error: BaseException) -> OperationOutcome:
    """Say what an operation that raises this comes to."""
    entity_id = EntityId.get_entity_id(call.instance_id)
    request = OperationRequest(entity_id=entity_id, operation=call.operation, input=call.input)
    return failed_operation(error, request, None)


def registry_of(given: Mapping[str, Any], converter: Converter | None = None) -> Registry:
    """Make a registry of these fakes."""
    registry = Registry(converter)
    for name, fake in given.items():
        registry.add_entity(name, entity_of(fake))
    return registry


def fakes_of(given: Given) -> dict[str, Any]:
    """Key by name what was given; a list holds entities themselves, and nothing else."""
    if not isinstance(given, Mapping):
        given = list(given)
        for each in given:
            if not callable(each) and not hasattr(each, "durable_kind"):
                raise TypeError(
                    "entities is a mapping {'name': fake}, or a list of entity classes and "
                    f"functions; {each!r} in a list is neither."
                )
    return by_name(given)


def entity_of(fake: Any) -> Any:
    """Make an entity of a fake: what takes a context is one."""
    if isinstance(fake, InTurn | Taking):
        raise TypeError(
            "in_turn(...) and taking(...) stand for activities and children, not for entities: "
            "give a function (state, operation, input) that returns the pair (state, result)."
        )
    is_code = callable(fake) or hasattr(fake, "durable_kind")
    function = user_function(fake) if is_code else fake
    if inspect.isclass(function) and not issubclass(function, BaseException):
        return function
    if inspect.isroutine(function):
        taken = inspect.signature(function).parameters
        return function if len(taken) == 1 else _over_state(function)
    return _without_state(as_function(fake))


def _over_state(fake: Callable[..., Any]) -> Callable[[DurableEntityContext], None]:
    def serve(context: DurableEntityContext) -> None:
        returned = fake(context.get_state(), context.operation_name, context.get_input())
        if not isinstance(returned, tuple) or len(returned) != 2:
            raise TypeError(
                f"The fake of entity '{context.entity_name}' returns the pair of the new state and "
                f"the result, not {returned!r}."
            )
        state, result = returned
        context.set_state(state)
        context.set_result(result)
        if state is None:
            context.destruct_on_exit()

    return serve


def _without_state(function: Callable[..., Any]) -> Callable[[DurableEntityContext], None]:
    def serve(context: DurableEntityContext) -> None:
        context.set_result(function(context.get_input()))

    return serve


def _name_of(entity: str) -> str:
    return EntityId.get_entity_id(entity).name.lower()
