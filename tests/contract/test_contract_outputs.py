"""Contract of the queue output binding."""

import base64
import json

import pytest

from tests.contract.grounds import BELLS, Grounds, wait_for

COLLECTOR = "functions host: queue output, QueueAsyncCollector of Storage.Queues"
CONVERSION = (
    "functions host: queue output, FunctionBinding.ReadAsEnumerable of azure-functions-host"
)


def put(grounds: Grounds, form: str, text: str) -> int:
    """Have the app write an output; gives the status of its answer."""
    return grounds.call(f"/api/put/{form}", method="POST", body=text.encode()).status


def made(grounds: Grounds, case: str) -> list[str]:
    """Take the decoded messages of a case out of the queue for outputs."""

    def is_of_case(content: str) -> bool:
        return case in base64.b64decode(content).decode()

    return [base64.b64decode(text).decode() for text in grounds.take("made", is_of_case)]


@pytest.mark.point(f"{COLLECTOR}: the message is encoded, a missing queue is created")
def test_a_str_becomes_one_encoded_message(grounds: Grounds) -> None:
    """Base64 of its UTF-8; nobody had created the queue before."""
    case = grounds.case()
    assert put(grounds, "str", f"{case} wörld") == 200
    assert made(grounds, case) == [f"{case} wörld"]


@pytest.mark.point("functions host: queue output, Python list is several messages")
def test_a_list_becomes_several_messages(grounds: Grounds) -> None:
    """One for each element."""
    case = grounds.case()
    assert put(grounds, "list", case) == 200
    found = made(grounds, case)
    while len(found) < 2:
        found += made(grounds, case)
    assert found == [case, case]


@pytest.mark.point(f"{CONVERSION}: text that is a JSON array is several messages")
def test_a_str_that_is_a_json_array_becomes_several_messages(grounds: Grounds) -> None:
    """azure-functions-python-worker issue 1492."""
    case = grounds.case()
    assert put(grounds, "str", json.dumps([case, f"{case} too"])) == 200
    found = made(grounds, case)
    while len(found) < 2:
        found += made(grounds, case)
    assert sorted(found) == [case, f"{case} too"]


@pytest.mark.point(f"{CONVERSION}: a QueueMessage goes out as a JSON object")
def test_a_queue_message_arrives_as_json_with_id_and_body(grounds: Grounds) -> None:
    """The Python library sends both, and the host writes what it gets."""
    case = grounds.case()
    assert put(grounds, "message", case) == 200
    (text,) = made(grounds, case)
    assert json.loads(text) == {"id": None, "body": case}


@pytest.mark.point("functions host: queue output, sent only after the function has succeeded")
def test_nothing_is_sent_when_the_function_fails(grounds: Grounds) -> None:
    """A later message arrives, the one of the failed invocation does not."""
    case = grounds.case()
    assert put(grounds, "fail", f"{case} lost") == 500
    assert put(grounds, "str", f"{case} sent") == 200
    assert made(grounds, case) == [f"{case} sent"]


@pytest.mark.point("functions host: queue output, $return of a queue function")
def test_a_queue_function_may_return_its_output(grounds: Grounds) -> None:
    """From queue to queue."""
    case = grounds.case()
    grounds.queue("relay").send_message(case)
    assert made(grounds, case) == [case]


@pytest.mark.point("functions host: queue trigger, SharedQueueWatcher.Notify")
def test_an_output_wakes_the_listener_of_its_own_instance(grounds: Grounds) -> None:
    """Four idle listeners, polling every 3 s, all begin within a second: by chance one in 81."""
    if not grounds.is_here:
        pytest.skip("several instances: the one that writes need not be the one that listens")
    up = "/admin/host/status"
    # By then a listener that found nothing waits for its longest time.
    wait_for(lambda: grounds.call(up).json["processUptime"] > 8_000)
    for number in range(BELLS):
        case = grounds.case()
        answer = grounds.call(f"/api/ring/{number}?case={case}", method="POST", body=b"")
        assert answer.status == 200
        (rung,) = grounds.reports(case)
        assert rung["started"] - float(answer.body) < 1.0
