"""User values go to JSON text and come back as what their annotation says."""

import dataclasses
import datetime as dt
import enum
import json
import subprocess
import sys
import typing
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.model.converters import JsonConverter
from durable.model.errors import InvalidPayloadError
from durable.model.values import decode_value, encode_value

T = TypeVar("T")


class Colour(enum.Enum):
    """A plain enum."""

    RED = "red"
    PAIR = (1, 2)


class Level(enum.IntEnum):
    """An enum that is a number."""

    LOW = 1


class Right(enum.Flag):
    """Flags."""

    READ = enum.auto()
    WRITE = enum.auto()


@dataclasses.dataclass
class Item:
    """A dataclass with what JSON lacks."""

    name: str
    price: Decimal
    due: dt.datetime | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Order:
    """A nested one."""

    id: UUID
    items: list[Item]
    colour: Colour = Colour.RED
    total: Decimal = dataclasses.field(default=Decimal(0), init=False)


@dataclasses.dataclass
class Box(Generic[T]):
    """A generic one."""

    content: T
    more: list[T] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Chain:
    """One that holds itself."""

    next: "Chain | None" = None


class Point(NamedTuple):
    """A named tuple."""

    x: int
    y: Decimal = Decimal(0)


class Card(TypedDict):
    """A typed dict."""

    when: dt.date
    note: NotRequired[str]


NOON = dt.datetime(2026, 1, 2, 12, 30, 0, 5, tzinfo=dt.UTC)
ID = UUID(int=7)
ORDER = Order(id=ID, items=[Item("a", Decimal("1.10"), NOON), Item("b", Decimal(2))])

PAIRS: list[tuple[Any, Any]] = [
    (ORDER, Order),
    ([ORDER], list[Order]),
    ({"o": ORDER}, dict[str, Order]),
    (NOON, dt.datetime),
    (dt.datetime(2026, 1, 2), dt.datetime),  # noqa: DTZ001
    (dt.date(2026, 1, 2), dt.date),
    (dt.time(1, 2, 3), dt.time),
    (dt.timedelta(days=-1, microseconds=1), dt.timedelta),
    (ID, UUID),
    (Decimal("1E+30"), Decimal),
    (b"\x00\xff", bytes),
    (bytearray(b"x"), bytearray),
    (Colour.RED, Colour),
    (Colour.PAIR, Colour),
    (Level.LOW, Level),
    (Right.READ | Right.WRITE, Right),
    ((1, "a"), tuple[int, str]),
    ((1, 2, 3), tuple[int, ...]),
    ({1, 2}, set[int]),
    (frozenset({ID}), frozenset[UUID]),
    (Point(1, Decimal("0.1")), Point),
    ({"when": dt.date(2026, 1, 2)}, Card),
    (None, Order | None),
    (Item("a", Decimal(1)), typing.Optional[Item]),  # noqa: UP045
    ("x", Literal["x", "y"]),
    ([NOON], Sequence[dt.datetime]),
    ({ID: 1, UUID(int=8): 2}, dict[UUID, int]),
    ({NOON.date(): [ID]}, Mapping[dt.date, list[UUID]]),
    ({1: "a"}, dict[int, str]),
    ({Colour.RED: 1}, dict[Colour, int]),
    (Box(ID, [ID]), Box[UUID]),
    (Chain(Chain()), Chain),
    (3.0, float),
    ([[1], {"a": None}], Any),
    ({"a": [1.5, True]}, dict[str, Any]),
]


@pytest.mark.parametrize(("value", "annotation"), PAIRS, ids=lambda one: str(one)[:40])
def test_a_value_comes_back_as_its_annotation_says(value: Any, annotation: Any) -> None:
    """It is equal, and of the same type."""
    read = decode_value(encode_value(value, what="input"), annotation)
    assert read == value
    assert type(read) is type(value)


@given(st.timedeltas())
def test_every_duration_comes_back(duration: dt.timedelta) -> None:
    """To the microsecond, negative ones too."""
    assert decode_value(encode_value(duration, what="d"), dt.timedelta) == duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("P1W", 604_800), ("PT1H30M", 5400), ("-PT0.5S", -0.5), ("90", 90), ("+P1DT1S", 86_401)],
)
def test_durations_of_others_are_read(text: str, seconds: float) -> None:
    """ISO 8601 in other spellings, and seconds."""
    payload = text if text.isdigit() else json.dumps(text)
    assert decode_value(payload, dt.timedelta) == dt.timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "1D", "P9999999999D", "P999999999W"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Neither another exception nor a long computation."""
    with pytest.raises(InvalidPayloadError):
        decode_value(json.dumps(text), dt.timedelta)


def test_the_text_is_plain_json_that_others_can_read() -> None:
    """No tags: a caller over HTTP sends and gets the same."""
    assert json.loads(encode_value(ORDER, what="input")) == {
        "id": str(ID),
        "items": [
            {"name": "a", "price": "1.10", "due": "2026-01-02T12:30:00.000005+00:00"},
            {"name": "b", "price": "2", "due": None},
        ],
        "colour": "red",
        "total": "0",
    }


def test_members_that_a_class_does_not_know_are_left_out() -> None:
    """Another version of the app may have written them."""
    read = decode_value('{"name": "a", "price": 1, "new": true}', Item)
    assert read == Item("a", Decimal(1))


MISFITS: list[tuple[str, Any, str]] = [
    ('{"id":"x","items":[]}', Order, r"input\.id should be UUID, but is \"x\""),
    (
        f'{{"id":"{ID}","items":[{{"name":"a","price":1}},{{"name":"b","price":[]}}]}}',
        Order,
        r"input\.items\[1\]\.price should be Decimal, but is a list",
    ),
    ('{"name":"a"}', Item, r"input\.price is missing in Item"),
    ("null", Item, r"input should be Item, but is null"),
    ("5", list[int], r"input should be list\[int\], but is 5"),
    ('[1,"a"]', list[int], r"input\[1\] should be int, but is \"a\""),
    ("true", int, r"input should be int, but is true"),
    ("1.5", int, "should be int"),
    ("1", str, "should be str"),
    ('{"a b":[1]}', dict[str, Decimal], r"input\[\"a b\"\] should be Decimal"),
    ('{"x":1}', dict[int, int], "as a key"),
    ("[1,2,3]", tuple[int, int], "of 3 items"),
    ('"blue"', Colour, 'should be Colour, but is "blue"'),
    ('"z"', Literal["x"], "should be Literal"),
    ('{"note":"n"}', Card, r"input\.when is missing in Card"),
    ('{"y":1}', Point, r"input\.x is missing in Point"),
    ('"a"', int | None, r"should be int \| None"),
    ('{"name":"a","price":"?"}', Item | int, r"input\.price should be Decimal"),
    ('"!"', bytes, "should be bytes"),
    ("no json", Item, 'should be Item, but is "no json"'),
    ('{"a":1}', object(), "no JSON form"),
    ("[[1]]", set[list[int]], "unhashable"),
]


@pytest.mark.parametrize(("text", "annotation", "pattern"), MISFITS)
def test_what_does_not_fit_names_the_place_and_the_type(
    text: str, annotation: Any, pattern: str
) -> None:
    """And what is there instead."""
    with pytest.raises(InvalidPayloadError, match=pattern) as raised:
        decode_value(text, annotation, what="input of activity 'a'")
    assert "The input of activity 'a' can't be read" in str(raised.value)


def test_a_constructor_that_refuses_is_a_misfit() -> None:
    """`__post_init__` may check what types can't say."""

    @dataclasses.dataclass
    class Positive:
        number: int

        def __post_init__(self) -> None:
            if self.number < 0:
                raise ArithmeticError("negative")

    with pytest.raises(InvalidPayloadError, match=r"value\[0\] is no Positive: .*negative"):
        decode_value('[{"number":-1}]', list[Positive])


@dataclasses.dataclass
class Small:
    """Some members."""

    a: int


@dataclasses.dataclass
class Large:
    """The same, and one more."""

    a: int
    b: int = 0


def test_of_several_classes_the_one_that_knows_most_is_taken() -> None:
    """However they are ordered in the union."""
    for annotation in (Small | Large, Large | Small):
        assert decode_value('{"a":1,"b":2}', annotation) == Large(1, 2)
    assert decode_value('{"a":1}', Small | Large) == Small(1)


def test_of_other_unions_the_first_that_fits_is_taken() -> None:
    """A date that is text too is a date where that stands first."""
    assert decode_value('"2026-01-02"', dt.date | str) == dt.date(2026, 1, 2)
    assert decode_value('"2026-01-02"', str | dt.date) == "2026-01-02"
    assert decode_value('"x"', dt.date | str) == "x"


def test_without_a_type_plain_json_comes_back() -> None:
    """A tuple is a list, as ever; text that is no JSON is itself; no text is None."""
    assert decode_value(encode_value((1, {"a": None}), what="x")) == [1, {"a": None}]
    assert decode_value("no json") == "no json"
    assert decode_value("") is None
    assert decode_value(None) is None


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (object(), "Object of type object is not JSON serializable"),
        (float("nan"), "Out of range"),
        ({("a",): 1}, "keys must be"),
        (lambda: 1, "Object of type function"),
        ([ValueError("x")], r"str\(error\)"),
        (Order, "Object of type type"),
    ],
)
def test_what_has_no_form_is_refused_by_its_name(value: Any, why: str) -> None:
    """The error names the place in the app and the reason."""
    with pytest.raises(InvalidPayloadError, match=f"The result can't be written as JSON: .*{why}"):
        encode_value(value, what="result")


def test_a_structure_without_end_is_refused_both_ways() -> None:
    """Written, walked for its keys, and read."""
    endless: dict[Any, Any] = {}
    endless["a"] = endless
    for key in ("a", ID):
        endless[key] = endless
        with pytest.raises(InvalidPayloadError):
            encode_value(endless, what="x")
    deep = '{"next":' * 150 + "null" + "}" * 150
    with pytest.raises(InvalidPayloadError, match="nested deeper than 100"):
        decode_value(deep, Chain)
    assert decode_value('{"next":' * 90 + "null" + "}" * 90, Chain) is not None


@dataclasses.dataclass
class Left:
    """One of two that hold each other."""

    next: "Left | Other | None" = None
    end: int = 0


@dataclasses.dataclass
class Other:
    """The other one."""

    next: "Left | Other | None" = None
    end: int = 0


def test_no_payload_asks_for_work_without_end() -> None:
    """Each level that fits two classes would double it: 2 to the power of 80 attempts."""
    hostile = '{"next":' * 80 + '{"end":"x"}' + "}" * 80
    with pytest.raises(InvalidPayloadError, match="too many attempts"):
        decode_value(hostile, Left)
    assert decode_value(hostile.replace('"x"', "1"), Left) is not None


def test_half_a_surrogate_pair_is_kept() -> None:
    """It is legal in Python and in JSON's escapes, not in UTF-8."""
    text = encode_value(["\ud800", ID], what="x")
    text.encode()
    assert decode_value(text) == ["\ud800", str(ID)]


def test_a_set_has_the_same_text_in_every_process() -> None:
    """Replay compares texts, and hashes of text differ from process to process."""
    ask = (
        "from durable.model.values import encode_value;"
        "print(encode_value({'b', 'a', 'c', 'e', 'd'}, what='x'))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", ask],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert texts == {'["a","b","c","d","e"]\n'}


class Upper:
    """A converter of an app's own."""

    def encode(self, value: Any) -> str:
        """Shout."""
        return json.dumps(str(value).upper())

    def decode(self, text: str, expected_type: Any) -> Any:
        """Say what was asked for."""
        if expected_type is int:
            raise LookupError("no numbers here")
        return expected_type, json.loads(text)


def test_an_app_may_bring_its_own_converter() -> None:
    """It does both ways, and its errors are the payload's."""
    converter = Upper()
    text = encode_value("a", what="x", converter=converter)
    assert decode_value(text, bytes, converter=converter) == (bytes, "A")
    assert decode_value(None, converter=converter) == (None, None)
    with pytest.raises(InvalidPayloadError, match="can't be read as int: no numbers here"):
        decode_value(text, int, converter=converter)


def test_strict_typing_keeps_all_forms_that_name_no_class() -> None:
    """Only custom objects are held to it."""
    converter = JsonConverter(strict=True)
    text = encode_value([ORDER, {ID: 1}], what="x", converter=converter)
    assert decode_value(text, list[Any], converter=converter)[0]["id"] == str(ID)
