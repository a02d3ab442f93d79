"""Suspects and their company: nobody waits beside one that may end the process."""

import asyncio

import pytest

from durable.engine.solitude import Crowded, Solitude


async def test_a_suspect_does_not_wait_beside_another() -> None:
    """Else the end of the one would count as a failed delivery of the other."""
    solitude = Solitude()
    async with solitude.alone():
        with pytest.raises(Crowded):
            async with solitude.alone():
                pytest.fail("two are alone")


async def test_of_two_that_wait_for_others_one_gets_in_and_one_goes() -> None:
    """Also where both had begun to wait."""
    solitude = Solitude()
    outcomes: list[str] = []

    async def suspect() -> None:
        try:
            async with solitude.alone():
                outcomes.append("alone")
                await asyncio.wait_for(both.wait(), 5)
        except Crowded:
            outcomes.append("crowded")
            both.set()

    both = asyncio.Event()
    async with asyncio.TaskGroup() as tasks, solitude.beside_others():
        tasks.create_task(suspect())
        tasks.create_task(suspect())
        await asyncio.wait_for(_until_they_wait(solitude), 5)
    assert sorted(outcomes) == ["alone", "crowded"]


async def _until_they_wait(solitude: Solitude) -> None:
    while solitude._waiting < 2:
        await asyncio.sleep(0)
