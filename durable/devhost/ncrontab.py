"""NCRONTAB schedules: the six fields of a timer trigger, and when they next come due.

Source: the NCrontab library and CronSchedule.cs of azure-webjobs-sdk-extensions.

Rule 1. Seconds first; five fields mean second 0. A day has to fit day of month AND day of week,
        where cron itself takes either.
Rule 2. A name may be cut short as far as one likes (`J` is January); a range is swapped into order
        (`5-1` is `1-5`); `3/10` counts from 3 to the end of the field; Sunday is 0 and never 7.
Rule 3. Times are UTC. What falls on no date at all is never due.
"""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

# Leap days on one weekday can be 40 years apart (around 2100), so this is "never".
_YEARS_AHEAD_MAX = 100
_DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTH_NAMES = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class ScheduleError(ValueError):
    """A text that is no NCRONTAB expression; it says which part of it is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS = (
    _Field(name="second", low=0, high=59),
    _Field(name="minute", low=0, high=59),
    _Field(name="hour", low=0, high=23),
    _Field(name="day", low=1, high=31),
    _Field(name="month", low=1, high=12, names=_MONTH_NAMES),
    _Field(name="day of week", low=0, high=6, names=_DAY_NAMES),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A parsed expression: for each field its values, in order."""

    text: str
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    days_of_week: tuple[int, ...]

    @property
    def is_below_a_minute(self) -> bool:
        """Whether it comes due more than once in every minute; such timers keep no status."""
        coarse = (self.minutes, self.hours, self.days, self.months, self.days_of_week)
        every = all(
            len(values) == field.high - field.low + 1
            for values, field in zip(coarse, _FIELDS[1:], strict=True)
        )
        return every and len(self.seconds) > 1

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first due time later than `moment` (aware); None if there is none."""
        start = moment.astimezone(UTC)
        first_day = start.date()
        if self._fits(first_day):
            due = self._next_time(start.time())
            if due is not None:
                return datetime.combine(first_day, due, UTC)
        day = self._next_day(first_day)
        if day is None:
            return None
        return datetime.combine(day, time(self.hours[0], self.minutes[0], self.seconds[0]), UTC)

    def _fits(self, day: date) -> bool:
        return (
            day.month in self.months
            and day.day in self.days
            and day.isoweekday() % 7 in self.days_of_week
        )

    def _next_day(self, day: date) -> date | None:
        last_year = min(day.year + _YEARS_AHEAD_MAX, date.max.year)
        for year in range(day.year, last_year + 1):
            for month in self.months:
                for number in self.days:
                    candidate = _date(year, month, number)
                    if candidate is not None and candidate > day and self._fits(candidate):
                        return candidate
        return None

    def _next_time(self, now: time) -> time | None:
        # Whole seconds, strictly later: at 12:00:00.5 the tick of 12:00:00 is over.
        later = datetime.combine(date.min, now.replace(microsecond=0)) + timedelta(seconds=1)
        if later.date() != date.min:
            return None
        hour, minute, second = later.hour, later.minute, later.second
        if hour in self.hours:
            if minute in self.minutes and (found := _first(self.seconds, second)) is not None:
                return time(hour, minute, found)
            if (found := _first(self.minutes, minute + 1)) is not None:
                return time(hour, found, self.seconds[0])
        if (found := _first(self.hours, hour + 1)) is not None:
            return time(found, self.minutes[0], self.seconds[0])
        return None


def parse_schedule(text: str) -> Schedule:
    """Read five or six fields; ScheduleError says what is wrong with them."""
    parts = [part for part in text.split(" ") if part]
    if len(parts) == 5:
        parts = ["0", *parts]
    if len(parts) != 6:
        raise ScheduleError(
            f"'{text}' has {len(parts)} fields; NCRONTAB has six: second, minute, hour, day, "
            "month, day of week"
        )
    seconds, minutes, hours, days, months, days_of_week = (
        _values(part, field) for part, field in zip(parts, _FIELDS, strict=True)
    )
    return Schedule(
        text=" ".join(parts),
        seconds=seconds,
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        days_of_week=days_of_week,
    )


def _values(text: str, field: _Field) -> tuple[int, ...]:
    found: set[int] = set()
    for element in text.split(","):
        found |= _element(element, field)
    return tuple(sorted(found))


def _element(text: str, field: _Field) -> set[int]:
    body, slash, step_text = text.partition("/")
    step = 1
    if slash:
        if not _is_number(step_text):
            raise ScheduleError(f"'{text}': the step of a {field.name} must be a number")
        # NCrontab takes a step of 0 for 1.
        step = max(int(step_text), 1)
    if body == "*":
        return set(range(field.low, field.high + 1, step))
    first_text, dash, last_text = body.partition("-")
    first = _value(first_text, field)
    if dash:
        first, last = sorted((first, _value(last_text, field)))
    else:
        last = field.high if slash else first
    return set(range(first, last + 1, step))


def _value(text: str, field: _Field) -> int:
    if _is_number(text):
        value = int(text)
        if not field.low <= value <= field.high:
            raise ScheduleError(
                f"'{text}' is not a {field.name}: it must be {field.low} to {field.high}"
            )
        return value
    for offset, name in enumerate(field.names):
        if text and name.lower().startswith(text.lower()):
            return field.low + offset
    known = f", or one of {', '.join(field.names)}" if field.names else ""
    raise ScheduleError(f"'{text}' is not a {field.name}: a number is wanted{known}")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def _first(values: tuple[int, ...], at_least: int) -> int | None:
    position = bisect_left(values, at_least)
    return values[position] if position < len(values) else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
