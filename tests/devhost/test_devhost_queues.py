"""Queue triggers on a real Azurite: the real host's algorithm, seen from outside."""

import base64
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueClient

from durable.devhost.host import DevHost
from durable.devhost.index import IndexingError
from durable.devhost.queue_delivery import poison_queue_name
from durable.devhost.settings import SettingError

Hosted = Callable[..., contextlib.AbstractAsyncContextManager[DevHost]]
Queues = Callable[..., QueueClient]
Seen = Callable[[], list[Any]]

DECORATED = (
    '@app.queue_trigger(arg_name="msg", queue_name="%TEST_QUEUE%", '
    'connection="AzureWebJobsStorage")\n'
)


def is_empty(queue: QueueClient) -> bool:
    """Nothing is in the queue, neither visible nor hidden."""
    return queue.get_queue_properties().approximate_message_count == 0


async def test_a_message_reaches_the_function_with_its_metadata_and_is_deleted(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
) -> None:
    """Body, id, dequeue count, times and pop receipt are those of the queue."""
    queue = queue_of()
    queue.create_queue()
    sent = queue.send_message("hällo")
    app = write_app(f"{DECORATED}async def f(msg: func.QueueMessage):\n    seen.append(msg)\n")
    async with host_of(app):
        await eventually(lambda: is_empty(queue))
    (message,) = seen()
    assert message.get_body() == "hällo".encode()
    assert (message.id, message.dequeue_count) == (sent.id, 1)
    assert message.insertion_time == sent.inserted_on
    assert message.expiration_time == sent.expires_on
    hidden_s = (message.time_next_visible - message.insertion_time).total_seconds()
    assert 590 < hidden_s < 620
    assert message.pop_receipt


async def test_a_failing_message_is_tried_again_at_once_and_then_poisoned(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
) -> None:
    """maxDequeueCount attempts, then an equal copy in a poison queue that did not exist before."""
    queue, poison = queue_of(), queue_of("-poison", raw=True)
    queue.create_queue()
    queue.send_message("bad")
    app = write_app(
        f"{DECORATED}def f(msg: func.QueueMessage):\n"
        "    seen.append(msg.dequeue_count)\n    raise ValueError('always')\n",
        queues={"maxDequeueCount": 3},
    )
    async with host_of(app):
        await eventually(lambda: is_empty(queue))
    assert seen() == [1, 2, 3]
    assert [m.content for m in poison.receive_messages()] == [base64.b64encode(b"bad").decode()]


async def test_a_message_that_was_received_too_often_already_is_poisoned_without_a_call(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
) -> None:
    """Hosts that died while they ran it count too: a message that kills its host ends somewhere."""
    queue, poison = queue_of(), queue_of("-poison", raw=True)
    queue.create_queue()
    queue.send_message("killer")
    for _ in range(2):
        received = queue.receive_message()
        assert received is not None
        queue.update_message(received.id, received.pop_receipt, visibility_timeout=0)
    app = write_app(
        f"{DECORATED}def f(msg: func.QueueMessage):\n    seen.append(1)\n",
        queues={"maxDequeueCount": 2},
    )
    async with host_of(app):
        await eventually(lambda: is_empty(queue))
    assert seen() == []
    assert not is_empty(poison)


async def test_visibility_timeout_delays_the_next_attempt(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
) -> None:
    """host.json's visibilityTimeout holds a failed message back."""
    queue = queue_of()
    queue.create_queue()
    queue.send_message("bad")
    app = write_app(
        f"{DECORATED}def f(msg: func.QueueMessage):\n"
        "    seen.append(time.monotonic())\n    assert msg.dequeue_count > 1\n",
        queues={"visibilityTimeout": "00:00:02"},
    )
    async with host_of(app):
        await eventually(lambda: is_empty(queue))
    first, second = seen()
    # The service counts whole seconds, so up to one of the two may be missing.
    assert second - first > 0.9


async def test_text_that_is_not_base64_is_poisoned_at_once_as_it_is(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
) -> None:
    """The function is not called, the text is not changed."""
    queue, poison = queue_of(raw=True), queue_of("-poison", raw=True)
    queue.create_queue()
    queue.send_message("not <base64>!")
    app = write_app(f"{DECORATED}def f(msg: func.QueueMessage):\n    seen.append(1)\n")
    async with host_of(app):
        await eventually(lambda: is_empty(queue))
    assert seen() == []
    assert [m.content for m in poison.receive_messages()] == ["not <base64>!"]


async def test_message_encoding_none_takes_the_text_as_it_is(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
) -> None:
    """No base64 is undone, markup characters survive."""
    queue = queue_of(raw=True)
    queue.create_queue()
    queue.send_message("<a & b>")
    app = write_app(
        f"{DECORATED}def f(msg: func.QueueMessage):\n    seen.append(msg.get_body())\n",
        queues={"messageEncoding": "none"},
    )
    async with host_of(app):
        await eventually(lambda: is_empty(queue))
    assert seen() == [b"<a & b>"]


async def test_a_queue_function_that_returns_a_value_fails(
    write_app: Callable[..., Path], host_of: Hosted, queue_of: Queues, eventually: Any
) -> None:
    """As in the real worker, a non-None result without a $return binding is a failure."""
    queue, poison = queue_of(), queue_of("-poison", raw=True)
    queue.create_queue()
    queue.send_message("x")
    app = write_app(f"{DECORATED}def f(msg: func.QueueMessage):\n    return 1\n")
    async with host_of(app):
        await eventually(lambda: is_empty(queue))
    assert not is_empty(poison)


async def test_a_body_that_is_a_json_object_overwrites_metadata_as_in_the_real_host(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
) -> None:
    """{"id": ...} becomes msg.id, and a DequeueCount that is no number fails the invocation."""
    queue, poison = queue_of(), queue_of("-poison", raw=True)
    queue.create_queue()
    queue.send_message('{"id": "user", "list": [1], "deep": {"a": 1}}')
    queue.send_message('{"DequeueCount": "abc"}')
    app = write_app(f"{DECORATED}def f(msg: func.QueueMessage):\n    seen.append(msg.id)\n")
    async with host_of(app):
        await eventually(lambda: is_empty(queue))
    assert seen() == ["user"]
    assert poison.get_queue_properties().approximate_message_count == 1


async def test_a_function_may_delete_or_keep_its_own_message(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The host's own delete with a stale receipt, or of a gone message, is swallowed."""
    queue = queue_of()
    queue.create_queue()
    queue.send_message("delete")
    queue.send_message("update")
    app = write_app(
        "from azure.storage.queue import QueueClient\n"
        ""
        "queue = QueueClient.from_connection_string(\n"
        "    os.environ['AzureWebJobsStorage'], os.environ['TEST_QUEUE'])\n"
        f"{DECORATED}def f(msg: func.QueueMessage):\n"
        "    text = msg.get_body().decode()\n"
        "    seen.append((text, msg.dequeue_count))\n"
        "    if text == 'delete':\n"
        "        queue.delete_message(msg.id, pop_receipt=msg.pop_receipt)\n"
        "    elif msg.dequeue_count == 1:\n"
        "        queue.update_message(msg.id, pop_receipt=msg.pop_receipt, visibility_timeout=0)\n"
    )
    async with host_of(app):
        await eventually(lambda: is_empty(queue))
    assert sorted(seen()) == [("delete", 1), ("update", 1), ("update", 2)]
    assert "Could not settle" not in caplog.text


@pytest.mark.parametrize(("batch_size", "threshold"), [(1, 0), (4, 2)])
async def test_in_flight_reaches_batch_size_plus_threshold_and_never_more(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
    batch_size: int,
    threshold: int,
) -> None:
    """The next batch is asked for when `threshold` are left; 1 and 0 is one at a time."""
    queue = queue_of()
    queue.create_queue()
    for number in range(16):
        queue.send_message(str(number))
    app = write_app(
        "holding = set()\n"
        f"{DECORATED}async def f(msg: func.QueueMessage):\n"
        "    name = msg.get_body().decode()\n"
        "    holding.add(name)\n"
        "    seen.append(len(holding))\n"
        "    (HERE / f'waiting-{name}').touch()\n"
        "    while not ((HERE / 'open').exists() or (HERE / f'go-{name}').exists()):\n"
        "        await asyncio.sleep(0.02)\n"
        "    holding.remove(name)\n"
        "    (HERE / f'waiting-{name}').rename(HERE / f'ended-{name}')\n",
        queues={"batchSize": batch_size, "newBatchThreshold": threshold},
    )

    def marked(state: str) -> list[str]:
        return [path.name.removeprefix(f"{state}-") for path in app.glob(f"{state}-*")]

    async with host_of(app):
        await eventually(lambda: len(marked("waiting")) == batch_size)
        *others, last = marked("waiting")[: batch_size - threshold]
        for name in others:
            (app / f"go-{name}").touch()
        await eventually(lambda: len(marked("ended")) == len(others))
        quiet_since = time.monotonic()

        def stays_above_the_threshold() -> bool:
            assert len(marked("waiting")) == threshold + 1
            return time.monotonic() - quiet_since > 0.5

        await eventually(stays_above_the_threshold)
        (app / f"go-{last}").touch()
        await eventually(lambda: len(marked("waiting")) == batch_size + threshold)
        (app / "open").touch()
        await eventually(lambda: is_empty(queue))
    assert (len(marked("ended")), max(seen())) == (16, batch_size + threshold)


async def test_a_blocking_def_does_not_stop_the_others(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
) -> None:
    """One `def` that waits for another message's function would deadlock a single thread."""
    queue = queue_of()
    queue.create_queue()
    queue.send_message("waits")
    queue.send_message("releases")
    app = write_app(
        "import threading\nreleased = threading.Event()\n"
        f"{DECORATED}def f(msg: func.QueueMessage):\n"
        "    if msg.get_body() == b'waits':\n"
        "        seen.append(released.wait(20))\n"
        "    else:\n"
        "        released.set()\n"
    )
    async with host_of(app):
        await eventually(lambda: is_empty(queue))
    assert seen() == [True]


async def test_a_missing_queue_is_waited_for(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    eventually: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The host neither creates a trigger queue nor falls over it, and says so once."""
    caplog.set_level("INFO")
    queue = queue_of()
    app = write_app(f"{DECORATED}def f(msg: func.QueueMessage): ...\n")
    async with host_of(app):
        await eventually(lambda: "does not exist" in caplog.text)
        queue.create_queue()
        queue.send_message("late")
        await eventually(lambda: is_empty(queue))
    assert caplog.text.count("does not exist") == 1


async def test_a_running_functions_message_is_hidden_again_at_half_time(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
) -> None:
    """A function that outlives its message's visibility three times is not run a second time."""
    queue = queue_of()
    queue.create_queue()
    queue.send_message("long")
    app = write_app(
        f"{DECORATED}async def f(msg: func.QueueMessage):\n"
        "    seen.append(msg.dequeue_count)\n"
        "    while not (HERE / 'go').exists():\n"
        "        await asyncio.sleep(0.02)\n"
    )
    async with host_of(app, visibility_s=2):
        await eventually(seen)
        started = time.monotonic()

        def outlived_three_times() -> bool:
            assert seen() == [1]
            assert not queue.peek_messages()
            return time.monotonic() - started > 6

        await eventually(outlived_three_times)
        (app / "go").touch()
        await eventually(lambda: is_empty(queue))
    assert seen() == [1]


async def test_a_poison_queue_can_have_a_function_of_its_own(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
) -> None:
    """The dequeue count of the copy starts at 1, and the limit is not applied there."""
    queue, poison = queue_of(), queue_of("-poison", raw=True)
    queue.create_queue()
    queue.send_message("bad")
    app = write_app(
        f"{DECORATED}def f(msg: func.QueueMessage):\n    raise ValueError\n"
        '@app.queue_trigger(arg_name="msg", queue_name="%TEST_QUEUE%-poison", connection="")\n'
        "def g(msg: func.QueueMessage):\n"
        "    seen.append((msg.get_body(), msg.dequeue_count))\n",
        # An hour: the last failure must poison at once, not give back first.
        queues={"maxDequeueCount": 1, "visibilityTimeout": "01:00:00"},
    )
    async with host_of(app):
        await eventually(seen)
        await eventually(lambda: is_empty(poison))
    assert seen() == [(b"bad", 1)]


@pytest.mark.parametrize("annotation", ["str", "bytes"])
async def test_a_parameter_annotated_str_or_bytes_gets_the_bare_body(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
    annotation: str,
) -> None:
    """The real worker gives a str for both."""
    queue = queue_of()
    queue.create_queue()
    queue.send_message("plain")
    app = write_app(f"{DECORATED}def f(msg: {annotation}):\n    seen.append(msg)\n")
    async with host_of(app):
        await eventually(lambda: is_empty(queue))
    assert seen() == ["plain"]


async def test_two_hosts_share_a_queue_and_run_each_message_once(
    write_app: Callable[..., Path],
    host_of: Hosted,
    queue_of: Queues,
    seen: Seen,
    eventually: Any,
) -> None:
    """Competing consumers: no lease, no ownership, no message twice."""
    queue = queue_of()
    queue.create_queue()
    for number in range(30):
        queue.send_message(str(number))
    app = write_app(
        f"{DECORATED}async def f(msg: func.QueueMessage):\n    seen.append(int(msg.get_body()))\n"
    )
    async with host_of(app), host_of(app):
        await eventually(lambda: is_empty(queue))
    assert sorted(seen()) == list(range(30))


async def test_a_queue_name_that_azure_would_refuse_stops_the_start(
    write_app: Callable[..., Path], host_of: Hosted, queue_of: Queues
) -> None:
    """The error names function and queue."""
    queue_of()
    app = write_app(
        '@app.queue_trigger(arg_name="m", queue_name="a_b", connection="")\ndef f(m): ...\n'
    )
    with pytest.raises(IndexingError, match=r"'f'.*'a_b'"):
        async with host_of(app):
            pass


async def test_a_missing_setting_in_a_queue_name_stops_the_start(
    write_app: Callable[..., Path], host_of: Hosted
) -> None:
    """The error names function and setting."""
    app = write_app(
        '@app.queue_trigger(arg_name="m", queue_name="%NOPE%", connection="")\ndef f(m): ...\n'
    )
    with pytest.raises(SettingError, match=r"'f'.*'NOPE'"):
        async with host_of(app):
            pass


@pytest.mark.parametrize(
    ("name", "poison"), [("a", "a-poison"), ("a-poison", None), ("a" * 57, None)]
)
def test_a_queue_has_a_poison_queue_unless_it_is_one_or_its_name_is_too_long(
    name: str, poison: str | None
) -> None:
    """63 characters is Azure's limit for a queue name."""
    assert poison_queue_name(name) == poison
