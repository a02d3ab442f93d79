"""Retries: when a failed call is made again, and after how long."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeAlias

from durable.model.failures import FailureDetails, TaskFailedError
from durable.replay.calls import OneAnswerTask, TimerTask
from durable.replay.procedures import Outcome, ProcedureTask, Steps
from durable.replay.surroundings import Surroundings

Predicate: TypeAlias = Callable[[FailureDetails], bool]
Kind: TypeAlias = type[BaseException] | str | Predicate
Kinds: TypeAlias = Kind | Iterable[Kind]
# A delay beyond this is one that nobody means: a coefficient to the power of many attempts.
DELAY_MAX = timedelta(days=3650)


class RetryOptions:
    """How often, how long apart, and after which failures a call is made again.

    The first two are those of azure-functions-durable 1.7. `backoff_coefficient` multiplies the
    interval from one attempt to the next, up to `max_retry_interval_in_milliseconds`. An attempt
    that would begin later than `retry_timeout_in_milliseconds` after the first is not made.
    `jitter` (0 to 1) shortens each interval by up to that part of it, the same in every replay.
    `retry_on` and `non_retryable` take exception classes, names of such, or functions of the
    `FailureDetails`, one or several; a class or a name fits what caused the failure, too.
    """

    def __init__(
        self,
        first_retry_interval_in_milliseconds: int,
        max_number_of_attempts: int,
        *,
        backoff_coefficient: float = 1.0,
        max_retry_interval_in_milliseconds: int | None = None,
        retry_timeout_in_milliseconds: int | None = None,
        jitter: float = 0.0,
        retry_on: Kinds | None = None,
        non_retryable: Kinds | None = None,
    ) -> None:
        """Check and keep. Raises `ValueError` for a number out of its range."""
        _check_positive(
            "first_retry_interval_in_milliseconds", first_retry_interval_in_milliseconds
        )
        _check_positive("max_retry_interval_in_milliseconds", max_retry_interval_in_milliseconds)
        _check_positive("retry_timeout_in_milliseconds", retry_timeout_in_milliseconds)
        if not backoff_coefficient >= 1:  # nor is it no number
            raise ValueError("backoff_coefficient value must be at least 1.")
        if not 0 <= jitter <= 1:
            raise ValueError("jitter value must be between 0 and 1.")
        self._first = first_retry_interval_in_milliseconds
        self._attempts = max_number_of_attempts
        self.backoff_coefficient = backoff_coefficient
        self.max_retry_interval_in_milliseconds = max_retry_interval_in_milliseconds
        self.retry_timeout_in_milliseconds = retry_timeout_in_milliseconds
        self.jitter = jitter
        self.retry_on = None if retry_on is None else _listed(retry_on)
        self.non_retryable = () if non_retryable is None else _listed(non_retryable)

    @property
    def first_retry_interval_in_milliseconds(self) -> int:
        """How long after the first failure."""
        return self._first

    @property
    def max_number_of_attempts(self) -> int:
        """How many attempts in all, the first included."""
        return self._attempts

    def to_json(self) -> dict[str, Any]:
        """Print as 1.7 does, what it does not know left out."""
        return {
            "firstRetryIntervalInMilliseconds": self._first,
            "maxNumberOfAttempts": self._attempts,
        }

    def delay_after(
        self, attempt: int, failure: FailureDetails, *, elapsed: timedelta, seed: str
    ) -> timedelta | None:
        """Say how long to wait after this attempt has failed, or `None`: it was the last one.

        `attempt` counts from 1, `elapsed` is since the first one was asked for, and `seed` names
        the attempt. Raises what the user's predicates raise.
        """
        if attempt >= self._attempts or not self._is_retried(failure):
            return None
        delay = self._interval(attempt, seed)
        timeout = self.retry_timeout_in_milliseconds
        if timeout is not None and elapsed + delay > timedelta(milliseconds=timeout):
            return None
        return delay

    def _is_retried(self, failure: FailureDetails) -> bool:
        if any(_is(failure, kind) for kind in self.non_retryable):
            return False
        return self.retry_on is None or any(_is(failure, kind) for kind in self.retry_on)

    def _interval(self, attempt: int, seed: str) -> timedelta:
        try:
            delay = timedelta(milliseconds=self._first * self.backoff_coefficient ** (attempt - 1))
        except OverflowError:
            delay = DELAY_MAX
        longest = self.max_retry_interval_in_milliseconds
        if longest is not None:
            delay = min(delay, timedelta(milliseconds=longest))
        return min(delay, DELAY_MAX) * (1 - self.jitter * _chance(seed))


class RetryAbleTask(ProcedureTask):
    """A call that is made again while it fails and its options say so."""

    def __init__(
        self,
        options: RetryOptions,
        surroundings: Surroundings,
        attempt: Callable[[int], OneAnswerTask],
        *,
        calls_child: bool = False,
    ) -> None:
        """Make attempts, which count from 1, in these surroundings."""
        super().__init__()
        self.num_attempts = 1
        self.calls_child = calls_child
        self._options = options
        self._seen = surroundings
        self._attempt = attempt

    def steps(self) -> Steps:
        """Call; wait and call again until it succeeds or there is no further attempt."""
        began = self._seen.now
        while True:
            call = self._attempt(self.num_attempts)
            yield call
            error = call.error
            # Any other error is no failure of the call: its result can't be read, and calling
            # once more would do its work twice.
            if not isinstance(error, TaskFailedError):
                return Outcome(call.result, error is not None)
            delay = self._delay_after(call, error, elapsed=self._seen.now - began)
            if delay is None:
                return Outcome(error, failed=True)
            yield TimerTask(self._seen.now + delay)
            self.num_attempts += 1

    def _delay_after(
        self, call: OneAnswerTask, error: TaskFailedError, *, elapsed: timedelta
    ) -> timedelta | None:
        seed = f"{self._seen.instance_id}/{call.id}/{self.num_attempts}"
        failure = error.failure_details or FailureDetails(
            error_type=error.error_type, error_message=str(error)
        )
        return self._options.delay_after(self.num_attempts, failure, elapsed=elapsed, seed=seed)


def _check_positive(name: str, value: int | None) -> None:
    if value is not None and value <= 0:
        raise ValueError(f"{name} value must be greater than 0.")


def _listed(kinds: Any) -> tuple[Kind, ...]:
    is_one = isinstance(kinds, str) or not isinstance(kinds, Iterable)
    listed = (kinds,) if is_one or callable(kinds) else tuple(kinds)
    for kind in listed:
        is_class = isinstance(kind, type)
        if is_class and issubclass(kind, BaseException):
            continue
        if is_class or not (isinstance(kind, str) or callable(kind)):
            raise ValueError(
                f"{kind!r} is neither an exception class nor the name of one nor a function."
            )
    return listed


def _is(failure: FailureDetails, kind: Kind) -> bool:
    if isinstance(kind, str | type):
        return failure.is_caused_by(kind)
    return bool(kind(failure))


def _chance(seed: str) -> float:
    """Return a number from 0 to below 1 that depends on the seed alone."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6]) / 2**48
