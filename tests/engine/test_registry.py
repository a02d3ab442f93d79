"""The registry: what annotations and registrations say of an app's values."""

import dataclasses
from collections.abc import Awaitable, Callable, Generator
from datetime import datetime, timedelta
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Optional

import pytest

from durable.engine.activity_context import ActivityContext
from durable.engine.registry import Registry
from durable.model.converters import JsonConverter
from durable.model.error_classes import DECORATED, durable_error
from durable.model.types_of_app import TypesOfApp

if TYPE_CHECKING:
    from nowhere import Missing  # type: ignore[import-not-found]


@dataclasses.dataclass
class Order:
    """What is passed about."""

    id: int


def rich(order: Order) -> list[Order]:
    """Both are rich."""
    return [order]


def later(order: "Later") -> "Later":
    """Names what stands further down."""
    return order


def plain(value: dict[str, int]) -> str:
    """What JSON has."""
    return str(value)


def lost(value: "Missing", other: int = 0) -> Order:
    """One annotation leads nowhere; the other still counts."""
    return Order(other)


def strange(value: Callable[[], int]) -> Awaitable[int]:
    """Nobody can read by these."""
    raise NotImplementedError


class Adder:
    """A callable object."""

    async def __call__(self, order: Order, context: ActivityContext) -> datetime:
        raise NotImplementedError


class Later:
    """A custom class."""

    def to_json(self) -> int:
        return 1

    @classmethod
    def from_json(cls, data: int) -> "Later":
        return cls()


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap, as decorators do."""

    @wraps(function)
    def wrapper(*args: Any, **named: Any) -> Any:
        return function(*args, **named)

    return wrapper


CASES: list[tuple[Any, Any, Any]] = [
    (rich, Optional[Order], Optional[list[Order]]),  # noqa: UP045
    (later, Optional[Later], Optional[Later]),  # noqa: UP045
    (plain, None, None),
    (lost, None, Optional[Order]),  # noqa: UP045
    (strange, None, None),
    (Adder(), Optional[Order], Optional[datetime]),  # noqa: UP045
    (Adder().__call__, Optional[Order], Optional[datetime]),  # noqa: UP045
    (partial(rich), Optional[Order], Optional[list[Order]]),  # noqa: UP045
    (decorated(rich), Optional[Order], Optional[list[Order]]),  # noqa: UP045
    (lambda value: value, None, None),
    (len, None, None),
]


@pytest.mark.parametrize(("function", "taken", "returned"), CASES)
def test_an_activity_is_read_by_its_rich_annotations_only(
    function: Any, taken: Any, returned: Any
) -> None:
    """What JSON satisfies by itself, or nobody understands, is as good as none; null is allowed."""
    registry = Registry()
    registry.add_activity("a", function)
    types: TypesOfApp = registry
    assert types.input_type("a") == taken
    assert types.result_type("a") == returned
    assert types.result_type("unknown") is None


def two(context: Any, order: Order) -> Generator[Any, Any, Order]:
    """A generator with two parameters."""
    yield
    return order


async def coroutine(context: Any) -> Order:
    """A coroutine function with one."""
    raise NotImplementedError


def untyped(context: Any) -> Any:
    """A generator that says nothing."""
    yield


def test_an_orchestrator_is_read_by_its_second_parameter_and_what_it_returns() -> None:
    """Of a generator that is the third type of its annotation; a decorator may say the input."""
    registry = Registry()
    for function in (two, coroutine, untyped):
        registry.add_orchestrator(function.__name__, function)
    registry.add_orchestrator("given", untyped, input_type=Order)
    assert registry.input_type("two") == registry.input_type("given") == Optional[Order]  # noqa: UP045
    assert registry.result_type("two") == registry.result_type("coroutine") == Optional[Order]  # noqa: UP045
    for name in ("coroutine", "untyped"):
        assert registry.input_type(name) is None
    assert registry.result_type("untyped") is None


def test_of_an_activity_and_an_orchestrator_of_one_name_nothing_is_known() -> None:
    """Whose annotation it is could not be told."""
    registry = Registry()
    registry.add_activity("x", rich)
    registry.add_orchestrator("x", two)
    assert registry.input_type("x") is None
    assert registry.result_type("x") is None


class ShopError(Exception):
    """A base."""


class EmptyError(ShopError):
    """A subclass."""


@durable_error
class MarkedHereError(Exception):
    """Known to every registry."""


def test_error_classes_are_those_that_were_registered() -> None:
    """By an activity or by the decorator; the nearest base counts; a name alone finds nothing."""
    registry = Registry()
    registry.add_activity("a", plain, raises=[ShopError])
    assert registry.error_class("ShopError") is ShopError
    assert registry.error_class("EmptyError", ("ShopError",)) is ShopError
    assert registry.error_class("EmptyError") is None
    assert registry.error_class("ValueError", ("Exception",)) is None
    assert registry.error_class("MarkedHereError") is DECORATED["MarkedHereError"]
    registry.add_activity("b", rich, raises=[EmptyError])
    assert registry.error_class("EmptyError", ("ShopError",)) is EmptyError


def test_a_registry_that_is_included_brings_what_was_said_of_its_functions() -> None:
    """Options, errors, and types that a decorator gave."""
    inner, outer = Registry(), Registry(JsonConverter(strict=True))
    inner.add_activity("a", plain, raises=[ShopError], timeout=timedelta(seconds=5))
    inner.add_orchestrator("o", untyped, input_type=Order)
    converter = outer.converter
    outer.include(inner)
    outer.include(inner)
    assert outer.options("a").timeout == timedelta(seconds=5)
    assert outer.error_class("ShopError") is ShopError
    assert outer.input_type("o") == Optional[Order]  # noqa: UP045
    assert outer.converter is converter


def no_parameter() -> None:
    """Takes nothing."""


def two_inputs(first: int, second: int) -> None:
    """Takes two."""


def positional(value: int, context: ActivityContext, /) -> None:
    """Takes its context where it can't be named."""


@pytest.mark.parametrize("function", [no_parameter, two_inputs, positional])
def test_an_activity_that_could_not_be_called_is_refused(function: Any) -> None:
    """The sentence shows what it takes and says what is allowed."""
    with pytest.raises(ValueError, match=r"The activity 'a' takes \(.*exactly one parameter"):
        Registry().add_activity("a", function)


def test_a_timeout_is_longer_than_nothing() -> None:
    """Refused where it is said."""
    with pytest.raises(ValueError, match="'a' has a timeout"):
        Registry().add_activity("a", plain, timeout=timedelta())


def test_async_orchestrators_are_taken_and_async_generators_are_not() -> None:
    """The sentence says how to write it."""

    async def mixed(context: Any) -> Any:
        yield

    registry = Registry()
    registry.add_orchestrator("async", coroutine)
    with pytest.raises(ValueError, match="'async def' with a 'yield'"):
        registry.add_orchestrator("mixed", mixed)


def test_a_name_stands_for_one_function_of_a_kind_in_any_case() -> None:
    """Found, listed as it was written, refused a second time; what is no name finds nothing."""
    registry = Registry()
    registry.add_activity("Rich", rich, timeout=timedelta(seconds=7))
    assert registry.activities["RICH"] is registry.activities["rich"] is rich
    assert list(registry.activities) == ["Rich"]
    assert registry.input_type("rICH") == Order | None
    assert registry.options("rich").timeout == timedelta(seconds=7)
    with pytest.raises(ValueError, match="Two activities are named 'rich'"):
        registry.add_activity("rich", rich)
    nameless: Any = None
    assert nameless not in registry.activities
