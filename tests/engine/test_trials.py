"""Who is given up is who ran alone and did not come back, and not who waited beside it."""

import pytest

from durable.engine.holding import put_off
from durable.engine.settings import EngineSettings
from durable.engine.trials import TRIALS_ENOUGH
from durable.model.envelopes import decode_message, encode_message
from durable.model.status import RuntimeStatus
from durable.storage.memory import StoredMessage
from durable.storage.port import WORK_ITEMS
from tests.engine.hub import Context, Hub, Orchestration, registry_of

POISONED = 5


class Deadly:
    """An activity that ends its process as often as it is told to."""

    def __init__(self, times: int) -> None:
        """Begin to count."""
        self.times = times
        self.runs = 0

    def __call__(self, _: object) -> str:
        """End the process, or survive."""
        self.runs += 1
        if self.runs <= self.times:
            raise KeyboardInterrupt
        return "survived"


def calls(context: Context) -> Orchestration:
    """Call it once."""
    return (yield context.call_activity("deadly"))


async def begun(times: int) -> tuple[Hub, Deadly, str]:
    """Make a hub whose next message is the work item."""
    deadly = Deadly(times)
    registry = registry_of(calls=calls)
    registry.add_activity("deadly", deadly)
    hub = Hub(registry, settings=EngineSettings())
    started = await hub.client.start("calls")
    [(start, receipt)] = hub.store.receive(count=1, visibility_s=60)
    await hub.invoke(start, receipt)
    return hub, deadly, started


def work_item(hub: Hub) -> StoredMessage:
    """Find it."""
    [message] = [kept for kept in hub.store.messages if kept.queue == WORK_ITEMS]
    return message


async def give_up(hub: Hub) -> None:
    """Let the host give it up, and the sweep take it up."""
    work_item(hub).dequeue_count = POISONED
    hub.store.poison_exhausted(dequeue_count_max=POISONED)
    await hub.worker.sweep()


def trials_of(hub: Hub) -> list[str]:
    """List the marks."""
    return [name for name in hub.store.blobs if "/trial-" in name]


async def test_what_only_waited_beside_the_guilty_one_is_never_blamed() -> None:
    """The host may give it up as often as it likes: it never ran."""
    hub, deadly, started = await begun(0)
    for _ in range(4):
        await give_up(hub)
        assert decode_message(work_item(hub).body).poisonings == 0
    assert deadly.runs == 0
    await hub.settle()
    assert (await hub.status(started)).output == '"survived"'


async def test_a_suspect_that_comes_back_has_no_marks_left() -> None:
    """Two processes ended while it ran alone, by whatever; then it goes through."""
    hub, deadly, started = await begun(TRIALS_ENOUGH - 1)
    for dequeue_count in (3, 4):
        with pytest.raises(KeyboardInterrupt):
            await hub.take(WORK_ITEMS, work_item(hub).body, dequeue_count=dequeue_count)
    assert len(trials_of(hub)) == TRIALS_ENOUGH - 1
    await give_up(hub)
    await hub.settle()
    assert (await hub.status(started)).output == '"survived"'
    assert deadly.runs == TRIALS_ENOUGH
    assert not trials_of(hub)


async def test_what_ends_its_process_alone_is_given_up_though_each_copy_is_counted_from_one() -> (
    None
):
    """Two that hang put each other off; the host counts each copy anew."""
    hub, deadly, started = await begun(100)
    for _ in range(2):
        for _ in range(TRIALS_ENOUGH):
            message = work_item(hub)
            copy, _ = put_off(decode_message(message.body))
            hub.store.messages.remove(message)
            await hub.store.put(WORK_ITEMS, encode_message(copy))
            with pytest.raises(KeyboardInterrupt):
                await hub.take(WORK_ITEMS, work_item(hub).body, dequeue_count=1)
        tried = work_item(hub)
        await hub.take(WORK_ITEMS, tried.body, dequeue_count=2)  # it is not run again
        hub.store.messages.remove(tried)
    assert deadly.runs == 2 * TRIALS_ENOUGH
    assert not trials_of(hub)
    await hub.settle()
    status = await hub.status(started)
    assert status.runtime_status is RuntimeStatus.FAILED
    assert "it ended its process" in (status.output or "")


async def test_no_storage_fault_makes_a_trial_of_nothing() -> None:
    """Storage stays away while the mark is written: it says so once, or not at all."""
    hub, deadly, started = await begun(0)
    puts = 0

    def away(kind: str) -> bool:
        nonlocal puts
        puts += kind == "put blob"
        return kind == "put blob" and puts <= 6

    hub.gate.is_away = away
    await hub.take(WORK_ITEMS, work_item(hub).body, dequeue_count=3)
    assert puts > 6
    assert deadly.runs == 1
    assert not trials_of(hub)
    await hub.settle()
    assert (await hub.status(started)).output == '"survived"'
