"""Contract of the queue trigger: what any host of Azure Functions does with a message."""

import base64
import itertools
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pytest

from tests.contract.grounds import Grounds, wait_for

LISTENER = "functions host: queue trigger, QueueListener.cs of Storage.Queues"
PROCESSOR = "functions host: queue trigger, QueueProcessor.cs of Storage.Queues"
BINDING_DATA = "functions host: binding data, Utility.ApplyBindingData of azure-functions-host"


def encoded(text: str) -> str:
    """Write a text as a queue holds it."""
    return base64.b64encode(text.encode()).decode()


def unpoisoned(grounds: Grounds, queue: str, text: str) -> list[str]:
    """Take the copies of a text out of a poison queue."""
    return grounds.take(f"{queue}-poison", lambda content: content == text)


@pytest.mark.point(f"{LISTENER}: body and metadata of the trigger")
def test_a_message_reaches_the_function_with_body_and_metadata(grounds: Grounds) -> None:
    """Base64 is undone; id, dequeue count, times and receipt are the queue's."""
    case = grounds.case()
    sent = grounds.queue("plain").send_message(f"{case} wörld")
    (seen,) = grounds.reports(case)
    assert seen["body"] == f"{case} wörld"
    assert (seen["id"], seen["dequeue_count"]) == (sent.id, 1)
    assert sent.inserted_on == datetime.fromisoformat(seen["inserted"])
    assert sent.expires_on == datetime.fromisoformat(seen["expires"])
    assert seen["pop_receipt"]


@pytest.mark.point(f"{LISTENER}: a received message is invisible for a constant of 10 minutes")
def test_a_received_message_is_hidden_for_ten_minutes(grounds: Grounds) -> None:
    """No option changes this; the next visible time tells it."""
    case = grounds.case()
    grounds.queue("plain").send_message(case)
    (seen,) = grounds.reports(case)
    hidden = datetime.fromisoformat(seen["visible"]).timestamp() - seen["at"]
    # Clocks of the service and of the host may differ by a little.
    assert 560 < hidden < 640


@pytest.mark.point(f"{PROCESSOR}: CompleteProcessingMessageAsync deletes after success")
def test_a_message_is_deleted_after_success(grounds: Grounds) -> None:
    """One report, and the queue is empty."""
    case = grounds.case()
    grounds.queue("text").send_message(case)
    assert len(grounds.reports(case)) == 1
    wait_for(lambda: grounds.holds_nothing("text"))
    assert len(grounds.reports_now(case)) == 1


@pytest.mark.point(f"{PROCESSOR}: maxDequeueCount attempts, then a copy in <queue>-poison")
def test_a_failing_message_is_tried_maxdequeuecount_times_and_then_poisoned(
    grounds: Grounds,
) -> None:
    """host.json says three; the copy is equal, the original goes."""
    case = grounds.case()
    grounds.queue("plain").send_message(f"{case} raise")
    assert unpoisoned(grounds, "plain", encoded(f"{case} raise")) == [encoded(f"{case} raise")]
    assert [seen["dequeue_count"] for seen in grounds.reports(case, 3)] == [1, 2, 3]


@pytest.mark.point(f"{PROCESSOR}: visibilityTimeout of a failed message defaults to zero")
def test_a_failed_message_is_tried_again_at_once(grounds: Grounds) -> None:
    """Not after the ten minutes for which it was hidden; the second attempt may succeed."""
    case = grounds.case()
    grounds.queue("second-try").send_message(case)
    first, second = grounds.reports(case, 2)
    assert [first["dequeue_count"], second["dequeue_count"]] == [1, 2]
    # At most one poll later (maxPollingInterval is 3 s), with something for a slow account.
    assert second["at"] - first["at"] < 10
    wait_for(lambda: grounds.holds_nothing("second-try"))


@pytest.mark.point(
    "functions host: queue trigger, QueueServiceClientProvider MessageDecodingFailed"
)
def test_text_that_is_not_base64_is_poisoned_at_once_and_unchanged(grounds: Grounds) -> None:
    """The function never sees it."""
    case = grounds.case()
    text = f"{case} is <not> base64!"
    grounds.queue("plain", raw=True).send_message(text)
    assert unpoisoned(grounds, "plain", text) == [text]
    assert grounds.reports_now(case) == []


@pytest.mark.point(f"{BINDING_DATA}: top level properties overwrite the built-in metadata")
def test_properties_of_a_json_body_overwrite_metadata(grounds: Grounds) -> None:
    """`id` in the body becomes the id of the message; the body stays whole."""
    case = grounds.case()
    body = json.dumps({"case": case, "id": "user's own", "list": [1]})
    grounds.queue("json").send_message(body)
    (seen,) = grounds.reports(case)
    assert (seen["id"], seen["body"]) == ("user's own", body)
    assert seen["dequeue_count"] == 1


@pytest.mark.point(f"{BINDING_DATA}: every property that is no object arrives as a string")
def test_a_number_in_a_json_body_overwrites_metadata_as_text(grounds: Grounds) -> None:
    """The id becomes "5", the dequeue count what its text says; the real one still counts."""
    case = grounds.case()
    grounds.queue("json").send_message(json.dumps({"case": case, "id": 5, "dequeueCount": 99}))
    (seen,) = grounds.reports(case)
    assert (seen["id"], seen["dequeue_count"]) == ("5", 99)
    wait_for(lambda: grounds.holds_nothing("json"))


@pytest.mark.point("functions host: Python worker, metadata of a wrong type fails the invocation")
def test_metadata_that_cannot_be_read_fails_the_invocation_before_user_code(
    grounds: Grounds,
) -> None:
    """A `DequeueCount` in the body that is no number ends in poison without a call."""
    case = grounds.case()
    body = json.dumps({"case": case, "DequeueCount": "abc"})
    grounds.queue("json").send_message(body)
    assert unpoisoned(grounds, "json", encoded(body)) == [encoded(body)]
    assert grounds.reports_now(case) == []


@pytest.mark.point("functions host: Python worker, a return value needs a $return binding")
def test_a_queue_function_that_returns_a_value_without_a_binding_fails(grounds: Grounds) -> None:
    """It runs as often as maxDequeueCount says, and its message is poisoned."""
    case = grounds.case()
    grounds.queue("returns").send_message(case)
    assert unpoisoned(grounds, "returns", encoded(case)) == [encoded(case)]
    assert len(grounds.reports(case, 3)) == 3


@pytest.mark.point("functions host: Python worker, a parameter annotated str gets the bare body")
def test_a_parameter_annotated_str_gets_the_body(grounds: Grounds) -> None:
    """It is a str, without metadata."""
    case = grounds.case()
    grounds.queue("text").send_message(case)
    assert grounds.reports(case)[0]["type"] == "str"


@pytest.mark.point(f"{LISTENER}: in flight at most batchSize + newBatchThreshold")
def test_no_more_than_batch_size_and_new_batch_threshold_run_at_once(grounds: Grounds) -> None:
    """host.json says four and two: never more than six in one process, and more than one."""
    case = grounds.case()
    queue = grounds.queue("slow")
    for _ in range(16):
        queue.send_message(case)
    runs = grounds.reports(case, 16)
    assert len(runs) == 16
    per_process = [
        most_at_once(run for run in runs if run["process"] == process)
        for process in {run["process"] for run in runs}
    ]
    assert 1 < max(per_process) <= 6


def most_at_once(runs: Iterable[dict[str, Any]]) -> int:
    """Count how many of these overlapped at most."""
    changes = sorted(
        itertools.chain.from_iterable(((run["began"], 1), (run["ended"], -1)) for run in runs)
    )
    return max(itertools.accumulate(change for _, change in changes))


@pytest.mark.point(
    f"{PROCESSOR}: a receipt that is stale on delete is swallowed (function deleted)"
)
def test_a_function_may_delete_its_own_message(grounds: Grounds) -> None:
    """The host's own delete then finds nothing, and that is no failure."""
    case = grounds.case()
    grounds.queue("own").send_message(f"{case} delete")
    assert len(grounds.reports(case)) == 1
    wait_for(lambda: grounds.holds_nothing("own"))
    assert len(grounds.reports_now(case)) == 1


@pytest.mark.point(
    f"{PROCESSOR}: a receipt that is stale on delete is swallowed (function updated)"
)
def test_a_function_may_give_its_own_message_back_by_succeeding(grounds: Grounds) -> None:
    """It changed the visible time; the host's delete has an old receipt, so the message returns."""
    case = grounds.case()
    grounds.queue("own").send_message(f"{case} hide")
    assert [seen["dequeue_count"] for seen in grounds.reports(case, 2)] == [1, 2]
    wait_for(lambda: grounds.holds_nothing("own"))


@pytest.mark.point(f"{LISTENER}: a missing queue is waited for, and never created")
def test_the_host_does_not_create_a_trigger_queue_and_waits_for_it(grounds: Grounds) -> None:
    """It takes messages once somebody has created the queue."""
    case = grounds.case()
    queue = grounds.queue("absent")
    names = {each.name for each in grounds.queue_list()}
    if grounds.is_here:
        assert queue.queue_name not in names
    if queue.queue_name not in names:
        queue.create_queue()
    queue.send_message(case)
    assert grounds.reports(case)[0]["dequeue_count"] == 1
    queue.delete_queue()
