"""FakeHub: what the instances of one run share: virtual time, fakes, and each other.

It does with facts what a hub does with them: calls activities, starts children, fires timers,
carries answers and events. Each input is an episode of its own, in an order that is the same in
every run.
"""

import functools
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from durable.model.history import (
    Answer,
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationSignaled,
    EntityUnlockSent,
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionTerminated,
    HistoryEvent,
    StartRefused,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
    TimerFired,
    answered_task_id,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.messages import TaskMessage
from durable.model.parents import Parent, life_of_child
from durable.model.status import RuntimeStatus
from durable.storage.answers import answer_to_parent, refusal
from durable.testing.app import AppUnderTest
from durable.testing.given import is_orchestrator
from durable.testing.running.agenda import Agenda
from durable.testing.running.answers import answer_of, end_of_fake_child, timed_out
from durable.testing.running.entities import FakeEntities, Reply, Sender
from durable.testing.running.fakes import AT_ONCE, Fakes
from durable.testing.running.instance import InstanceUnderTest
from durable.testing.running.requests import Requests

AGAIN = RuntimeStatus.CONTINUED_AS_NEW


class FakeHub:
    """The instances of one run, by id."""

    def __init__(
        self,
        agenda: Agenda,
        app: AppUnderTest,
        *,
        activities: Fakes,
        children: Fakes,
        entities: Mapping[str, Any],
        check_replay: bool,
    ) -> None:
        """Run with these fakes."""
        self.instances: dict[str, InstanceUnderTest] = {}
        self.requests: dict[str, Requests] = {}
        self._agenda = agenda
        self._app = app
        self._activities = activities
        self._children = children
        self._check_replay = check_replay
        self.entities = FakeEntities(
            entities, app.registry, agenda, tell=self._reply, start=self._start_detached
        )

    def begin(
        self,
        orchestrator: Any,
        instance_id: InstanceId,
        life_id: ExecutionId,
        input_: str | None,
        *,
        name: str | None = None,
        version: str | None = None,
        parent: Parent | None = None,
    ) -> InstanceUnderTest:
        """Start an instance at once."""
        chosen, function = self._app.orchestrator(orchestrator, name)
        instance = InstanceUnderTest(
            function,
            name=chosen,
            instance_id=instance_id,
            life_id=life_id,
            types=self._app.registry,
            version=version,
            parent=parent,
            check_replay=self._check_replay,
        )
        self.instances[instance_id] = instance
        self.requests.setdefault(instance_id, Requests())
        self._follow(instance, instance.start(input_, self._agenda.now))
        return instance

    def raise_event(self, instance_id: str, name: str, data: str, *, is_quoted: bool) -> None:
        """Deliver an external event, if the instance lives."""
        instance = self.instances.get(instance_id)
        if instance is not None and not instance.status.is_terminal:
            event = EventRaised(
                timestamp=self._agenda.now, name=name, input=data, is_quoted=is_quoted
            )
            self._deliver(instance, event)

    def _deliver(self, instance: InstanceUnderTest, event: HistoryEvent) -> None:
        self._follow(instance, instance.take([event], self._agenda.now))

    def _answer(
        self, instance: InstanceUnderTest, execution_id: ExecutionId, answer: Answer
    ) -> None:
        """Deliver an answer, if it still counts."""
        task_id = answered_task_id(answer)
        assert task_id is not None
        if instance.takes_answer(execution_id, task_id):
            self._deliver(instance, answer)

    def _follow(
        self, instance: InstanceUnderTest, facts: list[tuple[ExecutionId, HistoryEvent]]
    ) -> None:
        """Do what these facts ask for."""
        for execution_id, fact in facts:
            self.requests[instance.instance_id].note(fact)
            match fact:
                case TaskScheduled():
                    self._call(instance, execution_id, fact)
                case TimerCreated():
                    fired = TimerFired(
                        timestamp=fact.fire_at, timer_id=fact.event_id, fire_at=fact.fire_at
                    )
                    self._later(fact.fire_at - self._agenda.now, instance, execution_id, fired)
                case SubOrchestrationInstanceCreated():
                    self._agenda.note(
                        self._agenda.now,
                        functools.partial(self._start_child, instance, execution_id, fact),
                    )
                case EventSent():
                    raised = functools.partial(
                        self.raise_event,
                        fact.instance_id,
                        fact.name,
                        fact.input or "null",
                        is_quoted=False,
                    )
                    self._agenda.note(self._agenda.now, raised)
                case EntityOperationCalled() | EntityOperationSignaled() | EntityLockRequested():
                    due = getattr(fact, "scheduled_time", None) or self._agenda.now
                    sender = Sender(instance.instance_id, execution_id)
                    self._agenda.note(due, functools.partial(self.entities.take, sender, fact))
                case EntityUnlockSent(critical_section_id=section):
                    self._release(instance, execution_id, section)
                case ExecutionCompleted():
                    self._release(instance, execution_id, None)
                    self._end(instance, fact)

    def _release(
        self, instance: InstanceUnderTest, execution_id: ExecutionId, section: int | None
    ) -> None:
        """Behind what was asked for before; the end of an execution releases all (`None`)."""
        sender = Sender(instance.instance_id, execution_id)
        release = functools.partial(self.entities.release, sender, section)
        self._agenda.note(self._agenda.now, release)

    def _reply(self, sender: Sender, reply: Reply) -> None:
        self._later(AT_ONCE, self.instances[sender.instance_id], sender.execution_id, reply)

    def _start_detached(self, created: SubOrchestrationInstanceCreated) -> None:
        """Begin what an entity has started, if there is code for it and its id is free."""
        alive = self.instances.get(created.instance_id)
        is_free = alive is None or alive.status.is_terminal
        if is_free and is_orchestrator(self._children.get(created.name)):
            self.begin(
                self._children.get(created.name),
                InstanceId(created.instance_id),
                ExecutionId(created.instance_id),
                created.input,
                name=created.name,
                version=created.version,
            )

    def _later(
        self,
        delay: timedelta,
        instance: InstanceUnderTest,
        execution_id: ExecutionId,
        answer: Answer,
    ) -> None:
        self._agenda.note(
            self._agenda.now + delay,
            functools.partial(self._answer, instance, execution_id, answer),
        )

    def _call(
        self, instance: InstanceUnderTest, execution_id: ExecutionId, task: TaskScheduled
    ) -> None:
        response = self._activities.respond(task.name, task.input)
        limit = self._app.registry.options(task.name).timeout
        if task.timeout_ms is not None:
            limit = timedelta(milliseconds=task.timeout_ms)
        is_late = response.function is None or (limit is not None and response.after > limit)
        if is_late and limit is not None:
            due = self._agenda.now + limit
            self._later(limit, instance, execution_id, timed_out(task, limit, due))
        elif response.function is not None:
            due = self._agenda.now + response.after
            answer = answer_of(task, response.function, self._app.registry, due, caller=instance)
            self._later(response.after, instance, execution_id, answer)

    def _start_child(
        self,
        instance: InstanceUnderTest,
        execution_id: ExecutionId,
        created: SubOrchestrationInstanceCreated,
    ) -> None:
        parent = Parent(
            instance_id=instance.instance_id,
            execution_id=execution_id,
            task_id=created.event_id,
            name=instance.name,
        )
        if created.name not in self._children and created.is_detached:
            return  # noted as asked for: what becomes of it is nobody's affair here
        alive = self.instances.get(created.instance_id)
        if alive is not None and not alive.status.is_terminal:
            self._refuse(created, parent)
        elif is_orchestrator(self._children.get(created.name)):
            self.begin(
                self._children.get(created.name),
                InstanceId(created.instance_id),
                life_of_child(execution_id, created.event_id),
                created.input,
                name=created.name,
                version=created.version,
                parent=None if created.is_detached else parent,
            )
        else:
            self._fake_child(created, parent)

    def _refuse(self, created: SubOrchestrationInstanceCreated, parent: Parent) -> None:
        if not created.is_detached:
            refused = StartRefused(
                timestamp=self._agenda.now, name=created.name, parent_instance=parent.to_json()
            )
            self._tell(refusal(InstanceId(created.instance_id), refused), AT_ONCE)

    def _fake_child(self, created: SubOrchestrationInstanceCreated, parent: Parent) -> None:
        response = self._children.respond(created.name, created.input)
        if response.function is not None and not created.is_detached:
            due = self._agenda.now + response.after
            ended = end_of_fake_child(created, response.function, parent, self._app.registry, due)
            self._tell(answer_to_parent(ended), response.after)

    def terminate(self, instance: InstanceUnderTest, reason: str | None) -> None:
        """End an instance, and the children that it waits for."""
        if not instance.status.is_terminal:
            self._deliver(instance, ExecutionTerminated(timestamp=self._agenda.now, input=reason))

    def _end(self, instance: InstanceUnderTest, ended: ExecutionCompleted) -> None:
        """Answer the parent; one that was terminated takes its children along."""
        if ended.parent_instance is not None and ended.orchestration_status is not AGAIN:
            self._tell(answer_to_parent(ended), AT_ONCE)
        if ended.orchestration_status is RuntimeStatus.TERMINATED:
            for child in list(self.instances.values()):
                parent = child.parent
                is_mine = parent is not None and parent.instance_id == instance.instance_id
                if is_mine:
                    self.terminate(child, ended.result)

    def _tell(self, message: TaskMessage, delay: timedelta) -> None:
        """Carry an answer to the parent that the message names."""
        answer, execution_id = message.event, message.execution_id
        assert isinstance(answer, Answer)
        assert execution_id is not None
        self._later(delay, self.instances[message.instance_id], execution_id, answer)
