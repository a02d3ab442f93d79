"""When a timer is due: NCrontab's rules, with croniter as the second opinion."""

from datetime import UTC, datetime, timedelta

import pytest
from croniter import croniter  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from durable.devhost.ncrontab import ScheduleError, parse_schedule


def at(text: str) -> datetime:
    """Read a time of UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "now", "due"),
    [
        ("*/5 * * * * *", "2026-01-01T00:00:00", "2026-01-01T00:00:05"),
        ("*/5 * * * * *", "2026-01-01T00:00:04.999", "2026-01-01T00:00:05"),
        ("0 * * * * *", "2026-12-31T23:59:30", "2027-01-01T00:00:00"),
        ("*/2 * * * *", "2026-01-01T00:00:00", "2026-01-01T00:02:00"),
        ("0 30 9 * * Mon-Fri", "2026-11-20T09:30:00", "2026-11-23T09:30:00"),
        ("0 0 0 13 * Fri", "2026-11-22T00:00:00", "2027-08-13T00:00:00"),
        ("0 0 0 1 Jan,July 0", "2026-01-02T00:00:00", "2029-07-01T00:00:00"),
        ("0 0 0 31 * *", "2026-01-31T00:00:00", "2026-03-31T00:00:00"),
        ("0 0 0 29 2 *", "2096-03-01T00:00:00", "2104-02-29T00:00:00"),
        ("15/20 3-1 * * * *", "2026-01-01T00:00:00", "2026-01-01T00:01:15"),
        ("59 59 23 31 12 *", "2026-12-31T23:59:59", "2027-12-31T23:59:59"),
        ("0  5,6   1 * j * ", "2026-01-01T00:00:00", "2026-01-01T01:05:00"),
    ],
)
def test_a_schedule_is_next_due_when_ncrontab_says(text: str, now: str, due: str) -> None:
    """Both day fields have to fit; a moment is never its own successor."""
    assert parse_schedule(text).next_after(at(now)) == at(due)


def test_what_falls_on_no_date_is_never_due() -> None:
    """The thirtieth of February does not come, and asking for it ends."""
    assert parse_schedule("0 0 0 30 2 *").next_after(at("2026-01-01T00:00:00")) is None


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("0 0 0 * j *", "0 0 0 * 1 *"),
        ("0 0 0 * * tue", "0 0 0 * * 2"),
        ("0 0 0 * * SATURDAY-t", "0 0 0 * * 2-6"),
        ("0 5-1 * * * *", "0 1-5 * * * *"),
        ("*/0 * * * * *", "* * * * * *"),
        ("0 0 1-23/5 * * *", "0 0 1,6,11,16,21 * * *"),
    ],
)
def test_two_ways_to_write_one_schedule(text: str, same_as: str) -> None:
    """Names are cut short at will, ranges are put in order, a step of nothing is one."""
    left, right = parse_schedule(text), parse_schedule(same_as)
    now = at("2026-05-05T05:05:05")
    for _ in range(50):
        due = left.next_after(now)
        assert due is not None
        assert due == right.next_after(now)
        now = due


@pytest.mark.parametrize(
    "text",
    [
        "",
        "* * * *",
        "* * * * * * *",
        "60 * * * * *",
        "* * * 0 * *",
        "* * * * * 7",
        "* * * * 13 *",
        "1,,2 * * * * *",
        "a * * * * *",
        "*/x * * * * *",
        "-1 * * * * *",
        "* * * * * Xday",
        "00:00:10",
        "@daily",
        "* * * ? * *",
        "* * * L * *",
    ],
)
def test_what_ncrontab_does_not_know_is_refused(text: str) -> None:
    """Extensions of other crons are errors here, as on the real host."""
    with pytest.raises(ScheduleError):
        parse_schedule(text)


@pytest.mark.parametrize(
    ("text", "below"),
    [
        ("*/10 * * * * *", True),
        ("0,30 * * * * *", True),
        ("0 * * * * *", False),
        ("* * * * *", False),
        ("*/10 0 * * * *", False),
        ("*/10 * * * * 1", False),
        ("*/10 0-59 * * * *", True),
    ],
)
def test_only_a_schedule_that_is_due_several_times_every_minute_is_below_a_minute(
    text: str, below: bool
) -> None:
    """A restriction in any coarser field makes it one whose status is kept."""
    assert parse_schedule(text).is_below_a_minute is below


def field(low: int, high: int) -> st.SearchStrategy[str]:
    """A field in forms that both libraries read alike."""
    value = st.integers(low, high)
    one = value.map(str)
    # Not a range of one: croniter takes `0-0` for every day.
    span = st.tuples(st.integers(low, high - 1), value).map(
        lambda pair: f"{pair[0]}-{max(pair[0] + 1, pair[1])}"
    )
    step = st.integers(1, high).map(lambda number: f"*/{number}")
    return st.one_of(st.just("*"), one, span, step, st.lists(one, min_size=2).map(",".join))


@given(
    st.tuples(
        field(0, 59), field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6)
    ).map(" ".join),
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_croniter_comes_to_the_same_times(text: str, now: datetime) -> None:
    """Three due times in a row are those of croniter with seconds first and days ANDed."""
    oracle = croniter(
        text,
        now,
        ret_type=datetime,
        second_at_beginning=True,
        day_or=False,
        max_years_between_matches=60,
    )
    schedule = parse_schedule(text)
    moment = now
    for _ in range(3):
        expected = oracle.get_next(datetime)
        due = schedule.next_after(moment)
        assert due == expected
        assert due is not None
        assert due - moment > timedelta(0)
        moment = due
