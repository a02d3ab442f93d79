"""DurableEntityContext: what an operation of an entity may know, and what it may ask for.

Rule 1. What an operation does to the state, its result, what it sends: nothing of it counts before
        the operation has ended well, and then all of it does.
Rule 2. The state that `get_state` or `set_state` names is alive: what is changed in it until the
        operation ends is saved, as in azure-functions-durable 1.7.
Rule 3. A context is dead when its operation has ended.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

from durable.engine.entity_state import LiveState
from durable.model.actions import CreateSubOrchestration, SignalEntity
from durable.model.converters import Converter
from durable.model.entity_ids import EntityId
from durable.model.ids import parse_instance_id
from durable.model.naming import checked_version
from durable.model.parents import id_never_made_again, is_never_made_again
from durable.model.values import decode_value, encode_value
from durable.replay.arguments import entity_instance, operation_name, orchestrator_name, utc

UNNUMBERED = -1
"""The task id of what an operation sends: the commit numbers it."""

Sent = SignalEntity | CreateSubOrchestration


@dataclass(kw_only=True)
class RunningOperation:
    """One operation while it runs; its context is what the user sees of it.

    `input` is JSON text. `new_id` makes ids for orchestrations that are started without one;
    without it they need one. `result` is the value, before it is text.
    """

    entity_id: EntityId
    state: LiveState
    name: str | None = None
    input: str | None = None
    is_signal: bool = False
    converter: Converter | None = None
    new_id: Callable[[], str] | None = None
    result: Any = None
    sent: list[Sent] = field(default_factory=list)
    is_over: bool = False


def _refused(asked: str, why: str) -> Callable[..., NoReturn]:
    """Make the method that tells an entity what is for orchestrations only."""

    def refuse(self: "DurableEntityContext", *_: Any, **__: Any) -> NoReturn:
        self.entity_id  # noqa: B018  (a dead context says that it is dead)
        raise RuntimeError(f"An entity can't {asked}: {why}")

    refuse.__doc__ = f"Raise `RuntimeError`: an entity can't {asked}."
    return refuse


_NO_WAITING = (
    "its operations don't wait. Start an orchestration that does it, and let that signal or call "
    "this entity."
)


class DurableEntityContext:
    """An operation's view of its entity. It can be used only while the operation runs.

    One operation runs at a time, and takes effect once. Its code may run more than once, where two
    hosts have the same message or one dies before the commit; each time on the state from before.
    So what code does beside its context (a request to a service, say) should bear to be done again.
    """

    def __init__(
        self,
        name: str,
        key: str,
        exists: bool = False,  # noqa: FBT001, FBT002  (1.7's signature)
        state: Any = None,
        *,
        running: RunningOperation | None = None,
    ) -> None:
        """Make a context by hand, as in 1.7, or over an operation that runs.

        `state` is the value, and counts where the entity `exists`.
        """
        if running is None:
            entity_id = EntityId(name, key)
            live = LiveState(None, what=f"state of entity '{entity_id}'")
            if exists:
                live.set(state)
            running = RunningOperation(entity_id=entity_id, state=live)
        self._running = running

    @classmethod
    def from_json(cls, json_str: str) -> "tuple[DurableEntityContext, list[dict[str, Any]]]":
        """Make a context, and a list of operations, of what the Durable extension would send.

        Nobody sends it here; unit tests written for azure-functions-durable 1.7 make it.
        """
        members = json.loads(json_str)
        entity_id = EntityId(members["self"]["name"], members["self"]["key"])
        live = LiveState(members["state"], what=f"state of entity '{entity_id}'")
        running = RunningOperation(entity_id=entity_id, state=live)
        return cls(entity_id.name, entity_id.key, running=running), members["batch"]

    @property
    def entity_id(self) -> EntityId:
        """The entity that this is."""
        return self._alive().entity_id

    @property
    def entity_name(self) -> str:
        """The name of the entity, in lower case."""
        return self._alive().entity_id.name

    @property
    def entity_key(self) -> str:
        """The key of the entity."""
        return self._alive().entity_id.key

    @property
    def operation_name(self) -> str:
        """The operation that was asked for, as it was written there."""
        running = self._alive()
        if running.name is None:
            # The words of 1.7, for a context that was made by hand.
            raise RuntimeError("Entity operation is unassigned")
        return running.name

    @property
    def is_signal(self) -> bool:
        """Whether nobody waits for the result."""
        return self._alive().is_signal

    @property
    def is_newly_constructed(self) -> bool:
        """Whether there was no state when the operation began; in 1.7 this is always false."""
        return not self._alive().state.was_there

    @property
    def has_state(self) -> bool:
        """Whether there is a state now, be it `None`."""
        return self._alive().state.is_there

    def get_state(
        self, initializer: Callable[[], Any] | None = None, expected_type: Any = None
    ) -> Any:
        """Return the state; where there is none, or it is `None`, what `initializer` returns.

        What the initializer returns is saved by `set_state`, or if it is changed in place; for the
        rest of the operation it is not asked again. `expected_type` is what a stored state is read
        as, and says nothing once it has been read or set.
        """
        state = self._alive().state
        value = state.get(expected_type)
        if value is not None or initializer is None:
            return value
        if not callable(initializer):
            raise TypeError("initializer argument needs to be a callable function")
        return state.begun(initializer)

    def set_state(self, state: Any) -> None:
        """Save this value when the operation ends. It has to have a JSON form."""
        self._alive().state.set(state)

    def get_input(self, expected_type: Any = None) -> Any:
        """Return what was sent with the operation; nothing is `None`."""
        running = self._alive()
        return decode_value(
            running.input,
            expected_type,
            converter=running.converter,
            what=f"input of operation '{running.name}'",
        )

    def set_result(self, result: Any) -> None:
        """Answer the caller with this value when the operation ends. A signal has no answer."""
        self._alive().result = result

    def destruct_on_exit(self) -> None:
        """Have no state when the operation ends; a later `set_state` takes it back."""
        self._alive().state.drop()

    def signal_entity(
        self,
        entity_id: EntityId | str,
        operation: str,
        input_: Any = None,
        *,
        scheduled_time: datetime | None = None,
    ) -> None:
        """Have an operation of an entity run, of this one too, and don't wait for it.

        Signals to one entity are served in the order in which they are sent. One with a time (UTC
        where it has no zone) is served in no order, and not before that time.
        """
        running = self._alive()
        signal = SignalEntity(
            task_id=UNNUMBERED,
            instance_id=entity_instance(entity_id),
            operation=operation_name(operation),
            input=self._encoded(input_, f"input of operation '{operation}'"),
            scheduled_time=None if scheduled_time is None else utc(scheduled_time, "signal_entity"),
        )
        running.sent.append(signal)

    def start_new_orchestration(
        self,
        name: Any,
        input_: Any = None,
        instance_id: str | None = None,
        version: str | None = None,
    ) -> str:
        """Start an orchestration when the operation ends, and return its id at once.

        Without an id it gets a new one, and another each time that the operation runs. Nobody
        waits for it, and a start that is refused, because an instance of that id is alive, is not
        told.
        """
        running = self._alive()
        orchestrator = orchestrator_name(name)
        text = self._encoded(input_, f"input of orchestrator '{orchestrator}'")
        if instance_id is None:
            if running.new_id is None:
                raise ValueError("A context made by hand makes no ids: pass an instance_id.")
            instance_id = id_never_made_again(running.new_id())
        elif is_never_made_again(instance_id):
            raise ValueError(
                f"The instance ID '{instance_id}' has the form of those that entities make, each "
                "for one start. Choose another."
            )
        start = CreateSubOrchestration(
            task_id=UNNUMBERED,
            name=orchestrator,
            instance_id=parse_instance_id(instance_id),
            input=text,
            version=checked_version(version),
            is_detached=True,
        )
        running.sent.append(start)
        return start.instance_id

    # What an orchestration may do and an entity may not.
    call_entity = _refused(
        "call an entity",
        "two busy ones that call each other would wait for ever. Signal it, or let an "
        "orchestration call both.",
    )
    lock = lock_entities = _refused("lock entities", _NO_WAITING)
    call_activity = call_activity_with_retry = _refused("call an activity", _NO_WAITING)
    call_sub_orchestrator = call_sub_orchestrator_with_retry = _refused(
        "wait for an orchestration", _NO_WAITING
    )
    create_timer = _refused(
        "wait for a timer", "its operations don't wait. Signal it with a scheduled_time."
    )
    wait_for_external_event = _refused("wait for an event", "signal it instead.")
    call_http = _refused("make a durable HTTP call", _NO_WAITING)

    def _encoded(self, value: Any, what: str) -> str:
        return encode_value(value, what=what, converter=self._running.converter)

    def _alive(self) -> RunningOperation:
        running = self._running
        if running.is_over:
            raise RuntimeError(
                f"The operation '{running.name}' of the entity '{running.entity_id}' has ended; "
                "its context can't be used any more."
            )
        return running


def running_of(context: DurableEntityContext) -> RunningOperation:
    """Return the operation that a context shows."""
    return context._running  # noqa: SLF001  (of our own class)


def state_of(context: DurableEntityContext) -> str | None:
    """Print the state that a context has now, or raise `InvalidPayloadError`."""
    return context._running.state.text()  # noqa: SLF001  (of our own class)
