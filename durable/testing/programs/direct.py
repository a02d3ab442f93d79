"""Run a program without an engine: no history, no replay, no storage, no faults.

The same generator functions run on a context of their own. What the engine records and replays
must not show (Lemma 6.7 of the Durable Functions paper: recording is transparent), so where a
program has only one outcome both must come to it.

Rule 1. Each input is applied alone, and the code then runs as far as it can, at the virtual time at
        which the input came.
Rule 2. Activities take no time and answer in the order scheduled; timers are due when they are due;
        what callers do in a second comes before all else in it.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from durable.testing.programs.code import activity_of, orchestrator_of
from durable.testing.programs.direct_life import Life, Status
from durable.testing.programs.direct_tasks import DirectCall, DirectTimer
from durable.testing.programs.errors import ProgramError
from durable.testing.programs.support import refuse_unsupported
from durable.testing.programs.syntax import (
    CallerAction,
    Program,
    RaiseEvent,
    Start,
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


def run_directly(program: Program, *, begins_at: datetime = BEGINNING) -> tuple[DirectResult, ...]:
    """Run until nothing more will come; give every instance that was started, by order of ids.

    Raises `UnsupportedProgram` for what can't run as code, `RuntimeError` after `INPUTS_MAX`.
    """
    refuse_unsupported(program)
    lives = _DirectRun(program, begins_at).finish()
    return tuple(
        DirectResult(instance_id, life.status, life.value, life.custom_status)
        for instance_id, life in sorted(lives.items())
    )


class _DirectRun:
    """The lives of all instances, and what is yet to come, by time and then by order."""

    def __init__(self, program: Program, begins_at: datetime) -> None:
        self._orchestrators = {o.name: orchestrator_of(o) for o in program.orchestrations}
        self._activities = {a.name: activity_of(a) for a in program.activities}
        self._lives: dict[str, Life] = {}
        self._begins_at = begins_at
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

    def _perform(self, action: CallerAction) -> None:
        """Do what a caller does. What is refused has no effect."""
        life = self._lives.get(action.instance_id)
        is_alive = life is not None and life.is_alive
        match action:
            case Start() if not is_alive:
                life = Life(
                    self._orchestrators[action.orchestration],
                    action.argument,
                    now=lambda: self._now,
                    schedule=self._schedule,
                )
                self._lives[action.instance_id] = life
                self._plan(self._now, life.start)
            case RaiseEvent(_, name, data) if life is not None and is_alive:
                self._plan(self._now, partial(life.take_event, name, data))
            case Terminate(_, reason) if life is not None and is_alive:
                self._plan(self._now, partial(life.terminate, reason))

    def _schedule(self, life: Life, leaf: DirectCall | DirectTimer) -> None:
        if isinstance(leaf, DirectTimer):
            self._plan(leaf.fire_at, partial(life.answer, leaf))
        else:
            self._plan(self._now, partial(self._run_activity, life, leaf))

    def _run_activity(self, life: Life, call: DirectCall) -> None:
        try:
            result = self._activities[call.name](call.argument)
        except ProgramError as error:
            life.answer(call, failure=str(error))
        else:
            life.answer(call, result)
