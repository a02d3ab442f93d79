"""Choices: what can happen next in a hub, named and not carried out yet."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from durable.testing.programs.syntax import CallerAction, Program
from durable.testing.specification.entities import Caller, LockRequest, Origin
from durable.testing.specification.executions import Orchestrating
from durable.testing.specification.hub_state import (
    EndParcel,
    EventParcel,
    Execution,
    HubState,
    Instance,
    Parcel,
    StartParcel,
)
from durable.testing.specification.inputs import (
    ActivityCompleted,
    ActivityFailed,
    Answer,
    EventArrived,
    Mail,
    OperationCompleted,
    OperationFailed,
    Resumed,
    SectionEntered,
    Suspended,
    Terminated,
)
from durable.testing.specification.queues import enterable, takeable
from durable.testing.specification.script import rule_of


@dataclass(frozen=True, slots=True)
class Act:
    """The callers do their next action."""

    action: CallerAction
    rule: str


@dataclass(frozen=True, slots=True)
class Begin:
    """An accepted execution begins."""

    instance_id: str
    rule: str = "Orch-Begin"


@dataclass(frozen=True, slots=True)
class TakeAnswer:
    """An answer arrives."""

    instance_id: str
    answer: Answer
    rule: str


@dataclass(frozen=True, slots=True)
class Fire:
    """A timer fires."""

    instance_id: str
    task_id: int
    rule: str = "Timer-Fire"


@dataclass(frozen=True, slots=True)
class TakeMail:
    """What a caller sent arrives."""

    instance_id: str
    mail: Mail
    rule: str


@dataclass(frozen=True, slots=True)
class Deliver:
    """What another instance sent arrives."""

    parcel: Parcel
    rule: str


@dataclass(frozen=True, slots=True)
class TakeRequest:
    """An entity runs the oldest operation of an origin."""

    entity: str
    origin: Origin
    rule: str


@dataclass(frozen=True, slots=True)
class Enter:
    """A critical section locks all its entities."""

    caller: Caller
    origin: Origin
    entities: tuple[str, ...]
    rule: str = "CS-Enter"


Choice: TypeAlias = Act | Begin | TakeAnswer | Fire | TakeMail | Deliver | TakeRequest | Enter


def choices(program: Program, state: HubState) -> Iterator[Choice]:
    """List all that can happen next, each once."""
    if state.actions_done < len(program.script):
        action = program.script[state.actions_done]
        target = dict(state.instances).get(action.instance_id)
        yield Act(action, rule_of(action, target))
    for instance_id, instance in state.instances:
        yield from _of_instance(instance_id, instance)
    yield from _of_parcels(state)
    yield from _of_entities(state)


def _of_instance(instance_id: str, instance: Instance) -> Iterator[Choice]:
    if isinstance(instance.local, Execution):
        # Ours, decision 1: no message of a life arrives before that life has begun, but the end.
        yield Begin(instance_id)
        for mail in dict.fromkeys(instance.mail):
            if isinstance(mail, Terminated):
                yield TakeMail(instance_id, mail, "Terminate-Before-Begin")
        return
    for answer in instance.answers:
        yield TakeAnswer(instance_id, answer, _rule_of_answer(answer))
    for task_id, _ in instance.timers:
        yield Fire(instance_id, task_id)
    for mail in dict.fromkeys(instance.mail):
        yield TakeMail(instance_id, mail, _rule_of_mail(mail))


def _rule_of_mail(mail: Mail) -> str:
    match mail:
        case EventArrived():
            return "Event-Arrive"
        case Terminated():
            return "Terminate-Arrive"
        case Suspended():
            return "Suspend-Arrive"
        case Resumed():
            return "Resume-Arrive"


def _rule_of_answer(answer: Answer) -> str:
    match answer:
        case ActivityCompleted() | ActivityFailed():
            return "Act-Done"
        case OperationCompleted() | OperationFailed():
            return "Ent-EndCall"
        case SectionEntered():
            return "CS-Entered"
        case _:
            return "Child-End"


def _of_parcels(state: HubState) -> Iterator[Choice]:
    """What one life sends to one instance keeps its order (ours, decision 1)."""
    instances = dict(state.instances)
    seen: set[tuple[Origin, str]] = set()
    for parcel in state.parcels:
        stream = (parcel.origin, parcel.instance_id)
        if stream not in seen:
            seen.add(stream)
            yield Deliver(parcel, _rule_of_parcel(parcel, instances.get(parcel.instance_id)))


def _rule_of_parcel(parcel: Parcel, target: Instance | None) -> str:
    is_live = target is not None and target.is_live
    match parcel:
        case StartParcel():
            return "Child-Conflict" if is_live else "Child-Fresh"
        case EventParcel():
            return "Sent-Event-Arrive" if is_live else "Sent-Event-Dropped"
        case EndParcel():
            return "Child-Terminate"


def _of_entities(state: HubState) -> Iterator[Choice]:
    entities = dict(state.entities)
    asked: dict[Caller, Origin] = {}
    for name, entity in state.entities:
        for origin, request in takeable(entity):
            rule = "Ent-Take-Signal" if request.is_signal else "Ent-Take-Call"
            yield TakeRequest(name, origin, rule)
        for origin, queue in entity.queues:
            if isinstance(queue[0], LockRequest):
                asked[queue[0].caller] = origin
    instances = dict(state.instances)
    for caller, origin in asked.items():
        local = instances[caller.instance_id].local
        assert isinstance(local, Orchestrating)
        assert local.lock is not None
        wanted = local.lock.entities
        if enterable(entities, wanted, origin):
            yield Enter(caller, origin, wanted)
