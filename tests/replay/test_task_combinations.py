"""task_all and task_any: results in call order, winners in recorded order, however they nest."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable.model.history import HistoryEvent
from durable.model.status import RuntimeStatus
from durable.replay.tasks import TaskBase
from tests.replay.recording import (
    START,
    Context,
    Orchestration,
    Recording,
    asked,
    completed,
    failed,
    fired,
    raised,
)


def fan(context: Context) -> Orchestration:
    """Call as many as the input says, at once."""
    calls = [context.call_activity("a", number) for number in range(context.get_input())]
    return (yield context.task_all(calls))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_all_gives_results_in_call_order(order: tuple[int, ...]) -> None:
    """Whatever the order of completion, alone or in one batch."""
    answers = [completed(task_id, task_id * 10) for task_id in order]
    alone, together = Recording(fan, 3), Recording(fan, 3)
    assert asked(alone.last) == [(0, "a", 0), (1, "a", 1), (2, "a", 2)]
    alone.each(*answers)
    together.episode(*answers)
    assert alone.output == together.output == [0, 10, 20]


def test_all_of_nothing_completes_at_once() -> None:
    """A fan-out of width 0 is an empty list, in the first episode."""
    assert Recording(fan, 0).output == []


def test_any_of_nothing_completes_at_once() -> None:
    """A race without runners does not wait for ever."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.task_any([])
        return "done"

    assert Recording(orchestrator).output == "done"


def test_a_wide_fan_out_is_one_episode() -> None:
    """A thousand calls are scheduled together, in order, and answered in any batches."""
    recording = Recording(fan, 1000)
    assert [call[0] for call in asked(recording.last)] == list(range(1000))
    answers = [completed(task_id, task_id) for task_id in reversed(range(1000))]
    for first in range(0, 1000, 400):
        recording.episode(*answers[first : first + 400])
    assert recording.output == list(range(1000))


def test_all_fails_with_the_first_failure_while_others_run() -> None:
    """The first recorded failure is thrown at once; later answers do not disturb."""

    def orchestrator(context: Context) -> Orchestration:
        calls = [context.call_activity("a", number) for number in range(3)]
        try:
            yield context.task_all(calls)
        except Exception as error:  # noqa: BLE001
            first = str(error)
        last = yield calls[2]
        return ["second" in first, last]

    recording = Recording(orchestrator)
    recording.episode(failed(1, "second"))
    recording.episode(failed(0, "first"))
    recording.episode(completed(2, "late"))
    assert recording.output == [True, "late"]


def test_any_returns_the_task_that_won() -> None:
    """The result of a race is one of the tasks that were passed in, with its result."""

    def orchestrator(context: Context) -> Orchestration:
        calls = [context.call_activity("a", number) for number in range(3)]
        winner = yield context.task_any(calls)
        return [calls.index(winner), winner.result]

    recording = Recording(orchestrator)
    recording.episode(completed(1, "one"), completed(0, "zero"))
    assert recording.output == [1, "one"]


def test_a_loser_can_be_awaited_later() -> None:
    """Losing a race does not cancel an activity; its result is there when it is asked for."""

    def orchestrator(context: Context) -> Orchestration:
        quick, slow = context.call_activity("quick"), context.call_activity("slow")
        yield context.task_any([quick, slow])
        between = yield context.call_activity("between")
        return [(yield slow), between]

    before, behind = Recording(orchestrator), Recording(orchestrator)
    before.each(completed(0), completed(1, "slow"), completed(2, "between"))
    behind.each(completed(0), completed(2, "between"), completed(1, "slow"))
    assert before.output == behind.output == ["slow", "between"]


def test_a_race_over_tasks_that_are_complete_goes_to_the_first_recorded() -> None:
    """Neither the order of the list nor that of creation counts."""

    def orchestrator(context: Context) -> Orchestration:
        first, second = context.call_activity("first"), context.call_activity("second")
        yield context.task_all([first, second])
        winner = yield context.task_any([first, second])
        return winner.result

    recording = Recording(orchestrator)
    recording.each(completed(1, "second"), completed(0, "first"))
    assert recording.output == "second"


def test_a_race_over_events_that_are_buffered_goes_to_the_first_recorded() -> None:
    """Two events that came before the race began: the one that was recorded first wins."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity("a")
        approved = context.wait_for_external_event("approved")
        rejected = context.wait_for_external_event("rejected")
        winner = yield context.task_any([approved, rejected])
        return "rejected" if winner is rejected else "approved"

    recording = Recording(orchestrator)
    recording.each(raised("rejected"), raised("approved"), completed(0))
    assert recording.output == "rejected"


def test_the_ids_of_nested_tasks_are_given_depth_first() -> None:
    """In the order in which the tasks stand in the lists, inner lists in their place."""

    def orchestrator(context: Context) -> Orchestration:
        call = context.call_activity
        inner = context.task_any([call("b"), call("c")])
        yield context.task_all([call("a"), inner, call("d")])

    assert [name for _, name, _ in asked(Recording(orchestrator).last)] == ["a", "b", "c", "d"]


def test_a_task_shared_by_two_combinations_is_scheduled_once() -> None:
    """One call in two lists has one id, and completes both."""

    def orchestrator(context: Context) -> Orchestration:
        shared, other = context.call_activity("shared"), context.call_activity("other")
        race = context.task_any([shared, other])
        both = context.task_all([shared, other, shared])
        results = yield context.task_all([race, both])
        return [results[0] is shared, results[1]]

    recording = Recording(orchestrator)
    assert [name for _, name, _ in asked(recording.last)] == ["shared", "other"]
    recording.each(completed(0, 1), completed(1, 2))
    assert recording.output == [True, [1, 2, 1]]


@pytest.mark.parametrize("combination", ["task_all", "task_any"])
def test_what_is_not_a_task_is_refused_where_the_list_is_made(combination: str) -> None:
    """A TypeError names the culprit; the code may catch it."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield getattr(context, combination)([context.call_activity("a"), 5])
        except TypeError as error:
            return str(error)

    output = Recording(orchestrator).output
    assert combination in output
    assert "5" in output


# Trees: a leaf is (kind, fails), a node is [combination, children].
LEAVES = st.tuples(st.sampled_from(["activity", "timer", "event"]), st.booleans())
TREES = st.recursive(
    LEAVES,
    lambda nodes: st.tuples(
        st.sampled_from(["all", "any"]), st.lists(nodes, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


def leaves_of(tree: Any) -> list[tuple[str, bool]]:
    """List the leaves of a tree in order."""
    if isinstance(tree[1], list):
        return [leaf for child in tree[1] for leaf in leaves_of(child)]
    return [tree]


def moment_of(tree: Any, moments: list[int]) -> tuple[int, bool, Any]:
    """Say when a tree completes, whether it fails, and with what. `moments` is eaten from the left.

    This is the rule in words: a leaf completes when its answer is recorded; an `all` with its last
    child, or its first failure; an `any` with its first child, whatever that came to.
    """
    if not isinstance(tree[1], list):
        moment = moments.pop(0)
        return moment, tree == ("activity", True), moment
    outcomes = [moment_of(child, moments) for child in tree[1]]
    if tree[0] == "any":
        winner = min(range(len(outcomes)), key=lambda index: outcomes[index][0])
        return outcomes[winner][0], False, winner
    failures = [outcome for outcome in outcomes if outcome[1]]
    if failures:
        return min(failures, key=lambda outcome: outcome[0])
    return max(o[0] for o in outcomes), False, [o[2] for o in outcomes]


def build(context: Context, tree: Any, names: Iterator[int]) -> TaskBase:
    """Make the tasks of a tree; an event is named by the place of its leaf."""
    if isinstance(tree[1], list):
        children = [build(context, child, names) for child in tree[1]]
        return getattr(context, f"task_{tree[0]}")(children)
    place = next(names)
    if tree[0] == "activity":
        return context.call_activity("a", place)
    if tree[0] == "timer":
        return context.create_timer(START + timedelta(seconds=place))
    return context.wait_for_external_event(f"event {place}")


def describe(tree: Any, task: TaskBase, value: Any) -> Any:
    """Say what a completed tree came to, in the words of `moment_of`."""
    if not isinstance(tree[1], list):
        return ["leaf"]
    if tree[0] == "any":
        children = task.children  # type: ignore[attr-defined]
        return next(n for n, child in enumerate(children) if child is value)
    children = task.children  # type: ignore[attr-defined]
    return [describe(t, c, v) for t, c, v in zip(tree[1], children, value, strict=True)]


def blurred(tree: Any, value: Any) -> Any:
    """Forget the moments at which leaves completed."""
    if not isinstance(tree[1], list):
        return ["leaf"]
    if tree[0] == "any":
        return value
    return [blurred(t, v) for t, v in zip(tree[1], value, strict=True)]


@settings(max_examples=120, deadline=None)
@given(tree=TREES, data=st.data())
def test_any_tree_completes_when_its_rule_says(tree: Any, data: st.DataObject) -> None:
    """For any nesting, order of answers and split into batches: same moment, winner and results."""

    def orchestrator(context: Context) -> Orchestration:
        task = build(context, tree, itertools.count())
        try:
            value = yield task
        except Exception:  # noqa: BLE001
            return "failed"
        return describe(tree, task, value)

    leaves = leaves_of(tree)
    answers: list[HistoryEvent] = []
    task_ids = itertools.count()
    for place, (kind, fails) in enumerate(leaves):
        if kind == "event":
            answers.append(raised(f"event {place}"))
        elif kind == "timer":
            answers.append(fired(next(task_ids), place))
        else:
            answers.append((failed if fails else completed)(next(task_ids)))
    order = data.draw(st.permutations(range(len(leaves))))
    moments = [order.index(place) for place in range(len(leaves))]
    moment, fails, value = moment_of(tree, moments)
    expected = "failed" if fails else blurred(tree, value)

    inputs: list[HistoryEvent] = [answers[place] for place in order]
    alone = Recording(orchestrator)
    for number, event in enumerate(inputs[: moment + 1]):
        assert alone.last.status is RuntimeStatus.RUNNING, f"complete before answer {number}"
        alone.episode(event)
    assert alone.output == expected

    split = Recording(orchestrator)
    while inputs and split.last.status is RuntimeStatus.RUNNING:
        size = data.draw(st.integers(1, len(inputs)))
        split.episode(*inputs[:size])
        del inputs[:size]
    assert split.output == expected


def test_of_several_winners_by_one_completion_the_left_one_wins() -> None:
    """C3: a shared task decides a composite as well; which child was told first is no matter."""

    def orchestrator(context: Context) -> Orchestration:
        task = context.call_activity("a", 0)
        children = [task, context.task_all([task])]
        winner = yield context.task_any(children)
        return children.index(winner)

    recording = Recording(orchestrator)
    recording.episode(completed(0, 1))
    assert recording.output == 0


def test_a_composite_completed_when_its_last_child_did() -> None:
    """C3: one that is made of completed tasks does not win against a task completed before."""

    def orchestrator(context: Context) -> Orchestration:
        first, second = context.call_activity("a", 0), context.call_activity("a", 1)
        yield first
        yield second
        children = [first, context.task_all([second])]
        winner = yield context.task_any(children)
        return children.index(winner)

    recording = Recording(orchestrator)
    recording.episode(completed(0, 1))
    recording.episode(completed(1, 2))
    assert recording.output == 0


@pytest.mark.parametrize("made_first", ["left", "right"])
def test_the_left_winner_wins_whichever_composite_was_made_first(made_first: str) -> None:
    """C3: two composites over one task, which tells the one that was made first at first."""

    def orchestrator(context: Context) -> Orchestration:
        task = context.call_activity("a", 0)
        made = [context.task_all([task]), context.task_all([context.task_any([task])])]
        children = made if made_first == "left" else made[::-1]
        winner = yield context.task_any(children)
        return children.index(winner)

    recording = Recording(orchestrator)
    recording.episode(completed(0, 1))
    assert recording.output == 0
