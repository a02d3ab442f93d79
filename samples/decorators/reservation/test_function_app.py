"""Unit tests, in the idiom of azure-functions-durable, of an `async def` orchestrator."""

import asyncio
import unittest
from collections.abc import Iterable
from typing import Any
from unittest.mock import AsyncMock, MagicMock, Mock, patch

import durable.functions as df
from function_app import CardDeclinedError, Hotel, book_trip, pay

TRIP = {"guest": "Ada", "card": "123", "flight": "XY1", "hotel": "Grand", "car": "Mini"}
WANTED = [df.EntityId("Flight", "XY1"), df.EntityId("Hotel", "Grand"), df.EntityId("Car", "Mini")]


async def in_turn(calls: Iterable[Any]) -> list[Any]:
    """Stand in for `task_all`."""
    return [await one for one in calls]


def booked(context: Mock, *, free: int, pay: AsyncMock) -> tuple[Any, MagicMock]:
    """Book a trip where each entity has so many places; gives the output and the section."""
    section = MagicMock()
    section.__aexit__.return_value = False
    context.get_input = Mock(return_value=TRIP)
    context.lock = Mock(return_value=section)
    context.call_entity = AsyncMock(return_value=free)
    context.call_activity = pay
    context.task_all = in_turn
    orchestrator = book_trip.build().get_user_function().orchestrator_function
    return asyncio.run(orchestrator(context)), section


def operations(context: Mock) -> list[str]:
    """Name the operations that were called, in order."""
    return [one.args[1] for one in context.call_entity.call_args_list]


class TestPlaces(unittest.TestCase):
    """An entity is a plain class."""

    def test_a_place_that_is_given_back_is_free_again(self) -> None:
        """And its guest is gone."""
        hotel = Hotel()
        hotel.add(1)
        hotel.take("Ada")
        assert (hotel.free, hotel.guests) == (0, ["Ada"])
        hotel.give_back("Ada")
        assert (hotel.free, hotel.guests) == (1, [])

    def test_no_place_is_given_away_twice(self) -> None:
        """It is an error."""
        hotel = Hotel()
        with self.assertRaisesRegex(ValueError, "no place left"):
            hotel.take("Ada")


@patch("durable.functions.DurableOrchestrationContext")
class TestBookTrip(unittest.TestCase):
    """The orchestrator."""

    def test_all_three_are_taken_and_paid_for_inside_the_section(self, context: Mock) -> None:
        """The section is over the three entities of the trip."""
        output, section = booked(context, free=1, pay=AsyncMock(return_value="paid"))
        assert output == {"booked": True, "receipt": "paid"}
        assert context.lock.call_args.args == (WANTED,)
        assert operations(context) == ["count_free"] * 3 + ["take"] * 3
        assert section.__aexit__.await_count == 1

    def test_a_declined_card_gives_all_places_back(self, context: Mock) -> None:
        """Before the section ends."""
        declines = AsyncMock(side_effect=CardDeclinedError("no"))
        output, _ = booked(context, free=1, pay=declines)
        assert output == {"booked": False, "declined": True}
        assert operations(context)[-6:] == ["take"] * 3 + ["give_back"] * 3

    def test_nothing_is_taken_where_something_is_sold_out(self, context: Mock) -> None:
        """And nothing is paid."""
        pays = AsyncMock()
        output, _ = booked(context, free=0, pay=pays)
        assert output == {"booked": False, "soldOut": ["Flight", "Hotel", "Car"]}
        assert operations(context) == ["count_free"] * 3
        assert pays.await_count == 0


class TestPay(unittest.TestCase):
    """The activity."""

    def test_a_card_without_money_is_declined(self) -> None:
        """By an error that the orchestrator can catch by its class."""
        charge = pay.build().get_user_function()
        with self.assertRaises(CardDeclinedError):
            charge({**TRIP, "card": "100"})


if __name__ == "__main__":
    unittest.main()
