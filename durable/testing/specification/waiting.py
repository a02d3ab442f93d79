"""Waiting: the tasks of one execution at work, what they ask for, and what completes them.

Rule 1. A task is scheduled when it is awaited, alone or inside another, leaves from left to right;
        ids count up from 0. A task that was scheduled is not scheduled again.
Rule 2. An external event goes only to a wait that is awaited now: the earliest unread event that
        one of the waits asks for, to the first such wait, and only while the awaited task is not
        complete. (docs/decisions/0004)
Rule 3. Ours, decision 15: a retry asks for its next step, under an id of its own, when the answer
        to the step before arrives, before the code goes on. After the last attempt there is none.
Rule 4. A timer is due so long after the time of the episode in which it was made.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from durable.testing.programs.syntax import (
    AllOf,
    AnyOf,
    Made,
    Value,
)
from durable.testing.programs.syntax import Task as TaskExpression
from durable.testing.specification.effects import (
    Effect,
)
from durable.testing.specification.executions import Lock, Orchestrating
from durable.testing.specification.heap import compact, open_among, reachable
from durable.testing.specification.inputs import (
    ActivityCompleted,
    ActivityFailed,
    Answer,
    ChildCompleted,
    ChildFailed,
    EventArrived,
    OperationCompleted,
    OperationFailed,
    SectionEntered,
    TimerFired,
)
from durable.testing.specification.leaves import ask, leaf_of
from durable.testing.specification.lock_rules import broken_by
from durable.testing.specification.tasks import (
    All,
    Any,
    Asked,
    Completed,
    Completion,
    EventWait,
    Failed,
    Kind,
    Never,
    Ref,
    Retrying,
    SectionEntry,
    Task,
    Timer,
    Unasked,
    asked_in,
    completion_of,
    leaves_of,
    open_leaves_of,
)

ANSWERED_BY: Mapping[type[Answer], Kind] = {
    ActivityCompleted: "activity",
    ActivityFailed: "activity",
    TimerFired: "timer",
    ChildCompleted: "child",
    ChildFailed: "child",
    OperationCompleted: "operation",
    OperationFailed: "operation",
    SectionEntered: "section",
}


class Raised(Exception):  # noqa: N818  (it is the program's error, and no fault of ours)
    """The code of the program raises an error."""

    def __init__(self, message: str) -> None:
        """Remember the message, which is all that a program's error has."""
        super().__init__(message)
        self.message = message


class WrongAnswerError(ValueError):
    """An answer names a task of another kind: no execution can have asked for it."""


class Waiting:
    """The heap of tasks of one execution, and the one that the code waits for."""

    def __init__(self, state: Orchestrating, time: datetime) -> None:
        """Thaw what a state says of tasks."""
        self.effects: list[Effect] = []
        self.awaited = state.awaited
        self.lock = state.lock
        self.unread = list(state.unread)
        self._time = time
        self._tasks = list(state.tasks)
        self._made = dict(state.made)
        self._scheduled = state.scheduled
        self._completions = sum(isinstance(task, Completed | Failed) for task in state.tasks)

    def freeze(self, state: Orchestrating) -> Orchestrating:
        """Put the tasks into a state, but for those that cannot matter any more."""
        roots = [*self._made.values(), *([] if self.awaited is None else [self.awaited])]
        kept = reachable(self._tasks, roots) | open_among(self._tasks)
        tasks, moved = compact(self._tasks, kept)
        return replace(
            state,
            unread=tuple(self.unread),
            made=tuple(sorted((name, moved[ref]) for name, ref in self._made.items())),
            tasks=tasks,
            awaited=None if self.awaited is None else moved[self.awaited],
            lock=self.lock,
            scheduled=self._scheduled,
        )

    def forget_made(self) -> None:
        """Let go of all that the code could name: it is over."""
        self._made = {}

    def completion(self) -> Completion | None:
        """Tell how what is awaited is complete, `None` while it is not."""
        return None if self.awaited is None else completion_of(self._tasks, self.awaited)

    # What the code does.

    def make(self, name: str, task: TaskExpression, variables: Mapping[str, Value]) -> None:
        """Make a task and keep it under a name; nothing is asked for yet (rule 1)."""
        self._made[name] = self._build(task, variables)

    def await_task(self, task: TaskExpression, variables: Mapping[str, Value]) -> None:
        """Schedule what is not yet, and wait for it; `Raised` if a section forbids it."""
        ref = self._build(task, variables)
        self._check_lock_rules(ref)
        for leaf in leaves_of(self._tasks, ref):
            self._schedule(leaf)
        self.awaited = ref
        self._deliver()

    def await_section(self, entities: tuple[str, ...]) -> None:
        """Ask for the locks of a section, and wait for them (paper 4, CS-Enter)."""
        ref = self._add(SectionEntry(entities))
        self._schedule(ref)
        self.awaited = ref

    def cancel(self, name: str) -> None:
        """Cancel a timer that is not complete; nothing else can be cancelled (ours, decision 1)."""
        ref = self._made.get(name)
        if ref is None:
            return
        match self._tasks[ref]:
            case Timer() | Asked(kind="timer") as timer:
                self._tasks[ref] = replace(timer, is_cancelled=True)
            case _:
                pass

    def take_id(self) -> int:
        """Take the next id, for a task or for what is asked for without waiting."""
        self._scheduled += 1
        return self._scheduled - 1

    # What happens to it.

    def arrive(self, event: EventArrived) -> None:
        """Take an external event, and keep it until it is asked for (rule 2)."""
        self.unread.append(event)
        self._deliver()

    def answer(self, answer: Answer) -> None:
        """Complete the task of this id; without effect where it is not open (paper 4.3, Act-Done).

        Paper 4.3.5: every place that holds the task sees it complete. Ours, decision 3: an answer
        to nobody is consumed. `WrongAnswerError` if the task is of another kind.
        """
        for ref, task in enumerate(self._tasks):
            asked = asked_in(task)
            if asked is not None and asked.task_id == answer.task_id:
                if asked.kind != ANSWERED_BY[type(answer)]:
                    raise WrongAnswerError(f"{answer} answers no {asked.kind}.")
                if isinstance(task, Retrying):
                    self._tasks[ref] = self._after_step(task, answer)
                else:
                    self._tasks[ref] = Never() if asked.is_cancelled else self._completed(answer)
                return

    def _after_step(self, task: Retrying, answer: Answer) -> Task:
        match answer:
            case TimerFired():
                return self._attempt(task)
            case ActivityFailed() | ChildFailed() if task.left > 0:
                step = self._ask(Timer(self._time + task.pause))
                return replace(task, step=step, pause=task.pause * task.coefficient)
            case _:
                return self._completed(answer)

    def _completed(self, answer: Answer) -> Task:
        self._completions += 1
        match answer:
            case ActivityFailed() | ChildFailed() | OperationFailed():
                return Failed(self._completions, answer.message)
            case ActivityCompleted() | ChildCompleted() | OperationCompleted():
                return Completed(self._completions, answer.value)
            case _:
                return Completed(self._completions, None)

    def _deliver(self) -> None:
        if self.awaited is None:
            return
        while self.completion() is None:
            waits: dict[str, Ref] = {}
            for leaf in open_leaves_of(self._tasks, self.awaited):
                task = self._tasks[leaf]
                if isinstance(task, EventWait):
                    waits.setdefault(task.name, leaf)
            taken = next((at for at, event in enumerate(self.unread) if event.name in waits), None)
            if taken is None:
                return
            event = self.unread.pop(taken)
            self._completions += 1
            self._tasks[waits[event.name]] = Completed(self._completions, event.data)

    # Making and asking.

    def _add(self, task: Task) -> Ref:
        self._tasks.append(task)
        return len(self._tasks) - 1

    def _build(self, task: TaskExpression, variables: Mapping[str, Value]) -> Ref:
        match task:
            case Made(name):
                found = self._made.get(name)
                return self._add(All(())) if found is None else found
            case AllOf(tasks):
                return self._add(All(tuple(self._build(child, variables) for child in tasks)))
            case AnyOf(tasks):
                return self._add(Any(tuple(self._build(child, variables) for child in tasks)))
            case _:
                return self._add(leaf_of(task, variables, self._time))

    def _check_lock_rules(self, ref: Ref) -> None:
        if self.lock is None:
            return
        wanted = [self._tasks[leaf] for leaf in leaves_of(self._tasks, ref)]
        broken = broken_by(
            wanted, locked=self.lock.entities, section=self.lock.task_id, tasks=self._tasks
        )
        if broken is not None:
            raise Raised(broken)

    def _schedule(self, ref: Ref) -> None:
        task = self._tasks[ref]
        match task:
            case Retrying(step=None):
                self._tasks[ref] = self._attempt(task)
            case SectionEntry(entities):
                asked = self._ask(task)
                self._tasks[ref], self.lock = asked, Lock(asked.task_id, entities)
            case _ if isinstance(task, Unasked):
                self._tasks[ref] = self._ask(task)
            case _:
                pass

    def _attempt(self, task: Retrying) -> Retrying:
        return replace(task, step=self._ask(task.call), left=task.left - 1)

    def _ask(self, task: Unasked) -> Asked:
        section = None if self.lock is None else self.lock.task_id
        asked, effect = ask(task, task_id=self.take_id(), section=section)
        self.effects.append(effect)
        return asked
