"""A program as code: orchestrator and activity functions, as a user would write them.

Rule 1. Only what every orchestrator may use is used: the public members of the context and of its
        tasks. So the same functions run on the engine, and on any other context (`direct`).
Rule 2. An orchestrator catches errors of the program alone, those in `errors.CAUGHT`. A generator
        that is closed, or whose context is dead, must get no further.
Rule 3. Each orchestration is written in two styles, as a generator and as an `async def`; they mean
        the same. With the first come function entities, with the second class entities.
Rule 4. A section is a `with (yield context.lock(...))` in a generator, and an `async with` in an
        `async def`: the code never releases by itself.
"""

from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, NamedTuple, TypeAlias

from durable.engine.registry import Registry
from durable.model.errors import LockingRulesViolationError
from durable.model.failures import TaskFailedError
from durable.testing.programs.context import Context
from durable.testing.programs.entity_code import class_of, entity_id_of, function_of
from durable.testing.programs.errors import (
    CAUGHT,
    ProgramError,
    UnsupportedProgram,
    message_of,
)
from durable.testing.programs.expressions import evaluate, is_odd, value_of_json
from durable.testing.programs.support import refuse_unsupported
from durable.testing.programs.syntax import (
    Activity,
    Await,
    Block,
    Cancel,
    ContinueAsNew,
    Expression,
    If,
    Let,
    Make,
    Orchestration,
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
    Task,
    Try,
    Value,
)
from durable.testing.programs.tasks import Built, build, cancel, value_of


@dataclass(frozen=True, slots=True)
class Within:
    """A section of an `async def`: its locks, and the body that runs inside of them."""

    lock: Any
    body: "Running"


class Returned(NamedTuple):
    """A block ended with this output; nothing behind it runs."""

    output: Value


# What a block yields are tasks; it gives how it ended, `None` where it ran to its end.
Running: TypeAlias = Generator[Any, Any, Returned | None]
Generating: TypeAlias = Callable[[Context], Generator[Any, Any, Value]]
Awaiting: TypeAlias = Callable[[Context], Coroutine[Any, Any, Value]]
Orchestrator: TypeAlias = Generating | Awaiting
Style: TypeAlias = Literal["generator", "async def"]
STYLES: tuple[Style, ...] = ("generator", "async def")


def registry_of(program: Program, *, style: Style = "generator") -> Registry:
    """Make the functions of a program, or raise `UnsupportedProgram` naming what can't run yet."""
    refuse_unsupported(program)
    registry = Registry()
    for orchestration in program.orchestrations:
        registry.add_orchestrator(orchestration.name, orchestrator_of(orchestration, style=style))
    for activity in program.activities:
        registry.add_activity(activity.name, activity_of(activity))
    for entity in program.entities:
        made = function_of(entity) if style == "generator" else class_of(entity)
        registry.add_entity(entity.name, made)
    return registry


def activity_of(activity: Activity) -> Callable[[Any], Value]:
    """Make the function of an activity."""

    def run(input_: Any) -> Value:
        variables = {"input": value_of_json(input_)}
        if activity.fails_if is not None and is_odd(evaluate(activity.fails_if, variables)):
            raise ProgramError(activity.error)
        return evaluate(activity.result, variables)

    return run


def orchestrator_of(orchestration: Orchestration, *, style: Style = "generator") -> Orchestrator:
    """Make the function of an orchestration."""
    generating = _generating(orchestration, style)
    return generating if style == "generator" else _awaiting(generating)


def _awaiting(generating: Generating) -> Awaiting:
    """Write the same as an `async def`: what the one yields the other awaits."""

    async def run(context: Context) -> Value:
        value: Value = await _drive(generating(context))
        return value

    return run


async def _drive(running: Generator[Any, Any, Any]) -> Any:
    try:
        wanted = next(running)
        while True:
            try:
                result = await _result_of(wanted)
            except CAUGHT as error:
                wanted = running.throw(error)
            else:
                wanted = running.send(result)
    except StopIteration as stop:
        return stop.value
    finally:
        running.close()


async def _result_of(wanted: Any) -> Any:
    if not isinstance(wanted, Within):
        return await wanted
    async with wanted.lock:
        return await _drive(wanted.body)


def _generating(orchestration: Orchestration, style: Style) -> Generating:
    def run(context: Context) -> Generator[Any, Any, Value]:
        try:
            ended = yield from _Interpreter(context, style).run(orchestration.body)
        except (TaskFailedError, LockingRulesViolationError) as error:
            message = message_of(error)
        else:
            return ended.output if ended is not None else None
        raise ProgramError(message)

    return run


class _Interpreter:
    """One run of an orchestration: its variables and the tasks that it made."""

    def __init__(self, context: Context, style: Style) -> None:
        self._context = context
        self._style = style
        self._variables: dict[str, Value] = {"input": value_of_json(context.get_input())}
        self._made: dict[str, Built] = {}

    def run(self, block: Block) -> Running:
        for statement in block:
            ended = yield from self._statement(statement)
            if ended is not None:
                return ended
        return None

    def _statement(self, statement: Statement) -> Running:
        match statement:
            case Return(value):
                return Returned(self._evaluate(value))
            case ContinueAsNew(argument):
                self._context.continue_as_new(self._evaluate(argument))
                return Returned(None)
            case If() | Repeat() | Try() | Section():
                return (yield from self._nested(statement))
            case Await(name, task):
                built = self._build(task)
                self._variables[name] = value_of(built, (yield built.task))
            case Raise(message):
                raise ProgramError(message)
            case _:
                self._at_once(statement)
        return None

    def _nested(self, statement: If | Repeat | Try | Section) -> Running:
        """Run what has blocks of its own."""
        match statement:
            case If(condition, then, otherwise):
                holds = is_odd(self._evaluate(condition))
                return (yield from self.run(then if holds else otherwise))
            case Repeat(times, body):
                return (yield from self._repeat(times, body))
            case Try():
                return (yield from self._try(statement))
            case Section(entities, body):
                return (yield from self._section(entities, body))

    def _at_once(self, statement: Statement) -> None:
        """Carry out what neither waits nor ends."""
        match statement:
            case Let(name, value):
                self._variables[name] = self._evaluate(value)
            case SetStatus(value):
                self._context.set_custom_status(self._evaluate(value))
            case Make(name, task):
                self._made[name] = self._build(task)
            case Cancel(name):
                if name in self._made:
                    cancel(self._made[name])
            case StartDetached(name, argument, instance_id):
                started_with = self._evaluate(argument)
                self._context.start_new_orchestration(name, started_with, instance_id=instance_id)
            case SendEvent(instance_id, name, data):
                self._context.send_event(instance_id, name, self._evaluate(data))
            case SignalEntity():
                self._signal(statement)
            case _:
                raise UnsupportedProgram(f"{type(statement).__name__}: it is no code.")

    def _signal(self, statement: SignalEntity) -> None:
        for_when: dict[str, Any] = {}
        if statement.after_s:
            now = self._context.current_utc_datetime
            for_when["scheduled_time"] = now + timedelta(seconds=statement.after_s)
        self._context.signal_entity(
            entity_id_of(statement.entity),
            statement.operation,
            self._evaluate(statement.argument),
            **for_when,
        )

    def _section(self, entities: tuple[str, ...], body: Block) -> Running:
        try:
            lock = self._context.lock([entity_id_of(entity) for entity in entities])
        except ValueError as error:  # of an empty set
            raise ProgramError(str(error)) from None
        if self._style == "generator":
            with (yield lock):
                return (yield from self.run(body))
        ended: Returned | None = yield Within(lock, self.run(body))
        return ended

    def _repeat(self, times: int, body: Block) -> Running:
        for _ in range(times):
            ended = yield from self.run(body)
            if ended is not None:
                return ended
        return None

    def _try(self, statement: Try) -> Running:
        try:
            return (yield from self.run(statement.body))
        except CAUGHT as error:
            self._variables[statement.error] = message_of(error)
        # Out of the `except`: what the handler raises has no cause.
        return (yield from self.run(statement.handler))

    def _evaluate(self, expression: Expression) -> Value:
        return evaluate(expression, self._variables, now=self._context.current_utc_datetime)

    def _build(self, task: Task) -> Built:
        return build(task, self._context, evaluate=self._evaluate, made=self._made)
