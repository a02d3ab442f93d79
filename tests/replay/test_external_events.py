"""External events: buffered, first in first out, and never swallowed by a wait that nobody has."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from durable.model.status import RuntimeStatus
from tests.replay.recording import (
    START,
    Context,
    Orchestration,
    Recording,
    asked,
    completed,
    fired,
    raised,
)


def three(context: Context) -> Orchestration:
    """Take three events of one name, an activity behind each."""
    values = []
    for _ in range(3):
        values.append((yield context.wait_for_external_event("number")))
        yield context.call_activity("note", values[-1])
    return values


def test_an_event_ends_the_wait_with_its_data() -> None:
    """Nothing is scheduled for a wait; the data comes as it was sent."""
    recording = Recording(three)
    assert asked(recording.last) == []
    assert asked(recording.episode(raised("number", {"n": 1}))) == [(0, "note", {"n": 1})]


def test_events_that_come_early_are_kept_in_order() -> None:
    """Three events before the second wait are taken one by one, first come first served."""
    recording = Recording(three)
    recording.episode(raised("number", 1), raised("number", 2), raised("number", 3))
    recording.each(completed(0), completed(1), completed(2))
    assert recording.output == [1, 2, 3]


def test_an_event_that_comes_with_the_start_is_not_lost() -> None:
    """An event may be recorded in the very first episode, before the first wait."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity("a")
        return (yield context.wait_for_external_event("go"))

    recording = Recording(orchestrator)
    recording.each(raised("go", "early"), completed(0))
    assert recording.output == "early"


def test_names_are_told_apart_by_case_and_have_queues_of_their_own() -> None:
    """Who waits for `go` is not woken by `Go`."""

    def orchestrator(context: Context) -> Orchestration:
        small = yield context.wait_for_external_event("go")
        large = yield context.wait_for_external_event("Go")
        return [small, large]

    recording = Recording(orchestrator)
    recording.each(raised("Go", "large"), raised("other", 0))
    assert recording.last.status is RuntimeStatus.RUNNING
    recording.episode(raised("go", "small"))
    assert recording.output == ["small", "large"]


def test_waits_for_one_name_share_no_event() -> None:
    """Each wait of a task_all takes an event of its own, in the order of the list."""

    def orchestrator(context: Context) -> Orchestration:
        return (yield context.task_all([context.wait_for_external_event("n") for _ in range(3)]))

    recording = Recording(orchestrator)
    recording.each(raised("n", 1), raised("n", 2))
    assert recording.last.status is RuntimeStatus.RUNNING
    recording.episode(raised("n", 3), raised("n", 4))
    assert recording.output == [1, 2, 3]


def reminder(context: Context) -> Orchestration:
    """Ask for an approval; remind after an hour, with a fresh wait each time."""
    for hours in (1, 2, 3):
        timer = context.create_timer(START + timedelta(hours=hours))
        event = context.wait_for_external_event("approval")
        winner = yield context.task_any([timer, event])
        if winner is event:
            timer.cancel()
            return [hours, event.result]
        yield context.call_activity("remind")
    return "nobody"


def test_the_abandoned_wait_of_a_lost_race_swallows_no_event() -> None:
    """The timer wins twice; the event that then comes goes to the third wait."""
    recording = Recording(reminder)
    recording.episode(fired(0, 3600), after_s=3600)
    recording.episode(completed(1), after_s=3601)
    recording.episode(fired(2, 7200), after_s=7200)
    recording.episode(completed(3), after_s=7201)
    recording.episode(raised("approval", "yes"), after_s=7300)
    assert recording.output == [3, "yes"]


def test_an_event_between_two_waits_goes_to_the_second() -> None:
    """The event comes while an activity runs, behind a wait that has lost and before the next."""
    recording = Recording(reminder)
    recording.episode(fired(0, 3600), after_s=3600)
    recording.episode(raised("approval", "yes"), after_s=3601)
    recording.episode(completed(1), after_s=3602)
    assert recording.output == [2, "yes"]


def test_a_wait_that_lost_a_race_can_be_yielded_again() -> None:
    """The same task, asked for again, takes the next event, also one that came in between."""

    def orchestrator(context: Context) -> Orchestration:
        event = context.wait_for_external_event("go")
        yield context.task_any([event, context.call_activity("a")])
        yield context.call_activity("b")
        return (yield event)

    between, behind = Recording(orchestrator), Recording(orchestrator)
    between.each(completed(0), raised("go", 1), completed(1))
    behind.each(completed(0), completed(1), raised("go", 1))
    assert between.output == behind.output == 1


def test_a_race_of_two_waits_for_one_name_takes_one_event() -> None:
    """The loser's event is still there for the next wait."""

    def orchestrator(context: Context) -> Orchestration:
        waits = [context.wait_for_external_event("n") for _ in range(2)]
        winner = yield context.task_any(waits)
        rest = yield context.wait_for_external_event("n")
        return [waits.index(winner), winner.result, rest]

    together, alone = Recording(orchestrator), Recording(orchestrator)
    together.episode(raised("n", 1), raised("n", 2))
    alone.each(raised("n", 1), raised("n", 2))
    assert together.output == alone.output == [0, 1, 2]


def test_a_race_that_a_buffered_event_wins_leaves_the_other_events_alone() -> None:
    """The race is over with the first; what else is buffered is for whoever asks next."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.call_activity("a")
        one, two = context.wait_for_external_event("one"), context.wait_for_external_event("two")
        winner = yield context.task_any([one, two])
        other = "two" if winner is one else "one"
        return [winner.result, (yield context.wait_for_external_event(other))]

    recording = Recording(orchestrator)
    recording.each(raised("one", 1), raised("two", 2), completed(0))
    assert recording.output == [1, 2]


@settings(max_examples=60, deadline=None)
@given(
    events=st.lists(st.sampled_from(["x", "y"]), min_size=1, max_size=10),
    waits=st.lists(st.sampled_from(["x", "y"]), min_size=1, max_size=6),
    data=st.data(),
)
def test_the_nth_wait_for_a_name_gets_its_nth_event(
    events: list[str], waits: list[str], data: st.DataObject
) -> None:
    """Whatever comes when, and in whichever batches: first in, first out, for each name."""

    def orchestrator(context: Context) -> Orchestration:
        got = []
        for name in waits:
            got.append((yield context.wait_for_external_event(name)))  # noqa: PERF401
        return got

    inputs = [raised(name, number) for number, name in enumerate(events)]
    queues = {name: [n for n, event in enumerate(events) if event == name] for name in "xy"}
    expected = [queues[name].pop(0) if queues[name] else None for name in waits]

    recording = Recording(orchestrator)
    while inputs and recording.last.status is RuntimeStatus.RUNNING:
        size = data.draw(st.integers(1, len(inputs)))
        recording.episode(*inputs[:size])
        del inputs[:size]
    if None in expected:
        assert recording.last.status is RuntimeStatus.RUNNING
    else:
        assert recording.output == expected


def test_a_wait_in_a_combination_that_was_won_takes_no_event_beside_others() -> None:
    """Of a race that a timer has won, inside of what is awaited still; the next wait gets it."""

    def orchestrator(context: Context) -> Orchestration:
        now = context.current_utc_datetime
        race = context.task_any([context.wait_for_external_event("e"), context.create_timer(now)])
        yield context.task_all([race, context.call_activity("a")])
        return (yield context.wait_for_external_event("e"))

    recording = Recording(orchestrator)
    recording.each(fired(0), raised("e", 1), completed(1))
    assert recording.output == 1
