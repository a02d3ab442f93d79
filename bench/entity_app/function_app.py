"""The app of the bank and of the hot entity: accounts, transfers, audits, and one busy counter.

Whatever an orchestration needs is in its input, so that who starts it can foresee what must come.
"""

from collections.abc import Generator
from typing import Any, TypedDict

import azure.functions as func

import durable.functions as df

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
Orchestration = Generator[Any, Any, Any]
Context = df.DurableOrchestrationContext


class Order(TypedDict):
    """A transfer."""

    source: str
    destination: str
    amount: int


@app.entity()
class Account:
    """An account, and how often money moved in it."""

    balance: int
    moves: int

    def __init__(self) -> None:
        """Begin empty."""
        self.balance = 0
        self.moves = 0

    def read(self) -> int:
        """Tell the balance."""
        return self.balance

    def move(self, amount: int) -> int:
        """Put money in, or take it out where the amount is negative."""
        if self.balance + amount < 0:
            raise ValueError(f"{-amount} of {self.balance}")
        self.balance += amount
        self.moves += 1
        return self.balance


@app.orchestration_trigger(context_name="context")
def Open(context: Context) -> Orchestration:
    """Pay the same `amount` into each of the `accounts`."""
    order = context.get_input()
    yield context.task_all(
        [
            context.call_entity(df.EntityId("Account", key), "move", order["amount"])
            for key in order["accounts"]
        ]
    )


@app.orchestration_trigger(context_name="context")
def Transfer(context: Context) -> Orchestration:
    """Move money under a lock, where there is enough; say whether it was moved."""
    order: Order = context.get_input()
    source = df.EntityId("Account", order["source"])
    destination = df.EntityId("Account", order["destination"])
    with (yield context.lock([source, destination])):
        if (yield context.call_entity(source, "read")) < order["amount"]:
            return False
        yield context.task_all(
            [
                context.call_entity(source, "move", -order["amount"]),
                context.call_entity(destination, "move", order["amount"]),
            ]
        )
    return True


@app.orchestration_trigger(context_name="context")
def Audit(context: Context) -> Orchestration:
    """Lock all accounts and add up what is in them."""
    accounts = [df.EntityId("Account", key) for key in context.get_input()]
    with (yield context.lock(accounts)):
        return sum((yield context.task_all([context.call_entity(one, "read") for one in accounts])))


@app.entity_trigger(context_name="context")
def Hot(context: df.DurableEntityContext) -> None:
    """Count signals; remember each sender's last number, and count those out of their order."""
    state = context.get_state(lambda: {"count": 0, "disorder": 0, "last": {}})
    signal = context.get_input()
    expected = state["last"].get(signal["sender"], 0) + 1
    state["disorder"] += signal["number"] != expected
    state["last"][signal["sender"]] = signal["number"]
    state["count"] += 1
    context.set_state(state)


@app.orchestration_trigger(context_name="context")
def Sender(context: Context) -> Orchestration:
    """Signal the hot entity `count` times, numbered from 1; a pause between `burst` and `burst`."""
    order = context.get_input()
    hot = df.EntityId("Hot", "one")
    for number in range(1, order["count"] + 1):
        context.signal_entity(hot, "tick", {"sender": order["sender"], "number": number})
        if number % order["burst"] == 0 and number < order["count"]:
            yield context.create_timer(context.current_utc_datetime)
    return order["count"]
