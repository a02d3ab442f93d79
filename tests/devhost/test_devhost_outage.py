"""Storage that is away costs time and nothing else."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from durable.devhost.azurite import connection_string, start_azurite
from durable.devhost.host import DevHost
from durable.devhost.http_server import listening_socket

Hosted = Callable[..., contextlib.AbstractAsyncContextManager[DevHost]]

APP = """
@app.queue_trigger(arg_name="msg", queue_name="away", connection="AzureWebJobsStorage")
async def f(msg: func.QueueMessage):
    seen.append(msg.get_body())

@app.route(route="alive")
async def alive(req: func.HttpRequest) -> str:
    return "yes"
"""


async def test_a_paused_storage_stops_queues_only_while_it_is_paused(
    write_app: Callable[..., Path],
    host_of: Hosted,
    eventually: Any,
    seen: Callable[[], list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """HTTP goes on meanwhile, and messages are taken again afterwards."""
    app = write_app(APP)
    with start_azurite() as azurite:
        monkeypatch.setenv("AzureWebJobsStorage", azurite.connection_string)
        queue = QueueClient.from_connection_string(
            azurite.connection_string, "away", message_encode_policy=TextBase64EncodePolicy()
        )
        with queue:
            queue.create_queue()
            async with host_of(app) as host, aiohttp.ClientSession() as session:
                queue.send_message("before")
                await eventually(lambda: seen() == [b"before"])
                azurite.pause()
                async with session.get(f"{host.url}/api/alive") as answer:
                    assert await answer.text() == "yes"
                azurite.resume()
                queue.send_message("after")
                await eventually(lambda: seen() == [b"before", b"after"])


async def test_a_storage_that_refuses_connections_does_not_end_the_host(
    write_app: Callable[..., Path],
    host_of: Hosted,
    eventually: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The host starts without storage, says so once, serves HTTP and drains."""
    # Bound and not listening: every connection to it is refused, and nobody else can take it.
    with listening_socket(0) as unheard:
        nobody = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        away = connection_string(blob_url=nobody, queue_url=nobody, table_url=nobody)
        monkeypatch.setenv("AzureWebJobsStorage", away)
        async with host_of(write_app(APP)) as host, aiohttp.ClientSession() as session:
            await eventually(lambda: "storage does not answer" in caplog.text)
            async with session.get(f"{host.url}/api/alive") as answer:
                assert await answer.text() == "yes"
    assert caplog.text.count("storage does not answer") == 1
