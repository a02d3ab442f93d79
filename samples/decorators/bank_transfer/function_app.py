"""Money moves between two accounts, and never from an account that has too little.

To look at the balance and then to withdraw are two operations. Between them somebody else might
withdraw too. So the orchestrator locks both accounts first: inside the section they serve nobody
else, and whoever else has sent them something waits.
"""

import json
from collections.abc import Generator
from typing import Any

import azure.functions as func

import durable.functions as df

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.entity()
class Account:
    """An entity as a class: the attributes are its state, the methods its operations."""

    balance: int

    def __init__(self) -> None:
        """Begin empty: whoever names an account for the first time finds it so."""
        self.balance = 0

    def deposit(self, amount: int) -> int:
        """Put money in; the result is the new balance."""
        self.balance += amount
        return self.balance

    def withdraw(self, amount: int) -> int:
        """Take money out; the result is the new balance."""
        if amount > self.balance:
            # Who called gets the error, and the account is as it was before the operation.
            raise ValueError(f"There are {self.balance} in the account, not {amount}.")
        self.balance -= amount
        return self.balance

    def read(self) -> int:
        """Tell the balance."""
        return self.balance


@app.orchestration_trigger(context_name="context")
def open_accounts(context: df.DurableOrchestrationContext) -> Generator[Any, Any, dict[str, int]]:
    """Pay money into some accounts; return their balances."""
    amounts = context.get_input()
    deposits = [
        context.call_entity(df.EntityId("Account", name), "deposit", amount)
        for name, amount in amounts.items()
    ]
    balances = yield context.task_all(deposits)
    return dict(zip(amounts, balances, strict=True))


@app.orchestration_trigger(context_name="context")
def transfer(context: df.DurableOrchestrationContext) -> Generator[Any, Any, bool]:
    """Move money from one account to another, or say that there is too little."""
    order = context.get_input()
    source = df.EntityId("Account", order["from"])
    destination = df.EntityId("Account", order["to"])
    with (yield context.lock([source, destination])):
        balance = yield context.call_entity(source, "read")
        if balance < order["amount"]:
            return False
        # Both at once. An audit that comes now waits until both are done.
        yield context.task_all(
            [
                context.call_entity(source, "withdraw", order["amount"]),
                context.call_entity(destination, "deposit", order["amount"]),
            ]
        )
        return True


@app.orchestration_trigger(context_name="context")
def audit(context: df.DurableOrchestrationContext) -> Generator[Any, Any, int]:
    """Add up what is in all these accounts at one moment, transfers or not."""
    accounts = [df.EntityId("Account", name) for name in context.get_input()]
    with (yield context.lock(accounts)):
        balances = yield context.task_all([context.call_entity(one, "read") for one in accounts])
    return sum(balances)


@app.route(route="accounts", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_opening(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start to pay in what the body says: an object of names and amounts."""
    instance_id = await client.start_new("open_accounts", client_input=req.get_json())
    return client.create_check_status_response(req, instance_id)


@app.route(route="transfers", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_transfer(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start the transfer in the body, if it is one."""
    order = req.get_json()
    if order["from"] == order["to"] or order["amount"] <= 0:
        return func.HttpResponse("A transfer takes two accounts and an amount.", status_code=400)
    instance_id = await client.start_new("transfer", client_input=order)
    return client.create_check_status_response(req, instance_id)


@app.route(route="audits", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_audit(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start to audit the accounts in the body."""
    instance_id = await client.start_new("audit", client_input=req.get_json())
    return client.create_check_status_response(req, instance_id)


@app.route(route="accounts/{name}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def read_account(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Tell what is in an account. It may be read in the middle of a transfer: no lock is asked."""
    state = await client.read_entity_state(df.EntityId("Account", req.route_params["name"]))
    if not state.entity_exists:
        return func.HttpResponse("There is no such account.", status_code=404)
    return func.HttpResponse(json.dumps(state.entity_state))
