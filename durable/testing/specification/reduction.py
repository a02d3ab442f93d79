"""The reduction: transitions that may be taken at once, before all others, without losing outcomes.

A choice may go first if whatever else can happen, now or later, leads to the same with it as
without it: it is never disabled by another, it disables none, and the order cannot be noticed. And
a chain of such choices must end, or it would hide the others for ever: none is taken for a
function that can continue as new.

Nothing here holds for a program that looks at the clock, nor for an instance that somebody might
still start again, terminate, suspend, resume or purge: then it matters how far it has come when
that happens. While somebody may be terminated, it may happen to any child.

Rule 1. An answer to an orchestration without `AnyOf`, `Cancel` and `Retry`, outside sections, may
        go first if it is a success. Nothing in such code tells whether a task is complete but
        waiting for it, so an input may be applied earlier than it was recorded (paper, Lemma B.17);
        only among failures the first counts. Inside a section an open call is noticed by the next
        one. A retry asks for its next step when it is answered, and that may name a child.
Rule 2. The answer to the only task that an execution watches may go first if it waits for no
        event: there is nothing that it could come before or after.
Rule 3. A start whose id nobody else starts may go first: what the instance asks for is then on its
        way and may take its time. The same holds for the begin of an accepted execution. It does
        not where another instance sends events to the id: those that come too early are dropped.
Rule 4. What a caller sends to an instance with one life only may be sent at once, since it may
        arrive late; if the instance is over it is refused, and it would have been dropped.
       A signal to an entity may be sent at once too: it may wait there as long as it likes.
Rule 5. A request may be taken at once by an entity that only one life can ever send to, and that
        has no signal for later: those have no order.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from durable.testing.programs.syntax import (
    AnyOf,
    CallEntity,
    CallerAction,
    CallOrchestration,
    Cancel,
    ContinueAsNew,
    Entity,
    Orchestration,
    Program,
    Purge,
    RaiseEvent,
    Retry,
    Section,
    SendEvent,
    Signal,
    SignalEntity,
    Start,
    StartDetached,
    Terminate,
)
from durable.testing.specification.abandonment import watched
from durable.testing.specification.choices import (
    Act,
    Begin,
    Choice,
    Deliver,
    Fire,
    TakeAnswer,
    TakeRequest,
)
from durable.testing.specification.executions import Orchestrating
from durable.testing.specification.hub_state import (
    EndParcel,
    Execution,
    HubState,
    Instance,
    StartParcel,
)
from durable.testing.specification.inputs import (
    ActivityFailed,
    Answer,
    ChildFailed,
    EventArrived,
    OperationFailed,
    Terminated,
)
from durable.testing.specification.survey import nodes_of
from durable.testing.specification.tasks import EventWait, leaves_of


@dataclass(frozen=True, slots=True)
class Facts:
    """What holds of a program whatever happens."""

    starts: Counter[str]
    controls: tuple[tuple[int, CallerAction], ...]
    child_ids: frozenset[str]
    receivers: frozenset[str]
    has_children: bool
    racing: frozenset[str]
    eternal: frozenset[str]
    private: frozenset[str]


def facts_of(program: Program) -> Facts:
    """Read the facts off a program."""
    nodes = list(nodes_of((program.orchestrations, program.entities)))
    calls = [each for each in nodes if isinstance(each, CallOrchestration | StartDetached)]
    return Facts(
        starts=Counter(a.instance_id for a in program.script if isinstance(a, Start)),
        controls=tuple(
            (at, action)
            for at, action in enumerate(program.script)
            if not isinstance(action, Start | RaiseEvent | Signal)
        ),
        child_ids=frozenset(call.instance_id for call in calls if call.instance_id is not None),
        receivers=frozenset(each.instance_id for each in nodes if isinstance(each, SendEvent)),
        has_children=bool(calls),
        racing=_with(program.orchestrations, (AnyOf, Cancel, Retry)),
        eternal=_with(program.orchestrations, (ContinueAsNew,)),
        private=_private_entities(program, {call.name for call in calls}),
    )


def first_of(facts: Facts, state: HubState, found: Iterable[Choice]) -> Choice | None:
    """Give a choice that may go before all others, if there is one."""
    if state.tells_time:
        return None
    return next((choice for choice in found if _may_go_first(facts, state, choice)), None)


def _may_go_first(facts: Facts, state: HubState, choice: Choice) -> bool:
    match choice:
        case Act(action):
            return _action_may_go_first(facts, state, action)
        case Begin(instance_id):
            return _begin_may_go_first(facts, state, instance_id)
        case TakeAnswer(instance_id, answer):
            return _answer_may_go_first(facts, state, instance_id, answer)
        case Fire(instance_id):
            return _answer_may_go_first(facts, state, instance_id, None)
        case Deliver(StartParcel(_, instance_id)):
            return not (
                instance_id in facts.child_ids
                or instance_id in facts.receivers
                or facts.starts[instance_id]
            )
        case _:
            return isinstance(choice, TakeRequest) and choice.entity in facts.private


def _action_may_go_first(facts: Facts, state: HubState, action: CallerAction) -> bool:
    if isinstance(action, Signal):
        return True
    if isinstance(action, Purge) or not _lives_once(facts, action.instance_id):
        return False
    if isinstance(action, Start):
        return action.instance_id not in facts.receivers
    # An id without an instance may yet become a child's.
    return action.instance_id in dict(state.instances) or not facts.has_children


def _begin_may_go_first(facts: Facts, state: HubState, instance_id: str) -> bool:
    instance = dict(state.instances)[instance_id]
    assert isinstance(instance.local, Execution)
    is_eternal = instance.local.name in facts.eternal
    return not is_eternal and not _is_addressed(facts, state, instance_id, instance)


def _answer_may_go_first(
    facts: Facts, state: HubState, instance_id: str, answer: Answer | None
) -> bool:
    instance = dict(state.instances)[instance_id]
    local = instance.local
    assert isinstance(local, Orchestrating)
    if local.name in facts.eternal or _is_addressed(facts, state, instance_id, instance):
        return False
    is_failure = isinstance(answer, ActivityFailed | ChildFailed | OperationFailed)
    if local.name not in facts.racing and local.lock is None and not is_failure:
        return True
    return len(watched(local)) == 1 and not _waits_for_events(local)


def _waits_for_events(local: Orchestrating) -> bool:
    if local.awaited is None:
        return False
    leaves = leaves_of(local.tasks, local.awaited)
    return any(isinstance(local.tasks[leaf], EventWait) for leaf in leaves)


def _lives_once(facts: Facts, instance_id: str) -> bool:
    return facts.starts[instance_id] <= 1 and instance_id not in facts.child_ids


def _is_addressed(facts: Facts, state: HubState, instance_id: str, instance: Instance) -> bool:
    """Tell whether somebody may still start, end, hold or forget this instance."""
    coming = [action for at, action in facts.controls if at >= state.actions_done]
    return (
        not _lives_once(facts, instance_id)
        or any(not isinstance(mail, EventArrived) for mail in instance.mail)
        or any(action.instance_id == instance_id for action in coming)
        or (isinstance(instance.local, Orchestrating) and instance.local.status == "Suspended")
        or (facts.has_children and _may_end_children(state, coming))
    )


def _may_end_children(state: HubState, coming: Iterable[CallerAction]) -> bool:
    return (
        any(isinstance(action, Terminate) for action in coming)
        or any(isinstance(parcel, EndParcel) for parcel in state.parcels)
        or any(isinstance(mail, Terminated) for _, each in state.instances for mail in each.mail)
    )


def _with(functions: Iterable[Orchestration], kinds: tuple[type, ...]) -> frozenset[str]:
    return frozenset(
        function.name
        for function in functions
        if any(isinstance(node, kinds) for node in nodes_of(function))
    )


def _private_entities(program: Program, children: set[str]) -> frozenset[str]:
    """Give the entities that one life at most can send to; one that an entity sends to is none."""
    lives = Counter(a.orchestration for a in program.script if isinstance(a, Start))
    senders: Counter[str] = Counter()
    functions: tuple[Orchestration | Entity, ...] = (*program.orchestrations, *program.entities)
    for function in functions:
        is_many = isinstance(function, Entity) or function.name in children
        for entity in _entities_named_in(function):
            senders[entity] += 2 if is_many else lives[function.name]
    for action in program.script:
        if isinstance(action, Signal):
            senders[action.entity] += 1
    later = {
        node.entity
        for node in nodes_of(functions)
        if isinstance(node, SignalEntity) and node.after_s
    }
    return frozenset(
        each.name for each in program.entities if senders[each.name] <= 1 and each.name not in later
    )


def _entities_named_in(function: Orchestration | Entity) -> set[str]:
    named: set[str] = set()
    for node in nodes_of(function):
        match node:
            case CallEntity(entity) | SignalEntity(entity):
                named.add(entity)
            case Section(entities):
                named.update(entities)
            case _:
                pass
    return named
