"""A trip is a seat, a room and a car: all three are reserved, or none.

A lock keeps others out; it takes nothing back. What was reserved before something goes wrong has to
be given back by the code, and inside the section nobody has seen it meanwhile.
"""

import json
from collections.abc import Mapping
from typing import Any

import azure.functions as func

import durable.functions as df

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

KINDS = ("Flight", "Hotel", "Car")


class CardDeclinedError(Exception):
    """The bank says no."""


class Places:
    """So many places of something, and who has taken one."""

    free: int
    guests: list[str]

    def __init__(self) -> None:
        """Have none, until some are added."""
        self.free = 0
        self.guests = []

    def add(self, places: int) -> int:
        """Add places; the result is how many are free now."""
        self.free += places
        return self.free

    def count_free(self) -> int:
        """Tell how many are free."""
        return self.free

    def take(self, guest: str) -> None:
        """Give a place to a guest."""
        if self.free == 0:
            raise ValueError("There is no place left.")
        self.free -= 1
        self.guests.append(guest)

    def give_back(self, guest: str) -> None:
        """Take a place back."""
        self.guests.remove(guest)
        self.free += 1


@app.entity()
class Flight(Places):
    """The seats of a flight; the key is its number."""


@app.entity()
class Hotel(Places):
    """The rooms of a hotel; the key is its name."""


@app.entity()
class Car(Places):
    """The cars of a model; the key is its name."""


def places_of(trip: Mapping[str, str]) -> list[df.EntityId]:
    """Name the three entities of a trip."""
    return [df.EntityId(kind, trip[kind.lower()]) for kind in KINDS]


@app.orchestration_trigger(context_name="context")
async def add_places(context: df.DurableOrchestrationContext) -> int:
    """Add as many places as the input says of each of its three; return how many that were."""
    offer = context.get_input()
    calls = [context.call_entity(one, "add", offer["places"]) for one in places_of(offer)]
    await context.task_all(calls)
    return len(calls) * offer["places"]


@app.orchestration_trigger(context_name="context")
async def book_trip(context: df.DurableOrchestrationContext) -> dict[str, Any]:
    """Reserve all three places and have them paid for, or say why not."""
    trip = context.get_input()
    guest, wanted = trip["guest"], places_of(trip)
    async with context.lock(wanted):
        free = await context.task_all([context.call_entity(one, "count_free") for one in wanted])
        sold_out = [one.name for one, count in zip(wanted, free, strict=True) if count == 0]
        if sold_out:
            return {"booked": False, "soldOut": sold_out}
        await context.task_all([context.call_entity(one, "take", guest) for one in wanted])
        try:
            # An activity may run inside a section. The places are held for as long as it takes.
            receipt = await context.call_activity("pay", trip)
        except CardDeclinedError:
            await context.task_all([context.call_entity(one, "give_back", guest) for one in wanted])
            return {"booked": False, "declined": True}
    return {"booked": True, "receipt": receipt}


@app.activity_trigger(input_name="trip", raises=[CardDeclinedError])
def pay(trip: dict[str, str]) -> str:
    """Charge the card. This bank declines cards that end in 0."""
    if trip["card"].endswith("0"):
        raise CardDeclinedError("The card has no money.")
    return f"paid by {trip['guest']}"


@app.route(route="offers", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_offer(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start to add places to a flight, a hotel and a car."""
    instance_id = await client.start_new("add_places", client_input=req.get_json())
    return client.create_check_status_response(req, instance_id)


@app.route(route="trips", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_trip(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start to book the trip in the body."""
    instance_id = await client.start_new("book_trip", client_input=req.get_json())
    return client.create_check_status_response(req, instance_id)


@app.route(route="places/{kind}/{name}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def read_places(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Tell how many places are free, and who has the others."""
    entity = df.EntityId(req.route_params["kind"], req.route_params["name"])
    state = await client.read_entity_state(entity)
    if not state.entity_exists:
        return func.HttpResponse("There is nothing of that name.", status_code=404)
    return func.HttpResponse(json.dumps(state.entity_state))
