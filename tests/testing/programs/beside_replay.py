"""A program's code as replay runs it, beside the specification: one input at a time, step by step.

There is no engine and no hub: inputs are made up, each answers something that is open. After every
one of them both must have asked for the same, stand in the same status and show the same.
"""

import random
from datetime import timedelta
from typing import Any, TypeAlias

from durable.model.history import (
    EventRaised,
    HistoryEvent,
    TimerCreated,
)
from durable.model.status import RuntimeStatus
from durable.replay.decision import Decision
from durable.testing.programs.code import Style, orchestrator_of
from durable.testing.programs.syntax import Orchestration, Program, Value
from durable.testing.specification import effects, inputs
from durable.testing.specification.executions import Orchestrating
from durable.testing.specification.orchestrations import apply, begin
from durable.testing.specification.tasks import Asked, asked_in
from tests.replay.recording import (
    START,
    Orchestrator,
    Recording,
    child_completed,
    child_failed,
    completed,
    failed,
    fired,
    granted,
    not_served,
    raised,
    resumed,
    served,
    suspended,
    terminated,
)
from tests.testing.programs.laid_out import facts_foreseen, facts_of, value_of

Fact: TypeAlias = tuple[Any, ...]
EVENTS = ("x", "y", "number", "go")
# How a call fails and succeeds: as replay is told, and as the specification is.
ANSWERS: dict[str, tuple[tuple[Any, Any], tuple[Any, Any]]] = {
    "activity": ((failed, inputs.ActivityFailed), (completed, inputs.ActivityCompleted)),
    "child": ((child_failed, inputs.ChildFailed), (child_completed, inputs.ChildCompleted)),
    "operation": ((not_served, inputs.OperationFailed), (served, inputs.OperationCompleted)),
}


class _Execution(Recording):
    """A recording whose first episode takes carried events too."""

    def __init__(
        self, orchestrator: Orchestrator, input_: Any, carried: tuple[EventRaised, ...]
    ) -> None:
        self._carried = carried
        super().__init__(orchestrator, input_)

    def episode(self, *arrived: HistoryEvent, after_s: float = 0) -> Decision:
        if not self.episodes:
            arrived = (*arrived, *self._carried)
        return super().episode(*arrived, after_s=after_s)

    @property
    def unread(self) -> tuple[EventRaised, ...]:
        """What the next execution is to have: what was not read, and what was not even taken."""
        assert self.last.continued is not None
        behind = self.episodes[-1].arrived[self.last.consumed :]
        events = tuple(event for event in behind if isinstance(event, EventRaised))
        return (*self.last.continued.carried, *events)


class BesideReplay:
    """One orchestration, run twice. `check` compares the two after each input."""

    def __init__(
        self, program: Program, orchestration: Orchestration, argument: Value, style: Style
    ) -> None:
        self.executions = 1
        self._program = program
        self._name = orchestration.name
        self._orchestrator = orchestrator_of(orchestration, style=style)
        self._seconds = 0.0
        self._shown: Value = None
        self._code = _Execution(self._orchestrator, argument, ())
        self._step = begin(program, self._name, argument, self._time)
        self._settle()

    @property
    def is_over(self) -> bool:
        """Whether no input can change anything."""
        return self._step.state.is_over

    def play(self, chance: random.Random, inputs_max: int) -> None:
        """Make inputs up until it is over."""
        for _ in range(inputs_max):
            if self.is_over:
                return
            event, input_ = self._any_input(chance)
            self._seconds += chance.choice((0, 1, 7))
            self._code.episode(event, after_s=self._seconds)
            self._step = apply(self._program, self._step.state, input_, self._time)
            self._settle()

    @property
    def _time(self) -> Any:
        return self._code.last.facts[0].timestamp

    def _settle(self) -> None:
        """Compare, and go on with the executions that follow at once."""
        self._compare()
        while self._step.effects and isinstance(self._step.effects[-1], effects.ContinuedAsNew):
            again = self._step.effects[-1]
            shown = self._step.state.custom_status
            carried = self._code.unread
            assert self._code.last.continued is not None
            assert value_of(self._code.last.continued.input) == again.argument
            assert [(e.name, value_of(e.input)) for e in carried] == [
                (event.name, event.data) for event in again.unread
            ]
            self.executions += 1
            self._code = _Execution(self._orchestrator, again.argument, carried)
            self._step = begin(
                self._program,
                self._name,
                again.argument,
                self._time,
                custom_status=shown,
                unread=again.unread,
            )
            self._compare()

    def _compare(self) -> None:
        decision, state = self._code.last, self._step.state
        assert list(facts_of(decision)) == list(facts_foreseen(self._step))
        assert decision.status is RuntimeStatus(state.status)
        if decision.sets_custom_status:
            self._shown = value_of(decision.custom_status)
        assert self._shown == state.custom_status

    def _any_input(self, chance: random.Random) -> tuple[HistoryEvent, inputs.Input]:
        state = self._step.state
        answered = {getattr(held, "task_id", None) for held in state.held}
        is_open = [each for each in open_in(state) if each.task_id not in answered]
        kind = chance.choice(("answer",) * 9 + ("event",) * 2 + ("control",))
        if kind == "answer" and is_open:
            return self._answer(chance.choice(is_open), chance)
        if kind == "control":
            controls: list[tuple[HistoryEvent, inputs.Input]] = [
                *[(suspended(), inputs.Suspended())] * 2,
                *[(resumed(), inputs.Resumed())] * 4,
                (terminated("enough"), inputs.Terminated("enough")),
            ]
            return chance.choice(controls)
        name, data = chance.choice(EVENTS), chance.randrange(4)
        return raised(name, data), inputs.EventArrived(name, data)

    def _answer(self, asked: Asked, chance: random.Random) -> tuple[HistoryEvent, inputs.Input]:
        task_id = asked.task_id
        if asked.kind == "timer":
            created = next(
                fact
                for fact in self._code.history
                if isinstance(fact, TimerCreated) and fact.event_id == task_id
            )
            after_s = (created.fire_at - START) / timedelta(seconds=1)
            return fired(task_id, after_s), inputs.TimerFired(task_id)
        if asked.kind == "section":
            return granted(task_id), inputs.SectionEntered(task_id)
        fails, succeeds = ANSWERS[asked.kind]
        value = chance.randrange(4)
        if chance.random() < 0.4:
            return fails[0](task_id, "odd"), fails[1](task_id, "odd")
        return succeeds[0](task_id, value), succeeds[1](task_id, value)


def open_in(state: Orchestrating) -> list[Asked]:
    """List what was asked for and not answered."""
    return [asked for task in state.tasks if (asked := asked_in(task)) is not None]
