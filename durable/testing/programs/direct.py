"""Run a program without an engine: no history, no replay, no storage, no faults.

The same functions run on a context of their own. What the engine records and replays
must not show (Lemma 6.7 of the Durable Functions paper: recording is transparent), so where a
program has only one outcome both must come to it.

Rule 1. Each input is applied alone, and the code then runs as far as it can, at the virtual time at
        which the input came.
Rule 2. Activities take no time and answer in the order scheduled; timers are due when they are due;
        what callers do in a second comes before all else in it.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from durable.testing.programs.code import Style, activity_of, orchestrator_of
from durable.testing.programs.direct_entities import DirectEntities, Locking, Operation
from durable.testing.programs.direct_life import Life, Status
from durable.testing.programs.direct_sections import DirectLock, DirectOperation, DirectSection
from durable.testing.programs.direct_tasks import DirectCall, DirectChild, DirectTimer, Leaf
from durable.testing.programs.errors import ProgramError
from durable.testing.programs.support import refuse_unsupported
from durable.testing.programs.syntax import (
    CallerAction,
    Program,
    Purge,
    RaiseEvent,
    Resume,
    Signal,
    Start,
    Suspend,
    Terminate,
    Value,
)

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
INPUTS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class DirectResult:
    """Where an instance stands when nothing more will come, in its last life.

    `value` is the output, the message of the failure, or the reason of the terminate.
    """

    instance_id: str
    status: Status
    value: Value = None
    custom_status: Value = None


@dataclass(frozen=True, slots=True)
class DirectEnd:
    """Where everybody stands when nothing more will come; `entities` are names and states."""

    instances: tuple[DirectResult, ...]
    entities: tuple[tuple[str, Value], ...]


def run_directly(
    program: Program, *, begins_at: datetime = BEGINNING, style: Style = "generator"
) -> tuple[DirectResult, ...]:
    """Give the instances of `end_directly`."""
    return end_directly(program, begins_at=begins_at, style=style).instances


def end_directly(
    program: Program, *, begins_at: datetime = BEGINNING, style: Style = "generator"
) -> DirectEnd:
    """Run until nothing more will come; give every instance that was started, by order of ids.

    One that its sender gave no id is called by the sender's and a number, from 0. Those that were
    purged are not there.
    Raises `UnsupportedProgram` for what can't run as code, `RuntimeError` after `INPUTS_MAX`.
    """
    refuse_unsupported(program)
    run = _DirectRun(program, begins_at, style)
    lives = run.finish()
    instances = tuple(
        DirectResult(instance_id, life.status, life.value, life.custom_status)
        for instance_id, life in sorted(lives.items())
    )
    return DirectEnd(instances, tuple(sorted(run.entities.states.items())))


class _DirectRun:
    """The lives of all instances, and what is yet to come, by time and then by order."""

    def __init__(self, program: Program, begins_at: datetime, style: Style) -> None:
        self._orchestrators = {
            each.name: orchestrator_of(each, style=style) for each in program.orchestrations
        }
        self._activities = {a.name: activity_of(a) for a in program.activities}
        self.entities = DirectEntities(program.entities, style, self)
        self._lives: dict[str, Life] = {}
        # Over all lives of an id, those that were purged too.
        self._unnamed: Counter[str] = Counter()
        self._now = begins_at
        self._coming: list[tuple[datetime, int, Callable[[], None]]] = []
        self._planned = 0
        for action in program.script:
            self._plan(begins_at + timedelta(seconds=action.at_s), partial(self._perform, action))

    def finish(self) -> dict[str, Life]:
        """Let everything happen that is to come."""
        for _ in range(INPUTS_MAX):
            if not self._coming:
                return self._lives
            due_at, _, happen = heapq.heappop(self._coming)
            self._now = max(self._now, due_at)
            happen()
        raise RuntimeError(f"The program has not come to rest after {INPUTS_MAX} inputs.")

    def _plan(self, due_at: datetime, happen: Callable[[], None]) -> None:
        self._planned += 1
        heapq.heappush(self._coming, (max(due_at, self._now), self._planned, happen))

    # What callers do.

    def _perform(self, action: CallerAction) -> None:
        """Do what a caller does. What is refused has no effect."""
        if isinstance(action, Signal):
            # Nobody else keeps an order with it.
            sent = Operation(object(), action.entity, action.operation, action.argument)
            due_at = self._now + timedelta(seconds=action.after_s)
            self._plan(due_at, partial(self.entities.take, sent))
            return
        life = self._alive(action.instance_id)
        match action:
            case Start(instance_id, orchestration, argument):
                if life is None:
                    begins_at = self._now + timedelta(seconds=action.delay_s)
                    self._begin(instance_id, orchestration, argument, at=begins_at)
            case Purge(instance_id):
                if life is None:
                    self._lives.pop(instance_id, None)
            case _ if life is not None:
                self._send(life, action)
            case _:
                pass

    def _send(self, life: Life, action: RaiseEvent | Terminate | Suspend | Resume) -> None:
        happen: Callable[[], None]
        match action:
            case RaiseEvent(_, name, data):
                happen = partial(life.take_event, name, data)
            case Terminate():
                happen = partial(
                    self._terminate, life, action.reason, is_recursive=action.is_recursive
                )
            case Suspend():
                happen = life.suspend
            case Resume():
                happen = life.resume
        self._plan(self._now, happen)

    # What instances do to each other.

    def now(self) -> datetime:
        """Tell the virtual time."""
        return self._now

    def schedule(self, life: Life, leaf: Leaf) -> None:
        """Let the answer come: an activity's and a child's when it is there, a timer's in time."""
        match leaf:
            case DirectTimer():
                self._plan(leaf.fire_at, partial(life.answer, leaf))
            case DirectCall():
                self._plan(self._now, partial(self._run_activity, life, leaf))
            case DirectOperation():
                answer = partial(self._answer_call, life, leaf)
                call = Operation(life, leaf.entity, leaf.operation, leaf.argument, answer)
                self._plan(self._now, partial(self.entities.take, call))
            case DirectLock():
                granted = partial(self._answer_call, life, leaf, leaf.section, None)
                locking = Locking(life, leaf.section, granted)
                self._plan(self._now, partial(self.entities.take, locking))
            case DirectChild():
                instance_id = self._id_for(life, leaf.instance_id)
                self._plan(self._now, partial(self._start_child, life, leaf, instance_id))
            case _:
                raise AssertionError(f"{leaf} has no answer of its own")

    def start_detached(
        self, life: Life, name: str, argument: Value, instance_id: str | None
    ) -> str:
        """Start an instance, unless one of its id is alive when the start arrives."""
        started_id = self._id_for(life, instance_id)
        self._plan(self._now, partial(self._start_unless_alive, started_id, name, argument))
        return started_id

    def send_event(self, instance_id: str, name: str, data: Value) -> None:
        """Raise an event for whoever is alive when it arrives."""
        self._plan(self._now, partial(self._deliver_event, instance_id, name, data))

    def signal(
        self, life: Life, entity: str, operation: str, argument: Value, due_at: datetime | None
    ) -> None:
        """Send an operation to an entity; one for later keeps no order."""
        origin = life if due_at is None else object()
        sent = Operation(origin, entity, operation, argument)
        self._plan(due_at or self._now, partial(self.entities.take, sent))

    def leave(self, life: Life, section: DirectSection) -> None:
        """Release the locks of a section, behind all that the life has sent."""
        self._plan(self._now, partial(self.entities.leave, life, section))

    # What entities do.

    def signal_from(self, sender: str, entity: str, operation: str, argument: Value) -> None:
        """Send an operation from an entity."""
        sent = Operation(sender, entity, operation, argument)
        self._plan(self._now, partial(self.entities.take, sent))

    def start_from_entity(self, name: str, argument: Value, instance_id: str) -> None:
        """Start an instance that owes no answer."""
        self._plan(self._now, partial(self._start_unless_alive, instance_id, name, argument))

    def _answer_call(self, life: Life, leaf: Leaf, value: Any, failure: str | None) -> None:
        self._plan(self._now, partial(life.answer, leaf, value, failure=failure))

    def ended(self, life: Life) -> None:
        """Answer the parent."""
        if life.parent is None:
            return
        parent, leaf = life.parent
        if life.status == "Completed":
            self._plan(self._now, partial(parent.answer, leaf, life.value))
        else:
            self._plan(self._now, partial(parent.answer, leaf, failure=str(life.value)))

    def _alive(self, instance_id: str) -> Life | None:
        life = self._lives.get(instance_id)
        return life if life is not None and life.is_alive else None

    def _id_for(self, life: Life, instance_id: str | None) -> str:
        if instance_id is not None:
            return instance_id
        number = self._unnamed[life.instance_id]
        self._unnamed[life.instance_id] += 1
        return f"{life.instance_id}:{number}"

    def _begin(self, instance_id: str, name: str, argument: Value, *, at: datetime) -> Life:
        life = Life(instance_id, self._orchestrators[name], argument, self)
        self._lives[instance_id] = life
        self._plan(at, life.start)
        return life

    def _start_unless_alive(self, instance_id: str, name: str, argument: Value) -> None:
        if self._alive(instance_id) is None:
            self._begin(instance_id, name, argument, at=self._now)

    def _start_child(self, parent: Life, leaf: DirectChild, instance_id: str) -> None:
        if self._alive(instance_id) is not None:
            message = f"An instance with the ID '{instance_id}' is alive already."
            self._plan(self._now, partial(parent.answer, leaf, failure=message))
        else:
            leaf.life = self._begin(instance_id, leaf.name, leaf.argument, at=self._now)
            leaf.life.parent = (parent, leaf)

    def _deliver_event(self, instance_id: str, name: str, data: Value) -> None:
        life = self._alive(instance_id)
        if life is not None:
            life.take_event(name, data)

    def _terminate(self, life: Life, reason: Value, *, is_recursive: bool) -> None:
        """End a life, and then its children; what was sent to them before arrives before."""
        for child in life.terminate(reason):
            if is_recursive:
                self._plan(self._now, partial(self._end_child, child, reason))

    def _end_child(self, child: DirectChild, reason: Value) -> None:
        if child.life is not None:
            self._terminate(child.life, reason, is_recursive=True)

    def _run_activity(self, life: Life, call: DirectCall) -> None:
        try:
            result = self._activities[call.name](call.argument)
        except ProgramError as error:
            life.answer(call, failure=str(error))
        else:
            life.answer(call, result)
