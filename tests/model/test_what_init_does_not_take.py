"""Fields of dataclasses that `__init__` does not take, and converters that give no text."""

import dataclasses
import json
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from durable.model.errors import InvalidPayloadError
from durable.model.values import decode_value, encode_value


@dataclasses.dataclass(frozen=True, slots=True)
class Ticket:
    """Makes its own id, once."""

    seat: str
    id: UUID = dataclasses.field(init=False, default_factory=uuid4)
    paid: list[Decimal] = dataclasses.field(init=False, default_factory=list)


def test_what_init_does_not_take_comes_back_as_it_was_written() -> None:
    """Read anew, in each replay say, it has no other id."""
    ticket = Ticket("12A")
    ticket.paid.append(Decimal("9.90"))
    text = encode_value([ticket], what="input")
    assert decode_value(text, list[Ticket]) == decode_value(text, list[Ticket]) == [ticket]


def test_what_was_not_written_is_as_the_class_makes_it() -> None:
    """A caller over HTTP need not send it; what is sent has to fit."""
    assert decode_value('{"seat":"12A"}', Ticket).paid == []
    with pytest.raises(InvalidPayloadError, match=r"ticket\.paid\[0\]"):
        decode_value('{"seat":"12A","paid":["much"]}', Ticket, what="ticket")


class Raw:
    """A converter of somebody who does not know that his library gives bytes."""

    def encode(self, value: Any) -> Any:
        """Print."""
        return json.dumps(value).encode()

    def decode(self, text: str, expected_type: Any) -> Any:
        """Read."""
        return json.loads(text)


class Half(Raw):
    """One whose texts no message can hold."""

    def encode(self, value: Any) -> str:
        """Print."""
        return json.dumps(value, ensure_ascii=False)


def test_a_converter_that_gives_no_text_is_told_so() -> None:
    """Before anything is committed: no message could carry it."""
    with pytest.raises(InvalidPayloadError, match="converter gives bytes, not str"):
        encode_value(1, what="input", converter=Raw())
    assert encode_value("é", what="input", converter=Half()) == '"é"'
    with pytest.raises(InvalidPayloadError, match="surrogates"):
        encode_value("\ud800", what="input", converter=Half())
