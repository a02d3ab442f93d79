"""The routes of entities: state, signals, lists, and locks."""

import json
from typing import Any

import pytest

TOKEN = "x-ms-continuation-token"
JSON = {"Content-Type": "application/json; charset=utf-8"}


async def signal(hub: Any, key: str, body: bytes = b"1", **options: Any) -> Any:
    """Signal `add`, or another operation, by HTTP, and let the entity serve it."""
    options = {"op": "add", "headers": JSON} | options
    answer = await hub.ask("POST", f"entities/Counter/{key}", body=body, **options)
    await hub.run()
    return answer


async def state(hub: Any, key: str) -> Any:
    """Read a state by HTTP."""
    answer = await hub.ask("GET", f"entities/counter/{key}")
    assert answer.status in {200, 404}
    return json.loads(answer.body) if answer.status == 200 else None


async def listed(hub: Any, path: str = "entities", **query: str) -> list[str]:
    """List the keys of the first page."""
    answer = await hub.ask("GET", path, **query)
    assert answer.status == 200
    return [one["entityId"]["key"] for one in json.loads(answer.body)]


async def test_a_signal_is_accepted_and_its_effect_can_be_read(hub: Any) -> None:
    """The state is the JSON text as it is; the name may have any case."""
    answer = await signal(hub, "a", b"5")
    assert (answer.status, answer.body) == (202, "")
    await signal(hub, "a", b"2")
    answer = await hub.ask("GET", "entities/COUNTER/a")
    assert (answer.status, answer.body) == (200, "7")
    assert answer.headers["Content-Type"] == "application/json"


async def test_an_entity_that_has_no_state_is_404(hub: Any) -> None:
    """Nobody has spoken to it, or its state was deleted."""
    assert (await hub.ask("GET", "entities/counter/a")).status == 404
    await signal(hub, "a")
    answer = await hub.ask("DELETE", "entities/Counter/a")
    await hub.run()
    assert answer.status == 202
    assert (await hub.ask("GET", "entities/counter/a")).status == 404


@pytest.mark.parametrize(
    ("body", "headers", "brought"),
    [
        (b'{"n": [1]}', JSON, {"n": [1]}),
        (b"5", {"Content-Type": "text/plain"}, "5"),
        ("grüß".encode(), {}, "grüß"),
        (b"", JSON, None),
        (b"null", JSON, None),
    ],
    ids=["json", "text", "anything", "nothing", "null"],
)
async def test_the_body_of_a_signal_is_json_where_it_says_so_and_else_text(
    hub: Any, body: bytes, headers: dict[str, str], brought: Any
) -> None:
    """As the extension takes it."""
    await signal(hub, "a", body, op="put", headers=headers)
    assert await state(hub, "a") == brought


@pytest.mark.parametrize(
    ("method", "path", "options", "problem"),
    [
        ("POST", "Counter/a", {}, "'op' is missing"),
        ("POST", "Counter/a", {"op": "add", "body": b"{", "headers": JSON}, "not JSON"),
        ("POST", "Counter/a", {"op": "add", "body": b"\xff"}, "not text"),
        ("POST", "Counter/a", {"op": "x" * 1001}, "name of an operation has 1001 characters"),
        ("POST", "Nobody/a", {"op": "add"}, "known entity functions: 'counter'"),
        ("DELETE", "Nobody/a", {}, "known entity functions: 'counter'"),
        ("POST", "Counter/" + "k" * 300, {"op": "add"}, "at most 256"),
        ("GET", "Counter/$", {}, "empty one"),
        ("GET", "Coun@ter/a", {}, "'@'"),
        ("GET", "Coun@ter", {}, "No entity can have the name"),
        ("GET", "Counter", {"top": "none"}, "top"),
        ("GET", "Counter", {"lastOperationTimeFrom": "soon"}, "lastOperationTimeFrom"),
        ("POST", "Counter/a/breakLock", {}, "'epoch' is missing"),
        ("POST", "Counter/a/breakLock", {"epoch": "-1"}, "epoch"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_can_not_be_meant_is_400_and_sends_nothing(
    hub: Any, method: str, path: str, options: dict[str, Any], problem: str
) -> None:
    """The answer says what is wrong with it."""
    answer = await hub.ask(method, f"entities/{path}", **options)
    assert answer.status == 400
    assert problem in json.loads(answer.body)["Message"]
    assert hub.store.messages == []


async def test_a_key_may_have_what_a_path_has_not(hub: Any) -> None:
    """Routers leave an encoded slash as it is; the rest they have decoded."""
    await signal(hub, "tenant%2fuser@example.com#1")
    assert await state(hub, "tenant%2Fuser@example.com#1") == 1
    assert await listed(hub) == ["tenant/user@example.com#1"]


async def test_a_key_is_decoded_by_the_host_and_not_once_more(hub: Any) -> None:
    """But for the slash, which no host decodes: so a key with a literal `%2F` has no path."""
    for key in ("100%41", "a%252Fb", "a+b"):
        await signal(hub, key)
    assert await listed(hub) == ["100%41", "a%252Fb", "a+b"]


async def test_entities_are_listed_by_name_and_time(hub: Any) -> None:
    """Those that have a state; orchestrations have a list of their own."""
    for key in ("a", "b", "c"):
        await signal(hub, key)
        await hub.environment.wait(60)
    await hub.ask("DELETE", "entities/Counter/c")
    await hub.client.start("patient", instance_id="o")
    await hub.run()
    assert await listed(hub) == ["a", "b"]
    assert await listed(hub, "entities/COUNTER") == ["a", "b"]
    assert await listed(hub, "entities/other") == []
    assert await listed(hub, lastOperationTimeFrom="2026-01-02T03:05:00Z") == ["b"]
    assert await listed(hub, lastOperationTimeTo="2026-01-02T03:05:00Z") == ["a"]
    instances = json.loads((await hub.ask("GET", "instances")).body)
    assert [one["instanceId"] for one in instances] == ["o"]


async def test_a_list_of_entities_has_their_states_on_request(hub: Any) -> None:
    """In the members of the extension."""
    await signal(hub, "a", b"7")
    expected = {
        "entityId": {"name": "counter", "key": "a"},
        "lastOperationTime": "2026-01-02T03:04:05.000000Z",
    }
    assert json.loads((await hub.ask("GET", "entities")).body) == [expected]
    answer = await hub.ask("GET", "entities", fetchState="true")
    assert json.loads(answer.body) == [expected | {"state": 7}]


async def test_a_list_of_entities_goes_on_with_the_token_of_the_page_before(hub: Any) -> None:
    """No page is empty while something follows: here the first of the service has nothing."""
    for key in ("a", "b", "c", "d"):
        await signal(hub, key)
    for key in ("a", "b"):
        await hub.ask("DELETE", f"entities/Counter/{key}")
    await hub.run()
    answer = await hub.ask("GET", "entities", top="1")
    assert [one["entityId"]["key"] for one in json.loads(answer.body)] == ["c"]
    token = {TOKEN: answer.headers[TOKEN]}
    answer = await hub.ask("GET", "entities", top="1", headers=token)
    assert [one["entityId"]["key"] for one in json.loads(answer.body)] == ["d"]
    assert answer.headers[TOKEN] == ""
    assert (await hub.ask("GET", "entities", headers={TOKEN: "made up"})).status == 400


async def test_who_holds_an_entity_is_told_and_what_waits_there(hub: Any) -> None:
    """The state can be read all the while."""
    await signal(hub, "a", b"5")
    free = json.loads((await hub.ask("GET", "entities/counter/a/lock")).body)
    assert (free["lock"], free["backlog"]) == (None, 0)
    await hub.client.start("possessive", instance_id="owner")
    await hub.run()
    await signal(hub, "a", b"1")
    told = json.loads((await hub.ask("GET", "entities/counter/a/lock")).body)
    assert told["lock"]["instanceId"] == "owner"
    assert told["lock"]["lockSet"] == ["@counter@a"]
    assert told["backlog"] == 1
    assert await state(hub, "a") == 5
    assert (await hub.ask("GET", "entities/counter/nobody/lock")).status == 404


async def test_a_lock_is_broken_by_its_epoch_and_no_other(hub: Any) -> None:
    """What has waited behind it is served; its owner's release finds nothing to free."""
    await hub.client.start("possessive", instance_id="owner")
    await hub.run()
    await signal(hub, "a", b"1")
    assert await state(hub, "a") is None
    told = json.loads((await hub.ask("GET", "entities/counter/a/lock")).body)
    epoch = told["lock"]["epoch"]
    path = "entities/counter/a/breakLock"
    answer = await hub.ask("POST", path, epoch=str(epoch + 1))
    assert answer.status == 409
    assert "held by 'owner'" in json.loads(answer.body)["Message"]
    assert (await hub.ask("POST", path, epoch=str(epoch), reason="stuck")).status == 202
    await hub.run()
    assert await state(hub, "a") == 1
    assert (await hub.ask("POST", path, epoch=str(epoch))).status == 409
    await hub.client.raise_event("owner", "Go")
    await hub.run()
    status = await hub.client.read_status("owner")
    assert status.runtime_status.value == "Completed"
