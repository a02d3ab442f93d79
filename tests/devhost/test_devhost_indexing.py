"""Indexing: what is learned from an app, and what is refused with the name of the culprit."""

from collections.abc import Callable
from pathlib import Path

import pytest

from durable.devhost.index import (
    HttpTrigger,
    IndexingError,
    QueueTrigger,
    TimerTrigger,
    index_app,
)

MIXED = """
@app.route(route="a/{b}", methods=["GET", "POST"])
def page(req: func.HttpRequest, context: func.Context) -> func.HttpResponse: ...

@app.queue_trigger(arg_name="msg", queue_name="%Q%-x", connection="C")
async def consume(msg: "func.QueueMessage") -> None: ...

@app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
def tick(timer: func.TimerRequest) -> None: ...
"""


def test_functions_are_described_from_their_bindings(write_app: Callable[..., Path]) -> None:
    """Trigger, parameters, colour and return binding are those of the app."""
    page, consume, tick = index_app(write_app(MIXED))
    assert page.trigger == HttpTrigger(route="a/{b}", methods=frozenset({"GET", "POST"}))
    assert (page.parameter, page.wants_context, page.returns_http) == ("req", True, True)
    assert consume.trigger == QueueTrigger(queue_name="%Q%-x", connection="C", is_binary=False)
    assert (consume.is_async, page.is_async, consume.returns_http) == (True, False, False)
    assert tick.trigger == TimerTrigger(schedule="0 */5 * * * *")
    assert page.directory == consume.directory


def test_only_the_named_functions_are_indexed(write_app: Callable[..., Path]) -> None:
    """`--functions` acts as one scale group of the Flex plan."""
    assert [f.name for f in index_app(write_app(MIXED), only=["tick"])] == ["tick"]


def test_naming_a_function_that_is_not_there_is_refused(write_app: Callable[..., Path]) -> None:
    """A typing error must not start a host that does nothing."""
    with pytest.raises(IndexingError, match=r"tock.*page, consume, tick"):
        index_app(write_app(MIXED), only=["tick", "tock"])


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
                "def f(req, out: func.Out[str]) -> str: ..."
            ),
            "'queue'.*'out'",
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
def test_what_this_host_cannot_run_is_refused_by_name(
    write_app: Callable[..., Path], source: str, complaint: str
) -> None:
    """Nothing is silently ignored."""
    with pytest.raises(IndexingError, match=complaint):
        index_app(write_app(source))


def test_a_folder_without_function_app_is_refused(tmp_path: Path) -> None:
    """The error names the file that is missing."""
    with pytest.raises(IndexingError, match=r"function_app\.py"):
        index_app(tmp_path)
