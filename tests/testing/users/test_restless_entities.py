"""Entities that signal without end, in a user's test."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import durable.functions as df
from durable.testing.running.runner import RestlessError, run_orchestrator


class Ball:
    """Goes from hand to hand."""

    def __init__(self) -> None:
        self.throws = 0

    def throw(self, to: str, context: df.DurableEntityContext) -> None:
        """Throw it at once."""
        self.throws += 1
        context.signal_entity(df.EntityId("Ball", to), "throw", context.entity_key)

    def tick(self, context: df.DurableEntityContext) -> None:
        """Count the days."""
        self.throws += 1
        time = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=self.throws)
        context.signal_entity(context.entity_id, "tick", scheduled_time=time)


def play(context: df.DurableOrchestrationContext) -> Generator[Any, Any, None]:
    """Let one begin."""
    yield context.call_entity(df.EntityId("Ball", "a"), *context.get_input())


@pytest.mark.parametrize("to", ["a", "b"])
def test_entities_that_signal_each_other_for_ever_are_named_soon(to: str) -> None:
    """Time stands still meanwhile, so an `until` would never come."""
    with pytest.raises(RestlessError, match=r"entity '@ball@.' signals itself, or others"):
        run_orchestrator(play, ["throw", to], entities=[Ball], until=timedelta(days=1))


def test_an_entity_that_signals_itself_for_later_is_none_of_them() -> None:
    """However often."""
    result = run_orchestrator(play, ["tick"], entities=[Ball], until=timedelta(days=1100))
    assert result.entities == {"@ball@a": {"throws": 1101}}
