"""The worker process: what its blocking, its death and its time-outs do, and do not do."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.storage.queue import QueueClient

from durable.devhost.host import DevHost
from durable.devhost.worker import Worker
from durable.devhost.worker_command import worker_command

Hosted = Callable[..., contextlib.AbstractAsyncContextManager[DevHost]]
Queues = Callable[..., QueueClient]
Seen = Callable[[], list[Any]]

QUEUE = (
    '@app.queue_trigger(arg_name="msg", queue_name="%TEST_QUEUE%", '
    'connection="AzureWebJobsStorage")\n'
)
PAGES = """
@app.route(route="pid")
async def pid(req: func.HttpRequest) -> str:
    return str(os.getpid())

@app.route(route="exit")
async def exit(req: func.HttpRequest) -> str:
    os._exit(7)

@app.route(route="block")
async def block(req: func.HttpRequest) -> str:
    seen.append("blocking")
    while not (HERE / "go").exists():
        time.sleep(0.02)
    return "unblocked"

@app.route(route="hold")
async def hold(req: func.HttpRequest) -> str:
    seen.append("holding")
    while not (HERE / "go").exists():
        await asyncio.sleep(0.02)
    return "let go"
"""


async def body(session: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    """Ask for a page; gives status and text."""
    async with session.get(url) as answer:
        return answer.status, await answer.text()


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that is only waiting to be reaped does not."""
    asked = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return asked.returncode == 0 and not asked.stdout.strip().startswith("Z")


async def test_functions_run_in_a_process_and_a_session_of_their_own(
    write_app: Callable[..., Path], host_of: Hosted
) -> None:
    """Neither a crash of the interpreter nor Ctrl-C in the terminal is shared with the host."""
    async with host_of(write_app(PAGES)) as host, aiohttp.ClientSession() as session:
        status, text = await body(session, f"{host.url}/api/pid")
        assert (status, int(text)) == (200, host.worker_pid)
        assert int(text) != os.getpid()
        assert os.getsid(int(text)) == int(text)
    assert not is_alive(int(text))


async def test_a_blocked_loop_of_the_worker_stops_neither_http_nor_polling_nor_renewal(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
) -> None:
    """The host answers, takes messages and keeps them hidden while the app's loop stands still."""
    queue = queue_of()
    queue.create_queue()
    app = write_app(f"{PAGES}{QUEUE}async def f(msg):\n    seen.append(msg.dequeue_count)\n")
    async with host_of(app, visibility_s=2) as host, aiohttp.ClientSession() as session:
        blocked = asyncio.create_task(body(session, f"{host.url}/api/block"))
        await eventually(lambda: seen() == ["blocking"])
        queue.send_message("x")
        await eventually(lambda: not queue.peek_messages())
        started = time.monotonic()

        async def outlived_its_visibility_twice() -> bool:
            assert (await body(session, f"{host.url}/api/nowhere"))[0] == 404
            assert not queue.peek_messages()
            return time.monotonic() - started > 4

        await eventually(outlived_its_visibility_twice)
        (app / "go").touch()
        assert await blocked == (200, "unblocked")
        await eventually(lambda: seen() == ["blocking", 1])


async def test_a_worker_that_dies_fails_what_runs_in_it_and_is_followed_by_another(
    write_app: Callable[..., Path],
    host_of: Hosted,
    seen: Seen,
    eventually: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Requests in it are 500, the next one is answered by a new process, the log says why."""
    app = write_app(PAGES)
    async with host_of(app) as host, aiohttp.ClientSession() as session:
        first = host.worker_pid
        held = asyncio.create_task(body(session, f"{host.url}/api/hold"))
        await eventually(lambda: seen() == ["holding"])
        assert await body(session, f"{host.url}/api/exit") == (500, "")
        assert await held == (500, "")
        status, text = await body(session, f"{host.url}/api/pid")
        assert (status, int(text)) == (200, host.worker_pid)
        assert int(text) != first
    assert f"The worker process {first} was ended: it exited with code 7" in caplog.text
    assert "Function 'hold' failed: WorkerDiedError" in caplog.text


async def test_a_message_that_kills_its_worker_is_retried_at_once_and_then_poisoned(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
) -> None:
    """The invocation failed, so visibilityTimeout and maxDequeueCount rule, not the ten minutes."""
    queue, poison = queue_of(), queue_of("-poison", raw=True)
    queue.create_queue()
    queue.send_message("killer")
    app = write_app(
        f"{QUEUE}def f(msg: func.QueueMessage):\n"
        "    seen.append(msg.dequeue_count)\n    os._exit(9)\n",
        queues={"maxDequeueCount": 3},
    )
    async with host_of(app):
        await eventually(lambda: queue.get_queue_properties().approximate_message_count == 0)
    assert seen() == [1, 2, 3]
    assert poison.get_queue_properties().approximate_message_count == 1


async def test_a_function_that_outlives_its_time_takes_its_worker_with_it(
    write_app: Callable[..., Path],
    host_of: Hosted,
    seen: Seen,
    eventually: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """functionTimeout ends the process by force; what ran beside it fails, and the host goes on."""
    monkeypatch.setenv("AzureFunctionsJobHost__functionTimeout", "00:00:01.5")
    app = write_app(
        PAGES + "@app.route(route='sleep')\ndef sleep(req: func.HttpRequest) -> str:\n"
        "    seen.append('asleep')\n    time.sleep(3600)\n"
    )
    async with host_of(app) as host, aiohttp.ClientSession() as session:
        first = host.worker_pid
        started = time.monotonic()
        asleep = asyncio.create_task(body(session, f"{host.url}/api/sleep"))
        await eventually(lambda: seen() == ["asleep"])
        held = asyncio.create_task(body(session, f"{host.url}/api/hold"))
        assert await asleep == (500, "")
        assert await held == (500, "")
        assert time.monotonic() - started >= 1.5
        assert int((await body(session, f"{host.url}/api/pid"))[1]) != first
        assert not is_alive(first or 0)
    assert "Timeout value of 1.5 s exceeded by function 'Functions.sleep'" in caplog.text
    assert "Function 'hold' failed: WorkerDiedError" in caplog.text


async def test_invocations_wait_while_no_worker_can_be_started(
    write_app: Callable[..., Path],
    host_of: Hosted,
    eventually: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An app that was broken under a running host costs time: the host tries again and again."""
    app = write_app("if (HERE / 'broken').exists():\n    raise ValueError('not now')\n" + PAGES)
    async with host_of(app) as host, aiohttp.ClientSession() as session:
        (app / "broken").touch()
        assert await body(session, f"{host.url}/api/exit") == (500, "")
        asked = asyncio.create_task(body(session, f"{host.url}/api/pid"))
        await eventually(lambda: caplog.text.count("No worker could be started") >= 2)
        assert not asked.done()
        (app / "broken").unlink()
        assert (await asked)[0] == 200
    assert "raised ValueError: not now" in caplog.text


async def test_a_child_of_the_app_that_holds_its_pipes_does_not_hide_its_death(
    write_app: Callable[..., Path], host_of: Hosted, seen: Seen, eventually: Any
) -> None:
    """The process id is what tells, not the end of its output."""
    app = write_app(
        PAGES + "import subprocess\n"
        "@app.route(route='leave')\ndef leave(req: func.HttpRequest) -> str:\n"
        "    child = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
        "    seen.append(child.pid)\n    os._exit(1)\n"
    )
    async with host_of(app) as host, aiohttp.ClientSession() as session:
        try:
            assert await body(session, f"{host.url}/api/leave") == (500, "")
            assert (await body(session, f"{host.url}/api/pid"))[0] == 200
            assert is_alive(seen()[0])
        finally:
            os.kill(seen()[0], signal.SIGKILL)


async def test_a_drain_lets_the_worker_end_in_its_own_way(
    write_app: Callable[..., Path], host_of: Hosted, seen: Seen
) -> None:
    """Tasks of the app are cancelled and its exit handlers run, as when a program ends."""
    app = write_app(
        PAGES + "import atexit\natexit.register(seen.append, 'at exit')\n"
        "async def background():\n"
        "    try:\n        await asyncio.sleep(3600)\n"
        "    finally:\n        seen.append('cancelled')\n"
        "tasks = []\n"
        "@app.route(route='start')\nasync def start(req: func.HttpRequest) -> str:\n"
        "    tasks.append(asyncio.create_task(background()))\n    return 'ok'\n"
    )
    async with host_of(app) as host, aiohttp.ClientSession() as session:
        assert await body(session, f"{host.url}/api/start") == (200, "ok")
    assert seen() == ["cancelled", "at exit"]


async def test_a_worker_that_does_not_end_is_ended_after_the_grace(
    write_app: Callable[..., Path],
) -> None:
    """A thread of the app that never returns cannot keep the process alive."""
    app = write_app(
        PAGES + "import threading\nthreading.Thread(target=time.sleep, args=(3600,)).start()\n"
    )
    worker = Worker(worker_command("direct", app, os.environ.copy()))
    await worker.start()
    pid = worker.pid
    assert pid is not None
    await worker.stop(0.3)
    assert not is_alive(pid)


@pytest.mark.parametrize(
    "waiting",
    [
        "asyncio.sleep(3600)",
        # Holds the interpreter's lock: no other thread of the worker runs.
        "asyncio.sleep(ctypes.PyDLL(None).sleep(3600))",
    ],
)
def test_a_killed_host_takes_its_worker_with_it(
    write_app: Callable[..., Path],
    start_host: Callable[..., Any],
    queue_of: Queues,
    seen: Seen,
    wait_until: Callable[..., None],
    waiting: str,
) -> None:
    """A host that is SIGKILLed leaves nobody behind who could still finish an invocation."""
    queue = queue_of()
    queue.create_queue()
    queue.send_message("x")
    app = write_app(
        f"import ctypes\n{QUEUE}async def f(msg: func.QueueMessage):\n"
        f"    seen.append(os.getpid())\n    await {waiting}\n"
    )
    host = start_host(app)
    wait_until(seen)
    (pid,) = seen()
    assert is_alive(pid)
    host.process.kill()
    killed_at = time.monotonic()
    assert host.ended() == -signal.SIGKILL
    wait_until(lambda: not is_alive(pid), timeout_s=2)
    assert time.monotonic() - killed_at < 1


def test_what_a_function_logs_and_prints_is_in_the_log_of_the_host(
    write_app: Callable[..., Path], start_host: Callable[..., Any], wait_until: Callable[..., None]
) -> None:
    """Level, logger, function and message, from loop and thread, up to a worker's last word."""
    app = write_app(
        "import logging\n"
        "mine = logging.getLogger('mine')\n"
        "@app.route(route='loop')\nasync def loop(req: func.HttpRequest) -> str:\n"
        "    mine.warning('from the %s', 'loop')\n    mine.debug('too quiet')\n"
        "    print('printed')\n    return ''\n"
        "@app.route(route='pool')\ndef pool(req: func.HttpRequest) -> str:\n"
        "    try:\n        1 / 0\n"
        "    except ZeroDivisionError:\n        mine.exception('in the pool')\n"
        "    mine.error('last word')\n    os._exit(1)\n"
    )
    host = start_host(app)
    url = host.listening()
    for page in ("loop", "pool"):
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"{url}/api/{page}", timeout=30).close()
    wait_until(lambda: "Executed 'Functions.pool'" in host.log.read_text())
    host.process.terminate()
    assert host.ended() == 0
    log = host.log.read_text()
    assert " WARNING mine [Functions.loop]: from the loop\n" in log
    assert " INFO worker.stdout: printed\n" in log
    assert " ERROR mine [Functions.pool]: in the pool\nTraceback" in log
    assert " ERROR mine [Functions.pool]: last word\n" in log
    assert "too quiet" not in log
