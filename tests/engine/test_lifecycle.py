"""J2: suspend, resume, repair, rewind, purge, scheduled starts and versions, in memory."""

import json
from datetime import timedelta
from typing import Any

import pytest

from durable.engine.settings import EngineSettings
from durable.model.errors import InstanceNotEndedError
from durable.model.history import (
    ExecutionCompleted,
    ExecutionRewound,
    ExecutionSuspended,
    RewindSent,
    TaskScheduled,
)
from durable.model.ids import InstanceId
from durable.model.queries import ReplaceableStates
from durable.model.status import RuntimeStatus
from durable.storage import partition
from durable.testing.world.virtual_time import START
from tests.engine.hub import Context, Hub, Orchestration, chain, registry_of, waits

ONE = "one"
IMPATIENT = EngineSettings(hold_s_max=0)


async def output_of(hub: Hub, instance_id: str = ONE) -> Any:
    """Read the output of an instance that has completed."""
    status = await hub.status(instance_id)
    assert status.runtime_status is RuntimeStatus.COMPLETED, status
    return json.loads(str(status.output))


def three_events(context: Context) -> Orchestration:
    """Take three events."""
    taken = []
    for _ in range(3):
        event = yield context.wait_for_external_event("go")
        taken.append((yield context.call_activity("echo", event)))
    return taken


async def test_what_comes_to_a_suspended_instance_is_kept_and_applied_in_order() -> None:
    """Nothing runs meanwhile; a second suspend and a second resume change nothing."""
    hub = Hub(registry_of(three_events=three_events))
    await hub.client.start("three_events", instance_id=ONE)
    await hub.client.raise_event(ONE, "go", 0)
    await hub.settle()
    for _ in range(2):
        await hub.client.suspend(ONE, "audit")
        await hub.settle()
    for number in (1, 2):
        await hub.client.raise_event(ONE, "go", number)
        await hub.settle()
    status = await hub.status(ONE)
    assert (status.runtime_status, status.reason) == (RuntimeStatus.SUSPENDED, "audit")
    assert len(await hub.facts(ONE, TaskScheduled)) == 1
    for _ in range(2):
        await hub.client.resume(ONE, "audited")
    await hub.settle()
    assert await output_of(hub) == [0, 1, 2]


async def test_a_suspended_instance_survives_a_restart_of_its_host() -> None:
    """It is replayed with what is held back held back."""
    hub = Hub(registry_of(three_events=three_events))
    await hub.client.start("three_events", instance_id=ONE)
    await hub.client.suspend(ONE)
    for number in range(3):
        await hub.client.raise_event(ONE, "go", number)
        await hub.settle()
        hub.deploy(registry_of(three_events=three_events))
    await hub.client.resume(ONE)
    await hub.settle()
    assert sorted(await output_of(hub)) == [0, 1, 2]


def changed(context: Context) -> Orchestration:
    """`three_events` after a change that running instances do not survive."""
    yield context.call_activity("echo", "new")
    return (yield from three_events(context))


async def test_a_changed_orchestrator_is_repaired_by_the_right_code_and_a_resume() -> None:
    """Parked with event, expected, actual and line; what came meanwhile is not lost."""
    hub = Hub(registry_of(three_events=three_events), settings=IMPATIENT)
    await hub.client.start("three_events", instance_id=ONE)
    await hub.client.raise_event(ONE, "go", 0)
    await hub.settle()
    hub.deploy(registry_of(three_events=changed))
    for number in (1, 2):
        await hub.client.raise_event(ONE, "go", number)
        await hub.settle()
    status = await hub.status(ONE)
    assert status.runtime_status is RuntimeStatus.SUSPENDED
    assert status.reason is not None
    for told in ("activity 'echo'", "test_lifecycle.py:", "resume"):
        assert told in status.reason
    await hub.client.resume(ONE)  # too early: the code is still wrong
    await hub.settle()
    assert (await hub.status(ONE)).runtime_status is RuntimeStatus.SUSPENDED
    assert len(await hub.facts(ONE, ExecutionSuspended)) == 2
    hub.deploy(registry_of(three_events=three_events))
    await hub.client.resume(ONE)
    await hub.settle()
    assert sorted(await output_of(hub)) == [0, 1, 2]


async def test_an_instance_that_was_parked_before_it_began_begins_with_the_code() -> None:
    """Its start is kept like everything else."""
    hub = Hub(registry_of(), settings=IMPATIENT)
    await hub.client.start("chain", instance_id=ONE, input_=7)
    await hub.settle()
    status = await hub.status(ONE)
    assert (status.runtime_status, status.input) == (RuntimeStatus.SUSPENDED, "7")
    hub.deploy(registry_of(chain=chain))
    await hub.client.resume(ONE)
    await hub.settle()
    assert await output_of(hub) == 7
    assert (await hub.status(ONE)).input == "7"


class Flaky:
    """An activity that fails until it is mended."""

    def __init__(self) -> None:
        """Begin broken."""
        self.is_mended = False
        self.calls: list[Any] = []

    def __call__(self, value: Any) -> Any:
        """Fail, or return the value."""
        self.calls.append(value)
        if not self.is_mended:
            raise ConnectionError("no line")
        return value


def hub_with(flaky: Flaky, **orchestrators: Any) -> Hub:
    """A hub with that activity."""
    registry = registry_of(**orchestrators)
    registry.add_activity("flaky", flaky)
    return Hub(registry)


def echo_then_flaky(context: Context) -> Orchestration:
    """One good step, then three at once that fail, then one more."""
    first = yield context.call_activity("echo", "once")
    all_of = [context.call_activity("flaky", number) for number in range(3)]
    rest = yield context.task_all([*all_of, context.call_activity("echo", "beside")])
    last = yield context.call_activity("echo", "last")
    return [first, rest, last]


async def test_a_rewound_instance_repeats_what_failed_and_nothing_else() -> None:
    """Steps that were done stay done; all that still owes an answer is asked for anew."""
    flaky = Flaky()
    hub = hub_with(flaky, main=echo_then_flaky)
    await hub.client.start("main", instance_id=ONE)
    await hub.settle()
    assert (await hub.status(ONE)).runtime_status is RuntimeStatus.FAILED
    flaky.is_mended = True
    await hub.client.rewind(ONE, "line is back")
    await hub.settle()
    assert await output_of(hub) == ["once", [0, 1, 2, "beside"], "last"]
    first = [f for f in await hub.facts(ONE, TaskScheduled) if f.input == '"once"']
    assert [fact.run for fact in first] == [None]
    [rewound] = await hub.facts(ONE, ExecutionRewound)
    assert rewound.reason == "line is back"


async def test_an_instance_can_be_rewound_until_it_goes_through() -> None:
    """Each rewind voids the last failure; late answers to earlier runs count for nothing."""
    flaky = Flaky()
    hub = hub_with(flaky, main=echo_then_flaky)
    await hub.client.start("main", instance_id=ONE)
    await hub.settle()
    for _ in range(3):
        await hub.client.rewind(ONE)
        await hub.settle()
        assert (await hub.status(ONE)).runtime_status is RuntimeStatus.FAILED
        hub.deploy(hub.registry)
    flaky.is_mended = True
    await hub.client.rewind(ONE)
    await hub.settle()
    assert await output_of(hub) == ["once", [0, 1, 2, "beside"], "last"]


def timer_beside_flaky(context: Context) -> Orchestration:
    """Wait for a minute and for what fails, then for an event."""
    minute = context.create_timer(context.current_utc_datetime + timedelta(minutes=1))
    yield context.task_all([minute, context.call_activity("flaky", 1)])
    return (yield context.wait_for_external_event("go"))


async def test_a_timer_that_a_rewind_set_again_is_replayed_as_one() -> None:
    """A fresh host replays it: what the rewind asked for anew is no further task of the code."""
    flaky = Flaky()
    hub = hub_with(flaky, main=timer_beside_flaky)
    await hub.client.start("main", instance_id=ONE)
    await hub.settle()
    assert (await hub.status(ONE)).runtime_status is RuntimeStatus.FAILED
    flaky.is_mended = True
    await hub.client.rewind(ONE)
    await hub.settle()
    hub.deploy(hub.registry)
    await hub.client.raise_event(ONE, "go", 2)
    await hub.settle()
    assert await output_of(hub) == 2


async def test_a_rewind_reaches_the_child_that_failed_and_leaves_the_others() -> None:
    """The child goes on from its own failure; one that had completed answers once more."""

    def parent(context: Context) -> Orchestration:
        return (
            yield context.task_all(
                [
                    context.call_sub_orchestrator("main", instance_id="bad"),
                    context.call_sub_orchestrator("waits", instance_id="slow"),
                    context.call_sub_orchestrator("chain", 5, instance_id="good"),
                ]
            )
        )

    flaky = Flaky()
    hub = hub_with(flaky, main=echo_then_flaky, waits=waits, chain=chain, parent=parent)
    await hub.client.start("parent", instance_id=ONE)
    await hub.settle()
    assert (await hub.status(ONE)).runtime_status is RuntimeStatus.FAILED
    flaky.is_mended = True
    await hub.client.rewind(ONE)
    await hub.settle()
    await hub.client.raise_event("slow", "go", 9)
    await hub.settle()
    assert await output_of(hub) == [["once", [0, 1, 2, "beside"], "last"], 9, 5]
    assert {fact.instance_id for fact in await hub.facts(ONE, RewindSent)} >= {"bad", "slow"}
    assert flaky.calls.count(0) == 2


async def test_a_purge_leaves_nothing_but_what_the_id_must_remember() -> None:
    """No row, no blob, no line in a list; the id can be used again."""
    hub = Hub(registry_of(chain=chain))
    await hub.client.start("chain", instance_id=ONE, input_="x" * 100_000)
    await hub.settle()
    assert await hub.client.purge(ONE)
    await hub.settle()
    assert not await hub.client.purge(ONE)
    assert await hub.client.read_status(ONE) is None
    assert not hub.store.blobs
    assert not hub.store.rows[InstanceId(ONE)]
    assert not hub.store.summaries
    await hub.client.start("chain", instance_id=ONE, input_=1)
    await hub.settle()
    assert await output_of(hub) == 1
    record = (await partition.load(hub.store, InstanceId(ONE))).record
    assert record is not None
    assert record.generation == 2


async def test_a_live_instance_is_not_purged() -> None:
    """The caller is told what to do."""
    hub = Hub(registry_of(waits=waits))
    await hub.client.start("waits", instance_id=ONE)
    await hub.settle()
    with pytest.raises(InstanceNotEndedError, match="Terminate it first"):
        await hub.client.purge(ONE)


async def test_no_late_copy_makes_a_ghost_of_a_purged_instance() -> None:
    """E1: every message that it ever got, once more, after the purge."""
    hub = Hub(registry_of(chain=chain))
    bodies = []
    await hub.client.start("chain", instance_id=ONE, input_=1)
    for _ in range(20):
        bodies += [(message.queue, message.body) for message in hub.store.messages]
        received = hub.store.receive(count=1, visibility_s=60)
        if not received:
            break
        await hub.invoke(*received[0])
    await hub.client.purge(ONE)
    await hub.settle()
    for queue, body in bodies:
        await hub.take(queue, body, dequeue_count=2)
    await hub.settle()
    assert await hub.client.read_status(ONE) is None
    assert not hub.store.rows[InstanceId(ONE)]


async def test_a_scheduled_start_is_never_early_and_begins_with_what_came_before() -> None:
    """Pending until then; an event waits, a terminate does not."""
    hub = Hub(registry_of(three_events=three_events))
    due = START + timedelta(days=3)
    for instance_id in (ONE, "other"):
        await hub.client.start("three_events", instance_id=instance_id, start_at=due)
    for number in range(3):
        await hub.client.raise_event(ONE, "go", number)
        await hub.run_until(60)
    await hub.client.terminate("other")
    await hub.run_until(120)
    status = await hub.status(ONE)
    assert (status.runtime_status, status.scheduled_at) == (RuntimeStatus.PENDING, due)
    assert (await hub.status("other")).runtime_status is RuntimeStatus.TERMINATED
    hub.environment.move_to(due - timedelta(seconds=300))
    await hub.worker.sweep()
    await hub.settle()
    assert await output_of(hub) == [0, 1, 2]
    assert hub.now() >= due


async def test_any_state_replaces_a_live_instance() -> None:
    """`overridableExistingInstanceStates: AnyState`: it is ended first, and waited for."""
    hub = Hub(registry_of(waits=waits, chain=chain))
    await hub.client.start("waits", instance_id=ONE)
    await hub.settle()
    await hub.client.terminate(ONE)
    await hub.settle()
    await hub.client.start("chain", instance_id=ONE, input_=2, replaceable=ReplaceableStates.ANY)
    await hub.settle()
    assert await output_of(hub) == 2


@pytest.mark.parametrize(
    ("version", "match", "runs"),
    [
        ("1.2", "currentorolder", True),
        ("1.10", "currentorolder", False),
        (None, "currentorolder", True),
        ("1.1", "strict", False),
        ("1.2.0", "strict", True),
        ("9", "none", True),
    ],
)
async def test_a_host_runs_the_versions_that_its_settings_say(
    version: str | None, match: str, *, runs: bool
) -> None:
    """versionMatchStrategy; what does not fit fails if versionFailureStrategy says so."""
    settings = EngineSettings(default_version="1.2", version_match=match, version_failure="fail")
    hub = Hub(registry_of(chain=chain), settings=settings)
    await hub.client.start("chain", instance_id=ONE, input_=1, version=version)
    await hub.settle()
    status = await hub.status(ONE)
    assert (status.runtime_status is RuntimeStatus.COMPLETED) is runs
    assert runs or "defaultVersion" in str(status.output)


async def test_a_version_that_does_not_fit_waits_for_a_host_that_has_it() -> None:
    """versionFailureStrategy `Reject`, the default: however long that takes."""
    old = EngineSettings(default_version="1.0")
    hub = Hub(registry_of(chain=chain), settings=old)
    await hub.client.start("chain", instance_id=ONE, input_=1, version="2.0")
    await hub.run_until(3600)
    assert (await hub.status(ONE)).runtime_status is RuntimeStatus.PENDING
    hub.settings = EngineSettings(default_version="2.0")
    hub.deploy(registry_of(chain=chain))
    await hub.settle()
    assert await output_of(hub) == 1


async def test_a_child_without_a_version_gets_the_default_one() -> None:
    """Under `Strict` it would else be nobody's; a host of a later default replays it, too."""

    def parent(context: Context) -> Orchestration:
        child = yield context.call_sub_orchestrator("chain", 1)
        yield context.wait_for_external_event("go")
        return child

    strict = EngineSettings(default_version="1.0", version_match="strict", strict_arguments=True)
    hub = Hub(registry_of(chain=chain, parent=parent), settings=strict)
    await hub.client.start("parent", instance_id=ONE, version="1.0")
    await hub.settle()
    hub.settings = EngineSettings(default_version="2.0", strict_arguments=True)
    hub.deploy(registry_of(chain=chain, parent=parent))
    await hub.client.raise_event(ONE, "go")
    await hub.settle()
    assert await output_of(hub) == 1


async def test_a_setting_makes_a_changed_orchestrator_fail_in_place_of_being_parked() -> None:
    """host.json, `nonDeterminism: Fail`: with the same explanation, under DTFx's name."""
    settings = EngineSettings(hold_s_max=0, non_determinism="fail")
    hub = Hub(registry_of(three_events=three_events), settings=settings)
    await hub.client.start("three_events", instance_id=ONE)
    await hub.client.raise_event(ONE, "go", 0)
    await hub.settle()
    hub.deploy(registry_of(three_events=changed))
    await hub.client.raise_event(ONE, "go", 1)
    await hub.settle()
    status = await hub.status(ONE)
    assert status.runtime_status is RuntimeStatus.FAILED
    [ended] = await hub.facts(ONE, ExecutionCompleted)
    assert ended.failure_details is not None
    assert ended.failure_details.error_type == "NonDeterministicOrchestrationException"
    assert "test_lifecycle.py:" in ended.failure_details.error_message


async def test_a_child_whose_name_nobody_knows_fails_its_task_naming_what_there_is() -> None:
    """Its parent's author has mistyped it; the parent can be rewound when that is mended."""

    def parent(context: Context) -> Orchestration:
        return (yield context.call_sub_orchestrator("chian", 1))

    hub = Hub(registry_of(chain=chain, parent=parent), settings=IMPATIENT)
    await hub.client.start("parent", instance_id=ONE)
    await hub.settle()
    status = await hub.status(ONE)
    assert status.runtime_status is RuntimeStatus.FAILED
    assert "No orchestrator function named 'chian'" in str(status.output)
    assert "'chain'" in str(status.output)


async def test_failures_are_written_into_the_hosts_log(caplog: pytest.LogCaptureFixture) -> None:
    """With instance, error and stack: alerts listen there."""
    caplog.set_level("ERROR", logger="durable")
    hub = hub_with(Flaky(), main=echo_then_flaky)
    await hub.client.start("main", instance_id=ONE)
    await hub.settle()
    told = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert any("instance=one task=1 Activity function 'flaky' failed: no line" in t for t in told)
    assert any("instance=one failed: TaskFailedError" in text for text in told)
    assert any("test_lifecycle.py" in text for text in told)
