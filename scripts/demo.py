"""Run one HelloCities orchestration end to end: Azurite, the dev host, HTTP, the final status.

The last line of stdout is the final status as one JSON object; everything else that is said goes
to stderr. Both child processes are ended by their own ids, whatever happens. The exit code is 0 if
the orchestration completed, and 1 otherwise. `--serve` keeps the app running until Ctrl-C.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Run as a file, Python looks beside the script; the package lies one level up.
sys.path.insert(0, str(ROOT))

from durable.devhost.azurite import AzuriteError, start_azurite  # noqa: E402

CITIES = ["Tokyo", "Seattle", "London"]
TERMINAL = {"Completed", "Failed", "Terminated", "Canceled"}
HOST_END_S = 35.0
REQUEST_S = 30.0


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


def say(line: str) -> None:
    """Tell the reader what happens, beside the one line on stdout."""
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def dev_host(
    app: Path, connection: str, *, port: int, timeout_s: float, log_level: str
) -> Iterator[str]:
    """Run the dev host as a child process for the length of the block; gives its URL."""
    environment = {**os.environ, "AzureWebJobsStorage": connection}
    paths = (str(ROOT), environment.get("PYTHONPATH"))
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    command = [sys.executable, "-m", "durable.devhost", "start"]
    command += ["--app", str(app), "--port", str(port), "--log-level", log_level]
    host = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl-C goes to a whole process group; the host is to be ended by us, in our order.
        start_new_session=True,
    )
    announced: list[str] = []
    ready = threading.Event()
    # The pipe has to be read until its end, or a chatty app would block on it.
    reader = threading.Thread(target=read_lines, args=(host, announced, ready), daemon=True)
    reader.start()
    try:
        ready.wait(timeout_s)
        if not announced:
            raise DemoError(f"the dev host did not start (exit code {host.poll()})")
        yield announced[0]
    finally:
        host.terminate()
        try:
            host.wait(HOST_END_S)
        except subprocess.TimeoutExpired:
            host.kill()
            host.wait()
        reader.join(5.0)
        if host.stdout is not None:
            host.stdout.close()


def read_lines(host: "subprocess.Popen[str]", announced: list[str], ready: threading.Event) -> None:
    """Pass the host's output on, and note the URL that it listens on."""
    assert host.stdout is not None
    for line in host.stdout:
        say(f"  {line.rstrip()}")
        if line.startswith("Listening on "):
            announced.append(line.split()[-1])
            ready.set()
    ready.set()


def request(method: str, url: str, body: object = None) -> tuple[int, Any]:
    """Send one request; gives the status code and the JSON answer (or its text, or None)."""
    content = json.dumps(body).encode() if method == "POST" else None
    sent = urllib.request.Request(
        url, data=content, method=method, headers={"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(sent, timeout=REQUEST_S) as answer:
            status, text = answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode(errors="replace")
    try:
        return status, json.loads(text) if text else None
    except ValueError:
        return status, text


def run_to_end(url: str, *, timeout_s: float) -> dict[str, Any]:
    """Start HelloCities, follow its status URL to a terminal status, and return that status."""
    deadline = time.monotonic() + timeout_s
    start_url = f"{url}/api/orchestrators/HelloCities"
    status, links = request("POST", start_url, CITIES)
    if status != 202 or not isinstance(links, dict) or "statusQueryGetUri" not in links:
        raise DemoError(f"POST {start_url} answered {status}: {links}")
    status_url = str(links["statusQueryGetUri"])
    say(f"started {links.get('id')}; following {status_url}")
    seen: str | None = None
    while time.monotonic() < deadline:
        status, answer = request("GET", status_url)
        if status not in (200, 202) or not isinstance(answer, dict):
            raise DemoError(f"GET {status_url} answered {status}: {answer}")
        if answer.get("runtimeStatus") != seen:
            seen = answer.get("runtimeStatus")
            say(f"status: {seen}")
        if seen in TERMINAL:
            return answer
        time.sleep(0.2)
    raise DemoError(f"not at an end after {timeout_s:g} s (last status: {seen})")


def serve(url: str) -> int:
    """Leave the app running until Ctrl-C, which is a good end."""
    say(f"serving at {url}   (Ctrl-C ends everything)")
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    return 0


def interrupt(number: int, _frame: FrameType | None) -> None:
    """Make SIGTERM end the demo as Ctrl-C does, so that the children are ended too."""
    raise KeyboardInterrupt(number)


def run(chosen: argparse.Namespace) -> int:
    """Start both children and run the demo, or serve; returns the exit code."""
    with start_azurite() as azurite:
        say("Azurite is up")
        host = dev_host(
            chosen.app,
            azurite.connection_string,
            port=chosen.port,
            timeout_s=chosen.timeout_seconds,
            # Who serves an app wants to see what it logs.
            log_level="info" if chosen.serve else "warning",
        )
        with host as url:
            if chosen.serve and chosen.app != ROOT:
                return serve(url)
            final = run_to_end(url, timeout_s=chosen.timeout_seconds)
            if chosen.serve:
                print(json.dumps(final), flush=True)
                say(f"start another: POST {url}/api/orchestrators/HelloCities")
                return serve(url)
    # After the children have ended, so that this is the last line whatever they still said.
    print(json.dumps(final), flush=True)
    return 0 if final.get("runtimeStatus") == "Completed" else 1


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", type=Path, default=ROOT, help="directory of function_app.py")
    parser.add_argument("--port", type=int, default=0, help="HTTP port (default: a free one)")
    parser.add_argument("--serve", action="store_true", help="then keep serving until Ctrl-C")
    parser.add_argument(
        "--timeout-seconds", type=float, default=60.0, help="how long a start or a run may take"
    )
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    try:
        return run(chosen)
    except (AzuriteError, DemoError, OSError) as error:
        say(f"demo failed: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
