"""The bag of components of a hub (paper section 4), thawed: what is where, and what waits for what.

It keeps two invariants. Whoever is named as the caller of a request, or the parent of a child, is
alive, and in the execution that asked. And parcels of one origin to one instance stay in order.
"""

from dataclasses import replace

from durable.testing.programs.syntax import Program, Terminate, Value
from durable.testing.specification.abandonment import watched, without_abandoned
from durable.testing.specification.entities import Caller, Origin
from durable.testing.specification.executions import Orchestrating
from durable.testing.specification.hub_state import (
    Ender,
    EndParcel,
    HubState,
    Instance,
    Parcel,
    StartParcel,
)
from durable.testing.specification.inputs import Answer, ChildCompleted, ChildFailed, Mail
from durable.testing.specification.queues import Queues


class Bag:
    """The components of a hub in the middle of a transition."""

    def __init__(self, program: Program, state: HubState) -> None:
        """Thaw a state."""
        self.program = program
        self.tells_time = state.tells_time
        self.clock = state.clock
        self.actions_done = state.actions_done
        self.instances = dict(state.instances)
        self.parcels: list[Parcel] = list(state.parcels)
        self.queues = Queues(state.entities)
        self.may_terminate = any(isinstance(action, Terminate) for action in program.script)

    def freeze(self) -> HubState:
        """Give the state as it is now."""
        return HubState(
            clock=self.clock,
            tells_time=self.tells_time,
            actions_done=self.actions_done,
            instances=tuple(sorted(self.instances.items(), key=lambda pair: pair[0])),
            # Stable: what one origin sends to one instance stays in its order.
            parcels=tuple(sorted(self.parcels, key=lambda each: (each.origin, each.instance_id))),
            entities=self.queues.freeze(),
        )

    def is_live(self, instance_id: str) -> bool:
        """Tell whether there is an instance of this id that has not ended."""
        found = self.instances.get(instance_id)
        return found is not None and found.is_live

    def post(self, instance_id: str, mail: Mail) -> None:
        """Put an accepted message on its way to a live instance."""
        instance = self.instances[instance_id]
        # Sorted, for they have no order: equal states must be equal values.
        sent = tuple(sorted((*instance.mail, mail), key=repr))
        self.instances[instance_id] = replace(instance, mail=sent)

    def reply(
        self, parent: Caller | None, *, value: Value = None, message: str | None = None
    ) -> None:
        """Tell the parent of a child, if there is one, what came of it."""
        if parent is None:
            return
        if message is None:
            self.answer(parent, ChildCompleted(parent.task_id, value))
        else:
            self.answer(parent, ChildFailed(parent.task_id, message))

    def answer(self, caller: Caller, answer: Answer) -> None:
        """Put an answer on its way, unless nobody would notice it (abandonment.py)."""
        instance = self.instances[caller.instance_id]
        assert isinstance(instance.local, Orchestrating)
        if caller.task_id not in instance.local.open_tasks:
            return
        answers = tuple(sorted((*instance.answers, answer), key=lambda each: each.task_id))
        self.instances[caller.instance_id] = replace(instance, answers=answers)

    def disown(self, instance_id: str, task_ids: frozenset[int] | None = None) -> None:
        """Let calls and children of these tasks (of all, by default) go on for nobody."""
        self.queues.disown(instance_id, task_ids)
        if task_ids is not None and self.may_terminate:
            return  # a child that nobody waits for any more still ends with its parent

        def freed(child: StartParcel | Instance) -> bool:
            return _is_child(child.parent, instance_id, task_ids)

        self.parcels = [
            replace(each, parent=None) if isinstance(each, StartParcel) and freed(each) else each
            for each in self.parcels
        ]
        for child_id, child in self.instances.items():
            if freed(child):
                self.instances[child_id] = replace(child, parent=None)

    def end_children(self, instance_id: str, reason: str | None) -> None:
        """Send the end to all children that have not answered, behind their starts."""
        origin: Origin = (instance_id, self.instances[instance_id].generation)
        for place, each in enumerate(self.parcels):
            if isinstance(each, StartParcel) and _is_child(each.parent, instance_id):
                assert each.parent is not None
                end = EndParcel(origin, each.instance_id, each.parent.task_id, reason)
                self.parcels[place] = replace(each, parent=None, ended_by=end.ender)
                self.parcels.append(end)
        for child_id, child in self.instances.items():
            if child.parent is not None and _is_child(child.parent, instance_id):
                end = EndParcel(origin, child_id, child.parent.task_id, reason)
                self.instances[child_id] = replace(child, parent=None, ended_by=end.ender)
                self.parcels.append(end)

    def drop_end(self, instance_id: str, ender: Ender | None) -> None:
        """Drop the end of a life that is over, or that never was: it would do nothing."""
        self.parcels = [
            each
            for each in self.parcels
            if not (
                isinstance(each, EndParcel)
                and (each.instance_id, each.ender) == (instance_id, ender)
            )
        ]

    def forget_abandoned(self, instance_id: str, local: Orchestrating) -> None:
        """Drop what would be consumed without effect (abandonment.py says why it would)."""
        kept = watched(local)
        gone = frozenset(local.open_tasks) - kept
        if not gone:
            return
        instance = self.instances[instance_id]
        timers = instance.timers
        if not self.tells_time:
            timers = tuple((task_id, due_at) for task_id, due_at in timers if task_id in kept)
        still_fires = {task_id for task_id, _ in timers}
        self.disown(instance_id, gone)
        self.instances[instance_id] = replace(
            instance,
            local=without_abandoned(local, kept | still_fires),
            answers=tuple(each for each in instance.answers if each.task_id in kept),
            timers=timers,
        )


def _is_child(
    parent: Caller | None, instance_id: str, task_ids: frozenset[int] | None = None
) -> bool:
    return (
        parent is not None
        and parent.instance_id == instance_id
        and (task_ids is None or parent.task_id in task_ids)
    )
