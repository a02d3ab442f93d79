"""The production worker library indexes and runs apps, driven by the dev host."""

import asyncio
import contextlib
import json
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from bench.processes import APP, Host, running_host, until_drained
from durable.devhost.datum import Datum, HttpRequest, HttpResponse, Outcome
from durable.devhost.host import DevHost, HostOptions
from durable.devhost.index import FunctionMetadata, IndexingError
from durable.devhost.worker import Worker
from durable.devhost.worker_command import WorkerKind, worker_command

ROOT = Path(__file__).resolve().parents[2]
# Of the samples a classic app, whose functions lie in folders, and one with a module of its own.
SAMPLES = [ROOT / "samples/classic/function_chaining", ROOT / "samples/decorators/blueprint"]
APPS = [ROOT, APP, *SAMPLES]

SOURCE = """
import logging
import os
import sys
import azure.functions as func
app = func.FunctionApp()

@app.route(route="page/{name}")
async def page(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    logging.getLogger("mine").warning("in the loop")
    answer = func.HttpResponse(
        f"{sys.version_info.minor} {req.route_params['name']} {req.params['q']} "
        f"{req.headers['x-one']} {len(req.get_body())} {context.function_name}",
        status_code=201, headers={"X-Two": "2"})
    answer.headers.add("Set-Cookie", "a=1; Path=/; Max-Age=5; Secure; SameSite=Lax")
    return answer

@app.route(route="pool")
def pool(req: func.HttpRequest) -> func.HttpResponse:
    logging.getLogger("mine").warning("in the pool")
    raise ValueError("no such luck")

@app.route(route="exit")
async def exit(req: func.HttpRequest) -> func.HttpResponse:
    os._exit(7)

@app.queue_trigger(arg_name="msg", queue_name="%IN_QUEUE%", connection="AzureWebJobsStorage")
@app.queue_output(arg_name="out", queue_name="%OUT_QUEUE%", connection="AzureWebJobsStorage")
def copy(msg: func.QueueMessage, out: func.Out[str]) -> None:
    out.set(f"{msg.get_body().decode()} {msg.dequeue_count}")

@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
async def tick(timer: func.TimerRequest) -> None:
    logging.getLogger("mine").warning("past due: %s", timer.past_due)
"""


@contextlib.asynccontextmanager
async def indexed(
    kind: WorkerKind, app: Path, python: Path
) -> AsyncIterator[tuple[Worker, list[FunctionMetadata]]]:
    """Run a worker without a host."""
    worker = Worker(worker_command(kind, app, os.environ.copy(), python=python))
    try:
        yield worker, await worker.start()
    finally:
        await worker.stop(10.0)


@pytest.fixture
def small_app(tmp_path: Path) -> Path:
    """The app above."""
    (tmp_path / "function_app.py").write_text(SOURCE)
    (tmp_path / "host.json").write_text(json.dumps({"version": "2.0"}))
    return tmp_path


@pytest.fixture
def queues(
    azurite_connection: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[QueueClient, QueueClient]]:
    """The two queues of the app above."""
    monkeypatch.setenv("AzureWebJobsStorage", azurite_connection)
    with contextlib.ExitStack() as stack:
        clients = []
        for variable in ("IN_QUEUE", "OUT_QUEUE"):
            name = f"rt-{uuid.uuid4().hex[:12]}"
            monkeypatch.setenv(variable, name)
            client = QueueClient.from_connection_string(
                azurite_connection, name, message_encode_policy=TextBase64EncodePolicy()
            )
            stack.enter_context(client)
            client.create_queue()
            clients.append(client)
        yield clients[0], clients[1]


@pytest.fixture(autouse=True)
def environment_as_it_was() -> Iterator[None]:
    """A host in this process sets variables; undo it."""
    environment = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(environment)


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.relative_to(ROOT).as_posix())
async def test_the_real_indexer_finds_the_functions_that_the_direct_worker_finds(
    runtime_python: Path, app: Path
) -> None:
    """Names, triggers and bindings of this repository's apps are the same in both workers."""
    found = {}
    for kind in ("direct", "runtime"):
        async with indexed(kind, app, runtime_python) as (_, functions):
            found[kind] = {
                function.name: {(b["type"], b["name"], b["direction"]) for b in function.bindings}
                for function in functions
            }
    assert found["runtime"] == found["direct"]
    kinds = {kind for bindings in found["runtime"].values() for kind, *_ in bindings}
    assert {"httpTrigger", "queueTrigger"} <= kinds


async def test_http_functions_of_both_colours_run_in_the_real_library(
    runtime_python: Path, small_app: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Request, context, response and cookies cross over; an exception comes back with its line."""
    request = HttpRequest(
        method="POST",
        url="http://127.0.0.1/api/page/n",
        headers={"x-one": "1"},
        query={"q": "z"},
        params={"name": "n"},
        body=b"\xff\x00",
    )
    async with indexed("runtime", small_app, runtime_python) as (worker, _):

        async def call(name: str) -> Outcome:
            return await worker.invoke(
                name,
                {"req": Datum(request, "http")},
                metadata={},
                invocation_id=str(uuid.uuid4()),
                timeout_s=30,
            )

        answered = await call("page")
        assert answered.succeeded, answered
        assert answered.returned is not None
        answer = answered.returned.value
        assert isinstance(answer, HttpResponse)
        assert (answer.status, answer.body) == (201, b"13 n z 1 2 page")
        assert answer.headers["X-Two"] == "2"
        assert answer.set_cookies == ("a=1; Max-Age=5; Path=/; Secure; SameSite=Lax",)
        failed = await call("pool")
        assert (failed.succeeded, failed.error) == (False, "ValueError: no such luck")
        assert 'raise ValueError("no such luck")' in failed.traceback
        died = await call("exit")
        assert (died.succeeded, "exited with code 7" in died.error) == (False, True)
        assert (await call("page")).succeeded
    functions = {
        (record.getMessage(), vars(record)["function"])
        for record in caplog.records
        if record.name == "mine"
    }
    assert functions == {("in the loop", "page"), ("in the pool", "pool")}


async def test_what_the_real_loader_refuses_stops_the_start_with_its_own_words(
    runtime_python: Path, small_app: Path
) -> None:
    """The real worker's validation of parameters and bindings is what an author sees."""
    (small_app / "function_app.py").write_text(
        "import azure.functions as func\napp = func.FunctionApp()\n"
        '@app.route(route="a")\ndef f(req: func.HttpRequest, extra): ...\n'
    )
    with pytest.raises(IndexingError, match="declared in Python but not in the function def"):
        async with indexed("runtime", small_app, runtime_python):
            pass


async def test_queue_and_timer_functions_run_in_the_real_library(
    runtime_python: Path,
    small_app: Path,
    queues: tuple[QueueClient, QueueClient],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A message comes in and goes out by binding; a timer function gets its TimerRequest."""
    incoming, outgoing = queues
    incoming.send_message("hällo")
    host = DevHost(HostOptions(app_dir=small_app, worker="runtime", worker_python=runtime_python))
    await host.start()
    try:
        async with asyncio.timeout(30):
            while not outgoing.peek_messages():
                await asyncio.sleep(0.02)
            async with aiohttp.ClientSession() as session:
                url = f"{host.url}/admin/functions/tick"
                async with session.post(url, json={"input": ""}) as answer:
                    assert answer.status == 202
            while "past due: False" not in caplog.text:
                await asyncio.sleep(0.02)
    finally:
        assert await host.drain() == []
    (message,) = outgoing.receive_messages()
    assert message.content == "aMOkbGxvIDE="  # "hällo 1"


@pytest.fixture
def hub() -> str:
    """A hub name that nobody else has."""
    return "Rt" + uuid.uuid4().hex[:12]


@pytest.fixture
async def host(azurite_connection: str, hub: str, runtime_python: Path) -> AsyncIterator[Host]:
    """A dev host whose functions run in the real library."""
    environment = {
        "DURABLE_DEVHOST_WORKER": "runtime",
        "DURABLE_WORKER_PYTHON": str(runtime_python),
        "AzureFunctionsWebHost__hostid": hub.lower(),
    }
    async with running_host(azurite_connection, hub, environment=environment) as running:
        yield running


async def test_orchestrations_run_to_their_end_in_the_real_library(
    host: Host, azurite_connection: str, hub: str
) -> None:
    """Sequence, fan-out, event and failure, through HTTP and queues; nothing is left behind."""
    assert (await host.run("Sequence", 10))["output"] == 15
    assert (await host.run("Fan", 20))["output"] == sum(range(1, 21))
    failed = await host.run("Fails")
    assert failed["runtimeStatus"] == "Failed"
    assert "on purpose" in failed["output"]
    await until_drained(azurite_connection, hub)
    # Last: its cancelled timer's message stays for a minute.
    waiting = await host.start("Waits")
    raised = await host.request(
        "POST", waiting.json["sendEventPostUri"].replace("{eventName}", "go"), b'"came"'
    )
    assert raised.status == 202
    assert (await host.follow(waiting.json["statusQueryGetUri"]))["output"] == "came"
    # Not one invocation failed: the library took every binding as the engine gives it.
    assert not [line for line in host.log if "(Failed, Id=" in line]


async def test_the_sweep_runs_as_a_timer_function_in_the_real_library(host: Host) -> None:
    """`durable_sweep` takes the TimerRequest that the real converter makes, and succeeds."""
    asked = await host.request("POST", "/admin/functions/durable_sweep", b'{"input": ""}')
    if asked.status == 404:
        pytest.skip("this app has no durable_sweep yet")
    assert asked.status == 202
    async with asyncio.timeout(30):
        while not any("Executed 'Functions.durable_sweep' (Succeeded" in line for line in host.log):
            await asyncio.sleep(0.02)
