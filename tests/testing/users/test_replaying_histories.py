"""Replayer: histories of before against the code of now."""

import json
from collections.abc import AsyncIterator, Generator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from durable.management.payloads import status_payload
from durable.model.codec import encode_event, to_json
from durable.model.errors import InstanceNotFoundError, PayloadLostError
from durable.model.history import (
    EventRaised,
    ExecutionCompleted,
    ExecutionRewound,
    ExecutionStarted,
    ExecutionSuspended,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
    TaskCompleted,
    TaskScheduled,
)
from durable.model.queries import InstanceFilter, OrchestrationStatus
from durable.model.status import RuntimeStatus
from durable.replay.context import DurableOrchestrationContext
from durable.testing.replay import main
from durable.testing.replaying.replayer import UNDER_WAY, Replayer
from durable.testing.replaying.report import Outcome, ReplayError
from durable.testing.replaying.saved import (
    SavedHistory,
    from_events,
    read_history,
    save_history,
    to_lines,
)
from durable.testing.running.agenda import START
from durable.testing.running.fakes import NEVER
from durable.testing.running.runner import run_orchestrator

Context = DurableOrchestrationContext
Orchestration = Generator[Any, Any, Any]
DAY = timedelta(days=1)


def order(context: Context) -> Orchestration:
    """Reserve, wait a day, pay."""
    reserved = yield context.call_activity("reserve", context.get_input())
    yield context.create_timer(context.current_utc_datetime + DAY)
    paid = yield context.call_activity("pay", reserved)
    return {"paid": paid, "id": context.new_uuid()}


def recorded(*, pay: Any = 7, function: Any = order) -> SavedHistory:
    """Run it, and keep its history."""
    result = run_orchestrator(
        function,
        "book",
        activities={"reserve": 5, "pay": pay},
        instance_id="order-1",
    )
    return from_events(result.history)


def test_the_code_that_made_a_history_fits_it() -> None:
    """Ended or under way; the instance id is found in the history."""
    for history in (recorded(), recorded(pay=NEVER)):
        report = Replayer([order]).replay(history)
        assert report.is_ok, report
        assert report.instance_id == "order-1"
        assert report.raise_if_wrong() is report


def changed_name(context: Context) -> Orchestration:
    """Call another activity."""
    reserved = yield context.call_activity("book", context.get_input())
    return reserved


def changed_kind(context: Context) -> Orchestration:
    """Wait where there was a call."""
    yield context.create_timer(context.current_utc_datetime + DAY)


def changed_input(context: Context) -> Orchestration:
    """Pay another sum."""
    yield context.call_activity("reserve", context.get_input())
    yield context.create_timer(context.current_utc_datetime + DAY)
    paid = yield context.call_activity("pay", "another sum")
    return {"paid": paid, "id": context.new_uuid()}


def changed_end(context: Context) -> Orchestration:
    """Return something else."""
    reserved = yield context.call_activity("reserve", context.get_input())
    yield context.create_timer(context.current_utc_datetime + DAY)
    yield context.call_activity("pay", reserved)
    return "done"


def waits_on(context: Context) -> Orchestration:
    """Wait for an event at the end."""
    reserved = yield context.call_activity("reserve", context.get_input())
    yield context.create_timer(context.current_utc_datetime + DAY)
    yield context.call_activity("pay", reserved)
    yield context.wait_for_external_event("thanks")


def forgets_to_pay(context: Context) -> Orchestration:
    """Wait where it paid."""
    yield context.call_activity("reserve", context.get_input())
    yield context.create_timer(context.current_utc_datetime + DAY)
    yield context.wait_for_external_event("thanks")


def fails_at_the_end(context: Context) -> Orchestration:
    """Raise where it returned."""
    reserved = yield context.call_activity("reserve", context.get_input())
    yield context.create_timer(context.current_utc_datetime + DAY)
    yield context.call_activity("pay", reserved)
    raise ValueError("no")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (changed_name, r"a call of activity 'reserve'.*a call of activity 'book', at .*:\d+"),
        (changed_kind, r"a call of activity 'reserve'.*a timer, at .*test_replaying.*:\d+"),
        (changed_input, r"as task 2 .* with input 5.* with input \"another sum\""),
        (changed_end, r"end .* with \{.* the end .* with \"done\""),
        (waits_on, r"\(Completed\).* goes on waiting"),
        (fails_at_the_end, r"\(Completed\).* \(Failed: ValueError: no\)"),
    ],
)
def test_code_that_does_something_else_is_told_where(code: Any, told: str) -> None:
    """A name, a kind, an argument, an output, a further wait, a failure."""
    report = Replayer({"order": code}).replay(recorded())
    assert report.outcome is Outcome.MISMATCH
    with pytest.raises(ReplayError, match=f"(?s)'order' order-1.*{told}"):
        report.raise_if_wrong()


def test_another_argument_is_only_a_warning_if_wanted() -> None:
    """As in production under the settings of 1.7, where the recorded argument wins."""
    report = Replayer({"order": changed_input}, strict_arguments=False).replay(recorded())
    assert report.is_ok
    assert "another sum" in report.warnings[0]
    assert "warning" in str(report)


def test_a_function_that_is_missing_is_not_called_a_mismatch() -> None:
    """The report says which there are."""
    report = Replayer([changed_end]).replay(recorded())
    assert report.outcome is Outcome.FUNCTION_MISSING
    assert "'changed_end'" in str(report)
    assert Replayer([order]).replay(recorded(), name="order").is_ok


def test_a_saved_file_says_the_same_as_the_history(tmp_path: Path) -> None:
    """JSON lines, one event each, and the instance id."""
    history = recorded()
    path = tmp_path / "order-1.jsonl"
    save_history(path, history)
    assert read_history(path) == history
    assert len(path.read_text().splitlines()) == 1 + len(history.events)
    for source in (path, path.read_text(), history.events, to_lines(history)):
        assert Replayer([order]).replay(source).is_ok


def test_a_payload_with_what_python_takes_for_the_end_of_a_line_is_saved_too(
    tmp_path: Path,
) -> None:
    """U+2028 and its like stand in JSON as they are."""
    sold = "one\u2028two\x85three\u2029"
    run = run_orchestrator(order, sold, activities={"reserve": 5, "pay": 7})
    save_history(tmp_path / "order.jsonl", from_events(run.history))
    assert read_history(tmp_path / "order.jsonl").started.input == f'"{sold}"'


@pytest.mark.parametrize("spelling", ["table", "numbers"])
def test_events_as_columns_are_read_as_tables_and_dtfx_spell_them(spelling: str) -> None:
    """Rows of the History table, or the events of a replay request with kinds as numbers."""
    rows = [json.loads(to_json(encode_event(event, {}))) for event in recorded().events]
    if spelling == "numbers":
        kinds = {"ExecutionStarted": 0, "OrchestratorStarted": 12, "TaskScheduled": 4}
        for row in rows:
            row["EventType"] = kinds.get(row["EventType"], row["EventType"])
            row["Timestamp"] = row.pop("_Timestamp")
    assert Replayer([order]).replay(rows).is_ok
    assert not Replayer({"order": changed_name}).replay(rows).is_ok


@pytest.mark.parametrize(
    "source",
    [
        "",
        "{}",
        "[]",
        "not json",
        '{"SavedHistory": 99}\n{}',
        '{"historyEvents": null}',
        '{"SavedHistory": 1, "InstanceId": "i"}\n{"EventType": "Unheard"}',
        '{"SavedHistory": 1, "InstanceId": "i"}\n{"EventType": "TimerFired", "InputBlobName": "b"}',
    ],
)
def test_what_is_no_history_is_reported_and_never_raises(source: str) -> None:
    """One broken file must not hide the others."""
    report = Replayer([order]).replay(source)
    assert report.outcome is Outcome.UNREADABLE
    assert report.problem


def status_of(history: SavedHistory) -> dict[str, Any]:
    """Show a history as the management API does: no brackets, no ids, calls in their answers."""
    status = OrchestrationStatus(
        instance_id="order-1",
        name="order",
        runtime_status=RuntimeStatus.RUNNING,
        created_at=START,
        updated_at=START,
        input='"book"',
        output=None,
        custom_status=None,
        history=history.events,
    )
    return status_payload(status)


def test_the_history_of_a_status_query_leads_the_code_through_its_answers() -> None:
    """Ids are not in it, so each answer must find an open request of its name."""
    status = status_of(recorded())
    assert Replayer([order]).replay(status).is_ok
    assert Replayer([order]).replay(json.dumps(status)).is_ok
    report = Replayer({"order": changed_name}).replay(status)
    assert "TaskCompleted of 'reserve'" in str(report)
    report = Replayer({"order": changed_kind}).replay(status)
    assert report.outcome is Outcome.MISMATCH
    report = Replayer({"order": changed_end}).replay(status)
    assert 'and the code with "done"' in str(report)
    status = status_of(recorded(pay=NEVER))
    assert Replayer([order]).replay(status).is_ok
    report = Replayer({"order": forgets_to_pay}).replay(status)
    assert "open calls that the code does not make: pay" in str(report)


def test_a_status_whose_history_was_not_asked_for_is_unreadable() -> None:
    """The report says which parameters to add."""
    report = Replayer([order]).replay({"name": "order", "input": "book"})
    assert "showHistory=true" in str(report)


def test_a_parked_instance_fits_the_code_that_it_can_be_resumed_with() -> None:
    """So the gate tells before the deployment whether a resume will go on."""
    at = START + DAY
    parked = [
        OrchestratorStarted(timestamp=at),
        ExecutionSuspended(timestamp=at, reason="the code was changed", is_parked=True),
        EventRaised(timestamp=at, name="late", input="1"),
        OrchestratorCompleted(timestamp=at),
    ]
    events = [*recorded(pay=NEVER).events, *parked]
    assert Replayer([order]).replay(events).is_ok
    assert not Replayer({"order": changed_name}).replay(events).is_ok


def test_what_a_rewind_made_void_is_not_replayed() -> None:
    """The episode before a rewind counts as not done."""

    def failing(context: Context) -> Orchestration:
        try:
            yield context.call_activity("work")
        except Exception as error:
            yield context.call_activity("mourn")
            raise ValueError from error

    failed = run_orchestrator(failing, activities={"work": OSError("no"), "mourn": NEVER}).history
    at = START + DAY
    rewound = [
        OrchestratorStarted(timestamp=at),
        ExecutionRewound(timestamp=at, voided_episode=2),
        TaskScheduled(timestamp=at, event_id=0, name="work", run=1),
        OrchestratorCompleted(timestamp=at),
        OrchestratorStarted(timestamp=at),
        TaskCompleted(timestamp=at, task_scheduled_id=0, result="1", run=1),
        ExecutionCompleted(
            timestamp=at, orchestration_status=RuntimeStatus.COMPLETED, result="null"
        ),
        OrchestratorCompleted(timestamp=at),
    ]
    report = Replayer([failing]).replay([*failed, *rewound])
    assert report.is_ok, report


class LiveHub:
    """A hub as the replayer sees it."""

    def __init__(self, histories: dict[str, Any]) -> None:
        self.histories = histories
        self.asked_for: list[InstanceFilter] = []

    async def read_history(self, instance_id: str) -> tuple[HistoryEvent, ...]:
        history = self.histories[instance_id]
        if isinstance(history, Exception):
            raise history
        return tuple(history)

    async def list_instances(self, wanted: InstanceFilter) -> AsyncIterator[OrchestrationStatus]:
        self.asked_for.append(wanted)
        for instance_id in self.histories:
            yield OrchestrationStatus(
                instance_id=instance_id,
                name="order",
                runtime_status=RuntimeStatus.RUNNING,
                created_at=START,
                updated_at=START,
                input=None,
                output=None,
                custom_status=None,
            )


async def test_every_instance_under_way_is_replayed_and_none_hides_another() -> None:
    """One that went meanwhile is left out, one that can't be read has its report."""
    events = recorded(pay=NEVER).events
    hub = LiveHub(
        {
            "order-1": events,
            "order-2": InstanceNotFoundError("gone"),
            "order-3": PayloadLostError("a payload is gone"),
            "order-4": (),
        }
    )
    summary = await Replayer([order]).replay_all(hub)
    assert hub.asked_for == [UNDER_WAY]
    assert [report.instance_id for report in summary.reports] == ["order-1", "order-3"]
    assert [report.instance_id for report in summary.wrong] == ["order-3"]
    assert "1 of 2 histories fit" in str(summary)
    with pytest.raises(ReplayError, match="a payload is gone"):
        summary.raise_if_wrong()
    only = await Replayer({"order": changed_name}).replay_instance(hub, "order-1")
    assert only.outcome is Outcome.MISMATCH


APP = """
from durable.engine.registry import Registry

def order(context):
    reserved = yield context.call_activity("reserve", context.get_input())
    yield context.call_activity("{second}", reserved)

app = Registry()
app.add_orchestrator("order", order)
"""


def test_the_command_line_is_a_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 if all fit, 1 if one does not, 2 if it could not look."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "app_of_then.py").write_text(APP.format(second="pay"))
    (tmp_path / "app_of_now.py").write_text(APP.format(second="charge"))

    def then(context: Context) -> Orchestration:
        reserved = yield context.call_activity("reserve", context.get_input())
        yield context.call_activity("pay", reserved)

    history = recorded(function=then)
    events = tuple(
        replace(event, name="order") if isinstance(event, ExecutionStarted) else event
        for event in history.events
    )
    save_history("order.jsonl", SavedHistory(instance_id=history.instance_id, events=events))
    assert main(["--app", "app_of_then:app", "order.jsonl"], {}) == 0
    assert main(["--app", "app_of_now", "order.jsonl"], {}) == 1
    assert "a call of activity 'charge'" in capsys.readouterr().out
    for wrong in (
        ["order.jsonl"],
        ["--app", "app_of_then:app"],
        ["--app", "no_such_module:app", "order.jsonl"],
        ["--app", "app_of_then:app", "missing.jsonl"],
        ["--app", "app_of_then:app", "--all"],
        ["--app", "app_of_then:app", "--all", "--hub", "MyHub"],
    ):
        assert main(wrong, {}) == 2, wrong
    assert "AzureWebJobsStorage" in capsys.readouterr().out
