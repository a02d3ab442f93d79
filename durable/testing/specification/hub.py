"""The hub: the global model, a transition at a time (paper section 4).

A state is a value; `steps` gives every transition that some rule allows. Merged into others,
because nobody can look in between: an execution runs from wait to wait in one transition; an
operation of an entity is taken, run and ended in one; a release takes effect as soon as the calls
before it are served.
"""

from collections.abc import Iterator

from durable.testing.programs.syntax import Clock, Program
from durable.testing.specification.choices import (
    Act,
    Begin,
    Choice,
    Deliver,
    Enter,
    Fire,
    TakeAnswer,
    TakeMail,
    TakeRequest,
    choices,
)
from durable.testing.specification.entities import EntityState
from durable.testing.specification.hub_at_work import HubAtWork
from durable.testing.specification.hub_state import HubState, Transition
from durable.testing.specification.inputs import SectionEntered
from durable.testing.specification.script import act
from durable.testing.specification.survey import nodes_of

__all__ = ["HubState", "Transition", "initial", "steps", "take"]


def initial(program: Program) -> HubState:
    """Give the state in which nothing has happened; entities are as new (paper 4.4, AutoStart)."""
    return HubState(
        tells_time=any(isinstance(node, Clock) for node in nodes_of(program.orchestrations)),
        entities=tuple((entity.name, EntityState(entity.initial)) for entity in program.entities),
    )


def steps(program: Program, state: HubState) -> Iterator[Transition]:
    """Give every transition of a state; none if nothing can happen any more."""
    for choice in choices(program, state):
        yield Transition(choice.rule, take(program, state, choice))


def take(program: Program, state: HubState, choice: Choice) -> HubState:
    """Carry a choice out."""
    hub = HubAtWork(program, state)
    match choice:
        case Act(action):
            act(hub, action)
        case Begin(instance_id):
            hub.begin(instance_id)
        case TakeAnswer(instance_id, answer):
            hub.deliver_answer(instance_id, answer)
        case Fire(instance_id, task_id):
            hub.fire(instance_id, task_id)
        case TakeMail(instance_id, mail):
            hub.deliver_mail(instance_id, mail)
        case Deliver(parcel):
            hub.deliver(parcel)
        case TakeRequest(entity, origin):
            hub.take(entity, origin)
        case Enter(caller, origin, entities):
            hub.queues.enter(entities, origin)
            hub.answer(caller, SectionEntered(caller.task_id))
    return hub.freeze()
