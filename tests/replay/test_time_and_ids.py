"""Time and ids: the same in every replay, and those of azure-functions-durable 1.7."""

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_OID, NAMESPACE_URL, UUID, uuid5

from hypothesis import given, settings
from hypothesis import strategies as st

from durable.model.history import OrchestratorStarted
from durable.replay.decision import Decision
from tests.replay.recording import (
    START,
    Context,
    Orchestration,
    Recording,
    completed,
    decide_cold,
    fired,
    raised,
)


def clock(context: Context) -> Orchestration:
    """Read the clock twice in each of a few episodes."""
    times = []
    for _ in range(4):
        times.append([context.current_utc_datetime.isoformat() for _ in range(2)])
        yield context.wait_for_external_event("tick")
    return times


def seconds(recording: Recording) -> list[float]:
    """The times that `clock` has seen, as seconds behind the start."""
    for first, second in recording.output:
        assert first == second, "the time changed within an episode"
    times = [datetime.fromisoformat(first) for first, _ in recording.output]
    return [(time - START).total_seconds() for time in times]


def test_time_stands_still_within_an_episode_and_is_that_of_its_start() -> None:
    """The history holds the time in OrchestratorStarted; a replay sees the same."""
    recording = Recording(clock)
    for after_s in (10, 20, 30, 40):
        recording.episode(raised("tick"), after_s=after_s)
    assert seconds(recording) == [0, 10, 20, 30]
    starts = [fact.timestamp for fact in recording.history if isinstance(fact, OrchestratorStarted)]
    assert starts == [START + timedelta(seconds=s) for s in (0, 10, 20, 30, 40)]


def test_time_never_goes_back_where_a_host_is_behind() -> None:
    """A host whose clock is slow takes the time of the episode before."""
    recording = Recording(clock)
    for after_s in (100, 50, 120, 0):
        recording.episode(raised("tick"), after_s=after_s)
    assert seconds(recording) == [0, 100, 100, 120]


def test_time_is_aware_and_in_utc() -> None:
    """It can be compared and added to without thought."""
    recording = Recording(lambda context: [str(context.current_utc_datetime.tzinfo)])
    assert recording.output == [str(UTC)]


def test_behind_a_timer_it_is_never_earlier_than_the_timer() -> None:
    """A host whose clock is slow may not show a time before the one that was waited for."""

    def orchestrator(context: Context) -> Orchestration:
        yield context.create_timer(START + timedelta(seconds=60))
        return context.current_utc_datetime.isoformat()

    slow, fast = Recording(orchestrator), Recording(orchestrator)
    slow.episode(fired(0, 60), after_s=59)
    fast.episode(fired(0, 60), after_s=61)
    assert datetime.fromisoformat(slow.output) == START + timedelta(seconds=60)
    assert datetime.fromisoformat(fast.output) == START + timedelta(seconds=61)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-1000, 1000), min_size=4, max_size=4))
def test_time_is_monotone_for_any_clocks(clocks: list[int]) -> None:
    """Whatever the hosts' clocks say, what the code sees never decreases."""
    recording = Recording(clock)
    for after_s in clocks:
        recording.episode(raised("tick"), after_s=after_s)
    assert seconds(recording) == sorted(seconds(recording))


def identities(context: Context) -> Orchestration:
    """Make ids of both kinds in two episodes."""
    ids = [context.new_uuid(), str(context.new_guid()), context.new_uuid()]
    yield context.call_activity("a", ids[0])
    return [*ids, context.new_uuid(), str(context.new_guid())]


def v1_uuid(moment: str, counter: int) -> str:
    """azure-functions-durable 1.7: DurableOrchestrationContext.new_uuid."""
    namespace = uuid5(NAMESPACE_OID, "9e952958-5e33-4daf-827f-2fa12937b875")
    return str(uuid5(namespace, f"instance_{moment}_{counter}"))


def v1_guid(moment: str, counter: int) -> str:
    """azure-functions-durable 1.7: DurableOrchestrationContext.new_guid."""
    return str(uuid5(NAMESPACE_URL, f"instance_{moment}_{counter}"))


def test_ids_are_those_of_azure_functions_durable() -> None:
    """Two formulas, one counter, bit for bit, so that instances in flight keep their ids."""
    recording = Recording(identities)
    recording.episode(completed(0), after_s=1.5)
    assert recording.output == [
        v1_uuid("2026-01-01T00:00:00.000000Z", 0),
        v1_guid("2026-01-01 00:00:00+00:00", 1),
        v1_uuid("2026-01-01T00:00:00.000000Z", 2),
        v1_uuid("2026-01-01T00:00:01.500000Z", 3),
        v1_guid("2026-01-01 00:00:01.500000+00:00", 4),
    ]
    assert all(UUID(text).version == 5 for text in recording.output)


def test_ids_are_the_same_in_every_replay() -> None:
    """What one replay was given is what the next is given, and what was recorded."""
    recording = Recording(identities)
    history = recording.history[:]
    outputs = []
    for _ in range(3):
        decision = decide_cold(history, [completed(0)], identities, after_s=9)
        assert isinstance(decision, Decision)
        outputs.append(decision.output)
    assert len(set(outputs)) == 1


def test_ids_of_one_instance_differ_from_each_other() -> None:
    """A hundred ids in one episode are a hundred ids."""

    def orchestrator(context: Context) -> list[str]:
        return [context.new_uuid() for _ in range(50)] + [
            str(context.new_guid()) for _ in range(50)
        ]

    assert len(set(Recording(orchestrator).output)) == 100
