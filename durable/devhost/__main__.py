"""`python -m durable.devhost start`: run a function app until SIGINT or SIGTERM.

stdout carries the summary and one line `Listening on http://127.0.0.1:PORT`; the log is on stderr.
Exit codes: 0 drained, 1 could not start or the grace cut something off, 2 bad arguments.
A second signal ends the host at once.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path

from durable.devhost.host import DevHost, HostOptions
from durable.devhost.host_json import HostJsonError
from durable.devhost.index import IndexingError
from durable.devhost.queue_delivery import VISIBILITY_S
from durable.devhost.routes import RouteError
from durable.devhost.settings import SettingError
from durable.devhost.timer_lease import LEASE_S
from durable.devhost.worker_command import WorkerKind
from durable.devhost.worker_process import WorkerDiedError

_VISIBILITY_VARIABLE = "DURABLE_DEVHOST_VISIBILITY_S"
_LEASE_VARIABLE = "DURABLE_DEVHOST_LEASE_S"
_WORKER_VARIABLE = "DURABLE_DEVHOST_WORKER"
_VISIBILITY_S_MAX = 7 * 24 * 3600


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    chosen = _parser().parse_args(arguments)
    logging.basicConfig(
        level=chosen.log_level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(place)s: %(message)s",
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(_name_place)
    # The SDKs log every request at INFO, which would bury the app's own lines.
    logging.getLogger("azure").setLevel(logging.WARNING)
    only = chosen.functions
    options = HostOptions(
        app_dir=chosen.app.resolve(),
        port=chosen.port,
        only=[name for name in only.split(",") if name] if only is not None else None,
        visibility_s=chosen.visibility_seconds,
        grace_s=chosen.grace_seconds,
        auth=chosen.auth,
        keys_file=chosen.keys,
        lease_s=chosen.lease_seconds,
        worker=chosen.worker,
        worker_python=chosen.worker_python,
    )
    try:
        asyncio.run(_serve(options))
    except IndexingError as error:
        # The app's own traceback: the line that the reader has to change is in it.
        print(f"{error.details}\nCannot start: {error}".strip(), file=sys.stderr, flush=True)
        return 1
    except (HostJsonError, RouteError, SettingError, WorkerDiedError, OSError) as error:
        print(f"Cannot start: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


async def _serve(options: HostOptions) -> None:
    host = DevHost(options)
    await host.start(announce=lambda line: print(line, flush=True))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    print(f"Listening on {host.url}", flush=True)
    await stop.wait()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)
    with contextlib.suppress(BrokenPipeError):
        print("Draining ...", flush=True)
    cut_off = await host.drain()
    if cut_off:
        print(f"The grace is over; cut off: {', '.join(cut_off)}", file=sys.stderr, flush=True)
        sys.stdout.flush()
        # Threads cannot be stopped, and every gentler exit would wait for them without end.
        os._exit(1)


def _name_place(record: logging.LogRecord) -> bool:
    """Say with a record of the worker's which function it came from."""
    function = getattr(record, "function", "")
    record.place = f"{record.name} [Functions.{function}]" if function else record.name
    return True


def _worker_kind(text: str) -> WorkerKind:
    if text not in ("direct", "runtime"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither 'direct' nor 'runtime'")
    return "direct" if text == "direct" else "runtime"


def _visibility_seconds(text: str) -> int:
    return _whole_seconds(text, _VISIBILITY_S_MAX)


def _lease_seconds(text: str) -> int:
    return _whole_seconds(text, LEASE_S)


def _whole_seconds(text: str, maximum: int) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= maximum:
        raise argparse.ArgumentTypeError(f"{text!r} is not 1 to {maximum} whole seconds")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m durable.devhost", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="start")
    start = commands.add_parser("start", help="run a function app")
    start.add_argument("--app", type=Path, default=Path(), help="directory of function_app.py")
    start.add_argument("--port", type=int, default=0, help="loopback port (default: a free one)")
    start.add_argument("--functions", help="run only these functions, separated by commas")
    start.add_argument(
        "--visibility-seconds",
        type=_visibility_seconds,
        # A string default goes through `type`, so the variable is checked as the flag is.
        default=os.environ.get(_VISIBILITY_VARIABLE) or str(VISIBILITY_S),
        help="for crash tests only: how long a received message is hidden (real host: 600)",
    )
    start.add_argument(
        "--lease-seconds",
        type=_lease_seconds,
        default=os.environ.get(_LEASE_VARIABLE) or str(LEASE_S),
        help="for crash tests only: how often a host without a timer's lease asks for it, and how "
        "long it lasts, 15 at least (real host: 60)",
    )
    start.add_argument(
        "--auth", action="store_true", help="check access keys; fresh ones are printed"
    )
    start.add_argument("--keys", type=Path, help="check the access keys of this JSON file instead")
    start.add_argument(
        "--grace-seconds", type=float, default=30.0, help="how long a drain may take"
    )
    start.add_argument(
        "--worker",
        type=_worker_kind,
        default=os.environ.get(_WORKER_VARIABLE) or "direct",
        metavar="{direct,runtime}",
        help="what runs the functions: this Python, or Azure's worker library on Python 3.13",
    )
    start.add_argument(
        "--worker-python",
        type=Path,
        help="the Python of the runtime worker (default: DURABLE_WORKER_PYTHON, or python3.13)",
    )
    start.add_argument(
        "--log-level",
        default="info",
        choices=["debug", "info", "warning", "error"],
        help="what goes to stderr",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
