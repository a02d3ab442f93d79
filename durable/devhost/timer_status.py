"""When a timer ran last and is due next: in a blob, so that a host that was away notices.

Source: ScheduleMonitor.cs and StorageScheduleMonitor.cs of azure-webjobs-sdk-extensions. The blob
is `timers/<host id>/Host.Functions.<function>/status` in `azure-webjobs-hosts`.

Rule 1. The due time that was recorded is believed only while the schedule is still the one that
        gave it. A changed schedule starts anew and is never past due on its first day.
Rule 2. Writing is best effort: a status that could not be kept must not keep a timer from running.
"""

import asyncio
import json
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient

from durable.devhost.host_identity import HOST_CONTAINER, timer_name
from durable.devhost.timer_schedule import TimerSchedule

logger = logging.getLogger(__name__)

# .NET's default(DateTime), which stands for "not yet".
NEVER = datetime(1, 1, 1, tzinfo=UTC)
# .NET's last second stands for "never again": NCrontab answers so when no date fits.
AT_NO_TIME = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_WRITE_ATTEMPTS = 3
_WRITE_DELAY_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleStatus:
    """The status of one timer; times of UTC, `NEVER` for what has not been."""

    last: datetime
    next: datetime
    last_updated: datetime

    def as_json(self) -> dict[str, str]:
        """Spell it as the blob and the function see it."""
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.last_updated.isoformat(),
        }


class StatusStore(Protocol):
    """Keeps the status of one timer."""

    async def load(self) -> ScheduleStatus | None:
        """Read it; None if there is none yet."""
        ...

    async def store(self, status: ScheduleStatus) -> None:
        """Write it, as well as one can; raises nothing."""
        ...


class StatusBlob:
    """The status of one timer in the host's storage account."""

    def __init__(self, blobs: BlobServiceClient, *, host_id: str, function_name: str) -> None:
        """Nothing is read or written yet."""
        self._function_name = function_name
        self._container = blobs.get_container_client(HOST_CONTAINER)
        self._blob = self._container.get_blob_client(
            f"timers/{host_id}/{timer_name(function_name)}/status"
        )

    async def load(self) -> ScheduleStatus | None:
        """Read it; None if there is none yet, or none that can be read; AzureError in an outage."""
        try:
            download = await self._blob.download_blob(encoding="utf-8")
            return _status(json.loads(await download.readall()))
        except ResourceNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, OverflowError):
            logger.warning("The status of timer '%s' is unreadable: ignored", self._function_name)
            return None

    async def store(self, status: ScheduleStatus) -> None:
        """Write it, as well as one can; raises nothing."""
        text = json.dumps(status.as_json())
        for attempt in range(_WRITE_ATTEMPTS):
            try:
                await self._blob.upload_blob(text, overwrite=True)
            except ResourceNotFoundError:
                await self._create_container()
            except AzureError as error:
                logger.warning(
                    "The status of timer '%s' was not written: %s", self._function_name, error
                )
                await asyncio.sleep(_WRITE_DELAY_S * 2**attempt)
            else:
                return

    async def _create_container(self) -> None:
        try:
            await self._container.create_container()
        except ResourceExistsError:
            # Another host created it between our two calls.
            return
        except AzureError as error:
            logger.warning("Container '%s' was not created: %s", HOST_CONTAINER, error)


def next_due(schedule: TimerSchedule, moment: datetime) -> datetime:
    """Return the first due time after `moment`; `AT_NO_TIME` if there is none."""
    return schedule.next_after(moment) or AT_NO_TIME


def first_status(schedule: TimerSchedule, now: datetime) -> ScheduleStatus:
    """Describe a timer that has never run, as it is first written down."""
    return ScheduleStatus(last=NEVER, next=next_due(schedule, now), last_updated=now)


def revised_status(
    status: ScheduleStatus, schedule: TimerSchedule, now: datetime
) -> ScheduleStatus:
    """Return the status as it stands if the schedule is unchanged, else one of the new schedule."""
    if status.last != NEVER:
        based_on = status.last
    elif status.last_updated != NEVER:
        based_on = status.last_updated
    else:
        based_on = now
    expected = next_due(schedule, based_on)
    if status.next == expected:
        return status
    if now > expected:
        # What the new schedule would have missed was never promised.
        expected, based_on = next_due(schedule, now), now
    return replace(status, last=NEVER, next=expected, last_updated=based_on)


def _status(content: dict[str, Any]) -> ScheduleStatus:
    return ScheduleStatus(
        last=_moment(content["Last"]),
        next=_moment(content["Next"]),
        last_updated=_moment(content["LastUpdated"]),
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
