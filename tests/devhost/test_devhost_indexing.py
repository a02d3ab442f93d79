"""Indexing: what is learned from an app, and what is refused with the name of the culprit."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from durable.devhost.index import (
    HttpTrigger,
    IndexedFunction,
    IndexingError,
    QueueOutput,
    QueueTrigger,
    TimerTrigger,
    describe,
)
from durable.devhost.worker import Worker
from durable.devhost.worker_command import worker_command

MIXED = """
@app.route(route="a/{b}", methods=["GET", "POST"])
def page(req: func.HttpRequest, context: func.Context) -> func.HttpResponse: ...

@app.queue_trigger(arg_name="msg", queue_name="%Q%-x", connection="C")
@app.queue_output(arg_name="out", queue_name="%Q%-y", connection="D")
@app.queue_output(arg_name="$return", queue_name="z", connection="D")
async def consume(msg: "func.QueueMessage", out: func.Out[str]) -> str: ...

@app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *", run_on_startup=True)
def tick(timer: func.TimerRequest) -> None: ...
"""


async def indexed(app_dir: Path, *, only: list[str] | None = None) -> list[IndexedFunction]:
    """Index an app as a host does, in a worker of its own."""
    worker = Worker(worker_command("direct", app_dir, os.environ.copy()))
    try:
        return describe(await worker.start(), only=only)
    finally:
        await worker.stop(5.0)


async def test_functions_are_described_from_their_bindings(write_app: Callable[..., Path]) -> None:
    """Trigger, parameter, outputs and return binding are those of the app."""
    page, consume, tick = await indexed(write_app(MIXED))
    assert page.trigger == HttpTrigger(
        route="a/{b}", methods=frozenset({"GET", "POST"}), auth_level="function"
    )
    assert (page.parameter, page.returns_http, page.outputs) == ("req", True, ())
    assert consume.trigger == QueueTrigger(queue_name="%Q%-x", connection="C", is_binary=False)
    assert (consume.parameter, consume.returns_http) == ("msg", False)
    assert set(consume.outputs) == {
        QueueOutput(name="out", queue_name="%Q%-y", connection="D"),
        QueueOutput(name="$return", queue_name="z", connection="D"),
    }
    assert tick.trigger == TimerTrigger(
        schedule="0 */5 * * * *", run_on_startup=True, use_monitor=True
    )


async def test_only_the_named_functions_are_indexed(write_app: Callable[..., Path]) -> None:
    """`--functions` acts as one scale group of the Flex plan."""
    assert [f.name for f in await indexed(write_app(MIXED), only=["tick"])] == ["tick"]


async def test_naming_a_function_that_is_not_there_is_refused(
    write_app: Callable[..., Path],
) -> None:
    """A typing error must not start a host that does nothing."""
    with pytest.raises(IndexingError, match=r"tock.*page, consume, tick"):
        await indexed(write_app(MIXED), only=["tick", "tock"])


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (
            '@app.blob_trigger(arg_name="b", path="c/x", connection="C")\ndef f(b): ...',
            "blobTrigger",
        ),
        (
            (
                '@app.route(route="a")\n'
                '@app.queue_output(arg_name="out", queue_name="q", connection="C")\n'
                "def f(req, out: str) -> str: ..."
            ),
            r"'out' is annotated.*Out\[",
        ),
        (
            (
                '@app.route(route="a")\n'
                '@app.blob_output(arg_name="out", path="c/x", connection="C")\n'
                "def f(req, out: func.Out[str]) -> str: ..."
            ),
            "'blob'.*'out'",
        ),
        ('@app.route(route="a")\ndef f(request): ...', "request.*req"),
        ('@app.route(route="a")\ndef f(req, extra): ...', "extra"),
        ('@app.route(route="a")\ndef f(req: int): ...', "annotated"),
        ('@app.route(route="a")\ndef f(req: "Nowhere"): ...', "Nowhere"),
        ("other = func.FunctionApp()", "more than one"),
        ("del app", "no top level"),
        ("raise ValueError('at import')", "at import"),
        (
            '@app.route(route="a")\ndef f(req): ...\n@app.route(route="b")\ndef f(req): ...',
            "unique",
        ),
    ],
)
async def test_what_this_host_cannot_run_is_refused_by_name(
    write_app: Callable[..., Path], source: str, complaint: str
) -> None:
    """Nothing is silently ignored."""
    with pytest.raises(IndexingError, match=complaint):
        await indexed(write_app(source))


async def test_a_folder_without_function_app_is_refused(tmp_path: Path) -> None:
    """The error names the file that is missing."""
    with pytest.raises(IndexingError, match=r"function_app\.py"):
        await indexed(tmp_path)
