"""The bag of components of a hub (paper section 4), thawed: what is where, and what waits for what.

It keeps one invariant: whoever is named as the caller of a request, or the parent of a child, is
alive and would notice the answer. So an answer can always be put on its way.
"""

from dataclasses import replace

from durable.testing.programs.syntax import Program, Value
from durable.testing.specification.abandonment import watched, without_abandoned
from durable.testing.specification.entities import Caller
from durable.testing.specification.executions import Orchestrating
from durable.testing.specification.hub_state import HubState
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
        self.starts = list(state.starts)
        self.queues = Queues(state.entities)

    def freeze(self) -> HubState:
        """Give the state as it is now."""
        return HubState(
            clock=self.clock,
            tells_time=self.tells_time,
            actions_done=self.actions_done,
            instances=tuple(sorted(self.instances.items(), key=lambda pair: pair[0])),
            # Stable: the starts of one origin stay in their order.
            starts=tuple(sorted(self.starts, key=lambda start: start.origin)),
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
        """Put an answer on its way; whoever asked is alive, or it would be nobody's."""
        instance = self.instances[caller.instance_id]
        answers = tuple(sorted((*instance.answers, answer), key=lambda each: each.task_id))
        self.instances[caller.instance_id] = replace(instance, answers=answers)

    def disown(self, instance_id: str, task_ids: frozenset[int] | None = None) -> None:
        """Let calls and children of these tasks (of all, by default) go on for nobody."""

        def is_theirs(parent: Caller | None) -> bool:
            return (
                parent is not None
                and parent.instance_id == instance_id
                and (task_ids is None or parent.task_id in task_ids)
            )

        self.queues.disown(instance_id, task_ids)
        self.starts = [
            replace(start, parent=None) if is_theirs(start.parent) else start
            for start in self.starts
        ]
        for child_id, child in self.instances.items():
            if is_theirs(child.parent):
                self.instances[child_id] = replace(child, parent=None)

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
