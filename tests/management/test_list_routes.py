"""GET instances and DELETE instances: many instances, page by page."""

import json
from typing import Any

import pytest

from durable.management import lists
from durable.model.ids import InstanceId

TOKEN = "x-ms-continuation-token"


async def ids_of(hub: Any, **query: str) -> list[str]:
    """List the ids of the first page."""
    answer = await hub.ask("GET", "instances", **query)
    assert answer.status == 200
    return [status["instanceId"] for status in json.loads(answer.body)]


async def a_few(hub: Any) -> None:
    """Start some a minute apart: two complete, one fails, one waits."""
    starts = (("a1", "hello"), ("a2", "unlucky"), ("b1", "patient"), ("b2", "hello"))
    for instance_id, name in starts:
        await hub.client.start(name, instance_id=instance_id, input_=instance_id)
        await hub.run()
        await hub.environment.wait(60)


async def test_a_list_has_the_payloads_of_statuses(hub: Any) -> None:
    """Member for member what the status route answers, input included."""
    await a_few(hub)
    answer = await hub.ask("GET", "instances")
    assert answer.headers == {"Content-Type": "application/json", TOKEN: ""}
    for payload in json.loads(answer.body):
        one = await hub.ask("GET", f"instances/{payload['instanceId']}")
        assert payload == json.loads(one.body)


async def test_an_empty_list_is_200(hub: Any) -> None:
    """Nothing is not an error."""
    answer = await hub.ask("GET", "instances")
    assert (answer.status, answer.body) == (200, "[]")


async def test_the_input_of_a_list_is_left_out_on_request(hub: Any) -> None:
    """It costs reads of its own."""
    await a_few(hub)
    answer = await hub.ask("GET", "instances", showinput="false")
    assert [status["input"] for status in json.loads(answer.body)] == [None] * 4


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"instanceIdPrefix": "b"}, ["b1", "b2"]),
        ({"runtimeStatus": "Completed"}, ["a1", "b2"]),
        ({"runtimeStatus": "failed, RUNNING,Unheard"}, ["a2", "b1"]),
        ({"runtimeStatus": "Unheard"}, ["a1", "a2", "b1", "b2"]),
        ({"createdTimeFrom": "2026-01-02T03:06:00Z"}, ["b1", "b2"]),
        ({"createdTimeTo": "2026-01-02T03:06:00.000000Z"}, ["a1", "a2"]),
        ({"createdTimeTo": "2026-01-02T04:06:00 01:00"}, ["a1", "a2"]),
        ({"CREATEDTIMEFROM": "2026-01-02 03:05", "instanceidprefix": "a"}, ["a2"]),
    ],
    ids=str,
)
async def test_a_list_can_be_narrowed(hub: Any, query: dict[str, str], ids: list[str]) -> None:
    """Names of the query and statuses have any case; statuses that there are not are left out."""
    await a_few(hub)
    assert await ids_of(hub, **query) == ids


@pytest.mark.parametrize(
    "query",
    [
        {"createdTimeFrom": "yesterday"},
        {"createdTimeTo": "2026-13-01"},
        {"top": "0"},
        {"top": "-1"},
        {"top": "many"},
    ],
    ids=str,
)
async def test_a_list_of_nonsense_is_400(hub: Any, query: dict[str, str]) -> None:
    """The answer names the part of the query that is wrong."""
    answer = await hub.ask("GET", "instances", **query)
    assert answer.status == 400
    assert next(iter(query)) in json.loads(answer.body)["Message"]


async def test_a_list_goes_on_with_the_token_of_the_page_before(hub: Any) -> None:
    """The header of the answer goes into the next request until it is empty."""
    await a_few(hub)
    found, token = [], ""
    for _ in range(3):
        answer = await hub.ask("GET", "instances", top="2", headers={TOKEN.title(): token})
        found.append([status["instanceId"] for status in json.loads(answer.body)])
        token = answer.headers[TOKEN]
        if not token:
            break
    assert found == [["a1", "a2"], ["b1", "b2"]]
    assert (await hub.ask("GET", "instances", headers={TOKEN: "made up"})).status == 400


async def test_a_page_is_empty_only_if_nothing_follows(
    hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service may answer with nothing and a token; a caller of the list must not stop there."""
    await a_few(hub)
    query, calls = hub.store.query_summaries, 0

    async def hesitant(wanted: Any, *, top: int, token: str | None = None) -> Any:
        nonlocal calls
        calls += 1
        page = await query(wanted, top=1, token=token)
        return type(page)((), page.token) if calls < 3 else page

    monkeypatch.setattr(hub.store, "query_summaries", hesitant)
    assert await ids_of(hub) == ["b1"]
    calls = -1000
    answer = await hub.ask("GET", "instances")
    assert (answer.body, answer.headers[TOKEN]) == ("[]", "")


async def test_a_purge_by_filter_says_how_many_are_gone(hub: Any) -> None:
    """Only what has ended goes."""
    await a_few(hub)
    answer = await hub.ask("DELETE", "instances", createdTimeFrom="2026-01-02T03:05:00Z")
    assert (answer.status, json.loads(answer.body)) == (200, {"instancesDeleted": 2})
    assert answer.headers[TOKEN] == ""
    assert await ids_of(hub) == ["a1", "b1"]


async def test_a_purge_by_filter_that_finds_nothing_is_404(hub: Any) -> None:
    """As in the extension."""
    await hub.client.start("patient", instance_id="a")
    await hub.run()
    answer = await hub.ask("DELETE", "instances", createdTimeFrom="2020-01-01T00:00:00Z")
    assert answer.status == 404


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, "createdTimeFrom"),
        ({"createdTimeFrom": ""}, "createdTimeFrom"),
        ({"createdTimeFrom": "2020-01-01", "runtimeStatus": "Compelted"}, "Compelted"),
    ],
)
async def test_a_purge_by_an_unclear_filter_is_400(
    hub: Any, query: dict[str, str], words: str
) -> None:
    """What deletes must say from when on; a slip of the pen does not widen it."""
    await a_few(hub)
    answer = await hub.ask("DELETE", "instances", **query)
    assert answer.status == 400
    assert words in json.loads(answer.body)["Message"]
    assert len(await ids_of(hub)) == 4


async def test_a_long_purge_goes_on_with_the_token_of_its_answer(
    hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request has an end; what is left is purged by the next."""
    await a_few(hub)
    hub.store.rows_per_page_max = 2
    monkeypatch.setattr(lists, "PURGE_S_MAX", 0)
    deleted, token = [], ""
    for _ in range(3):
        answer = await hub.ask(
            "DELETE", "instances", createdTimeFrom="2020-01-01", headers={TOKEN: token}
        )
        deleted.append(json.loads(answer.body)["instancesDeleted"])
        token = answer.headers[TOKEN]
        if not token:
            break
    assert deleted == [2, 1]
    assert list(hub.store.summaries) == [InstanceId("b1")]
