"""Messages that nobody here can read: buried or dropped, and nobody else notices."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from durable.model.envelopes import encode_message
from durable.model.history import (
    EventRaised,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
    TaskCompleted,
    TaskScheduled,
    TimerFired,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.storage.port import TIMERS, WORK_ITEMS, Versioned
from durable.testing.world.virtual_time import START
from tests.engine.hub import Hub, chain, registry_of, waits

CONTROL = "control-00"
QUEUES = [CONTROL, WORK_ITEMS, TIMERS]


async def take(hub: Hub, queue: str, body: str, *, dequeue_count: int = 1) -> None:
    """Deliver a body; nothing may come out of the worker."""
    try:
        await hub.take(queue, body, dequeue_count=dequeue_count)
    except BaseException as error:  # noqa: BLE001
        pytest.fail(f"{queue} {body[:200]!r} made the worker raise {error!r}")


async def assert_healthy(hub: Hub) -> None:
    """Another instance runs from start to end."""
    await hub.client.start("chain", instance_id="healthy", input_=1)
    await hub.settle()
    assert (await hub.status("healthy")).output == "1"


GARBAGE = [
    "",
    " ",
    "hello",
    "{}",
    '{"$type":"DurableTask.AzureStorage.MessageData"}',
    "1:",
    "1:null",
    "1:[]",
    '1:"text"',
    "1:{}",
    '1:{"to":"i"}',
    '1:{"to":"i","event":null}',
    '1:{"to":"i","event":{}}',
    '1:{"to":"i","event":{"EventType":"NoSuchEvent"}}',
    '1:{"to":"i","event":{"EventType":"EventRaised"}}',
    '1:{"to":5,"event":{"EventType":"EventRaised","_Timestamp":"2026-01-01","Name":"n"}}',
    '1:{"to":"","event":{"EventType":"EventRaised","_Timestamp":"2026-01-01","Name":"n"}}',
    '1:{"to":"i","event":{"EventType":"EventRaised","_Timestamp":"never","Name":"n"}}',
    "2:{}",
    "1@blob",
    "\x00\ud800",
    "1:" + "[" * 100_000,
]


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
async def test_what_is_not_ours_is_buried_as_it_came(queue: str, body: str) -> None:
    """Into the poison queue, for people to look at; no instance comes of it."""
    hub = Hub(registry_of(chain=chain))
    await take(hub, queue, body)
    assert [buried for _, buried in hub.store.buried] == [body]
    assert not hub.store.sentinels
    assert not hub.store.messages


async def test_garbage_hurts_nobody() -> None:
    """With all of it in the queues an instance completes."""
    hub = Hub(registry_of(chain=chain))
    for queue in QUEUES:
        for body in GARBAGE:
            await hub.store.put(queue, body)
    await assert_healthy(hub)
    assert len(hub.store.buried) == len(QUEUES) * len(GARBAGE)


def message(event: HistoryEvent, **parts: Any) -> str:
    """Print a message to "i"."""
    return encode_message(TaskMessage(instance_id=InstanceId("i"), event=event, **parts))


X = ExecutionId("x")
ANSWER = TaskCompleted(timestamp=START, task_scheduled_id=0)
EVENT = EventRaised(timestamp=START, name="n")
ITEM = TaskScheduled(timestamp=START, event_id=0, name="echo")
BEGIN = ExecutionStarted(timestamp=START, name="chain")
TIMER = TimerFired(timestamp=START, timer_id=0, fire_at=START)
GONE = {"Input": "gone"}
FROM_CLIENT = {"generation": 1, "message_id": "m"}

MISPLACED: list[tuple[str, str, str]] = [
    ("answer to nobody", CONTROL, message(ANSWER, execution_id=X)),
    ("answer without execution", CONTROL, message(ANSWER)),
    ("event to nobody", CONTROL, message(EVENT, **FROM_CLIENT)),
    ("event without id", CONTROL, message(EVENT, generation=7)),
    ("terminate without anything", CONTROL, message(ExecutionTerminated(timestamp=START))),
    ("start without execution", CONTROL, message(BEGIN, generation=0)),
    ("start without generation", CONTROL, message(BEGIN, execution_id=X)),
    ("work item as control message", CONTROL, message(ITEM, execution_id=X)),
    ("answer as work item", WORK_ITEMS, message(ANSWER, execution_id=X)),
    ("work item without execution", WORK_ITEMS, message(ITEM)),
    ("work item of nobody", WORK_ITEMS, message(ITEM, execution_id=X)),
    ("timer of nobody", TIMERS, message(TIMER, execution_id=X)),
    ("event as timer", TIMERS, message(EVENT, **FROM_CLIENT)),
    ("lost blob", CONTROL, message(BEGIN, execution_id=X, generation=0, blobs=GONE)),
    ("lost blob of a work item", WORK_ITEMS, message(ITEM, execution_id=X, blobs=GONE)),
]


@pytest.mark.parametrize("dequeue_count", [1, 2])
@pytest.mark.parametrize(
    ("queue", "body"), [case[1:] for case in MISPLACED], ids=[case[0] for case in MISPLACED]
)
async def test_a_message_in_the_wrong_place_is_buried_or_dropped(
    queue: str, body: str, dequeue_count: int
) -> None:
    """Readable, but for nobody, or on the wrong queue, or incomplete: nobody is harmed."""
    hub = Hub(registry_of(chain=chain))
    await take(hub, queue, body, dequeue_count=dequeue_count)
    await assert_healthy(hub)
    assert InstanceId("i") not in hub.store.sentinels or (await hub.status("i")).name == "chain"


@pytest.mark.parametrize(
    ("queue", "body"), [case[1:] for case in MISPLACED], ids=[case[0] for case in MISPLACED]
)
async def test_a_message_in_the_wrong_place_does_not_disturb_the_instance_it_names(
    queue: str, body: str
) -> None:
    """A running instance of that id goes on to its own end."""
    hub = Hub(registry_of(chain=chain, waits=waits))
    await hub.client.start("waits", instance_id="i")
    await hub.deliver_visible()
    await take(hub, queue, body)
    await take(hub, queue, body, dequeue_count=2)
    await hub.deliver_visible()
    status = await hub.status("i")
    assert status.runtime_status is RuntimeStatus.RUNNING
    await hub.client.raise_event("i", "go", "end")
    await hub.settle()
    assert (await hub.status("i")).output == '"end"'


@pytest.mark.parametrize(
    ("queue", "body"), [case[1:] for case in MISPLACED], ids=[case[0] for case in MISPLACED]
)
async def test_a_message_in_the_wrong_place_does_not_disturb_an_instance_that_has_ended(
    queue: str, body: str
) -> None:
    """Its status stays; a start that is incomplete begins no life."""
    hub = Hub(registry_of(chain=chain))
    await hub.client.start("chain", instance_id="i", input_=1)
    await hub.settle()
    before = await hub.status("i")
    for generation in (0, 1, 2):
        mangled = json.loads(body.removeprefix("1:"))
        if mangled.get("execution") is None:
            mangled["generation"] = generation
        await take(hub, queue, "1:" + json.dumps(mangled))
        await take(hub, queue, "1:" + json.dumps(mangled), dequeue_count=2)
    await hub.settle()
    assert await hub.status("i") == before


MEMBERS = ["to", "event", "execution", "generation", "id", "again", "heldSince", "holds", "extra"]
COLUMNS = [
    "EventType",
    "_Timestamp",
    "EventId",
    "Name",
    "Input",
    "Result",
    "TaskScheduledId",
    "TimerId",
    "FireAt",
    "InputBlobName",
    "Generation",
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.sampled_from(["i", "x", "gone/blob", "2026-01-01T00:00:00+00:00", "9999-12-31", "chain"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    case=st.sampled_from(MISPLACED),
    members=st.dictionaries(st.sampled_from(MEMBERS[:1] + MEMBERS[2:]), VALUES, max_size=2),
    columns=st.dictionaries(st.sampled_from(COLUMNS), VALUES, max_size=2),
    dequeue_count=st.integers(1, 3),
)
async def test_no_mangled_envelope_makes_a_worker_raise(
    case: tuple[str, str, str], members: dict[str, Any], columns: dict[str, Any], dequeue_count: int
) -> None:
    """Whatever stands in its members: buried, dropped, held, or taken for what it says."""
    _, queue, body = case
    mangled = json.loads(body.removeprefix("1:")) | members
    mangled["event"] |= columns
    hub = Hub(registry_of(chain=chain))
    await take(hub, queue, "1:" + json.dumps(mangled), dequeue_count=dequeue_count)
    await hub.client.start("chain", instance_id="healthy", input_=1)
    await hub.deliver_visible()
    assert (await hub.status("healthy")).output == "1"


async def test_the_instance_of_another_engine_is_left_alone() -> None:
    """A sentinel without our columns: the message is buried with an error, the row stays."""
    hub = Hub(registry_of(chain=chain))
    foreign = Versioned({"ExecutionId": "theirs", "IsCheckpointComplete": True}, 'W/"theirs"')
    hub.store.sentinels[InstanceId("i")] = foreign
    body = message(EventRaised(timestamp=START, name="n"), generation=1, message_id="m")
    await take(hub, CONTROL, body)
    assert hub.store.sentinels[InstanceId("i")] is foreign
    assert [buried for _, buried in hub.store.buried] == [body]
    await assert_healthy(hub)


@pytest.mark.parametrize("column", ["EventType", "_Timestamp", "Episode", "ExecutionId"])
async def test_a_torn_row_costs_its_own_instance_only(column: str) -> None:
    """The message to it is buried, the others run, and the instance can still be looked at."""
    hub = Hub(registry_of(chain=chain, waits=waits))
    await hub.client.start("waits", instance_id="i")
    await hub.deliver_visible()
    row = dict(hub.store.rows[InstanceId("i")][1])
    row[column] = "torn"
    if column == "ExecutionId":
        del row[column]
    hub.store.rows[InstanceId("i")][1] = row
    hub.deploy(registry_of(chain=chain, waits=waits))
    await hub.client.raise_event("i", "go")
    (event,) = hub.store.messages
    await take(hub, CONTROL, event.body)
    hub.store.messages.clear()
    assert [buried for _, buried in hub.store.buried] == [event.body]
    await assert_healthy(hub)


@pytest.mark.parametrize("missing", ["Generation", "LifeId", "RuntimeStatus", "Sequence", "Unsent"])
async def test_a_torn_sentinel_costs_its_own_instance_only(missing: str) -> None:
    """Ours by its format, but unreadable: buried, and the others run."""
    hub = Hub(registry_of(chain=chain, waits=waits))
    await hub.client.start("waits", instance_id="i")
    await hub.deliver_visible()
    await hub.client.raise_event("i", "go")
    torn = dict(hub.store.sentinels[InstanceId("i")].columns)
    del torn[missing]
    hub.store.sentinels[InstanceId("i")] = Versioned(torn, 'W/"torn"')
    hub.deploy(registry_of(chain=chain, waits=waits))
    (event,) = hub.store.messages
    await take(hub, CONTROL, event.body)
    hub.store.messages.clear()
    assert [buried for _, buried in hub.store.buried] == [event.body]
    await assert_healthy(hub)


async def test_user_code_that_leaves_by_system_exit_costs_its_own_instance_only() -> None:
    """An orchestrator that calls `sys.exit()` fails; the host and the others go on."""

    def exits(_: Any) -> Any:
        raise SystemExit(1)

    hub = Hub(registry_of(chain=chain, exits=exits))
    await hub.client.start("exits", instance_id="i")
    try:
        await hub.settle()
    except SystemExit:
        pytest.fail("SystemExit came out of the worker")
    assert (await hub.status("i")).runtime_status is RuntimeStatus.FAILED
    await assert_healthy(hub)
