"""Generic bases, marks of typed dicts and literal enums, where annotations are text as well."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from typing import Any, Generic, Literal, NotRequired, Required, TypedDict, TypeVar

import pytest

from durable.engine.signatures import useful
from durable.model.errors import InvalidPayloadError
from durable.model.values import decode_value, encode_value

T = TypeVar("T")
K = TypeVar("K")


@dataclasses.dataclass
class Order:
    """What stands in pages."""

    due: dt.date


@dataclasses.dataclass
class Page(Generic[T]):
    """A part of a long list."""

    items: list[T]
    by_day: dict[str, T | None] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Orders(Page[Order]):
    """Says what its items are in the class line alone."""

    total: int = 0


@dataclasses.dataclass
class Later(Page["Order"]):
    """Says it by a text."""


@dataclasses.dataclass
class Keyed(Page[K], Generic[K, T]):
    """Has a variable of the same name as its base has, for something else."""

    key: T | None = None


@dataclasses.dataclass
class Days(Keyed[dt.date, Order]):
    """Two steps away from where its items are declared."""


class Answer(TypedDict, Generic[T]):
    """A typed dict that is generic."""

    value: T


class Dated(Answer[dt.date]):
    """A typed dict that has its member from there."""


class Colour(enum.Enum):
    """What a literal may name."""

    RED = "r"
    BLUE = "b"


DAY = dt.date(2030, 1, 31)
PAIRS: tuple[tuple[Any, Any], ...] = (
    (Orders([Order(DAY)], {"a": Order(DAY), "b": None}, 1), Orders),
    (Later([Order(DAY)]), Later),
    (Days([DAY], {"a": DAY}, Order(DAY)), Days),
    (Page([Order(DAY)]), Page[Order]),
    ({"value": DAY}, Answer[dt.date]),
    ({"value": DAY}, Dated),
    (Colour.RED, Literal[Colour.RED]),
    ([Colour.RED], list[Literal[Colour.RED, Colour.BLUE]]),
)


@pytest.mark.parametrize(("value", "annotation"), PAIRS, ids=lambda one: str(one)[:40])
def test_a_value_of_it_comes_back(value: Any, annotation: Any) -> None:
    """Where the type is named, and where a function has it as its annotation."""
    text = encode_value(value, what="value")
    assert decode_value(text, annotation) == value
    assert decode_value(text, useful(annotation)) == value


class Card(TypedDict):
    """Marks what may be left out."""

    name: str
    born: NotRequired[dt.date]


class Loose(TypedDict, total=False):
    """Marks what must be there."""

    name: Required[str]
    born: dt.date


@pytest.mark.parametrize("card", [Card, Loose])
def test_what_a_typed_dict_marks_as_not_required_may_be_missing(card: Any) -> None:
    """Python does not see the marks in the text of annotations."""
    assert decode_value('{"name":"Ada"}', card) == {"name": "Ada"}
    assert decode_value('{"name":"Ada","born":"2030-01-31"}', card)["born"] == DAY
    with pytest.raises(InvalidPayloadError, match=r"card\.name is missing"):
        decode_value('{"born":"2030-01-31"}', card, what="card")
