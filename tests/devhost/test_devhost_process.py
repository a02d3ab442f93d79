"""The command line: real processes, real signals."""

import signal
import socket
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueClient

Queues = Callable[..., QueueClient]

# Each invocation leaves a file that it started and another that it ended; `hold` files keep it.
SLOW = """
from pathlib import Path
marks = Path(os.environ["MARKS"])

async def run(name):
    (marks / f"started-{name}").touch()
    while (marks / "hold").exists():
        await asyncio.sleep(0.02)
    (marks / f"ended-{name}").touch()

@app.queue_trigger(arg_name="msg", queue_name="%TEST_QUEUE%", connection="AzureWebJobsStorage")
async def slow(msg: func.QueueMessage):
    await run(f"{msg.get_body().decode()}-{msg.dequeue_count}")

@app.route(route="slow")
async def page(req: func.HttpRequest) -> str:
    await run("page")
    return "done"
"""


@pytest.fixture
def marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where functions leave marks; they hold while it has a file `hold`."""
    folder = tmp_path / "marks"
    folder.mkdir()
    (folder / "hold").touch()
    monkeypatch.setenv("MARKS", str(folder))
    return folder


def marked(marks: Path, pattern: str) -> set[str]:
    """The names of the marks that are there."""
    return {path.name for path in marks.glob(pattern)}


def test_the_summary_and_the_address_are_printed_before_the_host_serves(
    write_app: Callable[..., Path], start_host: Callable[..., Any], queue_of: Queues
) -> None:
    """Functions, routes and queues as `func start` prints them, then one line with the URL."""
    queue_of()
    app = write_app(
        '@app.route(route="a/{b}", methods=["POST"])\ndef page(req): ...\n'
        '@app.queue_trigger(arg_name="m", queue_name="%TEST_QUEUE%", connection="")\n'
        "def consume(m): ...\n"
        '@app.timer_trigger(arg_name="t", schedule="0 0 0 * * *")\ndef tick(t): ...\n'
    )
    host = start_host(app)
    url = host.listening()
    assert url.startswith("http://127.0.0.1:")
    assert host.said("    page: ") == [f"    page: [POST] {url}/api/a/{{b}}"]
    assert host.said("    consume: queueTrigger q-")
    assert host.said("    tick: ") == ["    tick: timerTrigger 0 0 0 * * *"]
    host.process.terminate()
    assert host.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_polling_and_settles_what_was_received(
    write_app: Callable[..., Path],
    start_host: Callable[..., Any],
    queue_of: Queues,
    wait_until: Callable[..., None],
    marks: Path,
    number: signal.Signals,
) -> None:
    """Messages in flight run to their end and are deleted, new messages stay, exit code 0."""
    queue = queue_of()
    queue.create_queue()
    for name in "abc":
        queue.send_message(name)
    # Above what is in flight, so that nothing but the signal ends the polling.
    app = write_app(SLOW, queues={"newBatchThreshold": 16})
    host = start_host(app)
    url = host.listening()
    wait_until(lambda: marked(marks, "started-*") == {f"started-{name}-1" for name in "abc"})
    host.process.send_signal(number)
    wait_until(lambda: host.said("Draining"))
    wait_until(lambda: refuses(url))
    queue.send_message("later")
    drains_since = time.monotonic()

    def keeps_on() -> bool:
        assert host.process.poll() is None
        return time.monotonic() - drains_since > 0.5

    wait_until(keeps_on)
    (marks / "hold").unlink()
    assert host.ended() == 0
    assert marked(marks, "ended-*") == {f"ended-{name}-1" for name in "abc"}
    assert [m.content for m in queue.receive_messages()] == ["bGF0ZXI="]
    log = host.log.read_text()
    assert log.count("Executing 'Functions.slow' (Reason=") == 3
    assert log.count("Executed 'Functions.slow' (Succeeded, Id=") == 3


def test_a_signal_lets_requests_in_flight_be_answered(
    write_app: Callable[..., Path],
    start_host: Callable[..., Any],
    wait_until: Callable[..., None],
    marks: Path,
) -> None:
    """No new connection is accepted, the old one gets its answer."""
    host = start_host(write_app(SLOW), "--functions", "page")
    url = host.listening()
    with ThreadPoolExecutor(1) as pool:
        page = pool.submit(lambda: urllib.request.urlopen(f"{url}/api/slow", timeout=30).read())
        wait_until(lambda: marked(marks, "started-page"))
        host.process.terminate()
        wait_until(lambda: refuses(url))
        refused_since = time.monotonic()

        def is_kept_open() -> bool:
            assert not page.done()
            return time.monotonic() - refused_since > 0.5

        wait_until(is_kept_open)
        (marks / "hold").unlink()
        assert page.result() == b"done"
    assert host.ended() == 0


def refuses(url: str) -> bool:
    """Nobody accepts connections there any more."""
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) != 0


def test_the_grace_bounds_the_drain_and_names_what_it_cuts_off(
    write_app: Callable[..., Path],
    start_host: Callable[..., Any],
    queue_of: Queues,
    wait_until: Callable[..., None],
    marks: Path,
) -> None:
    """A blocked thread cannot keep the process alive; the exit code says that work was lost."""
    queue = queue_of()
    queue.create_queue()
    queue.send_message("x")
    app = write_app(
        SLOW.replace("async def slow", "def slow")
        .replace("    await run(f", "    asyncio.run(run(f")
        .replace('dequeue_count}")\n\n@app.route', 'dequeue_count}"))\n\n@app.route')
    )
    host = start_host(app, "--grace-seconds", "0.2")
    host.listening()
    wait_until(lambda: marked(marks, "started-x-1"))
    host.process.terminate()
    assert host.ended() == 1
    assert "cut off: slow" in host.log.read_text()
    assert not marked(marks, "ended-*")


def test_a_killed_hosts_message_comes_back_after_the_injected_visibility(
    write_app: Callable[..., Path],
    start_host: Callable[..., Any],
    queue_of: Queues,
    wait_until: Callable[..., None],
    marks: Path,
) -> None:
    """SIGKILL loses nothing: another host runs the message again, counted as the second time."""
    queue = queue_of()
    queue.create_queue()
    queue.send_message("x")
    app = write_app(SLOW)
    first = start_host(app, "--visibility-seconds", "2")
    wait_until(lambda: marked(marks, "started-x-1"))
    first.process.kill()
    assert first.ended() == -signal.SIGKILL
    (marks / "hold").unlink()
    second = start_host(app, "--visibility-seconds", "2")
    wait_until(lambda: marked(marks, "ended-*") == {"ended-x-2"})
    wait_until(lambda: queue.get_queue_properties().approximate_message_count == 0)
    second.process.terminate()
    assert second.ended() == 0


def test_only_the_named_functions_run(
    write_app: Callable[..., Path],
    start_host: Callable[..., Any],
    queue_of: Queues,
    marks: Path,
) -> None:
    """--functions page leaves the queue alone."""
    queue = queue_of()
    queue.create_queue()
    queue.send_message("x")
    (marks / "hold").unlink()
    host = start_host(write_app(SLOW), "--functions", "page")
    with urllib.request.urlopen(f"{host.listening()}/api/slow", timeout=30) as answer:
        assert answer.read() == b"done"
    host.process.terminate()
    assert host.ended() == 0
    assert marked(marks, "started-*") == {"started-page"}
    assert queue.get_queue_properties().approximate_message_count == 1


def test_settings_of_the_file_are_there_when_the_app_is_imported(
    write_app: Callable[..., Path], start_host: Callable[..., Any]
) -> None:
    """An app that reads its settings at import finds them, its own address included."""
    app = write_app(
        "setting, host = os.environ['FROM_FILE'], os.environ['WEBSITE_HOSTNAME']\n"
        "@app.route(route='x')\ndef f(req) -> str:\n    return f'{setting} {host}'\n",
        settings={"FROM_FILE": "value"},
    )
    host = start_host(app)
    url = host.listening()
    with urllib.request.urlopen(f"{url}/api/x", timeout=30) as answer:
        assert answer.read().decode() == f"value {url.removeprefix('http://')}"


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("raise ValueError('at import')", "function_app.py raised ValueError: at import"),
        (
            '@app.queue_trigger(arg_name="m", queue_name="q-x", connection="NOPE")\ndef f(m): ...',
            "set NOPE to a connection string",
        ),
    ],
)
def test_an_app_that_cannot_start_says_why_and_exits_with_1(
    write_app: Callable[..., Path], start_host: Callable[..., Any], source: str, complaint: str
) -> None:
    """One sentence on stderr, with the traceback of the app's own fault."""
    host = start_host(write_app(source))
    assert host.ended() == 1
    assert "Cannot start: " in host.log.read_text()
    assert complaint in host.log.read_text()
    assert not host.said("Listening")


def test_a_visibility_that_makes_no_sense_is_refused(
    write_app: Callable[..., Path], start_host: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment variable is checked as the flag is."""
    monkeypatch.setenv("DURABLE_DEVHOST_VISIBILITY_S", "soon")
    host = start_host(write_app(""))
    assert host.ended() == 2
    assert "'soon' is not 1 to 604800 whole seconds" in host.log.read_text()
