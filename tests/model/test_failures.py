"""Failures as data, and as exceptions again."""

import sys
from decimal import Decimal
from enum import Enum
from types import ModuleType
from typing import Any, Self

import pytest

from durable.model.error_classes import DECORATED, ErrorClasses, durable_error
from durable.model.failures import (
    CAUSES_MAX,
    PROPERTIES_CHARS_MAX,
    FailureDetails,
    TaskFailedError,
    failed_task,
)


class Reason(Enum):
    """An attribute that JSON lacks."""

    FUNDS = "funds"


class PaymentError(Exception):
    """A user's base class."""


class DeclinedError(PaymentError):
    """A user's class whose `__init__` takes what nobody else has."""

    def __init__(self, amount: Decimal, *, reason: Reason) -> None:
        super().__init__(f"declined: {amount}")
        self.amount = amount
        self.reason = reason
        self.socket = object()
        self._secret = "s"

    def __str__(self) -> str:
        return f"of the user: {self.amount}"


class OfferingError(Exception):
    """One that says itself what is to be kept."""

    def failure_properties(self) -> dict[str, Any]:
        return {"code": 7, "args": ["hidden"]}


def raised(error: BaseException) -> FailureDetails:
    """Describe an error as if it had been raised."""
    try:
        raise error  # noqa: TRY301
    except BaseException as caught:  # noqa: BLE001
        return FailureDetails.of(caught)


DECLINED = raised(DeclinedError(Decimal("1.5"), reason=Reason.FUNDS))


def test_a_failure_keeps_public_attributes_that_have_a_json_form() -> None:
    """What has none, and what is private, is left out."""
    assert DECLINED.properties == {"amount": "1.5", "reason": "funds"}
    assert raised(OfferingError()).properties == {"code": 7, "args": ["hidden"]}
    assert raised(ValueError("v")).properties == {}


def test_properties_are_bounded() -> None:
    """A large one is left out, those that have room stay."""
    error = PaymentError()
    vars(error).update(first=1, large="x" * PROPERTIES_CHARS_MAX, last=2)
    assert raised(error).properties == {"first": 1, "last": 2}


class QuotaError(Exception):
    """One whose attribute is a property of what it keeps to itself."""

    def __init__(self, left: int) -> None:
        super().__init__("no room")
        self._left = left

    @property
    def left(self) -> int:
        return self._left

    def failure_properties(self) -> dict[str, Any]:
        return {"_left": self._left}


def test_what_an_error_names_itself_may_be_private() -> None:
    """Else its own property would fail where it is caught."""
    error = failed_task("r", "d", raised(QuotaError(3)), QuotaError)
    assert isinstance(error, QuotaError)
    assert error.left == 3


class ManyError(ExceptionGroup[Exception]):
    """A group of an app."""


def test_a_registered_group_is_caught_by_its_class() -> None:
    """Python makes none without a member; the failed task itself stands for those it had."""
    failure = raised(ManyError("many", [ValueError("a"), KeyError("b")]))
    error = failed_task("reason", "details", failure, ManyError)
    assert isinstance(error, ManyError)
    assert isinstance(error, TaskFailedError)
    assert str(error) == str(TaskFailedError("reason", "details", failure))
    assert [type(each) for each in error.exceptions] == [TaskFailedError]
    assert FailureDetails.of(error).error_type == "ManyError"


def test_an_offer_that_raises_is_no_offer() -> None:
    """An error must not hide another."""

    class WorseError(Exception):
        def failure_properties(self) -> dict[str, Any]:
            raise RuntimeError("worse")

    failure = raised(WorseError("bad"))
    assert (failure.error_message, failure.properties) == ("bad", {})


def test_a_failure_names_its_bases_below_exception() -> None:
    """So that a handler may catch by a base class."""
    assert DECLINED.base_types == ("PaymentError",)
    assert raised(FileNotFoundError("f")).base_types == ("OSError",)
    assert raised(ValueError("v")).base_types == ()


def test_a_failure_comes_back_from_json_with_all_that_it_says() -> None:
    """Under DTFx's names; absent members are not written."""
    outer = RuntimeError("outer")
    outer.__cause__ = DeclinedError(Decimal(1), reason=Reason.FUNDS)
    failure = raised(outer)
    assert FailureDetails.from_json(failure.to_json()) == failure
    members = failure.to_members()
    assert "Properties" not in members
    assert members["InnerFailure"]["Properties"] == {"amount": "1", "reason": "funds"}
    assert hash(failure) == hash(FailureDetails.from_json(failure.to_json()))


def test_is_caused_by_looks_at_classes_bases_names_and_causes() -> None:
    """By type or by name, through the whole chain."""
    outer = RuntimeError("outer")
    outer.__cause__ = DeclinedError(Decimal(1), reason=Reason.FUNDS)
    failure = raised(outer)
    for kind in (RuntimeError, DeclinedError, PaymentError, "DeclinedError", Exception):
        assert failure.is_caused_by(kind), kind
    for kind in (ValueError, "Payment", OSError):
        assert not failure.is_caused_by(kind), kind


def test_a_failed_task_is_both_ours_and_the_users() -> None:
    """`except DeclinedError` works; the text is that of 1.7; the user's code did not run."""
    error = failed_task("reason", "details", DECLINED, DeclinedError)
    assert isinstance(error, TaskFailedError)
    assert isinstance(error, DeclinedError)
    assert str(error) == "reason \n details"
    assert error.args == ("reason \n details",)
    assert type(error).__name__ == "DeclinedError"
    assert (error.error_type, error.failure_details) == ("DeclinedError", DECLINED)
    assert vars(error)["amount"] == "1.5"
    assert not hasattr(error, "socket")
    assert error.is_caused_by(PaymentError)


def test_classes_are_made_once() -> None:
    """Two failures of one class are of one class."""
    first, second = (failed_task("r", "d", DECLINED, DeclinedError) for _ in range(2))
    assert type(first) is type(second)


def test_properties_hide_nothing_of_ours() -> None:
    """`args` and `failure_details` stay what they are; the property is in `properties`."""
    failure = FailureDetails(
        error_type="OfferingError",
        error_message="",
        properties={"args": 1, "failure_details": 2, "is_caused_by": 3, "__class__": 4, "code": 5},
    )
    error = failed_task("r", "d", failure, OfferingError)
    assert error.args == ("r \n d",)
    assert isinstance(error, TaskFailedError)
    assert error.failure_details is failure
    assert callable(error.is_caused_by)
    assert vars(error)["code"] == 5
    assert error.properties["args"] == 1


class LoudError(Exception):
    """One whose code must not run."""

    def __new__(cls, *args: Any) -> Self:
        raise AssertionError("__new__ ran")

    def __init__(self) -> None:
        raise AssertionError("__init__ ran")


class SealedError(Exception):
    """One that can't have subclasses."""

    def __init_subclass__(cls) -> None:
        raise TypeError("sealed")


@pytest.mark.parametrize(
    "error_class", [LoudError, OSError, KeyError, UnicodeDecodeError, StopIteration, SyntaxError]
)
def test_any_layout_can_be_joined(error_class: type[BaseException]) -> None:
    """Classes of C with fields of their own too; nothing of theirs runs."""
    error = failed_task("r", "d", DECLINED, error_class)
    assert isinstance(error, error_class)
    assert isinstance(error, TaskFailedError)
    assert str(error) == "r \n d"


@pytest.mark.parametrize("error_class", [SealedError, None, TaskFailedError])
def test_where_python_cannot_join_it_is_still_a_failed_task(
    error_class: type[BaseException] | None,
) -> None:
    """The plain one."""
    error = failed_task("r", "d", DECLINED, error_class)
    assert type(error) is TaskFailedError
    assert error.properties == {"amount": "1.5", "reason": "funds"}


def test_without_details_there_is_still_the_text() -> None:
    """Histories of others may have none."""
    error = TaskFailedError("r", "d")
    assert (str(error), error.error_type, error.properties) == ("r \n d", "Exception", {})
    assert error.is_caused_by(Exception)
    assert not error.is_caused_by(ValueError)


def test_a_failed_task_that_goes_through_an_orchestrator_keeps_its_class_and_cause() -> None:
    """So a parent catches what its child did not; the chain leads to the activity."""
    error = failed_task("r", "d", DECLINED, DeclinedError)
    failure = raised(error)
    assert failure.error_type == "DeclinedError"
    assert failure.base_types == ("PaymentError",)
    assert failure.properties == DECLINED.properties
    assert failure.inner_failure == DECLINED
    plain = raised(TaskFailedError("r", "d", DECLINED))
    assert plain.error_type == "TaskFailedError"
    assert plain.is_caused_by(DeclinedError)


def test_a_ring_of_causes_ends() -> None:
    """User code can make one."""
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    failure: FailureDetails | None = FailureDetails.of(first)
    depth = 0
    while failure is not None:
        failure, depth = failure.inner_failure, depth + 1
    assert depth == CAUSES_MAX + 1


def test_the_decorator_registers_under_the_bare_name() -> None:
    """Once more under the same place is the same class: its module was loaded anew."""

    @durable_error
    class OnlyHereError(Exception):
        """Marked."""

    assert DECORATED["OnlyHereError"] is OnlyHereError


def test_two_classes_of_one_name_are_refused_and_so_is_no_class_of_errors() -> None:
    """A failure could not tell which is meant."""
    classes = ErrorClasses()
    classes.add(DeclinedError)
    classes.add(DeclinedError)
    other = type("DeclinedError", (Exception,), {"__module__": "elsewhere"})
    with pytest.raises(ValueError, match=r"Two classes of errors are named 'DeclinedError'.*else"):
        classes.add(other)
    again = type("DeclinedError", (Exception,), {"__module__": __name__})
    classes.add(again)
    assert dict(classes) == {"DeclinedError": again}
    no_classes: list[Any] = [int, KeyboardInterrupt, "DeclinedError"]
    for no_class in no_classes:
        with pytest.raises(TypeError):
            classes.add(no_class)


def test_a_payload_never_chooses_a_class_of_a_module() -> None:
    """The name of a loaded class that nobody registered is a text."""
    module = ModuleType("errors_for_payloads")
    vars(module)["DeclinedError"] = DeclinedError
    sys.modules[module.__name__] = module
    try:
        failure = FailureDetails.from_json(
            '{"ErrorType":"DeclinedError","ErrorMessage":"m","BaseTypes":["PaymentError"]}'
        )
        assert type(failed_task("r", "d", failure)) is TaskFailedError
    finally:
        del sys.modules[module.__name__]
