"""The schedule of a timer trigger as its binding states it.

Source: TimerSchedule.cs and ConstantSchedule.cs of azure-webjobs-sdk-extensions, and
CoreExtensionsScriptBindingProvider.cs of the Functions host.

Rule 1. A time span (`00:00:10`) is a schedule on a Dedicated plan only; WEBSITE_SKU tells the plan.
Rule 2. Schedules are in UTC. WEBSITE_TIME_ZONE is refused, for a schedule silently read in another
        zone is worse than none; Linux plans without dedicated machines do not know it either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from durable.devhost.host_json import parse_time_span
from durable.devhost.index import IndexingError, TimerTrigger
from durable.devhost.ncrontab import ScheduleError, parse_schedule
from durable.devhost.settings import SettingError, substitute

_SHARED_SKUS = ("", "dynamic", "flexconsumption", "elasticpremium")


class TimerSchedule(Protocol):
    """When a timer is due."""

    @property
    def text(self) -> str:
        """The schedule as one reads it."""
        ...

    @property
    def is_below_a_minute(self) -> bool:
        """Whether it is due so often that no status is kept."""
        ...

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first due time later than `moment`; None if there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstantSchedule:
    """Due again and again after the same time."""

    text: str
    interval: timedelta

    @property
    def is_below_a_minute(self) -> bool:
        """Whether it is due so often that no status is kept."""
        return self.interval < timedelta(minutes=1)

    def next_after(self, moment: datetime) -> datetime | None:
        """Return `moment` and the interval."""
        return moment + self.interval


def read_schedule(
    trigger: TimerTrigger, environment: Mapping[str, str], *, function_name: str
) -> TimerSchedule:
    """Resolve and read a trigger's schedule; IndexingError or SettingError with the reason."""
    wanted_by = f"function '{function_name}'"
    text = substitute(trigger.schedule, environment, wanted_by=wanted_by).strip()
    if environment.get("WEBSITE_TIME_ZONE"):
        raise SettingError(
            f"{wanted_by}: WEBSITE_TIME_ZONE is set, and this dev host reads schedules in UTC only"
        )
    try:
        return parse_schedule(text)
    except ScheduleError as error:
        span_s = _span_s(text)
        if span_s is None:
            raise IndexingError(
                f"{wanted_by}: The schedule expression '{text}' was not recognized as a valid "
                f"cron expression or timespan string. ({error})"
            ) from error
        if environment.get("WEBSITE_SKU", "").lower() in _SHARED_SKUS:
            raise IndexingError(
                f"{wanted_by}: '{text}' is not a valid CRON expression. (A time span is a schedule "
                "on a Dedicated plan only; set WEBSITE_SKU to say that this is one.)"
            ) from error
    return ConstantSchedule(text=text, interval=timedelta(seconds=span_s))


def _span_s(text: str) -> float | None:
    try:
        return parse_time_span(text)
    except ValueError:
        return None
