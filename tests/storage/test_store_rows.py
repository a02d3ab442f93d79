"""The law of the port, the History table: ETags, roll-back, pages, the sentinel, deletions."""

import pytest
from store_grounds import Ground, any_instance

from durable.model.ids import InstanceId
from durable.storage.port import LostRace, Page, TaskHubStore

RECORD = {"Name": "first"}
NEWER = {"Name": "second"}


def rows(first: int, count: int, text: str = "x") -> list[tuple[int, dict[str, str]]]:
    """Build rows that say their ordinal."""
    return [(ordinal, {"Text": f"{text}{ordinal}"}) for ordinal in range(first, first + count)]


async def test_an_instance_that_was_never_written_is_empty(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """Reads of what does not exist find nothing and raise nothing."""
    assert await store.read_page(instance_id, first=0) == Page([], None, False, [])
    assert await store.read_sentinel(instance_id) is None
    assert await store.read_row(instance_id, 0) is None


async def test_a_transaction_returns_the_etag_that_reads_return(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """The ETag of the answer is the sentinel's, in both ways of reading it."""
    etag = await store.transact(instance_id, rows(0, 2), RECORD, etag=None)
    sentinel = await store.read_sentinel(instance_id)
    page = await store.read_page(instance_id, first=0)
    assert sentinel is not None
    assert (sentinel.columns, sentinel.etag) == (RECORD, etag)
    assert page.sentinel == sentinel
    assert await store.read_row(instance_id, 1) == {"Text": "x1"}


async def test_every_write_of_the_sentinel_changes_its_etag(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """Also a write of the same columns, as the fence of a large commit is."""
    etags = [await store.transact(instance_id, [], RECORD, etag=None)]
    for _ in range(5):
        etags.append(await store.transact(instance_id, [], RECORD, etag=etags[-1]))
    assert len(set(etags)) == 6


async def test_only_the_last_etag_opens_a_transaction(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """An older ETag loses, however often and whatever it wants to write."""
    old = await store.transact(instance_id, [], RECORD, etag=None)
    new = await store.transact(instance_id, [], NEWER, etag=old)
    for _ in range(2):
        with pytest.raises(LostRace):
            await store.transact(instance_id, [], NEWER, etag=old)
    await store.transact(instance_id, [], RECORD, etag=new)


async def test_no_etag_means_that_there_must_be_no_sentinel(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """The second of two that both found nothing loses."""
    await store.transact(instance_id, [], RECORD, etag=None)
    with pytest.raises(LostRace):
        await store.transact(instance_id, [], NEWER, etag=None)


async def test_an_etag_means_that_there_must_be_a_sentinel(store: TaskHubStore) -> None:
    """An ETag of another instance does not create one."""
    etag = await store.transact(any_instance(), [], RECORD, etag=None)
    absent = any_instance()
    with pytest.raises(LostRace):
        await store.transact(absent, rows(0, 1), RECORD, etag=etag)
    assert await store.read_page(absent, first=0) == Page([], None, False, [])


async def test_who_loses_the_race_leaves_no_trace(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """A lost transaction is rolled back whole: new rows, replaced rows and the sentinel."""
    etag = await store.transact(instance_id, rows(0, 2, "committed"), RECORD, etag=None)
    before = await store.read_page(instance_id, first=0)
    for wrong in (None, 'W/"somebody-elses"'):
        with pytest.raises(LostRace):
            await store.transact(instance_id, rows(0, 9, "lost"), NEWER, etag=wrong)
    assert await store.read_page(instance_id, first=0) == before
    assert before.sentinel is not None
    assert before.sentinel.etag == etag


async def test_rows_are_replaced_and_not_merged(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """A row of a torn commit gives way whole: none of its columns shows through."""
    etag = await store.transact(instance_id, [(0, {"Torn": "t", "Both": 1})], RECORD, etag=None)
    await store.transact(instance_id, [(0, {"Both": 2, "Mended": True})], RECORD, etag=etag)
    assert await store.read_row(instance_id, 0) == {"Both": 2, "Mended": True}


async def test_the_sentinel_is_replaced_and_not_merged(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """A column that the new record does not have is gone."""
    etag = await store.transact(instance_id, [], {"Output": "old", "Name": "n"}, etag=None)
    await store.transact(instance_id, [], {"Name": "n"}, etag=etag)
    sentinel = await store.read_sentinel(instance_id)
    assert sentinel is not None
    assert sentinel.columns == {"Name": "n"}


async def test_pages_follow_the_ordinals_and_end_with_the_sentinel(
    ground: Ground, instance_id: InstanceId
) -> None:
    """Every row comes once, in order, over hexadecimal carries; the sentinel comes last."""
    store = ground.another(rows_per_page_max=7)
    etag = None
    for first in range(0, 300, 75):
        etag = await store.transact(instance_id, rows(first, 75), RECORD, etag=etag)
    found: list[int] = []
    page = await store.read_page(instance_id, first=0)
    while page.more:
        assert page.sentinel is None
        assert 0 < len(page.rows) <= 7
        found += [ordinal for ordinal, _ in page.rows]
        page = await store.read_page(instance_id, first=found[-1] + 1)
    found += [ordinal for ordinal, _ in page.rows]
    assert found == list(range(300))
    assert page.sentinel is not None
    assert page.sentinel.etag == etag


@pytest.mark.parametrize("count", [6, 7, 8, 14])
async def test_pages_that_are_just_full_lose_nothing(
    ground: Ground, instance_id: InstanceId, count: int
) -> None:
    """Whether the last page has room for the sentinel or not, a reader finds rows and sentinel."""
    store = ground.another(rows_per_page_max=7)
    await store.transact(instance_id, rows(0, count), RECORD, etag=None)
    found: list[int] = []
    for _ in range(5):
        page = await store.read_page(instance_id, first=len(found))
        found += [ordinal for ordinal, _ in page.rows]
        if not page.more:
            break
    assert found == list(range(count))
    assert page.sentinel is not None


async def test_a_page_begins_where_it_is_asked_to(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """`first` is the first ordinal read, also where it is above every row."""
    await store.transact(instance_id, rows(0, 20), RECORD, etag=None)
    page = await store.read_page(instance_id, first=17)
    assert [ordinal for ordinal, _ in page.rows] == [17, 18, 19]
    beyond = await store.read_page(instance_id, first=20)
    assert list(beyond.rows) == []
    assert beyond.sentinel is not None


async def test_ninety_nine_rows_and_the_sentinel_fit_and_a_hundred_do_not(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """The limit is the service's 100 rows, and what is too much is refused before it is sent."""
    etag = await store.transact(instance_id, rows(0, 99), RECORD, etag=None)
    with pytest.raises(ValueError, match="transaction"):
        await store.transact(instance_id, rows(0, 100), RECORD, etag=etag)
    sentinel = await store.read_sentinel(instance_id)
    assert sentinel is not None
    assert sentinel.etag == etag


async def test_a_row_twice_in_one_transaction_is_refused(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """The service refuses it, so nobody may learn from a store to rely on it."""
    with pytest.raises(ValueError, match="transaction"):
        await store.transact(instance_id, [(3, {"A": 1}), (3, {"A": 2})], RECORD, etag=None)
    assert await store.read_sentinel(instance_id) is None


async def test_deleted_rows_are_gone_and_missing_ones_do_not_matter(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """Deletion ends with the rows gone, also when some were gone before, and may be repeated."""
    await store.transact(instance_id, rows(0, 6), RECORD, etag=None)
    await store.delete_rows(instance_id, [1, 2])
    await store.delete_rows(instance_id, [0, 1, 2, 3, 400])
    await store.delete_rows(instance_id, [0, 1])
    await store.delete_rows(instance_id, [])
    page = await store.read_page(instance_id, first=0)
    assert [ordinal for ordinal, _ in page.rows] == [4, 5]


async def test_deleting_rows_leaves_the_sentinel_and_its_etag(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """A deletion is no commit: who holds the ETag goes on holding it."""
    etag = await store.transact(instance_id, rows(0, 3), RECORD, etag=None)
    await store.delete_rows(instance_id, [0, 1, 2])
    await store.transact(instance_id, [], NEWER, etag=etag)


async def test_more_rows_than_a_transaction_takes_are_deleted_all(
    ground: Ground, instance_id: InstanceId
) -> None:
    """250 rows go, with two that are long gone among them."""
    store = ground.store
    etag = None
    for first in range(0, 250, 50):
        etag = await store.transact(instance_id, rows(first, 50), RECORD, etag=etag)
    await store.delete_rows(instance_id, [7, 201])
    await store.delete_rows(instance_id, range(250))
    assert list((await store.read_page(instance_id, first=0)).rows) == []


async def test_instances_do_not_see_each_other(store: TaskHubStore) -> None:
    """Ids of which one begins with the other, or that differ in case, are two instances."""
    base = any_instance("Near")
    near = [base, InstanceId(base + "x"), InstanceId(base.lower()), InstanceId(base + "^")]
    for number, instance_id in enumerate(near):
        await store.transact(instance_id, [(number, {"N": number})], {"N": number}, etag=None)
    for number, instance_id in enumerate(near):
        page = await store.read_page(instance_id, first=0)
        assert list(page.rows) == [(number, {"N": number})]
