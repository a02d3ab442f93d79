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
import traceback
from pathlib import Path

from durable.devhost.host import DevHost, HostOptions
from durable.devhost.host_json import HostJsonError
from durable.devhost.index import IndexingError
from durable.devhost.queue_delivery import VISIBILITY_S
from durable.devhost.routes import RouteError
from durable.devhost.settings import SettingError

_VISIBILITY_VARIABLE = "DURABLE_DEVHOST_VISIBILITY_S"
_VISIBILITY_S_MAX = 7 * 24 * 3600


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    chosen = _parser().parse_args(arguments)
    logging.basicConfig(
        level=chosen.log_level.upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # The SDKs log every request at INFO, which would bury the app's own lines.
    logging.getLogger("azure").setLevel(logging.WARNING)
    only = chosen.functions
    options = HostOptions(
        app_dir=chosen.app.resolve(),
        port=chosen.port,
        only=[name for name in only.split(",") if name] if only is not None else None,
        visibility_s=chosen.visibility_seconds,
        grace_s=chosen.grace_seconds,
    )
    try:
        asyncio.run(_serve(options))
    except (HostJsonError, IndexingError, RouteError, SettingError, OSError) as error:
        if error.__cause__ is not None:
            # The app's own traceback: the line that the reader has to change is in it.
            traceback.print_exception(error.__cause__)
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


def _visibility_seconds(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _VISIBILITY_S_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not 1 to {_VISIBILITY_S_MAX} whole seconds")
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
        "--grace-seconds", type=float, default=30.0, help="how long a drain may take"
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
