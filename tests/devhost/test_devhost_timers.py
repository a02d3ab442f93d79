"""Timer triggers on a real Azurite, mostly under a clock that is moved by hand."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobLeaseClient, BlobServiceClient, ContainerClient

from durable.devhost.host import DevHost
from durable.devhost.host_identity import host_id
from durable.devhost.index import IndexingError
from durable.devhost.settings import SettingError
from tests.devhost.hand_clock import HandClock

Hosted = Callable[..., contextlib.AbstractAsyncContextManager[DevHost]]
Seen = Callable[[], list[Any]]

EVERY_FIVE_MINUTES = """
@app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
async def tick(timer: func.TimerRequest) -> None:
    seen.append((timer.past_due, timer.schedule_status, timer.schedule))
"""


@pytest.fixture
def storage(azurite_connection: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ContainerClient]:
    """The host's own container, in the storage that the apps of the test use."""
    monkeypatch.setenv("AzureWebJobsStorage", azurite_connection)
    with BlobServiceClient.from_connection_string(azurite_connection) as service:
        yield service.get_container_client("azure-webjobs-hosts")


async def test_a_timer_fires_at_its_times_and_never_before(
    write_app: Callable[..., Path],
    host_of: Hosted,
    storage: ContainerClient,
    seen: Seen,
    eventually: Any,
) -> None:
    """Each time it gets the status that was last written down, and IsPastDue is false."""
    clock = HandClock("2026-01-01T00:00:01")
    async with host_of(write_app(EVERY_FIVE_MINUTES), clock=clock):
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:05:00"))
        clock.advance(298.999)
        assert seen() == []
        clock.advance(0.5)
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:10:00"))
        clock.advance(300)
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:15:00"))
    first, second = seen()
    assert first == (
        False,
        {
            "Last": "0001-01-01T00:00:00+00:00",
            "Next": "2026-01-01T00:05:00+00:00",
            "LastUpdated": "0001-01-01T00:00:00+00:00",
        },
        {"AdjustForDST": True},
    )
    assert second[1]["Last"].startswith("2026-01-01T00:05:00")
    assert second[1]["Next"] == "2026-01-01T00:10:00+00:00"


async def test_a_run_that_was_missed_while_no_host_ran_is_made_up_for_once_as_past_due(
    write_app: Callable[..., Path],
    host_of: Hosted,
    storage: ContainerClient,
    seen: Seen,
    eventually: Any,
) -> None:
    """Two missed runs are one late one; the schedule goes on from now."""
    app = write_app(EVERY_FIVE_MINUTES)
    clock = HandClock("2026-01-01T00:00:01")
    async with host_of(app, clock=clock):
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:05:00"))
    clock.advance(720)
    async with host_of(app, clock=clock):
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:15:00"))
    ((past_due, status, _),) = seen()
    assert past_due is True
    assert status["Next"] == "2026-01-01T00:05:00+00:00"
    path = f"timers/{host_id(app, os.environ)}/Host.Functions.tick/status"
    assert b"2026-01-01T00:15:00" in storage.download_blob(path).readall()


async def test_a_schedule_that_was_changed_is_not_past_due(
    write_app: Callable[..., Path],
    host_of: Hosted,
    storage: ContainerClient,
    seen: Seen,
    eventually: Any,
) -> None:
    """What the new schedule would have missed was never promised."""
    clock = HandClock("2026-01-01T00:00:01")
    async with host_of(write_app(EVERY_FIVE_MINUTES), clock=clock):
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:05:00"))
    clock.advance(720)
    changed = EVERY_FIVE_MINUTES.replace("*/5", "*/7")
    async with host_of(write_app(changed), clock=clock):
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:14:00"))
    assert seen() == []


async def test_a_timer_below_a_minute_keeps_no_status_and_is_never_past_due(
    write_app: Callable[..., Path],
    host_of: Hosted,
    storage: ContainerClient,
    seen: Seen,
    eventually: Any,
) -> None:
    """ScheduleStatus is null, and a time without a host is forgotten."""
    app = write_app(EVERY_FIVE_MINUTES.replace("0 */5 *", "*/10 * *"))
    clock = HandClock("2026-01-01T00:00:01")
    async with host_of(app, clock=clock):
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:00:10"))
        clock.advance(10)
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:00:20"))
    clock.advance(60)
    async with host_of(app, clock=clock):
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:01:20"))
    assert seen() == [(False, {}, {"AdjustForDST": True})]
    status = f"timers/{host_id(app, os.environ)}/Host.Functions.tick/status"
    assert not storage.get_blob_client(status).exists()


async def test_run_on_startup_runs_at_once_and_then_by_the_schedule(
    write_app: Callable[..., Path],
    host_of: Hosted,
    storage: ContainerClient,
    seen: Seen,
    eventually: Any,
) -> None:
    """It is not past due."""
    source = EVERY_FIVE_MINUTES.replace('*"', '*", run_on_startup=True, use_monitor=False')
    clock = HandClock("2026-01-01T00:00:01")
    async with host_of(write_app(source), clock=clock):
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:05:00"))
        assert seen() == [(False, {}, {"AdjustForDST": True})]


async def test_a_function_that_fails_does_not_stop_its_schedule(
    write_app: Callable[..., Path],
    host_of: Hosted,
    storage: ContainerClient,
    seen: Seen,
    eventually: Any,
) -> None:
    """The next run comes at its time, and none is repeated."""
    clock = HandClock("2026-01-01T00:00:01")
    async with host_of(write_app(EVERY_FIVE_MINUTES + "    raise ValueError\n"), clock=clock):
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:05:00"))
        clock.advance(300)
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:10:00"))
        clock.advance(300)
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:15:00"))
    assert len(seen()) == 2


async def test_runs_of_one_timer_never_overlap_and_a_due_time_in_between_is_run_at_once(
    write_app: Callable[..., Path],
    host_of: Hosted,
    storage: ContainerClient,
    seen: Seen,
    eventually: Any,
) -> None:
    """A function that outlasts its period is run again as soon as it is over."""
    source = EVERY_FIVE_MINUTES.replace("async def", "def") + (
        "    while not (HERE / 'go').exists():\n        time.sleep(0.01)\n    seen.append('over')\n"
    )
    app = write_app(source)
    clock = HandClock("2026-01-01T00:00:01")
    async with host_of(app, clock=clock):
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:05:00"))
        clock.advance(300)
        await eventually(lambda: len(seen()) == 1)
        clock.advance(600)
        assert len(seen()) == 1
        (app / "go").touch()
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:20:00"))
    assert [item if item == "over" else "run" for item in seen()] == ["run", "over"] * 2


async def test_of_two_hosts_one_runs_the_timer_and_the_other_takes_over(
    write_app: Callable[..., Path],
    host_of: Hosted,
    storage: ContainerClient,
    seen: Seen,
    eventually: Any,
) -> None:
    """The lease is given back at a drain; who asks next has it."""
    app = write_app(EVERY_FIVE_MINUTES)
    clock = HandClock("2026-01-01T00:00:01")
    async with host_of(app, clock=clock):
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:05:00"))
        second = host_of(app, clock=clock)
        await second.__aenter__()
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:01:01"))
        clock.advance(300)
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:10:00"))
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:06:01"))
        assert len(seen()) == 1
    clock.advance(60)
    await eventually(lambda: clock.is_waited_for("2026-01-01T00:10:00"))
    clock.advance(240)
    await eventually(lambda: clock.is_waited_for("2026-01-01T00:15:00"))
    await second.__aexit__(None, None, None)
    assert [past_due for past_due, _, _ in seen()] == [False, False]


async def test_a_host_whose_lease_was_taken_away_stops_running_the_timer(
    write_app: Callable[..., Path],
    host_of: Hosted,
    storage: ContainerClient,
    seen: Seen,
    eventually: Any,
) -> None:
    """It notices when it renews, and asks for the lease like everybody else."""
    app = write_app(EVERY_FIVE_MINUTES)
    clock = HandClock("2026-01-01T00:00:01")
    async with host_of(app, clock=clock, lease_s=1):
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:05:00"))
        blob = storage.get_blob_client(
            f"locks/{host_id(app, os.environ)}/Host.Functions.tick.Listener"
        )
        with blob:
            # What is broken can't be renewed, so nobody takes it back between the two.
            BlobLeaseClient(blob).break_lease(lease_break_period=0)
            lease = blob.acquire_lease(15)
            await eventually(lambda: not clock.is_waited_for("2026-01-01T00:05:00"))
            clock.advance(600)
            assert seen() == []
            lease.release()
        await eventually(lambda: clock.waited_for != [])
        clock.advance(1)
        await eventually(lambda: seen() != [])
    assert [past_due for past_due, _, _ in seen()] == [True]


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        ("0 0 0 * * 7", "was not recognized as a valid cron expression"),
        ("every day", "was not recognized as a valid cron expression"),
        ("00:00:30", "'00:00:30' is not a valid CRON expression"),
        ("%NOT_SET%", "NOT_SET"),
    ],
)
async def test_a_schedule_that_cannot_be_read_stops_the_start(
    write_app: Callable[..., Path],
    host_of: Hosted,
    storage: ContainerClient,
    schedule: str,
    reason: str,
) -> None:
    """The error names the function and the schedule."""
    app = write_app(EVERY_FIVE_MINUTES.replace("0 */5 * * * *", schedule))
    with pytest.raises((IndexingError, SettingError), match=f"'tick': .*{reason}"):
        async with host_of(app):
            pass


async def test_a_time_zone_is_refused(
    write_app: Callable[..., Path],
    host_of: Hosted,
    storage: ContainerClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Schedules are in UTC, and nobody is left to believe otherwise."""
    monkeypatch.setenv("WEBSITE_TIME_ZONE", "Europe/Berlin")
    with pytest.raises(SettingError, match="WEBSITE_TIME_ZONE"):
        async with host_of(write_app(EVERY_FIVE_MINUTES)):
            pass


async def test_a_time_span_from_a_setting_is_a_schedule_on_a_dedicated_plan(
    write_app: Callable[..., Path],
    host_of: Hosted,
    storage: ContainerClient,
    seen: Seen,
    eventually: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """WEBSITE_SKU says that it is one."""
    monkeypatch.setenv("WEBSITE_SKU", "PremiumV3")
    monkeypatch.setenv("PERIOD", "00:02:30")
    clock = HandClock("2026-01-01T00:00:01")
    app = write_app(EVERY_FIVE_MINUTES.replace("0 */5 * * * *", "%PERIOD%"))
    async with host_of(app, clock=clock):
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:02:31"))
        clock.advance(150)
        await eventually(lambda: clock.is_waited_for("2026-01-01T00:05:01"))
    assert seen()[0][2] == {"AdjustForDST": False}


def test_of_two_processes_one_runs_the_timer_and_a_killed_one_is_replaced(
    write_app: Callable[..., Path],
    start_host: Callable[..., Any],
    storage: ContainerClient,
    seen: Seen,
    wait_until: Callable[..., None],
) -> None:
    """On the real clock: the second host waits until the killed one's lease has ended."""
    app = write_app(
        '@app.timer_trigger(arg_name="timer", schedule="* * * * * *")\n'
        "def tick(timer: func.TimerRequest) -> None:\n"
        "    seen.append(os.getppid())\n"
    )
    hosts = [start_host(app, "--lease-seconds", "1") for _ in range(2)]
    for host in hosts:
        host.listening()
    wait_until(lambda: len(seen()) >= 3)
    (runner,) = {host for host in hosts if host.process.pid == seen()[0]}
    (other,) = set(hosts) - {runner}
    runner.process.kill()
    runner.ended()
    before = len(seen())
    # A lease lasts 15 s, the service's least.
    wait_until(lambda: len(seen()) >= before + 3, timeout_s=60)
    runs = seen()
    assert set(runs[:before]) == {runner.process.pid}
    # One more may have been on its way.
    assert set(runs[before + 1 :]) == {other.process.pid}
