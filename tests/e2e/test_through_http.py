"""Orchestrations through the dev host's HTTP, on real storage."""

import asyncio
import json

import pytest

from bench.processes import Host, opened, until_drained
from durable.client.durable_client import DurableClient
from durable.engine.environment import SystemEnvironment

TWO_MEGABYTES = 2 * 1024 * 1024


async def test_a_payload_of_two_megabytes_goes_all_the_way(host: Host) -> None:
    """As input, as the activity's input and result, and as output; and queues take its messages."""
    text = "é€😀" * (TWO_MEGABYTES // 9)
    status = await host.run("Echo", text)
    assert (status["runtimeStatus"], status["output"] == text) == ("Completed", True)
    assert status["input"] == text


@pytest.mark.parametrize(
    "instance_id",
    ["it's", "with some spaces", "100%", "%2F", "día-日本-😀", "a" * 256, "^caret", "a:b&c=d+e"],
)
async def test_an_odd_instance_id_is_an_id_like_any_other(host: Host, instance_id: str) -> None:
    """Start, status, event and completion find the same instance."""
    started = await host.start("Waits", instance_id=instance_id)
    assert started.status == 202, started
    links = started.json
    assert links["id"] == instance_id
    raised = await host.request(
        "POST", links["sendEventPostUri"].replace("{eventName}", "go"), json.dumps("came").encode()
    )
    assert raised.status == 202, raised
    status = await host.follow(links["statusQueryGetUri"])
    assert (status["instanceId"], status["output"]) == (instance_id, "came")


@pytest.mark.parametrize(
    "instance_id", ["a/b", "a\\b", "a#b", "a?b", "a\nb", "a\x7fb", "a\x85b", "a" * 257, "@a@b"]
)
async def test_an_id_that_no_store_could_hold_is_refused(host: Host, instance_id: str) -> None:
    """With 400 and a sentence that says what is wrong."""
    started = await host.start("Sequence", instance_id=instance_id)
    assert started.status == 400
    assert "The instance id" in started.text


async def test_broken_code_and_bad_input_get_clear_errors_and_harm_nobody(
    host: Host, azurite_connection: str, hub: str
) -> None:
    """While everything goes wrong around it, an orchestration completes."""
    good = await host.start("Sequence", 0)
    failed = await host.run("Fails")
    assert failed["runtimeStatus"] == "Failed"
    assert "Activity function 'Raise' failed: on purpose" in failed["output"]
    caught = await host.run("Catches")
    assert caught["output"] == "Activity function 'Raise' failed: on purpose"
    nobody = await host.run("CallsNobody")
    assert nobody["runtimeStatus"] == "Failed"
    assert "No activity function named 'Nobody'" in nobody["output"]
    unknown = await host.start("NoSuchOrchestrator")
    assert (unknown.status, "NoSuchOrchestrator" in unknown.text) == (400, True)
    malformed = await host.request("POST", "/api/start/Sequence", b'{"half": ')
    assert (malformed.status, "JSONDecodeError" in malformed.text) == (400, True)
    assert (await host.follow(good.json["statusQueryGetUri"]))["output"] == 5
    await until_drained(azurite_connection, hub)


async def test_a_duplicate_start_is_refused_and_a_finished_id_starts_again(host: Host) -> None:
    """One live instance an id."""
    first = await host.start("Waits", instance_id="one")
    second = await host.start("Sequence", 0, instance_id="one")
    assert (second.status, "InstanceExistsError" in second.text) == (400, True)
    ended = await host.request("POST", first.json["terminatePostUri"].replace("{text}", "enough"))
    assert ended.status == 202
    status = await host.follow(first.json["statusQueryGetUri"])
    assert (status["runtimeStatus"], status["output"]) == ("Terminated", "enough")
    assert (await host.run("Sequence", 10, instance_id="one"))["output"] == 15


async def test_an_orchestrator_that_no_host_has_is_parked_with_the_reason(
    host: Host, azurite_connection: str, hub: str
) -> None:
    """A start that another deployment put waits for the right code, then says what is missing."""
    async with opened(azurite_connection, hub) as store:
        client = DurableClient(store, SystemEnvironment())
        await client.start("FromAnotherDeployment", instance_id="foreign")
        async with asyncio.timeout(30):
            while (status := await client.read_status("foreign")) is None or not status.reason:
                await asyncio.sleep(0.1)
    assert status.runtime_status.value == "Suspended"
    assert "No orchestrator function named 'FromAnotherDeployment'" in (status.reason or "")
    assert (await host.run("Sequence", 0))["output"] == 5
