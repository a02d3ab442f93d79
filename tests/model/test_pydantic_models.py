"""Payloads that are models of pydantic 2: the real ones."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

import pydantic.dataclasses
import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    SecretStr,
    computed_field,
    field_serializer,
    field_validator,
)

from durable.model.errors import InvalidPayloadError
from durable.model.values import decode_value, encode_value

T = TypeVar("T")
WORDS = ("alpha", "beta", "delta", "eps", "gamma")


class Colour(Enum):
    """An enum."""

    RED = "r"


@dataclass
class Due:
    """A dataclass in a model."""

    on: date


class Line(BaseModel):
    """A model in a model."""

    item: str
    price: Decimal


class Order(BaseModel):
    """Some of everything."""

    id: UUID
    at: datetime
    lines: list[Line]
    colour: Colour
    due: Due
    within: timedelta
    note: str | None = Field(None, alias="theNote")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def total(self) -> Decimal:
        """What is computed is not read."""
        return sum((line.price for line in self.lines), Decimal(0))


class Strict(BaseModel):
    """A model that takes nothing for something else."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    at: datetime
    pair: tuple[int, str]


class Box(BaseModel, Generic[T]):
    """A generic one."""

    value: T


class Ids(RootModel[list[int]]):
    """One that is a list."""


class Cat(BaseModel):
    """One of two."""

    kind: Literal["cat"] = "cat"


class Dog(BaseModel):
    """The other."""

    kind: Literal["dog"] = "dog"


class Positive(BaseModel):
    """One with a rule of its own."""

    n: int

    @field_validator("n")
    @classmethod
    def not_negative(cls, value: int) -> int:
        """Refuse."""
        if value < 0:
            raise ValueError("below nothing")
        return value


@pydantic.dataclasses.dataclass
class Ranged:
    """pydantic's own kind of dataclass."""

    n: int = Field(gt=0)


class Login(BaseModel):
    """A secret that nobody has thought of."""

    password: SecretStr


class Told(Login):
    """A secret that is told on purpose."""

    @field_serializer("password")
    def tell(self, password: SecretStr) -> str:
        """Tell it."""
        return password.get_secret_value()


class Sets(BaseModel):
    """Sets wherever they may be."""

    model_config = ConfigDict(extra="allow")
    plain: set[str] = Field(alias="thePlain")
    deep: dict[int, list[frozenset[str]]]
    root: RootModel[set[str]]
    pairs: frozenset[tuple[str, frozenset[str]]]
    text: set[str]

    @field_serializer("text")
    def joined(self, text: set[str]) -> str:
        """Give another shape."""
        return ",".join(sorted(text))


ORDER = Order(
    id=UUID(int=7),
    at=datetime(2030, 1, 1, tzinfo=UTC),
    lines=[Line(item="book", price=Decimal("7.50"))],
    colour=Colour.RED,
    due=Due(date(2030, 1, 31)),
    within=timedelta(hours=1),
    theNote="soon",
)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (ORDER, Order),
        ([ORDER], Sequence[Order]),
        ({"a": ORDER}, dict[str, Order]),
        (ORDER, Order | None),
        (Strict(at=datetime(2030, 1, 1, tzinfo=UTC), pair=(1, "a")), Strict),
        (Box[int](value=3), Box[int]),
        (Box[Line](value=ORDER.lines[0]), Box[Line]),
        (Ids([1, 2]), Ids),
        (Dog(), Cat | Dog),
        (Dog(), Annotated[Cat | Dog, Field(discriminator="kind")]),
        (Ranged(n=1), Ranged),
        (Told(password=SecretStr("open")), Told),
    ],
    ids=lambda each: None if isinstance(each, BaseModel) else str(each)[:40],
)
def test_a_model_comes_back_equal(value: Any, annotation: Any) -> None:
    """By its annotation; sets, aliases, times and what is computed included."""
    text = encode_value(value, what="x")
    back = decode_value(text, annotation)
    assert back == value
    assert encode_value(back, what="x") == text


@pytest.mark.parametrize(
    ("text", "annotation", "message"),
    [
        ('[{"n":1},{"n":-2}]', list[Positive], r"\[1\]\.n does not fit Positive: .*below nothing"),
        ('{"n":0}', Ranged, r"value\.n does not fit Ranged: Input should be greater than 0"),
        ("5", Positive, "does not fit Positive"),
        ('{"at":"2030-01-01","pair":[1,"a"],"x":1}', Strict, "does not fit Strict"),
    ],
)
def test_what_a_model_refuses_is_told_with_its_place(
    text: str, annotation: Any, message: str
) -> None:
    """In one line, of pydantic's first finding."""
    with pytest.raises(InvalidPayloadError, match=message) as raised:
        decode_value(text, annotation)
    assert "errors.pydantic.dev" not in str(raised.value)


def test_a_secret_is_not_written_as_stars() -> None:
    """Whoever reads it would have the stars for a password."""
    with pytest.raises(InvalidPayloadError, match="SecretStr is written as stars"):
        encode_value({"login": Login(password=SecretStr("open"))}, what="x")


def sets() -> str:
    """Write sets of words, which have another order in each process."""
    model = Sets.model_validate(
        {
            "thePlain": WORDS,
            "deep": {2: [WORDS], 1: []},
            "root": WORDS,
            "pairs": [("x", WORDS), ("y", WORDS)],
            "text": WORDS,
            "more": set(WORDS),
        }
    )
    return encode_value(model, what="x") or ""


def test_the_sets_of_a_model_have_one_order_in_all_processes() -> None:
    """Replay compares texts, and another process hashes words otherwise."""
    here = sets()
    assert here.startswith('{"thePlain":["alpha","beta","delta","eps","gamma"],"deep":{"2":[["alp')
    assert '"text":"alpha,beta,delta,eps,gamma"' in here
    for seed in ("1", "2"):
        there = subprocess.run(
            [sys.executable, __file__],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert there.stdout == here


if __name__ == "__main__":
    sys.stdout.write(sets())
