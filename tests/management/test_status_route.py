"""GET instances/{id}."""

import json
from typing import Any

import pytest

MOMENT = "2026-01-02T03:04:05Z"


async def test_a_running_instance_answers_202_with_where_to_look_again(hub: Any) -> None:
    """The status of what has not ended says so in its code and its headers."""
    await hub.client.start("patient", instance_id="a", input_={"n": 1})
    await hub.run()
    answer = await hub.ask("GET", "instances/a")
    assert answer.status == 202
    assert answer.headers == {
        "Content-Type": "application/json",
        "Location": "http://localhost/api/durabletask/instances/a",
        "Retry-After": "5",
    }
    assert json.loads(answer.body) == {
        "name": "patient",
        "instanceId": "a",
        "runtimeStatus": "Running",
        "input": {"n": 1},
        "customStatus": {"waitingFor": "Go"},
        "output": None,
        "createdTime": MOMENT,
        "lastUpdatedTime": MOMENT,
    }


async def test_a_completed_instance_answers_200_with_its_output(hub: Any) -> None:
    """Payloads are JSON, not JSON in strings."""
    await hub.client.start("hello", instance_id="a", input_="Tokyo")
    await hub.run()
    answer = await hub.ask("GET", "instances/a")
    payload = json.loads(answer.body)
    assert answer.status == 200
    assert "Location" not in answer.headers
    assert payload["runtimeStatus"] == "Completed"
    assert payload["output"] == ["Hello Tokyo!"]
    assert payload["input"] == "Tokyo"


async def test_a_pending_instance_answers_202(hub: Any) -> None:
    """What has been started and not yet run is there already."""
    await hub.client.start("hello", instance_id="a")
    answer = await hub.ask("GET", "instances/a")
    assert answer.status == 202
    assert json.loads(answer.body)["runtimeStatus"] == "Pending"


async def test_the_input_is_left_out_on_request(hub: Any) -> None:
    """`showInput=false` is honoured, its name and value in any case."""
    await hub.client.start("hello", instance_id="a", input_="Tokyo")
    await hub.run()
    answer = await hub.ask("GET", "instances/a", SHOWINPUT="False")
    assert json.loads(answer.body)["input"] is None


async def test_a_failed_instance_answers_500_only_to_who_asked_for_it(hub: Any) -> None:
    """A failure is a fact that was asked about, not a failure to answer."""
    await hub.client.start("unlucky", instance_id="a")
    await hub.run()
    plain = await hub.ask("GET", "instances/a")
    strict = await hub.ask("GET", "instances/a", returnInternalServerErrorOnFailure="true")
    assert (plain.status, strict.status) == (200, 500)
    assert json.loads(plain.body) == json.loads(strict.body)
    assert json.loads(plain.body)["runtimeStatus"] == "Failed"
    assert "no luck" in str(json.loads(plain.body)["output"])


async def test_a_parked_instance_says_why(hub: Any) -> None:
    """Only where an instance is parked does the payload have a `reason`."""
    await hub.client.start("nobody_has_this", instance_id="a")
    await hub.run()
    payload = json.loads((await hub.ask("GET", "instances/a")).body)
    assert payload["runtimeStatus"] == "Suspended"
    assert "nobody_has_this" in payload["reason"]


async def test_an_unknown_instance_is_404(hub: Any) -> None:
    """The error has the extension's four members and says which id."""
    answer = await hub.ask("GET", "instances/nobody")
    assert answer.status == 404
    assert json.loads(answer.body) == {
        "Message": "No instance with ID 'nobody' found.",
        "ExceptionMessage": "No instance with ID 'nobody' found.",
        "ExceptionType": "InstanceNotFoundError",
        "StackTrace": "",
    }


@pytest.mark.parametrize("instance_id", ["@counter@a", "a#b", "x" * 257, "a\x01b"])
async def test_an_id_that_no_instance_can_have_is_400(hub: Any, instance_id: str) -> None:
    """A bad id is told from an unknown one."""
    answer = await hub.ask("GET", f"instances/{instance_id}")
    assert answer.status == 400
    assert "instance id" in json.loads(answer.body)["Message"]


@pytest.mark.parametrize("instance_id", ["it's", "a b", "100%", "100%41", "zürich-東京", "a+b&c=d"])
async def test_an_unusual_id_is_found(hub: Any, instance_id: str) -> None:
    """What the router has decoded is not decoded again."""
    await hub.client.start("hello", instance_id=instance_id)
    answer = await hub.ask("GET", f"instances/{instance_id}")
    assert json.loads(answer.body)["instanceId"] == instance_id
