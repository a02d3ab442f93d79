"""DELETE instances/{id}, POST .../suspend, resume, rewind, and makeprimary."""

import json
from typing import Any

import pytest

from durable.model.envelopes import decode_message
from durable.model.history import ExecutionResumed, ExecutionRewound, ExecutionSuspended
from durable.model.status import RuntimeStatus

ASKING: dict[str, Any] = {
    "suspend": ExecutionSuspended,
    "resume": ExecutionResumed,
    "rewind": ExecutionRewound,
}


@pytest.mark.parametrize("verb", ASKING)
async def test_a_request_is_accepted_with_its_reason(hub: Any, verb: str) -> None:
    """202, and the message carries what the caller said."""
    await hub.client.start("unlucky" if verb == "rewind" else "patient", instance_id="a")
    await hub.run()
    answer = await hub.ask("POST", f"instances/a/{verb}", reason="let's see & wait")
    assert (answer.status, answer.body) == (202, "")
    (message,) = hub.store.messages
    event: Any = decode_message(message.body).event
    assert isinstance(event, ASKING[verb])
    assert event.reason == "let's see & wait"


@pytest.mark.parametrize("verb", ["suspend", "resume", "rewind", "terminate"])
async def test_a_request_to_what_is_not_there_is_404_and_to_what_has_ended_410(
    hub: Any, verb: str
) -> None:
    """The caller can tell one from the other."""
    assert (await hub.ask("POST", f"instances/nobody/{verb}")).status == 404
    await hub.client.start("hello", instance_id="a")
    await hub.run()
    assert (await hub.ask("POST", f"instances/a/{verb}")).status == 410
    assert hub.store.messages == []


async def test_a_rewind_of_what_still_runs_is_409(hub: Any) -> None:
    """It is neither gone nor our fault."""
    await hub.client.start("patient", instance_id="a")
    answer = await hub.ask("POST", "instances/a/rewind")
    assert answer.status == 409
    assert "only supported on failed" in json.loads(answer.body)["Message"]


async def test_a_suspended_instance_waits_until_it_is_resumed(hub: Any) -> None:
    """What arrives meanwhile is kept; the status tells that it waits."""
    await hub.client.start("patient", instance_id="a")
    await hub.run()
    await hub.ask("POST", "instances/a/suspend")
    await hub.run()
    await hub.client.raise_event("a", "Go", 7)
    await hub.run()
    answer = await hub.ask("GET", "instances/a")
    assert (answer.status, json.loads(answer.body)["runtimeStatus"]) == (202, "Suspended")
    await hub.ask("POST", "instances/a/resume")
    await hub.run()
    assert json.loads((await hub.ask("GET", "instances/a")).body)["output"] == 7


async def test_a_purged_instance_is_gone(hub: Any) -> None:
    """One is told how many went; afterwards nobody has heard of it."""
    await hub.client.start("hello", instance_id="a")
    await hub.run()
    answer = await hub.ask("DELETE", "instances/a")
    assert (answer.status, json.loads(answer.body)) == (200, {"instancesDeleted": 1})
    for method in ("GET", "DELETE"):
        assert (await hub.ask(method, "instances/a")).status == 404
    assert json.loads((await hub.ask("GET", "instances")).body) == []


async def test_a_purge_of_what_lives_is_409(hub: Any) -> None:
    """It would lose what is under way; the extension deleted it."""
    await hub.client.start("patient", instance_id="a")
    answer = await hub.ask("DELETE", "instances/a")
    assert answer.status == 409
    assert "Terminate it first" in json.loads(answer.body)["Message"]
    status = await hub.client.read_status("a")
    assert status.runtime_status is RuntimeStatus.PENDING


@pytest.mark.parametrize("path", ["makeprimary", "makeprimary/"])
async def test_to_make_an_app_primary_is_to_do_nothing(hub: Any, path: str) -> None:
    """There is no lease: every host of a hub is as good as any other."""
    answer = await hub.ask("POST", path)
    assert (answer.status, answer.body) == (200, "")
