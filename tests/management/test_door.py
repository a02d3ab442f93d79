"""The key, the routes that there are not, and storage that is away."""

import json
from typing import Any

import pytest

from durable.client.durable_client import DurableClient
from durable.management.api import ManagementApi
from durable.management.exchange import Request
from durable.management.payloads import LinkBase
from durable.model.ids import InstanceId
from durable.storage.memory import MemoryStore
from durable.storage.port import StorageFault, Versioned


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ({}, {}, 401),
        ({"code": ""}, {}, 401),
        ({"code": "memory-ke"}, {}, 401),
        ({"code": "schlüssel\ud800"}, {}, 401),
        ({"code": "memory-key"}, {}, 404),
        ({"CODE": "memory-key"}, {}, 404),
        ({}, {"X-Functions-Key": "memory-key"}, 404),
        ({}, {"x-functions-key": "wrong"}, 401),
    ],
)
async def test_nothing_is_told_without_the_key(
    hub: Any, query: dict[str, str], headers: dict[str, str], status: int
) -> None:
    """The key may come in the query or in a header; without it even a bad route answers 401."""
    for path in ("instances/a", "no/such/route"):
        request = Request(method="GET", path=path, query=query, headers=headers)
        assert (await hub.api.answer(request)).status == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "instances/a/b"),
        ("PUT", "instances/a"),
        ("GET", "instances/a/terminate"),
        ("POST", "instances//terminate"),
        ("GET", "elsewhere"),
    ],
)
async def test_an_unknown_route_or_method_is_404_with_an_empty_body(
    hub: Any, method: str, path: str
) -> None:
    """As the extension answers."""
    answer = await hub.ask(method, path)
    assert (answer.status, answer.body) == (404, "")


async def test_literal_segments_have_any_case(hub: Any) -> None:
    """Routes are matched as ASP.NET does."""
    answer = await hub.ask("post", "Instances/a/RAISEEVENT/Go")
    assert "Only application/json" in answer.body


async def test_another_task_hub_is_refused(hub: Any) -> None:
    """A link of another hub does not act on this one."""
    assert (await hub.ask("GET", "instances/a", taskHub="Other")).status == 400
    assert (await hub.ask("GET", "instances/a", taskHub="MEMORY")).status == 404


class AwayStore(MemoryStore):
    """A store that can't be reached."""

    async def read_sentinel(self, instance_id: InstanceId) -> Versioned | None:
        """Fail."""
        raise StorageFault("connection refused")


async def test_storage_that_is_away_is_503_with_when_to_come_back(hub: Any) -> None:
    """Nothing is lost and nothing of our inside is shown."""
    client = DurableClient(AwayStore(now=hub.environment.now), hub.environment)
    api = ManagementApi(client, task_hub="Memory", key="k")
    answer = await api.answer(Request(method="GET", path="instances/a", query={"code": "k"}))
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "5"
    assert "connection refused" not in answer.body


class BrokenStore(MemoryStore):
    """A store with a fault that nobody foresaw."""

    async def read_sentinel(self, instance_id: InstanceId) -> Versioned | None:
        """Fail."""
        raise ZeroDivisionError


async def test_a_fault_of_our_own_is_500_and_logged(
    hub: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller gets the four members, the log gets the trace."""
    client = DurableClient(BrokenStore(now=hub.environment.now), hub.environment)
    api = ManagementApi(client, task_hub="Memory", key="k")
    answer = await api.answer(Request(method="GET", path="instances/a", query={"code": "k"}))
    assert answer.status == 500
    assert json.loads(answer.body)["ExceptionType"] == "ZeroDivisionError"
    assert json.loads(answer.body)["StackTrace"] == ""
    assert "Traceback" in caplog.text


def test_links_are_quoted_and_carry_hub_connection_and_key() -> None:
    """Every link of the extension's payload is there, below the app's own prefix."""
    base = LinkBase(route_prefix="", task_hub="Hub", connection_name="Store", key="a/b=")
    links = base.links("https://app.example/", "a b%é")
    instance = "https://app.example/durabletask/instances/a%20b%25%C3%A9"
    suffix = "taskHub=Hub&connection=Store&code=a%2Fb%3D"
    assert links == {
        "id": "a b%é",
        "statusQueryGetUri": f"{instance}?{suffix}",
        "sendEventPostUri": f"{instance}/raiseEvent/{{eventName}}?{suffix}",
        "terminatePostUri": f"{instance}/terminate?reason={{text}}&{suffix}",
        "rewindPostUri": f"{instance}/rewind?reason={{text}}&{suffix}",
        "purgeHistoryDeleteUri": f"{instance}?{suffix}",
        "restartPostUri": f"{instance}/restart?{suffix}",
        "suspendPostUri": f"{instance}/suspend?reason={{text}}&{suffix}",
        "resumePostUri": f"{instance}/resume?reason={{text}}&{suffix}",
    }
