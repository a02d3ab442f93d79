"""Which entities an app has: names, functions and classes."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from durable.engine.entity_context import DurableEntityContext
from durable.engine.registry import Registry


class Counter:
    """Counts."""

    def get(self) -> int:
        """Tell."""
        return 1


def entity(context: DurableEntityContext) -> None:
    """Do nothing."""


async def async_entity(_: DurableEntityContext, more: int = 1) -> None:
    """Do nothing, on the loop."""


def generator(_: Any) -> Iterator[int]:
    """Wait for tasks, which an entity can't."""
    yield 1


async def async_generator(_: Any) -> AsyncIterator[int]:
    """The same."""
    yield 1


def test_entities_are_known_by_their_name_in_lower_case() -> None:
    """As they stand in an instance id; functions and classes alike."""
    registry = Registry()
    registry.add_entity("Counter", Counter)
    registry.add_entity("ACCOUNT", entity)
    registry.add_entity("shop", async_entity)
    assert registry.entities == {
        "counter": Counter,
        "account": entity,
        "shop": async_entity,
    }


def test_two_entities_of_one_name_are_refused_whatever_their_case() -> None:
    """An entity may have the name of an activity or an orchestrator."""
    registry = Registry()
    registry.add_activity("counter", len)
    registry.add_orchestrator("counter", generator)
    registry.add_entity("counter", entity)
    with pytest.raises(ValueError, match="Two entities are named 'counter'"):
        registry.add_entity("Counter", Counter)
    assert registry.entities == {"counter": entity}


REFUSED: list[tuple[str, Any, type[Exception], str]] = [
    ("", entity, ValueError, "cannot be empty"),
    ("a@b", entity, ValueError, "'@'"),
    ("a/b", entity, ValueError, "not allowed"),
    ("n" * 257, entity, ValueError, "256"),
    ("counter", 5, TypeError, "a function or a class, not 5"),
    ("counter", generator, ValueError, "is a generator"),
    ("counter", async_generator, ValueError, "is a generator"),
    ("counter", lambda: None, ValueError, "exactly one parameter"),
    ("counter", lambda a, b: None, ValueError, "exactly one parameter"),
]


@pytest.mark.parametrize(("name", "given", "error", "text"), REFUSED)
def test_what_can_be_no_entity_is_refused_aloud(
    name: str, given: Any, error: type[Exception], text: str
) -> None:
    """When it is registered, with the reason."""
    registry = Registry()
    with pytest.raises(error, match=text):
        registry.add_entity(name, given)
    assert not registry.entities


def test_a_registry_takes_over_the_entities_of_another() -> None:
    """Twice too; but not another one of the same name."""
    blueprint, app = Registry(), Registry()
    blueprint.add_entity("counter", Counter)
    app.include(blueprint)
    app.include(blueprint)
    assert app.entities == {"counter": Counter}
    other = Registry()
    other.add_entity("Counter", entity)
    with pytest.raises(ValueError, match="Two entities"):
        other.include(blueprint)
