"""The machine: runs the code of one execution from one input to where it waits or ends.

It thaws a state, works on it in place and freezes it again; it lives for one input only. What it
knows of the language is in the two `match`es over statements; how tasks behave is in `waiting`.
"""

from datetime import datetime, timedelta

from durable.testing.programs.syntax import (
    Await,
    Block,
    Cancel,
    ContinueAsNew,
    Expression,
    If,
    Let,
    Make,
    Program,
    Raise,
    Repeat,
    Return,
    Section,
    SendEvent,
    SetStatus,
    SignalEntity,
    StartDetached,
    Statement,
    Try,
    Value,
    weight_of,
)
from durable.testing.specification.effects import (
    ContinuedAsNew,
    DetachedAsked,
    Ended,
    EventSent,
    SectionLeft,
    SignalSent,
)
from durable.testing.specification.executions import Arm, Frame, Orchestrating, Status
from durable.testing.specification.expressions import evaluate
from durable.testing.specification.inputs import EventArrived
from durable.testing.specification.lock_rules import (
    NO_EMPTY_SECTION,
    NO_NESTING,
    NO_SIGNAL_TO_LOCKED,
)
from durable.testing.specification.names import entity_named, orchestration_named
from durable.testing.specification.tasks import Completed, Failed
from durable.testing.specification.waiting import Raised, Waiting

STATEMENTS_MAX = 10_000


class RunawayError(RuntimeError):
    """An orchestration runs on and on without waiting for anything."""


class Level:
    """A frame, thawed: its block, and where in it the code stands."""

    __slots__ = ("arm", "at", "block", "rounds")

    def __init__(self, block: Block, frame: Frame) -> None:
        """Stand where the frame says."""
        self.block = block
        self.at = frame.at
        self.arm: Arm = frame.arm
        self.rounds = frame.rounds


class Machine:
    """One execution at work."""

    def __init__(self, program: Program, state: Orchestrating, time: datetime) -> None:
        """Thaw a state; `time` is the time of the episode, which the code sees."""
        self._program = program
        self._name = state.name
        self._time = time
        self._status: Status = state.status
        self._output = state.output
        self._custom_status = state.custom_status
        self._variables = dict(state.variables)
        self._levels = self._thaw(state.frames)
        self._statements = 0
        self.waiting = Waiting(state, time)
        self.effects = self.waiting.effects

    def _thaw(self, frames: tuple[Frame, ...]) -> list[Level]:
        levels: list[Level] = []
        block = orchestration_named(self._program, self._name).body
        for frame in frames:
            if levels:
                below = levels[-1]
                block = _arm_of(below.block[below.at - 1], frame.arm)
            levels.append(Level(block, frame))
        return levels

    def freeze(self) -> Orchestrating:
        """Give the state as it is now."""
        frames = tuple(Frame(level.at, level.arm, level.rounds) for level in self._levels)
        return self.waiting.freeze(
            Orchestrating(
                name=self._name,
                status=self._status,
                output=self._output,
                custom_status=self._custom_status,
                frames=frames,
                variables=tuple(sorted(self._variables.items(), key=lambda pair: pair[0])),
            )
        )

    def run(self) -> None:
        """Run until the code waits for what has not happened, or is over (paper 4.3, Eval-App).

        `RunawayError` after more than `STATEMENTS_MAX` statements.
        """
        while self._status == "Running":
            if self.waiting.awaited is not None:
                completion = self.waiting.completion()
                if completion is None:
                    return
                self._resume(completion)
            else:
                self._count()
                self._advance()

    def end(self, status: Status, output: Value, *, ends_children: bool = False) -> None:
        """End: every section is left first, however it came (paper 3.4.2; ours, decision 1)."""
        self.waiting.awaited = None
        self._leave_section(by_code=status in {"Completed", "Failed"})
        self._status, self._output = status, output
        self._levels, self._variables = [], {}
        self.waiting.forget_made()
        if status in {"Completed", "Failed", "Terminated"}:
            self.effects.append(Ended(status, output, ends_children))

    def _count(self) -> None:
        self._statements += 1
        if self._statements > STATEMENTS_MAX:
            raise RunawayError(
                f"Orchestration '{self._name}' ran more than {STATEMENTS_MAX:,} statements "
                "without waiting."
            )

    def _advance(self) -> None:
        level = self._levels[-1]
        if level.at == len(level.block):
            self._leave_block(level)
            return
        statement = level.block[level.at]
        level.at += 1
        try:
            self._execute(statement)
        except Raised as raised:
            self._unwind(raised.message)

    def _execute(self, statement: Statement) -> None:
        match statement:
            case Make(name, task):
                self.waiting.make(name, task, self._variables)
            case Await(_, task):
                self.waiting.await_task(task, self._variables)
            case Cancel(name):
                self.waiting.cancel(name)
            case Let(name, value):
                self._variables[name] = self._value(value)
            case SetStatus(value):
                self._custom_status = self._value(value)
            case SignalEntity():
                self._signal(statement)
            case StartDetached() | SendEvent():
                self._send(statement)
            case _:
                self._control(statement)

    def _control(self, statement: Statement) -> None:
        match statement:
            case If(condition, then, otherwise):
                is_odd = weight_of(self._value(condition)) % 2
                self._enter(then if is_odd else otherwise, "then" if is_odd else "otherwise")
            case Repeat(times, body) if times > 0:
                self._enter(body, "body", rounds=times - 1)
            case Try(body):
                self._enter(body, "body")
            case Section(entities):
                self._ask_for_section(entities)
            case Raise(message):
                raise Raised(message)
            case Return(value):
                self.end("Completed", self._value(value))
            case ContinueAsNew(argument):
                self._continue_as_new(self._value(argument))
            case _:
                pass  # a Repeat of no times

    def _send(self, statement: StartDetached | SendEvent) -> None:
        """Ask for what nobody waits for; it takes an id like any task (ours, decision 1)."""
        task_id = self.waiting.take_id()
        match statement:
            case StartDetached(name, argument, instance_id):
                value = self._value(argument)
                self.effects.append(DetachedAsked(task_id, name, value, instance_id))
            case SendEvent(instance_id, name, data):
                self.effects.append(EventSent(task_id, instance_id, name, self._value(data)))

    def _signal(self, statement: SignalEntity) -> None:
        """Paper Fig. 9, CS-Signal-Ent: inside a section only entities that are not locked."""
        lock = self.waiting.lock
        entity = entity_named(self._program, statement.entity).name
        if lock is not None and entity in lock.entities:
            raise Raised(NO_SIGNAL_TO_LOCKED)
        argument, due_at = self._value(statement.argument), None
        if statement.after_s:
            due_at = self._time + timedelta(seconds=statement.after_s)
        task_id = self.waiting.take_id()
        self.effects.append(SignalSent(entity, statement.operation, argument, task_id, due_at))

    def _ask_for_section(self, entities: tuple[str, ...]) -> None:
        """Paper 3.4.1, CS-Enter: the set is sorted, and each entity is in it once."""
        if self.waiting.lock is not None:
            raise Raised(NO_NESTING)
        if not entities:
            raise Raised(NO_EMPTY_SECTION)
        known = {entity_named(self._program, entity).name for entity in entities}
        self.waiting.await_section(tuple(sorted(known)))

    def _leave_section(self, *, by_code: bool = True) -> None:
        """Leave the section that the code is in; what the code asks for takes an id."""
        lock, self.waiting.lock = self.waiting.lock, None
        if lock is not None:
            release_id = self.waiting.take_id() if by_code else None
            self.effects.append(SectionLeft(lock.task_id, lock.entities, release_id))

    def _continue_as_new(self, argument: Value) -> None:
        """Paper 4.3.6, Orch-Continue; unread events go along (ours, decision 12)."""
        unread: tuple[EventArrived, ...] = tuple(self.waiting.unread)
        self.end("ContinuedAsNew", None)
        self.effects.append(ContinuedAsNew(argument, unread))

    def _resume(self, completion: Completed | Failed) -> None:
        """Paper 4.3, Eval-Await: go on with the value, or with the error (ours, decision 1)."""
        self.waiting.awaited = None
        if isinstance(completion, Failed):
            self._unwind(completion.message)
            return
        match self._statement_at(self._levels[-1]):
            case Await(name):
                self._variables[name] = completion.value
            case Section(_, body):
                self._enter(body, "body")
            case _:
                raise AssertionError("Only an Await or a Section waits.")

    def _unwind(self, message: str) -> None:
        """Raise: the innermost `Try` around takes the message; sections on the way are left.

        Paper 4.3, Eval-Error sends errors to the top; that a handler may catch them, and that a
        section is left by them, is ours (decision 1; paper Fig. 4 has the handlers in
        prose, and CS-Exit takes `error` for a value).
        """
        while len(self._levels) > 1:
            left = self._levels.pop()
            match self._statement_at(self._levels[-1]):
                case Section():
                    self._leave_section()
                case Try(_, error, handler) if left.arm == "body":
                    self._variables[error] = message
                    self._enter(handler, "handler")
                    return
                case _:
                    pass
        self.end("Failed", message)

    def _enter(self, block: Block, arm: Arm, *, rounds: int = 0) -> None:
        self._levels.append(Level(block, Frame(0, arm, rounds)))

    def _leave_block(self, level: Level) -> None:
        if len(self._levels) == 1:
            self.end("Completed", None)
        elif level.rounds > 0:
            level.rounds -= 1
            level.at = 0
        else:
            self._levels.pop()
            if isinstance(self._statement_at(self._levels[-1]), Section):
                self._leave_section()

    def _statement_at(self, level: Level) -> Statement:
        return level.block[level.at - 1]

    def _value(self, expression: Expression) -> Value:
        return evaluate(expression, self._variables, self._time)


def _arm_of(statement: Statement, arm: Arm) -> Block:
    match statement:
        case If(_, then, otherwise):
            return then if arm == "then" else otherwise
        case Try(body, _, handler):
            return handler if arm == "handler" else body
        case Repeat(_, body) | Section(_, body):
            return body
        case _:
            raise AssertionError(f"{type(statement).__name__} has no block.")
