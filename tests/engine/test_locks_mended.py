"""Locks that a review found lost: handed on too late, too many for a message, asked for again."""

import json

import pytest

from durable.model.entity_ids import EntityId
from durable.model.errors import InstanceNotRewindableError
from durable.model.history import EntityLockRequested, ExecutionRewound
from durable.model.ids import InstanceId
from durable.model.messages import TaskMessage
from durable.model.status import RuntimeStatus
from durable.storage.outbox import CONTROL, Outgoing
from durable.storage.sending import send
from tests.engine.crowds import COUNTER, CROWD, WEEK, CrowdedHub, forgets_early
from tests.engine.hub import Context, Hub, Orchestration, registry_of
from tests.engine.test_entities_on_a_hub import end_of
from tests.engine.test_sections import A, hub_of, lock_of, locks

FIRST = EntityId("counter", "0")
PROPERTY_CHARS_MAX = 32 * 1024
MESSAGE_BYTES_MAX = 64 * 1024


def section(context: Context) -> Orchestration:
    """Use two entities, and do something else behind it."""
    with (yield context.lock([FIRST, COUNTER])):
        yield context.call_entity(COUNTER, "add")
    yield context.call_activity("echo", 1)


async def forgotten_owner(hub: CrowdedHub) -> None:
    """Let an owner end and be forgotten where the lock was handed on to.

    The one that handed it on believes to this day that it may not have sent it: the host that
    sent is not the host that committed next.
    """
    code = hub.code
    code.add_orchestrator("section", section)
    sender, other = hub.deploy(code), hub.deploy(code)
    await hub.client.start("section", instance_id="owner")
    while received := hub.store.receive(count=1, visibility_s=600):
        is_release = '"EntityUnlockSent"' in received[0][0].body
        hub.worker = other if is_release and f'"to":"{FIRST}"' in received[0][0].body else sender
        await hub.invoke(*received[0])
    assert (await hub.status("owner")).runtime_status is RuntimeStatus.COMPLETED
    for turn in range(4):
        await hub.crowd(f"crowd{turn}")
        hub.environment.move_to(hub.now() + WEEK)
    assert "@owner" not in await hub.known()
    assert (await hub.record(FIRST)).unsent
    hub.deploy(code)


@pytest.mark.parametrize("way", ["signal", "clean"])
async def test_a_lock_that_is_handed_on_again_long_after_is_not_granted(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would release it: the one it is for has ended, and its release has come and gone."""
    forgets_early(monkeypatch)
    hub = CrowdedHub()
    await forgotten_owner(hub)
    if way == "signal":
        await hub.client.signal_entity(FIRST, "add")
    else:
        assert (await hub.client.clean_entities()).number_of_empty_entities_removed == 1
    await hub.deliver_visible()
    assert await lock_of(hub, COUNTER) is None
    await hub.client.signal_entity(COUNTER, "add")
    await hub.settle()
    assert (await hub.record()).state == str(4 * CROWD + 2)


async def test_a_lock_that_is_handed_on_again_to_a_purged_entity_is_not_granted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its tombstone goes on where it was, and does not know the owner any better."""
    forgets_early(monkeypatch)
    hub = CrowdedHub()
    await forgotten_owner(hub)
    await hub.client.signal_entity(COUNTER, "delete")
    await hub.deliver_visible()
    assert (await hub.client.clean_entities()).number_of_empty_entities_removed == 2
    await hub.deliver_visible()
    assert await lock_of(hub, COUNTER) is None
    await hub.client.signal_entity(COUNTER, "add")
    await hub.settle()
    assert (await hub.record()).state == "1"


def keyed(count: int, key: str) -> list[EntityId]:
    """Make ids of accounts."""
    return [EntityId("Account", f"{key}{n:04}") for n in range(count)]


async def test_a_section_of_too_many_entities_is_refused_at_the_call() -> None:
    """One message carries their ids; the orchestrator may go on without."""

    def locks_all(context: Context) -> Orchestration:
        try:
            context.lock(keyed(1100, "customer-"))
        except ValueError as error:
            told = str(error)
        with (yield context.lock([A])):
            yield context.call_entity(A, "add", 1)
        return told

    hub = hub_of(locks_all=locks_all)
    told = await end_of(hub, "locks_all")
    assert "1100 entities" in told
    assert "15000 characters" in told
    assert not await locks(hub)
    assert InstanceId(str(keyed(1, "customer-")[0])) not in hub.store.sentinels


@pytest.mark.parametrize(
    "key", ["x" * 200, '"' * 200, "ä" * 60], ids=["letters", "quotes", "beyond ASCII"]
)
async def test_a_section_of_as_many_entities_as_may_be_fits_everywhere(key: str) -> None:
    """In a message, in a row and in the sentinel; whatever the characters."""
    size = len(json.dumps([str(each) for each in keyed(1, key)])) - 2
    entities = keyed((15_000 - 2) // (size + 2), key)

    def locks_all(context: Context) -> Orchestration:
        with (yield context.lock(entities)):
            yield context.wait_for_external_event("go")

    hub = hub_of(locks_all=locks_all)
    await hub.client.start("locks_all", instance_id="owner")
    bytes_max = 0
    while received := hub.store.receive(count=1, visibility_s=600):
        bytes_max = max(bytes_max, len(received[0][0].body.encode()) * 4 // 3)
        await hub.invoke(*received[0])
    assert MESSAGE_BYTES_MAX // 4 < bytes_max < MESSAGE_BYTES_MAX
    kept = [
        *(sentinel.columns for sentinel in hub.store.sentinels.values()),
        *(columns for rows in hub.store.rows.values() for columns in rows.values()),
    ]
    texts = [value for columns in kept for value in columns.values() if isinstance(value, str)]
    assert max(map(len, texts)) <= PROPERTY_CHARS_MAX
    hub.deploy(registry_of(locks_all=locks_all))
    assert None not in [await lock_of(hub, each) for each in entities]
    await hub.client.terminate("owner", "enough")
    await hub.settle()
    assert {await lock_of(hub, each) for each in entities} == {None}


class Deploys:
    """An orchestrator that fails behind a race with its lock; the next version does not."""

    def __init__(self) -> None:
        self.is_mended = False

    def asks(self, context: Context) -> Orchestration:
        """Ask for a lock, and wait for it or for an event."""
        lock = context.lock([A])
        event = context.wait_for_external_event("go")
        first = yield context.task_any([lock, event])
        if first is event and not self.is_mended:
            raise ValueError("not mended yet")
        with (yield lock):
            return (yield context.call_entity(A, "add", 1))


async def failed_at_once() -> tuple[Hub, Deploys]:
    """Let one fail in the very episode in which it asks; the grant is still on its way."""
    deploys = Deploys()
    hub = hub_of(asks=deploys.asks)
    await hub.client.start("asks", instance_id="owner")
    await hub.client.raise_event("owner", "go")
    received = hub.store.receive(count=2, visibility_s=600)
    for one in sorted(received, key=lambda one: "EventRaised" not in one[0].body):
        await hub.invoke(*one)  # the event waits for the start, and is taken with it
    assert len({row.episode for row in await hub.rows("owner")}) == 1
    assert (await hub.status("owner")).runtime_status is RuntimeStatus.FAILED
    deploys.is_mended = True
    return hub, deploys


async def test_who_failed_in_the_episode_that_asked_for_a_lock_is_not_rewound() -> None:
    """It would ask again under the same task, and take the grant to come for that of now."""
    hub, _ = await failed_at_once()
    with pytest.raises(InstanceNotRewindableError, match="critical section"):
        await hub.client.rewind("owner", "mended")
    await hub.settle()
    assert (await hub.status("owner")).runtime_status is RuntimeStatus.FAILED
    assert not await locks(hub)


async def test_a_request_to_rewind_it_that_comes_all_the_same_is_of_no_use() -> None:
    """From a client of another version, or one that looked when it was another failure."""
    hub, _ = await failed_at_once()
    [asked] = [row for row in await hub.rows("owner") if isinstance(row.event, EntityLockRequested)]
    request = TaskMessage(
        instance_id=InstanceId("owner"),
        event=ExecutionRewound(timestamp=hub.now(), reason="mended", voided_episode=asked.episode),
        generation=1,
        message_id="rewind",
    )
    await send(hub.store, hub.environment, Outgoing(queue=CONTROL, message=request))
    await hub.settle()
    assert (await hub.status("owner")).runtime_status is RuntimeStatus.FAILED
    assert len(await hub.facts("owner", EntityLockRequested)) == 1
    assert not await locks(hub)


async def test_who_failed_long_after_its_section_is_rewound() -> None:
    """What was asked for and given back in earlier episodes is no obstacle."""
    deploys = Deploys()

    def leaves(context: Context) -> Orchestration:
        with (yield context.lock([A])):
            yield context.call_entity(A, "add", 1)
        yield context.wait_for_external_event("go")
        if not deploys.is_mended:
            raise ValueError("not mended yet")
        with (yield context.lock([A])):
            return (yield context.call_entity(A, "add", 1))

    hub = hub_of(leaves=leaves)
    await hub.client.start("leaves", instance_id="owner")
    await hub.deliver_visible()
    await hub.client.raise_event("owner", "go")
    await hub.settle()
    assert (await hub.status("owner")).runtime_status is RuntimeStatus.FAILED
    deploys.is_mended = True
    await hub.client.rewind("owner", "mended")
    await hub.settle()
    assert (await hub.status("owner")).output == "102"
    assert not await locks(hub)
