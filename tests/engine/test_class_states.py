"""The state of a class entity: attributes, saved as JSON and read back typed."""

import functools
import json
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from tests.engine.one_entity import Counter, Hand, Item


class Basket:
    """Typed in the class, and by default values."""

    items: list[Item]
    opened: datetime | None = None
    limits: ClassVar[list[int]] = [10]
    notes: list[str] = []  # noqa: RUF012  (what people write)

    def __init__(self) -> None:
        self.items = []
        self.tags = {"new"}
        self.counts: Any = defaultdict(int)
        self.tally: Any = Tally()

    def put(self, item: Item) -> str:
        """Read the input as its annotation says."""
        assert isinstance(item, Item)
        self.items.append(item)
        self.opened = self.opened or datetime(2030, 1, 1, tzinfo=UTC)
        self.tags.add(item.name)
        self.counts[item.name] += 1
        self.tally.update([item.name])
        self.notes.append(item.name)
        return type(self.opened).__name__

    def total(self) -> Decimal:
        """Use what was read back."""
        assert all(isinstance(item, Item) for item in self.items)
        return sum((item.price for item in self.items), Decimal(0))


async def test_state_is_read_back_as_annotated_and_else_as_its_default() -> None:
    """Dataclasses in lists, times, sets, Decimals, dicts with a default."""
    basket = Hand(Basket)
    await basket("put", {"name": "tea", "price": "1.20"})
    assert await basket("put", Item("tea", Decimal("2.30"))) == "datetime"
    assert await basket("total") == "3.50"
    assert basket.attributes == {
        "items": [{"name": "tea", "price": "1.20"}, {"name": "tea", "price": "2.30"}],
        "opened": "2030-01-01T00:00:00+00:00",
        "notes": ["tea", "tea"],
        "tags": ["new", "tea"],
        "counts": {"tea": 2},
        "tally": {"tea": 2},
    }


async def test_two_entities_share_no_list_of_the_class() -> None:
    """A list in the body of the class is the default of each, and not one for all."""
    one, other = Hand(Basket), Hand(Basket)
    await one("put", Item("tea", Decimal(1)))
    await other("total")
    assert (one.attributes["notes"], other.attributes["notes"]) == (["tea"], [])
    assert Basket.notes == []


async def test_an_input_that_does_not_fit_fails_before_the_method_runs() -> None:
    """And the place is named."""
    basket = Hand(Basket)
    assert "input.price" in await basket.fails("put", {"name": "tea", "price": "much"})


async def test_a_state_that_does_not_fit_fails_the_operation() -> None:
    """The place is named, and the state stays for another version."""
    basket = Hand(Basket, state='{"items": [{"name": "tea"}]}')
    assert "state.items[0].price is missing" in await basket.fails("total")
    assert "should be Basket, but is 5" in await Hand(Basket, state="5").fails("total")


async def test_an_old_state_gets_the_defaults_that_it_lacks() -> None:
    """What `__init__` gives."""
    basket = Hand(Basket, state='{"items": [{"name": "tea", "price": "1"}]}')
    assert await basket("total") == "1"
    await basket("put", Item("milk", Decimal(2)))
    assert basket.attributes["tags"] == ["milk", "new"]


async def test_what_the_class_does_not_know_is_dropped_without_an_error() -> None:
    """By an operation that changes something; one that only looks leaves it to who knows it."""
    gone = {"__class__": "Gone", "__module__": "of.nowhere", "__data__": 1}
    text = json.dumps({"value": 5, "of_a_newer_version": [gone], "value2": 1})
    counter = Hand(Counter, state=text)
    assert await counter("get") == 5
    assert counter.state == text
    assert await counter("add", 1) == 6
    assert counter.attributes == {"value": 6}


async def test_an_attribute_that_would_not_come_back_is_refused() -> None:
    """A method that makes it tells nobody how to read it; a cached property is not kept."""

    class Thing:
        start: int

        def begin(self) -> int:
            self.start = 5
            return self.cached

        @functools.cached_property
        def cached(self) -> int:
            return self.start + 1

        def stray(self) -> None:
            self.stay = 1

        def bad(self) -> None:
            self.start = object()  # type: ignore[assignment]

    thing = Hand(Thing)
    assert await thing("begin") == 6
    assert thing.attributes == {"start": 5}
    assert "attribute 'stay', which would not come back" in await thing.fails("stray")
    assert "state of entity '@thing@a' can't be written" in await thing.fails("bad")


@dataclass
class Account:
    """A dataclass; `spent` is computed from what was read."""

    owner: str = ""
    balance: Decimal = Decimal(0)
    log: list[Item] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.is_rich = self.balance > 100

    def deposit(self, amount: Decimal) -> bool:
        """Take money."""
        self.balance += amount
        self.log.append(Item("deposit", amount))
        return self.is_rich


@dataclass(slots=True)
class Slotted:
    """A dataclass without a `__dict__`."""

    when: datetime | None = None

    def touch(self) -> None:
        """Note a time."""
        self.when = datetime(2030, 1, 1, tzinfo=UTC)

    def year(self) -> int | None:
        """Use it."""
        return None if self.when is None else self.when.year


class OfOld:
    """An object as in 1.7."""

    def __init__(self, n: int = 0) -> None:
        self.n = n

    @staticmethod
    def to_json(value: "OfOld") -> Any:
        """Print."""
        return {"the": value.n}

    @staticmethod
    def from_json(data: Any) -> "OfOld":
        """Read."""
        return OfOld(data["the"])

    def more(self) -> int:
        """Count."""
        self.n += 1
        return self.n


async def test_dataclasses_and_custom_objects_are_what_the_converter_makes_of_them() -> None:
    """Their own reading runs, with `__post_init__`."""
    account = Hand(Account)
    assert await account("deposit", "150.5") is False
    assert await account("deposit", "1") is True
    assert account.attributes["balance"] == "151.5"
    slotted = Hand(Slotted)
    await slotted("touch")
    assert await slotted("year") == 2030
    old = Hand(OfOld)
    assert [await old("more"), await old("more")] == [1, 2]
    assert "has no operation 'to_json'" in await old.fails("to_json")


@dataclass
class Meter:
    """What its `__init__` does not take is state too."""

    unit: str = "m"
    total: Decimal = field(default=Decimal(0), init=False)
    made: str = field(init=False)

    def __post_init__(self) -> None:
        self.made = "now"

    def add(self, amount: Decimal) -> Decimal:
        """Count."""
        self.total += amount
        self.made = "before"
        return self.total

    def when(self) -> str:
        """Tell."""
        return self.made


async def test_what_the_init_of_a_dataclass_does_not_take_is_kept() -> None:
    """It began anew with every operation."""
    meter = Hand(Meter)
    assert await meter("when") == "now"
    assert [await meter("add", "1.5"), await meter("add", "2")] == ["1.5", "3.5"]
    assert await meter("when") == "before"


class Order(BaseModel):
    """A model of pydantic as an entity."""

    n: int = 0
    parts: dict[str, set[str]] = {}

    def more(self) -> int:
        """Count."""
        self.n += 1
        self.parts.setdefault("all", set()).add(str(self.n))
        return self.n


async def test_a_model_is_read_by_its_own_validation_and_its_methods_are_no_operations() -> None:
    """Only what the app's class adds."""
    order = Hand(Order)
    assert [await order("more"), await order("more")] == [1, 2]
    assert order.attributes == {"n": 2, "parts": {"all": ["1", "2"]}}
    assert "it has 'delete', 'more'." in await order.fails("model_dump")


class Careless:
    """A converter that looks at no type."""

    def encode(self, value: Any) -> str:
        """Print."""
        return json.dumps(value)

    def decode(self, text: str, expected_type: Any) -> Any:
        """Read."""
        del expected_type
        return json.loads(text)


async def test_a_converter_that_makes_another_thing_of_the_state_is_found_out() -> None:
    """The operation fails, and says what came."""
    account = Hand(Account, state="{}", converter=Careless())
    assert "makes a dict of it, not Account" in await account.fails("deposit", "1")


class Mode(Enum):
    """How a stock is counted."""

    FAST = "fast"


@dataclass
class Stock:
    """A typed state whose operation believes its caller."""

    quantity: int = 0
    sizes: list[int] = field(default_factory=list)

    def store(self, values: dict[str, Any]) -> None:
        """Take what comes."""
        self.__dict__.update(values)


class Machine:
    """The same, typed by what `__init__` gives."""

    def __init__(self) -> None:
        self.mode = Mode.FAST

    async def store(self, values: dict[str, Any]) -> None:
        """Take what comes."""
        self.__dict__.update(values)


@pytest.mark.parametrize(
    ("kind", "good", "bad", "place"),
    [
        (Stock, {"quantity": 3}, {"quantity": "3"}, "state.quantity should be int"),
        (Stock, {"sizes": [1]}, {"sizes": ["1"]}, "state.sizes[0] should be int"),
        (Machine, {"mode": "fast"}, {"mode": "slow"}, "state.mode"),
    ],
)
async def test_an_operation_that_leaves_what_can_not_be_read_fails_alone(
    kind: type, good: Any, bad: Any, place: str
) -> None:
    """The entity stays as it was, new or not, and goes on."""
    entity = Hand(kind)
    assert place in await entity.fails("store", bad)
    await entity("store", good)
    before = entity.attributes
    assert "could not be read again" in await entity.fails("store", bad)
    await entity("store", good)
    assert entity.attributes == before


class Level(IntEnum):
    """A number with a name."""

    HIGH = 2


MOMENT = datetime(2030, 1, 1, tzinfo=UTC)


class Loose:
    """Attributes that nobody annotates, and one that somebody does."""

    noted: datetime | None

    def __init__(self) -> None:
        self.last = None
        self.noted = None
        self.items: Any = []
        self.seen: Any = set()

    def act(self, name: str) -> None:
        """Do one of the things below."""
        ACTS[name](self)


ACTS: dict[str, Callable[[Any], Any]] = {
    "note": lambda it: setattr(it, "noted", MOMENT),
    "plain": lambda it: setattr(it, "last", {"a": [1, 2.5, None, True, "x"], "b": (1, 2)}),
    "old": lambda it: setattr(it, "last", OfOld(3)),
    "see": lambda it: it.seen.update((1, "x")),
    "time": lambda it: setattr(it, "last", MOMENT),
    "enum": lambda it: setattr(it, "last", Level.HIGH),
    "set": lambda it: setattr(it, "last", {1}),
    "number as a key": lambda it: setattr(it, "last", {"a": {5: 1}}),
    "dataclass in a list": lambda it: it.items.extend([1, Item("tea", Decimal(1))]),
    "enum in a set": lambda it: it.seen.add(Mode.FAST),
}


async def test_what_nobody_annotates_and_would_come_back_as_another_type_is_refused() -> None:
    """With the name of the attribute, and of the types; what JSON has comes back and is saved."""
    loose = Hand(Loose)
    for kept in ("note", "plain", "old", "see"):
        await loose("act", kept)
    told = {name: await loose.fails("act", name) for name in list(ACTS)[4:]}
    assert "annotate 'last' in the body of Loose" in told["time"]
    assert "str for its datetime" in told["time"]
    assert "int for its Level" in told["enum"]
    assert "list for its set" in told["set"]
    assert "str for its int" in told["number as a key"]
    assert "annotate 'items'" in told["dataclass in a list"]
    assert "dict for its Item" in told["dataclass in a list"]
    assert "annotate 'seen'" in told["enum in a set"]
