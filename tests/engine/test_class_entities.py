"""Class entities: methods are operations, attributes are state."""

import asyncio
import functools
import json
from abc import ABC, abstractmethod
from collections import Counter as Tally
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from durable.engine.entity_context import DurableEntityContext
from durable.engine.environment import SystemEnvironment
from durable.engine.operations import OperationOutcome, OperationRequest, run_operation
from durable.engine.registry import Registry
from durable.model.actions import SignalEntity
from durable.model.converters import Converter
from durable.model.entity_ids import EntityId
from durable.model.values import encode_value

THING = EntityId("thing", "a")
ENVIRONMENT = SystemEnvironment()


class Hand:
    """One entity of a class, served by hand: holds its state between the operations."""

    def __init__(
        self, kind: type, state: str | None = None, converter: Converter | None = None
    ) -> None:
        self.registry = Registry(converter)
        self.registry.add_entity("thing", kind)
        self.state = state
        self.sent: list[Any] = []

    async def outcome(self, operation: str, *values: Any) -> OperationOutcome:
        """Run an operation, with a value or without."""
        text = encode_value(values[0], what="input") if values else None
        request = OperationRequest(entity_id=THING, operation=operation, input=text)
        running = run_operation(self.registry, ENVIRONMENT, request, self.state)
        outcome = await asyncio.wait_for(running, 10)
        self.state = outcome.state
        self.sent += outcome.sent
        return outcome

    async def __call__(self, operation: str, *values: Any) -> Any:
        """Run an operation that must end well, and return its result."""
        outcome = await self.outcome(operation, *values)
        assert outcome.failure is None, outcome.reason + outcome.details
        assert outcome.result is not None
        return json.loads(outcome.result)

    async def fails(self, operation: str, *values: Any) -> str:
        """Run an operation that must fail and leave the state, and return what it says."""
        before, sent = self.state, len(self.sent)
        outcome = await self.outcome(operation, *values)
        assert outcome.failure is not None, outcome
        assert (outcome.state, len(self.sent)) == (before, sent)
        return f"{outcome.failure.error_type}: {outcome.failure.error_message}"

    @property
    def attributes(self) -> Any:
        """The state as JSON."""
        return None if self.state is None else json.loads(self.state)


class Counter:
    """Counts."""

    def __init__(self) -> None:
        self.value = 0

    def add(self, amount: int) -> int:
        """Count on."""
        self.value += amount
        return self.value

    def get(self) -> int:
        """Tell."""
        return self.value

    async def double(self) -> None:
        """Take its time."""
        await asyncio.sleep(0)
        self.value *= 2

    def fail(self) -> None:
        """Change and raise."""
        self.value = -1
        raise ValueError("no")

    async def fail_late(self) -> None:
        """Change and raise, on the loop."""
        self.value = -1
        await asyncio.sleep(0)
        raise ValueError("no")


async def test_methods_are_operations_and_what_they_return_is_the_result() -> None:
    """Sync or async; the attributes go from one to the next."""
    counter = Hand(Counter)
    assert await counter("add", 5) == 5
    assert await counter("double") is None
    assert await counter("get") == 10
    assert counter.attributes == {"value": 10}


async def test_an_operation_makes_the_default_state() -> None:
    """Also one that changes nothing: from then on there is such an entity."""
    counter = Hand(Counter)
    assert await counter("get") == 0
    assert counter.attributes == {"value": 0}


@pytest.mark.parametrize("operation", ["fail", "fail_late"])
async def test_a_failed_operation_leaves_the_state(operation: str) -> None:
    """Whatever it did to its object; and without a state it makes none."""
    counter = Hand(Counter)
    assert await counter.fails(operation) == "ValueError: no"
    assert counter.state is None
    await counter("add", 3)
    await counter.fails(operation)
    assert await counter("get") == 3


async def test_an_operation_that_no_method_has_names_those_there_are() -> None:
    """Neither private methods nor attributes nor static and class methods are operations."""

    class Thing(Counter):
        limit = 5
        Inner = Counter
        other = functools.partial(print)

        def _hidden(self) -> None:
            pass

        @property
        def shown(self) -> int:
            return 1

        @staticmethod
        def of_nobody() -> None:
            pass

        @classmethod
        def of_all(cls) -> None:
            pass

        double = None  # type: ignore[assignment]

    thing = Hand(Thing)
    for name in (
        "_hidden",
        "shown",
        "limit",
        "Inner",
        "other",
        "of_nobody",
        "of_all",
        "__init__",
        "double",
    ):
        assert await thing.fails(name) == (
            f"LookupError: The entity 'thing' has no operation '{name}'; "
            "it has 'add', 'delete', 'fail', 'fail_late', 'get'."
        )


async def test_a_name_is_matched_exactly_and_else_without_regard_to_case() -> None:
    """Where two differ in case only, the others are nobody's."""

    class Thing:
        def get(self) -> str:
            return "get"

        def GET(self) -> str:  # noqa: N802
            return "GET"

        def set(self) -> str:
            return "set"

    thing = Hand(Thing)
    assert [await thing(name) for name in ("get", "GET", "Set")] == ["get", "GET", "set"]
    assert "no operation 'Get'" in await thing.fails("Get")


async def test_delete_is_there_unless_the_class_defines_it() -> None:
    """It drops the state, one too that can't be read."""

    class Thing(Counter):
        def Delete(self) -> str:  # noqa: N802
            return "mine"

    counter = Hand(Counter, state='"what is this"')
    assert await counter("Delete") is None
    assert counter.state is None
    own = Hand(Thing)
    assert await own("delete") == "mine"
    assert own.attributes == {"value": 0}


class Talker:
    """Looks at its context."""

    told: str = ""

    def by_annotation(self, about: DurableEntityContext, word: str) -> None:
        """Take both."""
        self.told = f"{about.operation_name} {about.entity_key} {word}"

    def by_name(self, word, context) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        """Take both, without annotations."""
        self.told = f"{context.operation_name} {word}"

    def alone(self, *, context: "DurableEntityContext | None" = None) -> None:
        """Take the context alone."""
        assert context is not None
        self.told = context.operation_name
        context.signal_entity(context.entity_id, "alone")
        context.set_result("set")

    def of_another_kind(self, context: dict[str, int]) -> None:
        """Take an input of that name."""
        self.told = str(context)

    def end(self, context: DurableEntityContext) -> None:
        """Go."""
        self.told = "the end"
        context.destruct_on_exit()

    def set_it(self, context: DurableEntityContext) -> None:
        """Do what function entities do."""
        context.set_state(5)


async def test_a_method_gets_the_context_where_it_asks_for_it() -> None:
    """By annotation; by the name `context` where there is none."""
    talker = Hand(Talker)
    told = []
    for operation, *values in (
        ("by_annotation", "hello"),
        ("by_name", "you"),
        ("of_another_kind", {"x": 1}),
    ):
        await talker(operation, *values)
        told.append(talker.attributes["told"])
    assert told == ["by_annotation a hello", "by_name you", "{'x': 1}"]


async def test_what_a_method_does_with_its_context_counts() -> None:
    """It signals, ends the entity, and sets the result where it returns none; but no state."""
    talker = Hand(Talker)
    assert await talker("alone") == "set"
    assert talker.sent == [
        SignalEntity(task_id=-1, instance_id="@thing@a", operation="alone", input="null")
    ]
    assert "set_state is not for it" in await talker.fails("set_it")
    await talker("end")
    assert talker.state is None


@dataclass
class Item:
    """Something in a typed state."""

    name: str
    price: Decimal


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


class Model:
    """What pydantic's models look like to us."""

    def __init__(self, n: int = 0) -> None:
        self.n = n

    def model_dump(self, **_: Any) -> dict[str, int]:
        """Print."""
        return {"n": self.n}

    @classmethod
    def model_validate(cls, value: dict[str, int]) -> "Model":
        """Read."""
        return cls(**value)


Model.__module__ = "pydantic.main"


class Order(Model):
    """A model of an app."""

    def more(self) -> int:
        """Count."""
        self.n += 1
        return self.n

    def model_dump(self, **options: Any) -> dict[str, int]:
        """Print as the class above does."""
        return super().model_dump(**options)


async def test_a_model_is_read_by_its_own_validation_and_its_methods_are_no_operations() -> None:
    """Only what the app's class adds."""
    order = Hand(Order)
    assert [await order("more"), await order("more")] == [1, 2]
    assert order.attributes == {"n": 2}
    assert "it has 'delete', 'more'." in await order.fails("model_dump")


class Inputs:
    """Takes inputs in every manner."""

    def none(self) -> str:
        """Take none."""
        return "none"

    def bare(self, value) -> Any:  # type: ignore[no-untyped-def]  # noqa: ANN001
        """Take any."""
        return [value]

    def typed(self, value: int) -> Any:
        """Take one."""
        return [value]

    def optional(self, value: int | None) -> Any:
        """Take null."""
        return [value]

    def with_default(self, value: int = 7) -> Any:
        """Take one or none."""
        return [value]

    def by_keyword(self, *, value: Item) -> Any:
        """Take one by name."""
        return [value.name]

    def positional(self, value: int, /, other: int = 1) -> Any:
        """Take one by place."""
        return [value, other]

    def second(self, other: int = 1, *, value: int) -> Any:
        """Take one that is not the first."""
        return [value, other]

    def several(self, one: int, two: int) -> None:
        """Take too many."""

    def variadic(self, *values: Any, **_: Any) -> Any:
        """Take what comes."""
        return values


TAKEN: list[tuple[str, tuple[Any, ...], Any]] = [
    ("none", (), "none"),
    ("none", (None,), "none"),
    ("bare", (), [None]),
    ("bare", ({"x": 1},), [{"x": 1}]),
    ("typed", (5,), [5]),
    ("optional", (None,), [None]),
    ("optional", (), [None]),
    ("with_default", (), [7]),
    ("with_default", (8,), [8]),
    ("by_keyword", (Item("tea", Decimal(1)),), ["tea"]),
    ("positional", (3,), [3, 1]),
    ("second", (3,), [3, 1]),
    ("variadic", (), []),
    ("variadic", (4,), [4]),
]


@pytest.mark.parametrize(("operation", "values", "result"), TAKEN)
async def test_the_value_that_was_sent_is_the_argument(
    operation: str, values: tuple[Any, ...], result: Any
) -> None:
    """Nothing sent is no argument."""
    assert await Hand(Inputs)(operation, *values) == result


async def test_an_input_that_has_no_place_fails_the_operation() -> None:
    """In words that name the operation."""
    inputs = Hand(Inputs)
    assert "'none' takes no input" in await inputs.fails("none", 5)
    assert "takes an input, value: int, and none was sent" in await inputs.fails("typed")
    assert "several inputs (one, two)" in await inputs.fails("several", [1, 2])


class Shouting:
    """A converter of an app."""

    def encode(self, value: Any) -> str:
        """Print."""
        return json.dumps(value).upper().replace("NULL", "null")

    def decode(self, text: str, expected_type: Any) -> Any:
        """Read."""
        del expected_type
        return json.loads(text.lower())


async def test_state_and_input_and_result_go_through_the_converter_of_the_app() -> None:
    """All three."""
    inputs = Hand(Inputs, converter=Shouting())
    outcome = await inputs.outcome("bare", "Tea")
    assert outcome.result == '["TEA"]'
    talker = Hand(Talker, converter=Shouting())
    await talker("by_annotation", "tea")
    assert talker.attributes == {"TOLD": "BY_ANNOTATION A TEA"}
    lying = Hand(Account, state="{}", converter=Shouting())
    assert "makes a dict of it, not Account" in await lying.fails("deposit", "1")


class NeedsMore:
    """Has no default."""

    def __init__(self, value: int) -> None:
        self.value = value

    def get(self) -> int:
        """Tell."""
        return self.value


class Slots:
    """Hides its attributes."""

    __slots__ = ("value",)

    def get(self) -> int:
        """Tell."""
        return 1


class Abstract(ABC):
    """Is not all there."""

    @abstractmethod
    def more(self) -> None:
        """Do more."""


class Silent:
    """Does nothing."""


REFUSED = [
    (Abstract, "is abstract"),
    (NeedsMore, "can't be made without arguments"),
    (Slots, "have no '__dict__'"),
    (Silent, "no public method"),
]


@pytest.mark.parametrize(("kind", "text"), REFUSED)
def test_a_class_that_can_be_no_entity_is_refused_when_it_is_registered(
    kind: type, text: str
) -> None:
    """With the reason, and then nothing is registered."""
    registry = Registry()
    with pytest.raises(ValueError, match=text):
        registry.add_entity("thing", kind)
    assert not registry.entities


async def test_decorated_methods_are_called_as_their_signature_says() -> None:
    """Below the decorator."""

    def loud(function: Any) -> Any:
        @functools.wraps(function)
        def outer(*args: Any, **kwargs: Any) -> Any:
            return str(function(*args, **kwargs)).upper()

        return outer

    class Thing:
        @loud
        def name(self, item: Item) -> str:
            return item.name

    assert await Hand(Thing)("name", Item("tea", Decimal(1))) == "TEA"


def test_the_result_type_of_an_operation_is_known() -> None:
    """For whoever calls it."""
    registry = Registry()
    registry.add_entity("Basket", Basket)
    registry.add_entity("plain", lambda context: context)
    assert registry.operation_type("basket", "Total") == Decimal | None
    assert registry.operation_type("basket", "put") is None
    assert registry.operation_type("basket", "nothing") is None
    assert registry.operation_type("plain", "x") is None
