"""The app of bench, soak and end-to-end tests: small, large, odd and broken orchestrations."""

import asyncio
import json
import os
import time
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import azure.functions as func

import durable.functions as df

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
Orchestration = Generator[Any, Any, Any]
Context = df.DurableOrchestrationContext
# How often the long runs of the soak show where they are.
SHOW_EVERY = 100


@app.orchestration_trigger(context_name="context")
def Sequence(context: Context) -> Orchestration:
    """Five activities, one after another, from the input on."""
    value = context.get_input() or 0
    for _ in range(5):
        value = yield context.call_activity("Increment", value)
    return value


@app.orchestration_trigger(context_name="context")
def Count(context: Context) -> Orchestration:
    """As many activities as the input says, one after another."""
    value = 0
    for _ in range(context.get_input()):
        value = yield context.call_activity("Increment", value)
    return value


@app.orchestration_trigger(context_name="context")
def Fan(context: Context) -> Orchestration:
    """As many activities as the input says, at once."""
    numbers = range(context.get_input())
    return sum((yield context.task_all([context.call_activity("Increment", n) for n in numbers])))


@app.orchestration_trigger(context_name="context")
def Echo(context: Context) -> Orchestration:
    """Hand the input through an activity to the output."""
    return (yield context.call_activity("Same", context.get_input()))


@app.orchestration_trigger(context_name="context")
def Fails(context: Context) -> Orchestration:
    """Let an activity's exception end the orchestration."""
    return (yield context.call_activity("Raise", "on purpose"))


@app.orchestration_trigger(context_name="context")
def Catches(context: Context) -> Orchestration:
    """Catch an activity's exception."""
    try:
        yield context.call_activity("Raise", "on purpose")
    except df.TaskFailedError as error:
        return str(error).splitlines()[0].strip()


@app.orchestration_trigger(context_name="context")
def CallsNobody(context: Context) -> Orchestration:
    """Call an activity that is not there."""
    return (yield context.call_activity("Nobody", None))


@app.orchestration_trigger(context_name="context")
def Waits(context: Context) -> Orchestration:
    """Wait for an event, for a minute."""
    event = context.wait_for_external_event("go")
    timer = context.create_timer(context.current_utc_datetime + timedelta(minutes=1))
    winner = yield context.task_any([event, timer])
    if winner is event:
        timer.cancel()
        return event.result
    return "nobody came"


@app.orchestration_trigger(context_name="context")
def Naps(context: Context) -> Orchestration:
    """Sleep for a second, as often as the input says."""
    for _ in range(context.get_input()):
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=1))
    return context.get_input()


@app.orchestration_trigger(context_name="context")
def ManyNaps(context: Context) -> Orchestration:
    """Set as many timers as `count`, spread over a minute that begins in `after_s` seconds."""
    wanted = context.get_input()
    begin = context.current_utc_datetime + timedelta(seconds=wanted["after_s"])
    step = timedelta(minutes=1) / wanted["count"]
    timers = [context.create_timer(begin + number * step) for number in range(wanted["count"])]
    yield context.task_all(timers)
    return wanted["count"]


@app.orchestration_trigger(context_name="context")
def Steps(context: Context) -> Orchestration:
    """As Count, and show now and then how far it is."""
    value = 0
    for number in range(1, context.get_input() + 1):
        value = yield context.call_activity("Increment", value)
        if number % SHOW_EVERY == 0:
            context.set_custom_status(number)
    return value


@app.orchestration_trigger(context_name="context")
def Tally(context: Context) -> Orchestration:
    """Take as many events as the input says, one after another, and add up what they bring."""
    total = 0
    for number in range(1, context.get_input() + 1):
        total += yield context.wait_for_external_event("tick")
        if number % SHOW_EVERY == 0:
            context.set_custom_status(number)
    return total


@app.orchestration_trigger(context_name="context")
def Eternal(context: Context) -> Orchestration:
    """Take one event a generation; now and then carry a text that is too large for a row."""
    state = context.get_input()
    if state["generation"] == state["generations"]:
        return state["total"]
    state["total"] += yield context.wait_for_external_event("tick")
    state["generation"] += 1
    if state["generation"] % SHOW_EVERY == 0:
        context.set_custom_status(state["generation"])
        yield context.call_activity("Same", "large" * 40_000)
    context.continue_as_new(state)


@app.orchestration_trigger(context_name="context")
def CallsDie(context: Context) -> Orchestration:
    """Call an activity that ends its process."""
    return (yield context.call_activity("Die", None))


@app.orchestration_trigger(context_name="context")
def Dawdles(context: Context) -> Orchestration:
    """Call an activity that now and then outlives the function timeout."""
    return (yield context.call_activity("Dawdle", context.get_input()))


@app.activity_trigger(input_name="nothing")
def Die(nothing: None) -> None:
    """End the process, as a crash of an extension module does."""
    os._exit(1)


@app.activity_trigger(input_name="marker")
def Dawdle(marker: str) -> str:
    """Outlive the function timeout the first time, be quick from then on."""
    path = Path(marker)
    if path.exists():
        return "at last"
    path.touch()
    time.sleep(3600)
    return "too late"


@app.activity_trigger(input_name="number")
async def Increment(number: int) -> int:
    """Add one."""
    await asyncio.sleep(0)
    return number + 1


@app.activity_trigger(input_name="value")
def Same(value: Any) -> Any:
    """Return what came."""
    return value


@app.activity_trigger(input_name="why")
def Raise(why: str) -> None:
    """Fail."""
    raise ValueError(why)


@app.route(route="start/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Start an orchestration with the body as its input."""
    try:
        text = req.get_body().decode()
        instance_id = await client.start_new(
            req.route_params["name"],
            req.params.get("instanceId"),
            json.loads(text) if text else None,
        )
    except (ValueError, df.InstanceExistsError, df.OrchestratorNotFoundError) as error:
        return func.HttpResponse(f"{type(error).__name__}: {error}", status_code=400)
    return client.create_check_status_response(req, instance_id)
