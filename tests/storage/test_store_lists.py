"""The law of the port: summaries are listed by creation, status and prefix, page by page."""

from datetime import UTC, datetime, timedelta

import pytest
from store_grounds import any_instance

from durable.model.errors import InvalidTokenError
from durable.model.ids import InstanceId
from durable.model.queries import InstanceFilter
from durable.model.status import RuntimeStatus
from durable.storage.keys import escape_key, unescape_key
from durable.storage.port import LostRace, TaskHubStore

START = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


async def show(
    store: TaskHubStore,
    instance_id: str,
    *,
    after_s: float = 0,
    status: RuntimeStatus = RuntimeStatus.RUNNING,
) -> InstanceId:
    """Put an instance into the lists."""
    known = InstanceId(instance_id)
    columns = {
        "CreatedTime": START + timedelta(seconds=after_s),
        "RuntimeStatus": status.value,
    }
    await store.write_summary(known, columns, etag=None)
    return known


async def listed(store: TaskHubStore, wanted: InstanceFilter, *, top: int = 100) -> list[str]:
    """List all pages, none of which holds more than was asked for."""
    found: list[str] = []
    token: str | None = None
    while True:
        page = await store.query_summaries(wanted, top=top, token=token)
        assert len(page.rows) <= top
        found += [instance_id for instance_id, _ in page.rows]
        token = page.token
        if token is None:
            return found
        assert token.isascii()
        assert token.isprintable()
        assert " " not in token


async def test_a_list_has_every_instance_once_whatever_the_size_of_its_pages(
    store: TaskHubStore,
) -> None:
    """Page by page nothing is lost and nothing comes twice; keys give the order."""
    prefix = any_instance()
    shown = [await show(store, f"{prefix}{n}") for n in range(7)]
    for top in (1, 3, 7, 5000):
        assert await listed(store, InstanceFilter(id_prefix=prefix), top=top) == shown


async def test_a_list_gives_the_columns_that_were_shown(store: TaskHubStore) -> None:
    """A caller need not read each instance to tell where it stands."""
    instance_id = await show(store, any_instance(), status=RuntimeStatus.FAILED)
    page = await store.query_summaries(InstanceFilter(id_prefix=instance_id), top=1)
    columns = {"CreatedTime": START, "RuntimeStatus": "Failed"}
    assert page.rows == [(instance_id, columns)]


async def test_a_list_can_be_asked_for_statuses_and_times(store: TaskHubStore) -> None:
    """Both ends of the time count, to the millisecond; several statuses are alternatives."""
    prefix = any_instance()
    early = await show(store, f"{prefix}a", status=RuntimeStatus.COMPLETED)
    late = await show(store, f"{prefix}b", after_s=0.001, status=RuntimeStatus.FAILED)
    last = await show(store, f"{prefix}c", after_s=60)

    async def found(**wanted: object) -> list[str]:
        return await listed(store, InstanceFilter(id_prefix=prefix, **wanted))  # type: ignore[arg-type]

    just_after = START + timedelta(milliseconds=1)
    assert await found(created_from=START, created_to=START) == [early]
    assert await found(created_from=just_after) == [late, last]
    assert await found(created_to=just_after) == [early, late]
    ended = frozenset({RuntimeStatus.COMPLETED, RuntimeStatus.FAILED})
    assert await found(statuses=ended) == [early, late]
    assert await found(statuses=ended, created_from=just_after) == [late]
    assert await found(statuses=frozenset({RuntimeStatus.TERMINATED})) == []


@pytest.mark.parametrize(
    "letters", ["it's", "a b", "100%", "^0", "zürich-東京", "\ud7ff", "🌍", "_~!"]
)
async def test_any_id_is_found_by_any_of_its_prefixes(store: TaskHubStore, letters: str) -> None:
    """Ids come back as they are, also from continued lists, and neighbours stay out."""
    lead = any_instance()
    ids = [await show(store, f"{lead}{letters}{n}") for n in range(3)]
    for neighbour in (lead, f"{lead}\ue000", f"{lead}A"):
        await show(store, neighbour)
    wanted = InstanceFilter(id_prefix=lead + letters)
    assert await listed(store, wanted, top=1) == ids
    assert await listed(store, InstanceFilter(id_prefix=ids[1])) == [ids[1]]


async def test_a_list_without_entities_has_all_other_ids(store: TaskHubStore) -> None:
    """Theirs alone begin with `@`; what sorts just before and behind that stays in the list."""
    word = any_instance()
    ids = [await show(store, f"{lead}{word}") for lead in ("!", "?", "@", "@@", "A", "`", "é")]
    wanted = InstanceFilter(without_entities=True)
    found = [one for one in await listed(store, wanted) if word in one]
    assert sorted(found) == sorted(one for one in ids if not one.startswith("@"))
    entities = await listed(store, InstanceFilter(id_prefix="@"))
    assert {one for one in entities if word in one} == set(ids) - set(found)


@pytest.mark.parametrize(
    "token", ["", "x", "bm90IGpzb24", "e30", "W10", "A" * 9000, "é", "eyJhIjoxfQ"]
)
async def test_a_token_that_no_list_has_given_is_refused(store: TaskHubStore, token: str) -> None:
    """It comes from a caller and may be anything."""
    with pytest.raises(InvalidTokenError, match="continuation token"):
        await store.query_summaries(InstanceFilter(), top=1, token=token)


async def test_a_summary_is_deleted_only_under_its_etag(
    store: TaskHubStore, instance_id: InstanceId
) -> None:
    """What somebody has replaced meanwhile stays; what is gone does not matter."""
    first = await store.write_summary(instance_id, {"A": 1}, etag=None)
    second = await store.write_summary(instance_id, {"A": 2}, etag=first)
    with pytest.raises(LostRace):
        await store.delete_summary(instance_id, etag=first)
    assert await store.read_summary(instance_id) is not None
    for _ in range(2):
        await store.delete_summary(instance_id, etag=second)
    assert await store.read_summary(instance_id) is None
    assert await listed(store, InstanceFilter(id_prefix=instance_id)) == []


@pytest.mark.parametrize("text", ["", "^", "^^0", "/\\#?", "a^1b", "\x00\x1f\x7f\x9f", "À^À", "^ß"])
def test_a_key_gives_back_the_id_that_it_was_made_of(text: str) -> None:
    """Escaping loses nothing."""
    assert unescape_key(escape_key(text)) == text
