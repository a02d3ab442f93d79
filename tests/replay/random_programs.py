"""Small orchestrators at random, and a world that answers them one input at a time.

A program is a list of statements; `orchestrator_of` makes a generator function that carries them
out and returns a log of what it saw. Nothing in it reads the time, so the split of the inputs into
batches must not matter.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from durable.model.history import HistoryEvent
from durable.model.status import RuntimeStatus
from durable.replay.calls import TimerTask
from durable.replay.tasks import TaskBase
from tests.replay.recording import (
    START,
    Context,
    Orchestration,
    Orchestrator,
    Recording,
    asked,
    completed,
    failed,
    fired,
    granted,
    not_served,
    raised,
    served,
)

# make: a new task; old: one that was made before, by its number, completed or not.
LEAVES = st.one_of(
    st.tuples(st.just("activity"), st.sampled_from("abc")),
    st.tuples(st.just("timer"), st.integers(0, 60)),
    st.tuples(st.just("event"), st.sampled_from("xy")),
    st.tuples(st.just("operation"), st.sampled_from("pq")),
    st.tuples(st.just("old"), st.integers(0, 9)),
)
TASKS = st.recursive(
    LEAVES,
    lambda tasks: st.tuples(st.sampled_from(["all", "any"]), st.lists(tasks, max_size=3)),
    max_leaves=5,
)
STATEMENTS = st.one_of(
    st.tuples(st.just("yield"), TASKS),
    st.tuples(st.just("yield"), TASKS),
    st.tuples(st.just("make"), TASKS),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(st.just("status"), st.integers(0, 3)),
    st.tuples(st.just("helper"), st.lists(st.tuples(st.just("yield"), TASKS), max_size=2)),
    st.tuples(st.just("section"), st.lists(st.tuples(st.just("yield"), TASKS), max_size=3)),
)
PROGRAMS = st.lists(STATEMENTS, min_size=1, max_size=6)


def orchestrator_of(program: list[Any]) -> Orchestrator:
    """Make the orchestrator that carries the program out."""

    def orchestrator(context: Context) -> Orchestration:
        made: list[TaskBase] = []
        log: list[Any] = []
        yield from _run(context, program, made, log)
        log.append([task.is_completed for task in made])
        return log

    return orchestrator


def _run(
    context: Context, program: list[Any], made: list[TaskBase], log: list[Any]
) -> Orchestration:
    for verb, what in program:
        if verb == "yield":
            yield from _await(_task(context, what, made), made, log)
        elif verb == "make":
            _task(context, what, made)
        elif verb == "cancel" and what < len(made) and isinstance(made[what], TimerTask):
            if not made[what].is_completed:
                made[what].cancel()
        elif verb == "status":
            context.set_custom_status([what, len(log)])
        elif verb == "helper":
            yield from _run(context, what, made, log)
        elif verb == "section":
            with (yield context.lock(["@e@p", "@e@r"])):
                yield from _run(context, what, made, log)


def _await(task: TaskBase, made: list[TaskBase], log: list[Any]) -> Orchestration:
    if _is_cancelled(task):
        return
    try:
        log.append(_seen((yield task), made))
    except Exception as error:  # noqa: BLE001
        log.append(str(error))


def _task(context: Context, what: Any, made: list[TaskBase]) -> TaskBase:
    kind, detail = what
    match kind:
        case "activity":
            task = context.call_activity(detail, len(made))
        case "timer":
            task = context.create_timer(START + timedelta(seconds=detail))
        case "event":
            task = context.wait_for_external_event(detail)
        case "operation":
            task = context.call_entity(f"@e@{detail}", "do", len(made))
        case "old":
            task = made[detail % len(made)] if made else context.task_all([])
        case _:
            children = [_task(context, child, made) for child in detail]
            children = [child for child in children if not _is_cancelled(child)]
            task = getattr(context, f"task_{kind}")(children)
    made.append(task)
    return task


def _is_cancelled(task: TaskBase) -> bool:
    return isinstance(task, TimerTask) and task.is_cancelled


def _seen(value: Any, made: list[TaskBase]) -> Any:
    """What a yield gave, without objects: a task is known by its place among those made."""
    if isinstance(value, TaskBase):
        return ["task", made.index(value)]
    if isinstance(value, list):
        return [_seen(item, made) for item in value]
    return value


@dataclass(frozen=True, slots=True)
class Input:
    """One input, and how many inputs had to be recorded before it could exist."""

    event: HistoryEvent
    needs: int


def answer_one_by_one(recording: Recording, data: st.DataObject, *, inputs_max: int) -> list[Input]:
    """Answer what is pending, in an order of chance, one input an episode, events in between."""
    pending: list[tuple[tuple[Any, ...], int]] = [(task, 0) for task in _owed(recording)]
    inputs: list[Input] = []
    while recording.last.status is RuntimeStatus.RUNNING and len(inputs) < inputs_max:
        choice = data.draw(st.integers(-2, len(pending) - 1), label="what comes next")
        if choice < 0:
            name = data.draw(st.sampled_from("xy"), label="event")
            coming = Input(raised(name, len(inputs)), 0)
        else:
            task, needs = pending.pop(choice)
            coming = Input(_answer(task, len(inputs), data), needs)
        inputs.append(coming)
        recording.episode(coming.event, after_s=len(inputs))
        pending += [(task, len(inputs)) for task in _owed(recording)]
    return inputs


def _owed(recording: Recording) -> list[tuple[Any, ...]]:
    return [task for task in asked(recording.last) if task[1] != "release"]


def _answer(task: tuple[Any, ...], number: int, data: st.DataObject) -> HistoryEvent:
    if len(task) == 2:
        return fired(task[0], task[1])
    if task[1] == "lock":
        return granted(task[0])
    fails = data.draw(st.integers(0, 3), label="fails if 0") == 0
    if task[1] == "call":
        return not_served(task[0], f"failure {number}") if fails else served(task[0], number)
    if fails:
        return failed(task[0], f"failure {number}")
    return completed(task[0], number)
