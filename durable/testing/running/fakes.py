"""Fakes: what stands for an activity or a child in a test.

| given                             | what a call comes to                                   |
|-----------------------------------|--------------------------------------------------------|
| a function, `def` or `async def`  | what it returns for the input, or raises               |
| an exception, or its class        | a failure with it                                      |
| `in_turn(a, b, ...)`              | the first call `a`, the second `b`; one more is an error |
| `taking(duration, a)`             | `a`, after so much virtual time                        |
| `NEVER`                           | nothing: the call is not answered                      |
| anything else                     | this value, lists and dictionaries included            |
"""

import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from durable.engine.function_names import FunctionNames
from durable.replay.http_calls import HTTP_ACTIVITY
from durable.testing.given import ACTIVITY, is_decorated, user_function

AT_ONCE = timedelta(0)


class UnexpectedCallError(AssertionError):
    """The orchestrator called something that the test has no fake for."""


@dataclass(frozen=True, slots=True)
class InTurn:
    """One answer for each call."""

    answers: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Taking:
    """An answer that comes later."""

    duration: timedelta
    answer: Any


class Never:
    """No answer at all."""

    def __repr__(self) -> str:
        return "NEVER"


NEVER = Never()


def in_turn(*answers: Any) -> InTurn:
    """Answer the first call with the first, and so on; a call too many fails the test."""
    return InTurn(answers)


def taking(duration: timedelta, answer: Any = None) -> Taking:
    """Answer after so much virtual time."""
    if duration < AT_ONCE:
        raise ValueError("An answer can't come before its call.")
    return Taking(duration, answer)


@dataclass(frozen=True, slots=True)
class Response:
    """What one call comes to: a function of its input, after a while; `None`: never."""

    function: Callable[..., Any] | None
    after: timedelta


class Fakes:
    """The fakes of one kind in one run; it counts the calls of each."""

    def __init__(self, what: str, given: Mapping[str, Any]) -> None:
        """Answer with these. `what` names the kind in messages."""
        self._what = what
        self._given: FunctionNames[Any] = FunctionNames()
        self._given.update(given)
        self._calls: Counter[str] = Counter()

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def get(self, name: str) -> Any:
        """Return what was given under this name, or `None`."""
        return self._given.get(name)

    def respond(self, name: str, input_: str | None) -> Response:
        """Say what the next call of this name comes to, or raise `UnexpectedCallError`."""
        if name not in self._given:
            raise UnexpectedCallError(self._unexpected(name, input_))
        self._calls[name.lower()] += 1
        return self._response(name, self._given[name])

    def _unexpected(self, name: str, input_: str | None) -> str:
        if name == HTTP_ACTIVITY:
            return (
                f"The orchestrator makes an HTTP call, {input_}, and the test has no answer for "
                "it. Give one: http={'statusCode': 200, 'headers': {}, 'content': ''}."
            )
        known = ", ".join(f"'{each}'" for each in sorted(self._given)) or "none"
        return (
            f"The orchestrator calls {self._what} '{name}' with input {input_ or 'null'}, "
            f"and the test has no fake for it (given: {known})."
        )

    def _response(self, name: str, fake: Any) -> Response:
        after = AT_ONCE
        while isinstance(fake, Taking | InTurn):
            if isinstance(fake, Taking):
                after, fake = after + fake.duration, fake.answer
            else:
                fake = self._in_turn(name, fake)
        if isinstance(fake, Never):
            return Response(None, after)
        return Response(as_function(fake), after)

    def _in_turn(self, name: str, fake: InTurn) -> Any:
        count = self._calls[name.lower()]
        if count > len(fake.answers):
            raise UnexpectedCallError(
                f"The orchestrator calls {self._what} '{name}' for the {count}. time; "
                f"in_turn(...) has {len(fake.answers)} answers for it."
            )
        return fake.answers[count - 1]


def as_function(fake: Any) -> Callable[..., Any]:
    """Make a function of the input out of a fake."""
    if isinstance(fake, BaseException) or _is_exception_class(fake):
        return _raising(fake)
    if is_decorated(fake, ACTIVITY):
        return user_function(fake)
    if callable(fake) and not inspect.isclass(fake):
        return fake  # type: ignore[no-any-return]
    return lambda _: fake


def _is_exception_class(fake: Any) -> bool:
    return inspect.isclass(fake) and issubclass(fake, BaseException)


def _raising(error: Any) -> Callable[[Any], Any]:
    def fail(_: Any) -> Any:
        # One object may be raised many times; each time Python would add to its traceback.
        raise error if _is_exception_class(error) else error.with_traceback(None)

    return fail
