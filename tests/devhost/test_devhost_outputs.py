"""Queue output bindings: what a function writes, and whom it wakes."""

import base64
import contextlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.storage.queue import QueueClient

from durable.devhost.datum import Datum
from durable.devhost.host import DevHost
from durable.devhost.index import IndexingError
from durable.devhost.output_messages import message_bodies

Hosted = Callable[..., contextlib.AbstractAsyncContextManager[DevHost]]
Queues = Callable[..., QueueClient]
Seen = Callable[[], list[Any]]

OUTPUT = '@app.queue_output(arg_name="{}", queue_name="%TEST_QUEUE%{}", connection="")\n'
TRIGGER = '@app.queue_trigger(arg_name="msg", queue_name="%TEST_QUEUE%{}", connection="")\n'


@pytest.mark.parametrize(
    ("written", "bodies"),
    [
        (Datum("text", "string"), [b"text"]),
        (Datum("", "string"), [b""]),
        (Datum("[not json", "string"), [b"[not json"]),
        (Datum(b"\xff[1]", "bytes"), [b"\xff[1]"]),
        (Datum('["a", 1, 2.0, true, null, {"b": []}]', "string"),
         [b"a", b"1", b"2", b"True", b"", b'{\n  "b": []\n}']),
        (Datum('{"a":"\u00e4"}', "string"), ['{\n  "a": "\u00e4"\n}'.encode()]),
        (Datum('["one", "two"]', "json"), [b"one", b"two"]),
        (Datum('{"id": null, "body": "x"}', "json"), [b'{\n  "id": null,\n  "body": "x"\n}']),
        (Datum(None, "json"), []),
        (Datum(7, "int"), [b"7"]),
    ],
)  # fmt: skip
def test_an_output_becomes_the_messages_that_the_real_host_makes_of_it(
    written: Datum, bodies: list[bytes]
) -> None:
    """Text that looks like JSON is read as JSON: arrays are taken apart, objects written anew."""
    assert message_bodies(written) == bodies


def test_text_that_only_looks_like_json_cannot_be_sent() -> None:
    """The real host fails the invocation."""
    with pytest.raises(ValueError, match="looks like JSON"):
        message_bodies(Datum("{mustache}", "string"))


async def test_every_form_of_output_arrives_encoded_after_success(
    write_app: Callable[..., Path], host_of: Hosted, queue_of: Queues
) -> None:
    """A str, bytes, a list and a QueueMessage; the queue is created when there is none."""
    app = write_app(
        '@app.route(route="put/{form}")\n' + OUTPUT.format("out", "") + "def put("
        "req: func.HttpRequest, out: func.Out[func.QueueMessage]) -> str:\n"
        "    forms = {'str': 'hällo', 'bytes': b'raw', 'list': ['one', 'two'],\n"
        "             'message': func.QueueMessage(body='wrapped')}\n"
        "    out.set(forms[req.route_params['form']])\n"
        "    return 'done'\n"
    )
    async with host_of(app) as host, aiohttp.ClientSession() as session:
        for form in ("str", "bytes", "list", "message"):
            async with session.get(f"{host.url}/api/put/{form}") as answer:
                assert (answer.status, await answer.text()) == (200, "done")
    messages = queue_of(raw=True).receive_messages(messages_per_page=32)
    bodies = [base64.b64decode(message.content).decode() for message in messages]
    assert bodies[:4] == ["hällo", "raw", "one", "two"]
    assert json.loads(bodies[4]) == {"id": None, "body": "wrapped"}
    assert len(bodies) == 5


async def test_nothing_is_sent_when_the_function_fails(
    write_app: Callable[..., Path], host_of: Hosted, queue_of: Queues
) -> None:
    """What it had written before it raised is dropped."""
    queue_of().create_queue()
    app = write_app(
        '@app.route(route="put")\n' + OUTPUT.format("out", "") + "async def put("
        "req: func.HttpRequest, out: func.Out[str]) -> str:\n"
        "    out.set('half')\n    raise ValueError\n"
    )
    async with (
        host_of(app) as host,
        aiohttp.ClientSession() as session,
        session.get(f"{host.url}/api/put") as answer,
    ):
        assert answer.status == 500
    assert queue_of().get_queue_properties().approximate_message_count == 0


async def test_an_output_that_cannot_be_sent_fails_the_invocation(
    write_app: Callable[..., Path], host_of: Hosted, queue_of: Queues
) -> None:
    """65,536 bytes of text are the most that a queue takes."""
    queue_of().create_queue()
    app = write_app(
        '@app.route(route="put")\n' + OUTPUT.format("out", "") + "async def put("
        "req: func.HttpRequest, out: func.Out[str]) -> str:\n"
        "    out.set('x' * 65_000)\n    return 'never seen'\n"
    )
    async with (
        host_of(app) as host,
        aiohttp.ClientSession() as session,
        session.get(f"{host.url}/api/put") as answer,
    ):
        assert (answer.status, await answer.read()) == (500, b"")


async def test_a_queue_function_may_return_its_output(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
) -> None:
    """$return bound to a queue takes the return value, from one function to the next."""
    first, second = queue_of("-a"), queue_of("-b")
    first.create_queue()
    second.create_queue()
    first.send_message("go")
    app = write_app(
        TRIGGER.format("-a") + OUTPUT.format("$return", "-b") + "async def a("
        "msg: func.QueueMessage) -> str:\n    return msg.get_body().decode() + ' on'\n"
        + TRIGGER.format("-b")
        + "def b(msg: func.QueueMessage) -> None:\n    seen.append(msg.get_body())\n"
    )
    async with host_of(app):
        await eventually(lambda: seen() == [b"go on"])


class Patient(random.Random):
    """Chance that makes a listener wait for the longest time after its second empty poll."""

    def uniform(self, a: float, b: float) -> float:
        """Return what no factor of a back-off should ever be."""
        return 1e6


async def test_an_output_wakes_its_own_hosts_listener_and_a_send_does_not(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
) -> None:
    """With polls a minute apart: a client's message lies there until an output comes after it."""
    far, near = queue_of("-far"), queue_of("-near")
    far.create_queue()
    near.create_queue()
    app = write_app(
        "".join(
            f'@app.route(route="{name}")\n' + OUTPUT.format("out", f"-{name}")
            + f"def put_{name}(req: func.HttpRequest, out: func.Out[str]) -> str:\n"
            "    out.set('output')\n    return ''\n"
            + TRIGGER.format(f"-{name}")
            + f"def on_{name}(msg: func.QueueMessage) -> None:\n"
            f"    seen.append('{name} ' + msg.get_body().decode())\n"
            for name in ("far", "near")
        ),
        queues={"maxPollingInterval": "00:01:00"},
    )  # fmt: skip
    async with host_of(app, chance=Patient()) as host, aiohttp.ClientSession() as session:
        listeners: list[Any] = host._listeners
        await eventually(lambda: all(each._backoff._at_maximum for each in listeners))
        far.send_message("sent")
        for count in range(1, 4):
            async with session.get(f"{host.url}/api/near"):
                pass
            await eventually(lambda count=count: seen() == ["near output"] * count)
            await eventually(lambda: all(each._backoff._at_maximum for each in listeners))
        assert [message.dequeue_count for message in far.peek_messages()] == [0]
        async with session.get(f"{host.url}/api/far"):
            pass
        await eventually(lambda: sorted(seen())[:2] == ["far output", "far sent"])


async def test_a_message_that_moves_to_poison_wakes_the_listener_of_the_poison_queue(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
) -> None:
    """A function on the poison queue of the same host runs at once."""
    queue, poison = queue_of(), queue_of("-poison")
    queue.create_queue()
    poison.create_queue()
    app = write_app(
        TRIGGER.format("") + "def bad(msg: func.QueueMessage) -> None:\n    raise ValueError\n"
        + TRIGGER.format("-poison")
        + "def mourn(msg: func.QueueMessage) -> None:\n    seen.append(msg.get_body())\n"
        '@app.route(route="put")\n' + OUTPUT.format("out", "") + "async def put("
        "req: func.HttpRequest, out: func.Out[str]) -> str:\n    out.set('bad')\n    return ''\n",
        queues={"maxPollingInterval": "00:01:00", "maxDequeueCount": 1},
    )  # fmt: skip
    async with host_of(app, chance=Patient()) as host, aiohttp.ClientSession() as session:
        listeners: list[Any] = host._listeners
        await eventually(lambda: all(each._backoff._at_maximum for each in listeners))
        async with session.get(f"{host.url}/api/put"):
            pass
        await eventually(lambda: seen() == [b"bad"])


@pytest.mark.parametrize(
    ("name", "reason"),
    [("Q--x", "not a queue name"), ("q-{rand-guid}", "no binding expressions")],
)
async def test_an_output_queue_that_cannot_be_stops_the_start(
    write_app: Callable[..., Path], host_of: Hosted, queue_of: Queues, name: str, reason: str
) -> None:
    """The error names the function."""
    app = write_app(
        f'@app.route(route="x")\n@app.queue_output(arg_name="out", queue_name="{name}", '
        'connection="")\ndef f(req: func.HttpRequest, out: func.Out[str]) -> str: ...\n'
    )
    with pytest.raises(IndexingError, match=f"'f': .*{reason}"):
        async with host_of(app):
            pass
