"""Contract of the timer trigger."""

import json
import time
from typing import Any

import pytest

from tests.contract.grounds import Grounds, wait_for

SCHEDULE = "functions host: timer trigger, TimerSchedule.cs of azure-webjobs-sdk-extensions"
HOSTS = "azure-webjobs-hosts"


@pytest.mark.point("functions host: timer trigger, TimerListener.cs: never before the due time")
def test_a_timer_runs_at_the_seconds_of_its_schedule(grounds: Grounds) -> None:
    """Every two seconds: no run before an even second, and not two of one second."""
    runs = [run["at"] for run in grounds.reports("timer", 3)]
    # The report is made a little after the run began.
    assert all(at % 2 < 1.9 for at in runs)
    assert len({int(at // 2) for at in runs}) == len(runs)


@pytest.mark.point(f"{SCHEDULE}: no status is kept below a minute (ShouldDisableScheduleMonitor)")
def test_a_timer_below_a_minute_has_no_status(grounds: Grounds) -> None:
    """ScheduleStatus is null; it is not past due; the schedule says AdjustForDST."""
    run = grounds.reports("timer")[-1]
    assert (run["past_due"], run["status"] or {}) == (False, {})
    assert run["schedule"] == {"AdjustForDST": True}


@pytest.mark.point("functions host: timer trigger, StorageScheduleMonitor.cs: the status is a blob")
def test_the_status_of_a_timer_is_kept_in_a_blob(grounds: Grounds) -> None:
    """Under the host's own container, from before its first run."""

    def statuses() -> list[dict[str, Any]]:
        container = grounds.container(HOSTS)
        return [
            json.loads(container.download_blob(name).readall())
            for name in container.list_blob_names(name_starts_with="timers/")
            if name.endswith("timer_yearly/status")
        ]

    year = time.gmtime().tm_year + 1
    found = wait_for(statuses)
    assert any(status["Next"].startswith(f"{year}-01-01T00:00:00") for status in found)


@pytest.mark.point("functions host: timer trigger, SingletonListener.cs: one instance, by a lease")
def test_the_host_that_runs_a_timer_holds_a_lease_on_a_blob(grounds: Grounds) -> None:
    """`locks/<host>/<function>.Listener` is leased while the timer runs."""
    container = grounds.container(HOSTS)

    def leased() -> bool:
        return any(
            blob.lease.status == "locked"
            for blob in container.list_blobs(name_starts_with="locks/")
            if blob.name.lower().endswith("timer_often.listener")
        )

    grounds.reports("timer")
    wait_for(leased)


@pytest.mark.point("functions host: admin API, FunctionsController.Invoke of a timer function")
def test_a_timer_function_can_be_run_by_hand(grounds: Grounds) -> None:
    """It is not past due, and sees the status that is kept."""
    before = len(grounds.reports_now("yearly"))
    answer = grounds.call(
        "/admin/functions/timer_yearly", method="POST", body=b"{}", Content_Type="application/json"
    )
    assert answer.status == 202
    run = grounds.reports("yearly", before + 1)[-1]
    assert run["past_due"] is False
    assert "-01-01T00:00:00" in run["status"]["Next"]
