"""What users name things by: what is taken as it is, and what is refused at the door."""

from enum import Enum, StrEnum
from typing import Any

import pytest

from durable.model.errors import InvalidNameError
from durable.model.naming import (
    NAME_CHARS_MAX,
    checked_name,
    checked_reason,
    checked_version,
)


class Written(str, Enum):  # noqa: UP042  (what people write)
    """Texts that Python prints as members, not as texts."""

    ADD = "add"


class New(StrEnum):
    """Texts that Python prints as texts."""

    ADD = "add"


@pytest.mark.parametrize("name", ["add", Written.ADD, New.ADD])
def test_a_text_of_any_class_is_the_text(name: Any) -> None:
    """In rows and messages stands what it says."""
    for text in (checked_name(name, "an operation"), checked_version(name), checked_reason(name)):
        assert (type(text), text, f"{text}") == (str, "add", "add")


def test_a_name_may_be_as_long_as_a_message_bears() -> None:
    """A longer one would go to a blob, and be read as an empty one."""
    longest = "é" * NAME_CHARS_MAX
    assert checked_name(longest, "an event") == checked_version(longest) == longest
    with pytest.raises(InvalidNameError, match="name of an event has 1001 characters, 'ééé"):
        checked_name(longest + "é", "an event")
    with pytest.raises(InvalidNameError, match="A version has 1001 characters"):
        checked_version(longest + "é")
    assert checked_reason(longest * 10) == longest * 10
    with pytest.raises(InvalidNameError, match="A reason has 10001 characters"):
        checked_reason(longest * 10 + "é")


def test_a_version_or_a_reason_may_be_left_out_and_a_name_may_not() -> None:
    """An empty version is one; an empty name names nothing."""
    assert (checked_version(None), checked_reason(None), checked_version("")) == (None, None, "")
    with pytest.raises(InvalidNameError, match="name of an operation can't be empty"):
        checked_name("", "an operation")
    with pytest.raises(TypeError, match="name of an operation is a string, not NoneType"):
        checked_name(None, "an operation")


@pytest.mark.parametrize("bad", [2, b"2", ("2",)], ids=repr)
def test_what_is_no_text_is_refused(bad: Any) -> None:
    """It would be written, and no host could read the row again."""
    with pytest.raises(TypeError, match="is a string, not"):
        checked_name(bad, "an event")
    with pytest.raises(TypeError, match="A version is a string, not"):
        checked_version(bad)
    with pytest.raises(TypeError, match="A reason is a string, not"):
        checked_reason(bad)


@pytest.mark.parametrize("check", [checked_version, checked_reason, lambda n: checked_name(n, "")])
def test_what_no_message_can_hold_is_refused(check: Any) -> None:
    """Half a surrogate pair has no UTF-8."""
    with pytest.raises(InvalidNameError, match="half a surrogate pair"):
        check("x\ud800")
