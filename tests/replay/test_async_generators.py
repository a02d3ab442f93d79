"""Async generators as helpers of an `async def` orchestrator."""

import contextlib
import gc
import sys
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tests.replay.recording import Context, Recording, asked, completed


async def pages(context: Context, seen: list[str]) -> AsyncGenerator[int, None]:
    """Fetch one after another; release what holds them at the end."""
    try:
        for number in range(3):
            yield await context.call_activity("fetch", number)
    finally:
        seen.append("released")
        await context.call_activity("release")


@pytest.fixture(name="noise")
def _noise(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    noise: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda error: noise.append(repr(error.exc_value)))
    return noise


async def waits_inside(context: Context, seen: list[str]) -> None:
    """Stand in the generator, which awaits."""
    async for _ in pages(context, seen):
        pass


async def waits_outside(context: Context, seen: list[str]) -> None:
    """Stand between two of its steps."""
    async for _ in pages(context, seen):
        await context.wait_for_external_event("go on")


@pytest.mark.parametrize("code", [waits_inside, waits_outside])
def test_one_that_is_dropped_ends_with_its_orchestrator_and_without_noise(
    code: Any, noise: list[str]
) -> None:
    """Every host that lets an instance go, and every replay in a unit test, drops one."""
    seen: list[str] = []
    recording = Recording(lambda context: code(context, seen))
    execution = recording.each(completed(0, 1)).execution
    assert execution is not None
    seen.clear()
    execution.drop()
    gc.collect()
    assert seen == ["released"]
    assert noise == []


async def leaves_early(context: Context, seen: list[str]) -> Any:
    """Leave the loop, and the generator to Python."""
    async for number in pages(context, seen):
        if number == 1:
            break
    return await context.call_activity("use")


def test_one_that_is_left_early_and_would_await_is_told_of(noise: list[str]) -> None:
    """Its `finally` runs as far as it awaits nothing."""
    seen: list[str] = []
    recording = Recording(lambda context: leaves_early(context, seen))
    recording.each(completed(0, 0))
    with pytest.warns(RuntimeWarning, match="'pages' was left before its end.*aclosing"):
        recording.each(completed(1, 1))
    assert "released" in seen
    assert asked(recording.last)[-1][1] == "use"
    assert noise == []


def test_one_that_is_closed_where_it_is_left_does_what_its_finally_asks_for() -> None:
    """As the warning says."""

    async def careful(context: Context) -> None:
        async with contextlib.aclosing(pages(context, [])) as numbers:
            async for number in numbers:
                if number == 1:
                    break

    recording = Recording(careful)
    recording.each(completed(0, 0), completed(1, 1))
    assert asked(recording.last)[-1][1] == "release"
