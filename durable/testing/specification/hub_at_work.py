"""A hub at work: what orchestrations and entities ask of each other, carried out.

It thaws a hub's state, lives for one transition and freezes it again. What an orchestration asks
for is on its way at once, and arrives in some later transition; so an execution may run from one
wait to the next in one transition, as nobody can look at it in between.
"""

from dataclasses import replace

from durable.testing.programs.syntax import Terminate, Value
from durable.testing.specification.activities import run_activity
from durable.testing.specification.bag import Bag
from durable.testing.specification.effects import (
    ActivityAsked,
    ChildAsked,
    ContinuedAsNew,
    DetachedAsked,
    Effect,
    Ended,
    EventSent,
    OperationAsked,
    SectionAsked,
    SectionLeft,
    SignalSent,
    StartSent,
    TimerAsked,
)
from durable.testing.specification.entities import (
    Caller,
    LockRequest,
    Origin,
    Request,
    run_operation,
)
from durable.testing.specification.executions import Orchestrating
from durable.testing.specification.hub_state import (
    Ender,
    EndParcel,
    EventParcel,
    Execution,
    Instance,
    Parcel,
    StartParcel,
)
from durable.testing.specification.inputs import (
    ActivityCompleted,
    ActivityFailed,
    Answer,
    EventArrived,
    Input,
    Mail,
    OperationCompleted,
    OperationFailed,
    Terminated,
    TimerFired,
)
from durable.testing.specification.names import entity_named
from durable.testing.specification.orchestrations import (
    Step,
    apply,
    begin,
    end_before_it_began,
)


class HubAtWork(Bag):
    """A hub in the middle of a transition, with the rules of what follows from what."""

    # Instances.

    def start(
        self,
        instance_id: str,
        execution: Execution,
        parent: Caller | None = None,
        ended_by: Ender | None = None,
    ) -> None:
        """Begin a life of this id (paper 4.3, StartNew-Fresh; a finished id too, decision 4)."""
        before = self.instances.get(instance_id)
        self.instances[instance_id] = Instance(
            generation=1 if before is None else before.generation + 1,
            local=execution,
            parent=parent,
            children=0 if before is None else before.children,
            ended_by=ended_by,
        )
        self._begin_if_it_waits(instance_id)

    def purge(self, instance_id: str) -> None:
        """Forget an instance that is over (ours, decision 17)."""
        instance = self.instances[instance_id]
        self.instances[instance_id] = replace(
            instance, local=Orchestrating(name="", status="Completed"), is_purged=True
        )

    def begin(self, instance_id: str) -> None:
        """Run an accepted execution to where it first waits, its carried events applied."""
        instance = self.instances[instance_id]
        assert isinstance(instance.local, Execution)
        self._settle(instance_id, self._begun(instance.local))

    def deliver_mail(self, instance_id: str, mail: Mail) -> None:
        """Let an external event or a terminate arrive; queues keep no order."""
        instance = self.instances[instance_id]
        rest = list(instance.mail)
        rest.remove(mail)
        self.instances[instance_id] = replace(instance, mail=tuple(rest))
        self._apply(instance_id, mail)

    def deliver_answer(self, instance_id: str, answer: Answer) -> None:
        """Let an answer arrive."""
        instance = self.instances[instance_id]
        rest = tuple(each for each in instance.answers if each.task_id != answer.task_id)
        self.instances[instance_id] = replace(instance, answers=rest)
        self._apply(instance_id, answer)

    def fire(self, instance_id: str, task_id: int) -> None:
        """Let a timer fire; the clock says at least the time that it was set to."""
        instance = self.instances[instance_id]
        timers = dict(instance.timers)
        due_at = timers.pop(task_id)
        if self.tells_time:
            self.clock = max(self.clock, due_at)
        self.instances[instance_id] = replace(instance, timers=tuple(timers.items()))
        self._apply(instance_id, TimerFired(task_id))

    def _begun(self, execution: Execution) -> Step:
        return begin(
            self.program,
            execution.name,
            execution.argument,
            self.clock,
            custom_status=execution.custom_status,
            unread=execution.carried,
        )

    def _begin_if_it_waits(self, instance_id: str) -> None:
        """Begin at once where that is no different from beginning later.

        It is not where the execution comes to wait: all it asks for is then under way, and may
        take as long as it likes. One that ends is a live instance for a while, and refuses
        starts; one that looks at the clock may look later; one that somebody terminates may be
        over before it begins, and with it its children.
        """
        instance = self.instances[instance_id]
        is_child = instance.parent is not None or instance.ended_by is not None
        if any(
            isinstance(action, Terminate) and (is_child or action.instance_id == instance_id)
            for action in self.program.script
        ):
            return
        execution = instance.local
        assert isinstance(execution, Execution)
        if not self.tells_time:
            step = self._begun(execution)
            if step.state.status == "Running":
                self._settle(instance_id, step)

    def _apply(self, instance_id: str, input_: Input) -> None:
        local = self.instances[instance_id].local
        if isinstance(local, Execution):
            assert isinstance(input_, Terminated)
            shown = local.custom_status
            step = end_before_it_began(local.name, input_, custom_status=shown)
            self._settle(instance_id, step)
            return
        self._settle(instance_id, apply(self.program, local, input_, self.clock))

    def _settle(self, instance_id: str, step: Step) -> None:
        self.instances[instance_id] = replace(self.instances[instance_id], local=step.state)
        for effect in step.effects:
            self._perform(instance_id, effect)
        local = self.instances[instance_id].local
        if isinstance(local, Orchestrating) and local.status == "Running":
            self.forget_abandoned(instance_id, local)

    # Effects.

    def _perform(self, instance_id: str, effect: Effect) -> None:
        instance = self.instances[instance_id]
        origin: Origin = (instance_id, instance.generation)
        match effect:
            case ActivityAsked():
                self.answer(Caller(instance_id, effect.task_id), self._activity(effect))
            case TimerAsked(task_id, due_at):
                timers = (*instance.timers, (task_id, due_at))
                self.instances[instance_id] = replace(instance, timers=timers)
            case ChildAsked():
                self._send_start(instance_id, effect, Caller(instance_id, effect.task_id))
            case DetachedAsked():
                self._send_start(instance_id, effect, None)
            case EventSent():
                event = EventArrived(effect.name, effect.data)
                self.parcels.append(EventParcel(origin, effect.instance_id, event))
            case Ended():
                self._end(instance_id, effect)
            case ContinuedAsNew():
                self._continue_as_new(instance_id, effect)
            case SignalSent():
                self._signal(effect, origin)
            case _:
                self._send_to_entities(Caller(instance_id, effect.task_id), effect, origin)

    def _send_to_entities(
        self, caller: Caller, effect: OperationAsked | SectionAsked | SectionLeft, origin: Origin
    ) -> None:
        match effect:
            case OperationAsked(_, entity, operation, argument):
                self.queues.enqueue(entity, origin, Request(operation, argument, caller))
            case SectionAsked(_, entities):
                for entity in entities:
                    self.queues.enqueue(entity, origin, LockRequest(caller))
            case SectionLeft(_, entities):
                self.queues.leave(entities, origin, caller)

    def _activity(self, asked: ActivityAsked) -> Answer:
        """Paper 4.3, Act-Done: its outcome is known now, and arrives at any later time."""
        outcome = run_activity(self.program, asked.name, asked.argument)
        if outcome.message is not None:
            return ActivityFailed(asked.task_id, outcome.message)
        return ActivityCompleted(asked.task_id, outcome.value)

    def _send_start(
        self, instance_id: str, asked: ChildAsked | DetachedAsked, parent: Caller | None
    ) -> None:
        """Ours, decision 1: what gets no id is called by its sender's and a number of its own."""
        instance = self.instances[instance_id]
        started_id = asked.instance_id
        if started_id is None:
            started_id = f"{instance_id}:{instance.children}"
            self.instances[instance_id] = replace(instance, children=instance.children + 1)
        start = StartParcel(
            origin=(instance_id, instance.generation),
            instance_id=started_id,
            name=asked.name,
            argument=asked.argument,
            parent=parent,
        )
        self.parcels.append(start)

    def deliver(self, parcel: Parcel) -> None:
        """Let a parcel arrive. Where nobody is whom it is for, it is dropped (decision 1)."""
        self.parcels.remove(parcel)
        match parcel:
            case StartParcel():
                self._start(parcel)
            case EventParcel(_, instance_id, event):
                self._receive(instance_id, event)
            case EndParcel(_, instance_id, _, reason):
                self._apply(instance_id, Terminated(reason))

    def _start(self, sent: StartParcel) -> None:
        """Start a child or a detached instance; a live one of its id fails the child's task."""
        if self.is_live(sent.instance_id):
            message = f"An instance with the ID '{sent.instance_id}' is alive already."
            self.drop_end(sent.instance_id, sent.ended_by)
            self.reply(sent.parent, message=message)
        else:
            execution = Execution(sent.name, sent.argument)
            self.start(sent.instance_id, execution, sent.parent, sent.ended_by)

    def _receive(self, instance_id: str, event: EventArrived) -> None:
        """Take an event from another instance; who has not begun finds it when it begins."""
        if not self.is_live(instance_id):
            return
        instance = self.instances[instance_id]
        local = instance.local
        if isinstance(local, Execution):
            waiting = replace(local, carried=(*local.carried, event))
            self.instances[instance_id] = replace(instance, local=waiting)
        else:
            self._apply(instance_id, event)

    def _end(self, instance_id: str, ended: Ended) -> None:
        """Be over: what is on its way to it is dropped, what it asked for runs on (decision 3).

        A parent learns of it: a child that failed or was terminated fails the task (decision 1).
        Children end with a parent that is terminated, and live on after any other end.
        """
        instance = self.instances[instance_id]
        local = instance.local
        assert isinstance(local, Orchestrating)
        remains = Orchestrating(
            name="",
            status=ended.status,
            output=ended.output,
            custom_status=local.custom_status,
        )
        if ended.ends_children:
            self.end_children(instance_id, None if ended.output is None else str(ended.output))
        self.disown(instance_id)
        self.drop_end(instance_id, instance.ended_by)
        self.instances[instance_id] = Instance(
            instance.generation, remains, children=instance.children
        )
        if ended.status == "Completed":
            self.reply(instance.parent, value=ended.output)
        else:
            self.reply(instance.parent, message=str(ended.output))

    def _continue_as_new(self, instance_id: str, effect: ContinuedAsNew) -> None:
        """Begin anew (paper 4.3.6, Orch-Continue).

        Answers to the old execution are dropped; the life, with its parent and the mail on its
        way, goes on (ours, decision 12).
        """
        instance = self.instances[instance_id]
        local = instance.local
        assert isinstance(local, Orchestrating)
        self.disown(instance_id)
        execution = Execution(local.name, effect.argument, local.custom_status, effect.unread)
        self.instances[instance_id] = replace(instance, local=execution, answers=(), timers=())
        self._begin_if_it_waits(instance_id)

    # Entities.

    def take(self, entity: str, origin: Origin) -> None:
        """Run the oldest operation of an origin (paper 4.4, Ent-Take to Ent-EndCall in one)."""
        request = self.queues.take(entity, origin)
        found = self.queues.entities[entity]
        outcome = run_operation(entity_named(self.program, entity), found.state, request)
        self.queues.entities[entity] = replace(found, state=outcome.state)
        itself: Origin = (f"@{entity}", 0)
        for sent in outcome.sent:
            if isinstance(sent, SignalSent):
                self._signal(sent, itself)
            else:
                self._start_for_entity(sent, itself)
        if request.caller is not None:
            task_id = request.caller.task_id
            answer: Answer = OperationCompleted(task_id, outcome.reply)
            if outcome.message is not None:
                answer = OperationFailed(task_id, outcome.message)
            self.answer(request.caller, answer)

    def signal(self, entity: str, operation: str, argument: Value) -> None:
        """Take a signal of a caller, or one that is for later: it has no order (paper 3.3.4)."""
        self.queues.enqueue_alone(
            entity_named(self.program, entity).name, Request(operation, argument)
        )

    def _signal(self, signal: SignalSent, origin: Origin) -> None:
        if signal.due_at is not None:
            self.signal(signal.entity, signal.operation, signal.argument)
        else:
            self.queues.enqueue(signal.entity, origin, Request(signal.operation, signal.argument))

    def _start_for_entity(self, sent: StartSent, origin: Origin) -> None:
        start = StartParcel(origin, sent.instance_id, sent.name, sent.argument, parent=None)
        self.parcels.append(start)
