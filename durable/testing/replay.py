"""Hold histories against the code of an app, before it is deployed.

    python -m durable.testing.replay --app function_app:app order-1.jsonl order-2.jsonl
    python -m durable.testing.replay --app function_app:app --hub MyHub --all
    python -m durable.testing.replay --app function_app:app --hub MyHub --instance order-1
    python -m durable.testing.replay --hub MyHub --instance order-1 --save order-1.jsonl

Files are what --save writes, or the JSON of a status query with its history. A live hub is read,
never written, over the connection AzureWebJobsStorage of the environment (or --connection NAME).
Ends with 0 if every history fits the code, with 1 if one does not, with 2 if it could not look.
"""

import argparse
import asyncio
import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from durable.client.durable_client import DurableClient
from durable.engine.environment import SystemEnvironment
from durable.model.errors import DurableError
from durable.storage.azure.hub import open_store
from durable.storage.port import StorageFault
from durable.testing.replaying.replayer import Replayer, fetch_history
from durable.testing.replaying.report import ReplayReport, ReplaySummary
from durable.testing.replaying.saved import save_history

FITS, DOES_NOT_FIT, COULD_NOT_LOOK = 0, 1, 2


class _NotPossibleError(Exception):
    """What was asked for can't be done; the text says why."""


def main(arguments: list[str] | None = None, settings: Mapping[str, str] = os.environ) -> int:
    """Do what the command line says; give the exit code."""
    options = _parser().parse_args(arguments)
    try:
        replayer = _replayer(options)
        if options.instance or options.all:
            told = asyncio.run(_look_at_hub(options, settings, replayer))
        else:
            told = _look_at_files(options.files, replayer, options.name)
    except (DurableError, StorageFault, _NotPossibleError, OSError) as error:
        _tell(f"Could not look: {error}")
        return COULD_NOT_LOOK
    if told is not None:
        _tell(str(told))
    return FITS if told is None or told.is_ok else DOES_NOT_FIT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m durable.testing.replay",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", type=Path, help="saved histories")
    parser.add_argument("--app", help="module:attribute of the function app")
    parser.add_argument("--name", help="the orchestrator's name, if it is another today")
    parser.add_argument("--hub", help="the task hub, for --instance and --all")
    parser.add_argument("--connection", default="AzureWebJobsStorage", help="its app setting")
    live = parser.add_mutually_exclusive_group()
    live.add_argument("--instance", help="one instance of the hub")
    live.add_argument("--all", action="store_true", help="every instance that is under way")
    parser.add_argument("--save", type=Path, help="write the history of --instance to this file")
    parser.add_argument(
        "--lenient", action="store_true", help="only warn where an argument is another"
    )
    return parser


def _replayer(options: argparse.Namespace) -> Replayer | None:
    if options.app is None:
        if options.save is None:
            raise _NotPossibleError("--app is missing: module:attribute, as in function_app:app.")
        return None
    app = load_app(options.app)
    try:
        return Replayer(app, strict_arguments=not options.lenient)
    except TypeError as error:
        raise _NotPossibleError(f"{options.app!r} is no app: {error}") from error


def load_app(name: str) -> Any:
    """Import an app by module:attribute, from the working directory too."""
    module, _, attribute = name.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return getattr(importlib.import_module(module), attribute or "app")
    except Exception as error:
        # Whatever the app raises as it is loaded: left alone it would end with 1, for a misfit.
        raise _NotPossibleError(f"No app at {name!r}: {type(error).__name__}: {error}") from error


def _look_at_files(files: list[Path], replayer: Replayer | None, name: str | None) -> ReplaySummary:
    if not files or replayer is None:
        raise _NotPossibleError("Name files, or --hub with --instance or --all.")
    return ReplaySummary(tuple(replayer.replay(path, name=name) for path in files))


async def _look_at_hub(
    options: argparse.Namespace, settings: Mapping[str, str], replayer: Replayer | None
) -> ReplayReport | ReplaySummary | None:
    if options.hub is None:
        raise _NotPossibleError("--hub is missing: the name of the task hub.")
    store = open_store(settings, task_hub=options.hub, connection_name=options.connection)
    try:
        client = DurableClient(store, SystemEnvironment())
        if options.all:
            return await replayer.replay_all(client) if replayer else None
        history = await fetch_history(client, options.instance)
        if options.save is not None:
            save_history(options.save, history)
            _tell(f"Saved {len(history.events)} events to {options.save}.")
        return replayer.replay(history, name=options.name) if replayer else None
    finally:
        await store.close()


def _tell(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
