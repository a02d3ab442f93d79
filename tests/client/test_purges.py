"""Purges by id and by filter: what goes, what stays, and how a long one goes on."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from durable.client import purging
from durable.client.durable_client import DurableClient
from durable.model.errors import InstanceNotEndedError
from durable.model.ids import InstanceId
from durable.model.queries import EVERY_INSTANCE, InstanceFilter
from durable.model.status import RuntimeStatus
from durable.storage import summaries
from durable.storage.memory import MemoryStore
from durable.storage.port import ETag, OutcomeUnknown

ENDED = [status for status in RuntimeStatus if status.is_terminal]


async def listed(hub: Any) -> list[str]:
    """List what there is."""
    return [one.instance_id async for one in hub.client.list_instances()]


@pytest.mark.parametrize("status", RuntimeStatus, ids=str)
async def test_only_what_has_ended_can_be_purged(hub: Any, status: RuntimeStatus) -> None:
    """It is gone from everywhere: status, history, lists, blobs. What lives stays."""
    await hub.write("a", status, input_='"' + "x" * 100_000 + '"')
    if status.is_terminal:
        assert await hub.client.purge("a")
        assert await hub.client.read_status("a") is None
        assert await listed(hub) == []
        assert hub.store.blobs == {}
        assert not hub.store.rows.get(InstanceId("a"))
    else:
        with pytest.raises(InstanceNotEndedError, match=status.value):
            await hub.client.purge("a")
        assert await listed(hub) == ["a"]


async def test_a_purge_of_what_is_not_there_says_so(hub: Any) -> None:
    """Neither unknown ids nor purged ones count."""
    await hub.write("a", RuntimeStatus.COMPLETED)
    assert await hub.client.purge("a")
    assert not await hub.client.purge("a")
    assert not await hub.client.purge("nobody")


class LateStore(MemoryStore):
    """Gives no answer to one write, which lands just before the next."""

    is_late_next = False
    late: Callable[[], Awaitable[ETag]] | None = None

    async def transact(self, *args: Any, **options: Any) -> ETag:
        """Write, or keep the write."""
        if self.is_late_next:
            self.is_late_next = False
            self.late = partial(super().transact, *args, **options)
            raise OutcomeUnknown("no answer")
        if self.late is not None:
            late, self.late = self.late, None
            await late()
        return await super().transact(*args, **options)


async def test_a_purge_that_is_done_by_its_own_late_write_says_that_it_purged(hub: Any) -> None:
    """It has tried again meanwhile, and finds a tombstone that is not that of the last attempt."""
    hub.store = LateStore(now=hub.environment.now)
    await hub.write("a", RuntimeStatus.COMPLETED)
    hub.store.is_late_next = True
    assert await DurableClient(hub.store, hub.environment).purge("a")


class SilentStore(MemoryStore):
    """Makes one write and gives no answer; something else happens before anybody looks again."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def transact(self, *args: Any, **options: Any) -> ETag:
        """Write, and answer or not."""
        etag = await super().transact(*args, **options)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
            raise OutcomeUnknown("no answer")
        return etag


@pytest.mark.parametrize("status", [RuntimeStatus.RUNNING, RuntimeStatus.COMPLETED], ids=str)
async def test_a_purge_that_heard_nothing_leaves_the_life_that_began_since(
    hub: Any, status: RuntimeStatus
) -> None:
    """Nor does it say that there was nothing to purge: it may have purged the life before."""
    hub.store = SilentStore(now=hub.environment.now)
    await hub.write("a", RuntimeStatus.COMPLETED)
    hub.store.meanwhile = lambda: hub.write("a", status, input_='"new"')
    client = DurableClient(hub.store, hub.environment)
    with pytest.raises(OutcomeUnknown, match="started anew"):
        await client.purge("a")
    status_after = await client.read_status("a")
    assert status_after is not None
    assert status_after.input == '"new"'


async def test_a_host_that_slept_does_not_bring_a_purged_instance_back(hub: Any) -> None:
    """It finds the tombstone when it has shown what it knew."""
    record = await hub.write("a", RuntimeStatus.COMPLETED)
    await hub.client.purge("a")
    assert await summaries.show(hub.store, InstanceId("a"), record, etag=None) is None
    assert await listed(hub) == []


async def test_a_purge_takes_away_what_a_host_that_died_has_shown(hub: Any) -> None:
    """A row of a purged instance in the lists is no instance, and can be got rid of."""
    record = await hub.write("a", RuntimeStatus.COMPLETED)
    await hub.client.purge("a")
    known = InstanceId("a")
    await summaries.show(hub.store, known, record, etag=None, is_first=True)
    assert await listed(hub) == ["a"]
    assert (await hub.client.purge_by(EVERY_INSTANCE)).deleted == 0
    assert await listed(hub) == []


async def test_a_filter_purges_what_has_ended_and_nothing_else(hub: Any) -> None:
    """Whatever statuses it names; without any it means all that have ended."""
    for status in RuntimeStatus:
        await hub.write(f"a-{status.value}", status)
        await hub.write(f"b-{status.value}", status, after_s=60)
    at = hub.environment.now()
    running = InstanceFilter(statuses=frozenset({RuntimeStatus.RUNNING}))
    assert (await hub.client.purge_by(running)).deleted == 0
    failed = InstanceFilter(
        statuses=frozenset({RuntimeStatus.FAILED, RuntimeStatus.RUNNING}), created_to=at
    )
    assert (await hub.client.purge_by(failed)).deleted == 1
    purged = await hub.client.purge_by(InstanceFilter(created_from=at + timedelta(seconds=1)))
    assert (purged.deleted, purged.is_complete) == (len(ENDED), True)
    left = {one for one in await listed(hub) if one.startswith("a")}
    assert left == {f"a-{s.value}" for s in RuntimeStatus} - {"a-Failed"}
    assert len(await listed(hub)) == len(left) + len(RuntimeStatus) - len(ENDED)


async def test_a_filter_that_finds_an_old_life_spares_the_new_one(hub: Any) -> None:
    """The lists are behind; the record decides, by status and by creation."""
    await hub.write("lives", RuntimeStatus.COMPLETED)
    await hub.write("lives", RuntimeStatus.RUNNING, is_shown=False)
    await hub.write("later", RuntimeStatus.COMPLETED)
    await hub.write("later", RuntimeStatus.COMPLETED, after_s=60, is_shown=False)
    purged = await hub.client.purge_by(InstanceFilter(created_to=hub.environment.now()))
    assert purged.deleted == 0
    assert await hub.client.read_status("lives") is not None
    assert await hub.client.read_status("later") is not None


async def test_a_long_purge_goes_on_where_its_time_was_over(
    hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call does at least a page, so that any budget comes to an end."""
    monkeypatch.setattr(purging, "PAGE_ROWS", 3)
    for n in range(8):
        await hub.write(f"i{n}", RuntimeStatus.COMPLETED if n != 4 else RuntimeStatus.RUNNING)
    token, deleted, calls = None, 0, 0
    while True:
        purged = await hub.client.purge_by(EVERY_INSTANCE, token=token, budget_s=0)
        deleted, calls, token = deleted + purged.deleted, calls + 1, purged.token
        if purged.is_complete:
            break
    assert (deleted, calls) == (7, 3)
    assert await listed(hub) == ["i4"]


async def test_one_instance_that_can_not_be_read_does_not_stop_a_purge(
    hub: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is left, with a warning."""
    await hub.write("a", RuntimeStatus.COMPLETED)
    await hub.write("b", RuntimeStatus.COMPLETED)
    sentinel = hub.store.sentinels[InstanceId("a")]
    await hub.store.transact(InstanceId("a"), (), {"ExecutionId": "x"}, etag=sentinel.etag)
    assert (await hub.client.purge_by(EVERY_INSTANCE)).deleted == 1
    assert "instance=a is not purged" in caplog.text
