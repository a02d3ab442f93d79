"""Every sample does what its README says: its commands are sent as they stand there."""

import asyncio
import importlib.util
import io
import json
import logging
import os
import re
import shlex
import sys
import threading
import unittest
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob.aio import BlobServiceClient

from bench.processes import Answer, Door, opened
from durable.devhost.host import DevHost, HostOptions
from durable.model.history import SubOrchestrationInstanceCreated
from durable.model.ids import InstanceId
from durable.storage import partition

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples"
README_ORIGIN = "http://127.0.0.1:7071"
NAMES = sorted(
    path.parent.relative_to(SAMPLES).as_posix() for path in SAMPLES.glob("*/*/function_app.py")
)
PLAIN = [
    "classic/function_chaining",
    "classic/serialize_arguments",
    "decorators/blueprint",
    "decorators/fan_in_fan_out",
    "decorators/function_chaining",
]
WITH_UNIT_TESTS = [
    "classic/counter_entity",
    "decorators/bank_transfer",
    "decorators/blueprint",
    "decorators/fan_in_fan_out",
    "decorators/function_chaining",
    "decorators/reservation",
]


def readme_of(sample: str) -> str:
    """Read what a sample says about itself."""
    return (SAMPLES / sample / "README.md").read_text(encoding="utf-8")


def promised_output(sample: str) -> Any:
    """Find the output that the README promises for its first command."""
    _, found, rest = readme_of(sample).partition('"output": ')
    assert found, f"the README of {sample} promises no output"
    return json.JSONDecoder().raw_decode(rest)[0]


async def send_command(host: Door, sample: str, number: int = 0) -> Answer:
    """Send the README's curl command of this number to the host."""
    lines = re.findall("^    (curl .*)$", readme_of(sample), re.MULTILINE)
    words = iter(shlex.split(lines[number])[1:])
    url, body, method = "", None, "GET"
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-d":
            body = next(words).encode()
        else:
            assert word.startswith(README_ORIGIN), word
            url = word.removeprefix(README_ORIGIN)
    return await host.request(method, url, body)


async def run_command(host: Door, sample: str, number: int = 0) -> Any:
    """Send a command, and follow what it starts to its end; gives the status."""
    started = await send_command(host, sample, number)
    assert started.status == 202, started
    return await host.follow(started.json["statusQueryGetUri"], timeout_s=60)


@pytest.fixture(autouse=True)
def environment_as_it_was() -> Iterator[None]:
    """A host in this process sets variables; undo it."""
    environment = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(environment)


@pytest.fixture
def settings(azurite_connection: str, hub: str) -> dict[str, str]:
    """App settings: the storage of the tests, a hub of this test's own, and quick polls."""
    return {
        "AzureWebJobsStorage": azurite_connection,
        "AzureFunctionsJobHost__extensions__durableTask__hubName": hub,
        "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.1",
        "AzureFunctionsWebHost__hostid": hub.lower(),
        "DURABLE_HOLD_SECONDS": "1",
    }


@asynccontextmanager
async def serving(sample: str, settings: Mapping[str, str]) -> AsyncIterator[Door]:
    """Serve a sample: the host in this process, to start quickly, and the app in one of its own."""
    os.environ.update(settings)
    host = DevHost(HostOptions(app_dir=SAMPLES / sample))
    await host.start()
    try:
        yield Door(host.url)
    finally:
        await host.drain()


@pytest.mark.parametrize("sample", PLAIN)
async def test_a_sample_ends_with_the_output_that_its_readme_promises(
    settings: dict[str, str], sample: str
) -> None:
    """Started by the README's own command."""
    async with serving(sample, settings) as host:
        status = await run_command(host, sample)
    assert (status["runtimeStatus"], status["output"]) == ("Completed", promised_output(sample))


async def test_the_parent_sample_has_one_child_with_a_history_of_its_own(
    settings: dict[str, str], azurite_connection: str, hub: str
) -> None:
    """A classic app: its orchestrators are folders with a function.json."""
    sample = "classic/simple_sub_orchestration"
    async with serving(sample, settings) as host:
        status = await run_command(host, sample)
    assert status["output"] == promised_output(sample)
    async with opened(azurite_connection, hub) as store:
        parent = await partition.load(store, InstanceId(status["instanceId"]))
        events = [row.event for row in parent.rows]
        (born,) = [one for one in events if isinstance(one, SubOrchestrationInstanceCreated)]
        child = await partition.load(store, InstanceId(born.instance_id))
    assert child.record is not None
    assert (child.record.name, json.loads(child.record.output or "")) == (
        "book_city",
        status["output"]["booked"],
    )


async def test_the_backup_sample_copies_its_documents(
    settings: dict[str, str], azurite_connection: str
) -> None:
    """The blobs are there, under the instance's id, with what the files hold."""
    sample = "classic/fan_in_fan_out"
    async with serving(sample, settings) as host:
        status = await run_command(host, sample)
    assert status["output"] == promised_output(sample)
    prefix = status["instanceId"] + "/"
    copied = {}
    async with BlobServiceClient.from_connection_string(azurite_connection) as service:
        container = service.get_container_client("backups")
        async for blob in container.list_blobs(name_starts_with=prefix):
            content = await (await container.download_blob(blob.name)).readall()
            copied[blob.name.removeprefix(prefix)] = content
    assert copied == {
        path.name: path.read_bytes() for path in (SAMPLES / sample / "documents").iterdir()
    }


async def test_the_custom_status_sample_shows_its_last_step(settings: dict[str, str]) -> None:
    """And the output is that of the whole chain."""
    sample = "classic/function_chaining_custom_status"
    async with serving(sample, settings) as host:
        status = await run_command(host, sample)
    assert (status["customStatus"], status["output"]) == ("ready", promised_output(sample))


async def test_the_monitor_sample_looks_until_the_job_is_done_or_its_time_is_up(
    settings: dict[str, str],
) -> None:
    """Looks with a growing wait between them; and a job that is too long is given up."""
    sample = "classic/monitor"
    too_long = {"jobSeconds": 60, "everySeconds": 1, "giveUpAfterSeconds": 1}
    async with serving(sample, settings) as host:
        other = await host.request("POST", "/api/monitors", json.dumps(too_long).encode())
        status = await run_command(host, sample)
        given_up = await host.follow(other.json["statusQueryGetUri"])
    assert status["output"] == promised_output(sample)
    # On a busy machine the job may be done by the second look.
    assert status["customStatus"] in ({"looks": n, "nextInSeconds": n} for n in (1, 2))
    assert given_up["output"] == "given up"


async def test_the_verification_sample_takes_the_right_code_in_time(
    settings: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the code; a wrong one may be tried first, three times no more; time runs out."""
    sample = "classic/human_interaction"
    caplog.set_level(logging.INFO)
    async with serving(sample, settings) as host:
        slow, bad = [
            (await host.request("POST", "/api/verifications", json.dumps(body).encode())).json
            for body in ({"phone": "1", "seconds": 1}, {"phone": "3"})
        ]
        good = (await send_command(host, sample)).json
        code = await _code_for("+351 555 0100", caplog)
        for typed in ("wrong", code):
            await _enter(host, good, typed)
        for typed in ("one", "two", "three"):
            await _enter(host, bad, typed)
        outputs = [
            (await host.follow(links["statusQueryGetUri"]))["output"] for links in (slow, good, bad)
        ]
    assert outputs == ["too late", promised_output(sample), "wrong code"]


async def _code_for(phone: str, log: pytest.LogCaptureFixture) -> str:
    sent = re.compile(f"Text message to {re.escape(phone)}: your code is ([0-9]+)")
    async with asyncio.timeout(30):
        while not (found := sent.search(log.text)):
            await asyncio.sleep(0.05)
    return found[1]


async def _enter(host: Door, links: dict[str, str], code: str) -> None:
    url = links["sendEventPostUri"].replace("{eventName}", "CodeEntered")
    answer = await host.request("POST", url, json.dumps(code).encode())
    assert answer.status == 202, answer


@pytest.fixture
def aml_url() -> Iterator[str]:
    """The stand-in of the machine-learning sample, on a free port."""
    path = SAMPLES / "classic/aml_monitoring/aml_stand_in.py"
    spec = importlib.util.spec_from_file_location("aml_stand_in", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.Service(0) as service:
        thread = threading.Thread(target=service.serve_forever, args=(0.05,))
        thread.start()
        yield service.url
        service.shutdown()
        thread.join()


async def test_the_training_sample_follows_a_run_to_its_end(
    settings: dict[str, str], aml_url: str
) -> None:
    """A model is published; a run that fails fails the orchestration, with its reason."""
    sample = "classic/aml_monitoring"
    broken = {"experiment": "broken", "pollSeconds": 0.2}
    async with serving(sample, {**settings, "AML_URL": aml_url}) as host:
        other = await host.request("POST", "/api/trainings", json.dumps(broken).encode())
        status = await run_command(host, sample)
        failed = await host.follow(other.json["statusQueryGetUri"])
    promised = promised_output(sample).replace("http://127.0.0.1:8099", aml_url)
    assert (status["output"], status["customStatus"]["status"]) == (promised, "Completed")
    assert failed["runtimeStatus"] == "Failed"
    assert "failed: no such data set" in failed["output"]


async def test_the_versioning_sample_takes_the_branch_of_its_version(
    settings: dict[str, str],
) -> None:
    """The default one, an old one, and one that is newer than the app."""
    sample = "decorators/orchestration_versioning"
    async with serving(sample, settings) as host:
        default, old, newer = await asyncio.gather(
            *(run_command(host, sample, number) for number in range(3))
        )
    assert default["output"] == promised_output(sample)
    assert old["output"] == {
        "version": "1.0",
        "item": "lamp",
        "invoice": "invoice for lamp, by letter",
    }
    assert newer["runtimeStatus"] == "Failed"
    assert "3.0" in newer["output"]


async def test_the_counter_sample_counts_on_and_is_reset_by_a_signal(
    settings: dict[str, str],
) -> None:
    """Nothing is there before; each start adds; the state is read without an orchestration."""
    sample = "classic/counter_entity"
    async with serving(sample, settings) as host:
        nothing = await send_command(host, sample, 1)
        first = await run_command(host, sample)
        await run_command(host, sample)
        twice = await send_command(host, sample, 1)
        reset = await send_command(host, sample, 2)
        async with asyncio.timeout(30):
            while (await send_command(host, sample, 1)).text != "0":
                await asyncio.sleep(0.05)
    assert first["output"] == promised_output(sample) == 12
    assert (nothing.status, twice.text, reset.status) == (404, "24", 202)


async def test_the_bank_sample_moves_money_only_where_there_is_enough(
    settings: dict[str, str],
) -> None:
    """One transfer, one that is refused, and an audit that finds the sum."""
    sample = "decorators/bank_transfer"
    to_herself = b'{"from": "ada", "to": "ada", "amount": 1}'
    async with serving(sample, settings) as host:
        opened_with = await run_command(host, sample)
        outputs = [(await run_command(host, sample, number))["output"] for number in (1, 1, 2)]
        balance = await send_command(host, sample, 3)
        refused = await host.request("POST", "/api/transfers", to_herself)
    assert opened_with["output"] == promised_output(sample)
    assert (outputs, balance.json, refused.status) == ([True, False, 120], {"balance": 90}, 400)


async def test_the_reservation_sample_reserves_all_or_nothing(settings: dict[str, str]) -> None:
    """A declined card gives all back, the next guest gets it, and then nothing is left."""
    sample = "decorators/reservation"
    async with serving(sample, settings) as host:
        ends = [(await run_command(host, sample, number))["output"] for number in range(4)]
        hotel = await send_command(host, sample, 4)
    assert ends == [
        promised_output(sample),
        {"booked": False, "declined": True},
        {"booked": True, "receipt": "paid by Grace"},
        {"booked": False, "soldOut": ["Flight", "Hotel", "Car"]},
    ]
    assert hotel.json == {"free": 0, "guests": ["Grace"]}
    for said in ends[1:]:
        assert json.dumps(said) in readme_of(sample)


@pytest.mark.parametrize("sample", WITH_UNIT_TESTS)
def test_the_unit_tests_of_a_sample_pass(sample: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found and run by unittest in the sample's folder, without a host and without storage."""
    folder = SAMPLES / sample
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    for path in folder.glob("*.py"):
        monkeypatch.delitem(sys.modules, path.stem, raising=False)
    try:
        tests = unittest.TestLoader().discover(str(folder))
        said = io.StringIO()
        result = unittest.TextTestRunner(said).run(tests)
    finally:
        for path in folder.glob("*.py"):
            sys.modules.pop(path.stem, None)
    assert result.wasSuccessful(), said.getvalue()
    assert result.testsRun > 1


@pytest.mark.parametrize("sample", NAMES)
def test_a_sample_has_what_a_deployment_needs(sample: str) -> None:
    """A hub of its own, queue settings that are quick, and the root's own requirements."""
    folder = SAMPLES / sample
    settings = json.loads((folder / "host.json").read_text(encoding="utf-8"))
    root = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    assert settings["extensions"]["queues"] == root["extensions"]["queues"]
    assert settings["extensionBundle"] == root["extensionBundle"]
    assert (folder / "requirements.txt").read_text() == (ROOT / "requirements.txt").read_text()
    hubs = [
        json.loads((SAMPLES / name / "host.json").read_text())["extensions"]["durableTask"][
            "hubName"
        ]
        for name in NAMES
    ]
    assert hubs.count(settings["extensions"]["durableTask"]["hubName"]) == 1
    assert f"({sample}/README.md)" in (SAMPLES / "README.md").read_text(encoding="utf-8")
