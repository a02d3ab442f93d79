"""POST orchestrators/{name}[/{id}] and POST instances/{id}/restart: starting, and waiting."""

import json
from datetime import timedelta
from typing import Any

import pytest


def when_waited(hub: Any, run: Any) -> None:
    """Let something happen whenever a client waits."""
    wait = hub.environment.wait

    async def wait_and_run(delay_s: float) -> None:
        await wait(delay_s)
        await run()

    hub.environment.wait = wait_and_run


async def test_a_start_answers_202_with_the_links(hub: Any) -> None:
    """The links lead back to this tree, at the origin of the request, and carry the key."""
    answer = await hub.ask("POST", "orchestrators/hello/a b", body=b'"Tokyo"')
    links = json.loads(answer.body)
    assert (answer.status, links["id"]) == (202, "a b")
    assert answer.headers["Retry-After"] == "10"
    assert answer.headers["Location"] == links["statusQueryGetUri"]
    assert links["statusQueryGetUri"] == (
        "http://localhost/api/durabletask/instances/a%20b"
        "?taskHub=Memory&connection=AzureWebJobsStorage&code=memory-key"
    )
    await hub.run()
    status = await hub.client.read_status("a b")
    assert (status.input, status.output) == ('"Tokyo"', '["Hello Tokyo!"]')


@pytest.mark.parametrize(
    ("body", "text"),
    [(b"", "null"), (b'{"a": [1]}', '{"a":[1]}'), (b"[1]", "[1]"), (b"7", "7"), (b"true", "true")],
)
async def test_the_body_is_the_input(hub: Any, body: bytes, text: str) -> None:
    """Any JSON, read once (quirk Q1); no body is no input. Without an id there is a new one."""
    answer = await hub.ask("POST", "orchestrators/hello", body=body, version="2")
    status = await hub.client.read_status(json.loads(answer.body)["id"])
    assert (status.input, status.version, len(status.instance_id)) == (text, "2", 32)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        (
            "orchestrators/nothing",
            b"",
            "known orchestrator functions: 'fragile', 'hello', 'patient'",
        ),
        ("orchestrators/hello", b"{", "not JSON"),
        ("orchestrators/hello", b"\xff", "not JSON"),
        ("orchestrators/hello/@a", b"", "instance id"),
        ("orchestrators/hello/a#b", b"", "instance id"),
    ],
)
async def test_a_start_that_can_not_be_is_400(hub: Any, path: str, body: bytes, words: str) -> None:
    """With a sentence, and nothing is sent."""
    answer = await hub.ask("POST", path, body=body)
    assert answer.status == 400
    assert words in json.loads(answer.body)["ExceptionMessage"]
    assert hub.store.messages == []


async def test_a_start_over_a_live_instance_is_409(hub: Any) -> None:
    """Nobody else's work is replaced, and the fault is the caller's, not ours."""
    for status in (202, 409):
        answer = await hub.ask("POST", "orchestrators/hello/a")
        assert answer.status == status


async def test_a_start_can_wait_for_the_output(hub: Any) -> None:
    """With both `timeout` and `pollingInterval`, in seconds."""
    when_waited(hub, hub.run)
    wait = {"timeout": "10", "pollingInterval": "0.5"}
    answer = await hub.ask("POST", "orchestrators/hello/a", body=b'"Tokyo"', **wait)
    assert (answer.status, json.loads(answer.body)) == (200, ["Hello Tokyo!"])


async def test_a_start_waits_only_if_told_how_long_and_how_often(hub: Any) -> None:
    """One of the two alone is not enough."""
    before = hub.environment.now()
    for name in ("timeout", "pollingInterval"):
        assert (await hub.ask("POST", "orchestrators/hello", **{name: "5"})).status == 202
    assert hub.environment.now() == before


async def test_a_start_that_has_waited_long_enough_answers_202(hub: Any) -> None:
    """The platform cuts a request off; so a long timeout counts as 200 seconds."""
    before = hub.environment.now()
    wait = {"timeout": "1000000", "pollingInterval": "50"}
    answer = await hub.ask("POST", "orchestrators/hello/a", **wait)
    assert (answer.status, json.loads(answer.body)["id"]) == (202, "a")
    assert hub.environment.now() - before == timedelta(seconds=200)


async def test_a_failure_that_was_waited_for_is_500_only_for_who_asked_for_it(hub: Any) -> None:
    """The body is the status."""
    when_waited(hub, hub.run)
    wait = {"timeout": "10", "pollingInterval": "1"}
    plain = await hub.ask("POST", "orchestrators/unlucky", **wait)
    strict = await hub.ask(
        "POST", "orchestrators/unlucky", returnInternalServerErrorOnFailure="true", **wait
    )
    assert (plain.status, strict.status) == (200, 500)
    assert json.loads(plain.body)["runtimeStatus"] == "Failed"


@pytest.mark.parametrize("value", ["-1", "soon", "nan", "inf"])
async def test_a_time_to_wait_that_is_none_is_400(hub: Any, value: str) -> None:
    """It says which part of the query is wrong."""
    answer = await hub.ask("POST", "orchestrators/hello", timeout=value, pollingInterval="1")
    assert answer.status == 400
    assert "'timeout'" in json.loads(answer.body)["Message"]


@pytest.mark.parametrize(("flag", "is_same"), [("", False), ("true", False), ("false", True)])
async def test_a_restart_starts_the_same_again(hub: Any, flag: str, is_same: bool) -> None:
    """Under a new id unless told otherwise; the answer is that of a start."""
    await hub.client.start("hello", instance_id="a", input_="Tokyo")
    await hub.run()
    answer = await hub.ask("POST", "instances/a/restart", restartWithNewInstanceId=flag)
    restarted = json.loads(answer.body)["id"]
    assert (answer.status, restarted == "a") == (202, is_same)
    await hub.run()
    status = await hub.client.read_status(restarted)
    assert status.output == '["Hello Tokyo!"]'


async def test_a_restart_of_what_is_not_there_is_404_and_of_what_lives_409(hub: Any) -> None:
    """The SDK of 1.7 expects 404; the extension answered 400."""
    assert (await hub.ask("POST", "instances/nobody/restart")).status == 404
    await hub.client.start("patient", instance_id="a")
    answer = await hub.ask("POST", "instances/a/restart", restartWithNewInstanceId="false")
    assert answer.status == 409
