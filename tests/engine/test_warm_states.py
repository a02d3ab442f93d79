"""Warm state: a cache bounded in bytes, whose generators die when they are let go (rules A8, J)."""

from dataclasses import replace

import pytest

from durable.engine.warm import InstanceState, SentEpisodes, WarmStates
from durable.model.history import ExecutionStarted, TaskCompleted
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.status import RuntimeStatus
from durable.replay.decision import Decision
from durable.replay.episode import decide
from durable.replay.executor import Execution
from durable.storage.partition import Snapshot
from durable.testing.world.virtual_time import START
from tests.engine.hub import Context, Hub, Orchestration, registry_of

EXECUTION = ExecutionId("e")


def instance(number: int) -> InstanceId:
    """Name an instance."""
    return InstanceId(f"instance {number}")


def live(deaths: list[str], name: str) -> Execution:
    """Make an execution that notes its death, and tries to act in it."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.call_activity("a")
        finally:
            deaths.append(name)
            context.set_custom_status("late")
            deaths.append("it could act")

    decision = decide(
        [],
        [ExecutionStarted(timestamp=START, name="o")],
        orchestrator,
        now=START,
        instance_id=InstanceId(name),
    )
    assert isinstance(decision, Decision)
    assert decision.execution is not None
    return decision.execution


def state(*, text_bytes: int = 0, execution: Execution | None = None) -> InstanceState:
    """Make a state with one row that has a result of this size."""
    record = InstanceRecord(
        generation=1,
        life_id=EXECUTION,
        execution_id=EXECUTION,
        name="o",
        status=RuntimeStatus.RUNNING,
        created_at=START,
        updated_at=START,
        commit_id="c",
        sequence=0,
    )
    event = TaskCompleted(timestamp=START, task_scheduled_id=0, result="x" * text_bytes)
    rows = (HistoryRow(ordinal=0, episode=1, execution_id=EXECUTION, event=event),)
    made = InstanceState()
    made.advance(Snapshot(record, "etag", rows), rows, live=execution)
    return made


def test_the_cache_never_weighs_more_than_its_bound() -> None:
    """The oldest go first, and at the end the newest are there."""
    bytes_max = 100_000
    warm = WarmStates(bytes_max)
    for number in range(100):
        warm.keep(instance(number), state(text_bytes=1000))
        assert warm.bytes <= bytes_max
    assert 1 < len(warm) < 100
    assert warm.take(instance(99)) is not None
    assert warm.take(instance(0)) is None


def test_large_payloads_count() -> None:
    """A state weighs at least its texts."""
    assert state(text_bytes=1_000_000).bytes >= 1_000_000


def test_what_was_used_last_stays_longest() -> None:
    """Taking and keeping a state makes it the newest."""
    weight = state().bytes
    warm = WarmStates(3 * weight)
    for number in range(3):
        warm.keep(instance(number), state())
    used = warm.take(instance(0))
    assert used is not None
    warm.keep(instance(0), used)
    warm.keep(instance(3), state())
    assert warm.take(instance(1)) is None
    assert warm.take(instance(0)) is not None


def test_a_state_that_is_evicted_loses_its_generator() -> None:
    """Its `finally` runs and can do nothing."""
    deaths: list[str] = []
    warm = WarmStates(state().bytes)
    warm.keep(instance(0), state(execution=live(deaths, "old")))
    assert deaths == []
    warm.keep(instance(1), state(execution=live(deaths, "new")))
    assert deaths == ["old"]
    warm.clear()
    assert deaths == ["old", "new"]
    assert warm.bytes == len(warm) == 0


def test_a_state_larger_than_the_whole_cache_is_not_kept() -> None:
    """It is dropped like any other, generator and all, and the cache is empty then."""
    deaths: list[str] = []
    warm = WarmStates(10_000)
    warm.keep(instance(0), state(text_bytes=50_000, execution=live(deaths, "large")))
    assert deaths == ["large"]
    assert warm.bytes == len(warm) == 0


def test_a_state_is_handed_out_to_one_taker() -> None:
    """Who takes it has it alone."""
    warm = WarmStates(100_000)
    kept = state()
    warm.keep(instance(0), kept)
    assert warm.take(instance(0)) is kept
    assert warm.take(instance(0)) is None
    assert warm.bytes == 0


def test_a_state_that_is_replaced_loses_its_generator() -> None:
    """Two states of one instance: only the newer one lives."""
    deaths: list[str] = []
    warm = WarmStates(100_000)
    warm.keep(instance(0), state(execution=live(deaths, "first")))
    warm.keep(instance(0), state(execution=live(deaths, "second")))
    assert deaths == ["first"]
    assert len(warm) == 1
    warm.clear()


@pytest.mark.parametrize("same_life", [True, False])
def test_a_reload_drops_the_generator(*, same_life: bool) -> None:
    """It stands behind a decision that lost."""
    deaths: list[str] = []
    mine = state(execution=live(deaths, "mine"))
    mine.reload(state().snapshot if same_life else Snapshot())
    assert deaths == ["mine"]
    assert mine.live is None


def test_sent_episodes_are_remembered_for_one_life() -> None:
    """After a purge and a new start, episode 3 is another episode 3 (rule A8)."""
    sent = SentEpisodes()
    one, other = ExecutionId("one"), ExecutionId("other")
    sent.note(instance(0), one, frozenset({3, 4}))
    assert sent.of(instance(0), one) == {3, 4}
    assert sent.of(instance(0), other) == frozenset()
    assert sent.of(instance(1), one) == frozenset()


def test_what_grows_while_it_is_kept_does_not_upset_the_count() -> None:
    """The weight that is taken off is the weight that was put on; rows beside the history count."""
    warm = WarmStates(bytes_max=1_000_000)
    grown = state()
    warm.keep(instance(1), grown)
    weight = warm.bytes
    grown.bytes += 50_000
    warm.take(instance(1))
    assert warm.bytes == 0
    grown.bytes -= 50_000
    grown.snapshot = replace(grown.snapshot, named={"known-00000000": {"Marks": "x" * 10_000}})
    warm.keep(instance(1), grown)
    assert warm.bytes >= weight + 10_000


async def test_a_suspended_orchestrator_that_is_let_go_cannot_act() -> None:
    """Rule J: its `finally` runs at once, dead, and not some day in the garbage collector."""
    deaths: list[str] = []

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield context.wait_for_external_event("never")
        finally:
            deaths.append("dropped")
            context.set_custom_status("late")
            deaths.append("it could act")

    hub = Hub(registry_of(o=orchestrator))
    await hub.client.start("o", instance_id="i")
    await hub.settle()
    await hub.client.suspend("i")
    await hub.settle()
    assert deaths == ["dropped"]
