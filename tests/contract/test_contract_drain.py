"""Contract of the drain: what a host that is told to stop does with what it has received."""

import uuid

import pytest

from tests.contract.conftest import HostProcess, flags_of
from tests.contract.grounds import Grounds, wait_for


@pytest.mark.point("functions host: drain, QueueListener.StopAsync of Storage.Queues")
def test_a_drain_ends_what_was_received_and_leaves_the_rest(
    host_kind: str, request: pytest.FixtureRequest
) -> None:
    """Each message has run once to its end, or was never received; the exit code is 0."""
    if host_kind == "remote":
        pytest.skip("a drain is asked for by the platform: only the dev host can be told here")
    connection = request.getfixturevalue("azurite_connection")
    prefix = f"c{uuid.uuid4().hex[:10]}"
    with Grounds("", connection, prefix) as grounds:
        grounds.create_queues()
        case, queue = grounds.case(), grounds.queue("slow")
        for _ in range(12):
            queue.send_message(case)
        host = HostProcess(connection, prefix, *flags_of(host_kind), "--functions", "queue_slow")
        # The first batch is over then, and the next is on its way.
        wait_for(lambda: grounds.reports_now(case))
        assert host.stop() == 0, "".join(host.log)
        left = list(queue.receive_messages(messages_per_page=32))
        assert len(grounds.reports_now(case)) + len(left) == 12
        assert {message.dequeue_count for message in left} <= {1}
