"""Bank: money moves between accounts while hosts are killed, and audits run all the while.

A transfer locks two accounts, looks, withdraws and deposits; an audit locks all of them and adds
up. One host is killed by SIGKILL and replaced, more than once. Whatever happens, each audit finds
the same sum; at the end each transfer has ended, each account holds what the transfers that said
"moved" make of it, each of them once, nobody holds a lock, and no queue holds anything.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.processes import Host, opened, start_host, until_drained
from durable.client.durable_client import DurableClient
from durable.devhost.azurite import start_azurite
from durable.engine.environment import SystemEnvironment
from durable.model.entity_ids import EntityId
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.queries import OrchestrationStatus
from durable.model.records import decode_record
from durable.model.status import RuntimeStatus
from durable.storage.azure.hub import AzureStore

APP = Path(__file__).resolve().parent / "entity_app"
ENVIRONMENT = {
    "DURABLE_DEVHOST_VISIBILITY_S": "3",
    "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.1",
}
POLL_S = 0.4
SHOW_EVERY_S = 5.0
DRAIN_S_MAX = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How large it is. `lanes` transfers run at a time; audits pause for `audit_pause_s`."""

    accounts: int = 20
    each: int = 1_000
    transfers: int = 500
    hosts: int = 4
    kills: int = 2
    lanes: int = 10
    audit_pause_s: float = 2.0
    seconds_max: float = 900.0

    @property
    def total(self) -> int:
        """All the money there is."""
        return self.accounts * self.each

    @property
    def keys(self) -> list[str]:
        """Name the accounts."""
        return [f"account-{number}" for number in range(self.accounts)]

    def orders(self) -> list[dict[str, Any]]:
        """Draw the transfers; some want more than there is."""
        chance = random.Random(self.transfers)  # noqa: S311  (guards nothing)
        orders = []
        for _ in range(self.transfers):
            source, destination = chance.sample(self.keys, 2)
            amount = chance.randint(1, self.each)
            orders.append({"source": source, "destination": destination, "amount": amount})
        return orders


@dataclass(slots=True)
class Bank:
    """A run: what has been seen so far."""

    plan: Plan
    client: DurableClient
    store: AzureStore
    orders: list[dict[str, Any]]
    open_orders: set[int] = field(default_factory=set)
    ended: dict[int, OrchestrationStatus] = field(default_factory=dict)
    all_ended: asyncio.Event = field(default_factory=asyncio.Event)
    audits: list[OrchestrationStatus] = field(default_factory=list)
    kills: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """Where it stands, in a few words."""
        ended = f"{len(self.ended)} of {self.plan.transfers} transfers ended"
        return f"{ended}, {len(self.audits)} audits, {self.kills} kills"

    async def open_accounts(self) -> None:
        """Pay in."""
        order = {"accounts": self.plan.keys, "amount": self.plan.each}
        status = await self._run("Open", "open", order)
        assert status.runtime_status is RuntimeStatus.COMPLETED, status

    async def transfer(self) -> None:
        """Make all transfers, as many at a time as there are lanes."""
        numbers = iter(range(len(self.orders)))

        async def lane() -> None:
            for number in numbers:
                self.open_orders.add(number)
                key = f"transfer-{number}"
                self.ended[number] = await self._run("Transfer", key, self.orders[number])
                self.open_orders.discard(number)

        await asyncio.gather(*(lane() for _ in range(self.plan.lanes)))
        self.all_ended.set()

    async def audit(self) -> None:
        """Audit for as long as there is a transfer to come, and once more."""
        is_last = False
        while not is_last:
            is_last = self.all_ended.is_set()
            key = f"audit-{len(self.audits)}"
            self.audits.append(await self._run("Audit", key, self.plan.keys))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.all_ended.wait(), self.plan.audit_pause_s)

    async def _run(self, orchestrator: str, key: str, input_: Any) -> OrchestrationStatus:
        await self.client.start(orchestrator, instance_id=key, input_=input_)
        while True:
            status = await self.client.read_status(key)
            if status is not None and status.runtime_status.is_terminal:
                return status
            await asyncio.sleep(POLL_S)

    async def faults(self) -> list[str]:
        """Say what is wrong at rest."""
        return [
            *self._wrong_orders(),
            *self._wrong_audits(),
            *[fault for key in self.plan.keys async for fault in self._wrong_account(key)],
        ]

    def _wrong_orders(self) -> Iterator[str]:
        for number in range(len(self.orders)):
            status = self.ended.get(number)
            if status is None:
                where = "has not ended" if number in self.open_orders else "was not started"
                yield f"transfer {number} {where}: {self.orders[number]}"
            elif status.output not in ("true", "false"):
                yield f"transfer {number}: {status.runtime_status.value}, {status.output}"

    def _wrong_audits(self) -> Iterator[str]:
        for number, status in enumerate(self.audits):
            if status.output != str(self.plan.total):
                yield f"audit {number}: {status.runtime_status.value}, {status.output}"

    async def _wrong_account(self, key: str) -> AsyncIterator[str]:
        record = await read_entity(self.store, EntityId("Account", key))
        if record is None or record.entity is None or record.state is None:
            yield f"{key} is not there"
            return
        if not record.entity.is_idle:
            yield f"{key} is not idle: {record.entity}"
        moved = [
            order
            for number, order in enumerate(self.orders)
            if number in self.ended and self.ended[number].output == "true"
        ]
        expected = self.plan.each
        expected += sum(order["amount"] for order in moved if order["destination"] == key)
        expected -= sum(order["amount"] for order in moved if order["source"] == key)
        moves = 1 + sum(key in (order["source"], order["destination"]) for order in moved)
        if json.loads(record.state) != {"balance": expected, "moves": moves}:
            yield f"{key} has {record.state}; it should be {expected} after {moves} moves"


async def read_entity(store: AzureStore, entity_id: EntityId) -> InstanceRecord | None:
    """Read the record of an entity, as it is committed."""
    instance_id = InstanceId(str(entity_id))
    row = await store.read_sentinel(instance_id)
    return None if row is None else decode_record(instance_id, row.columns)


async def run_bank(storage: str, hub: str, plan: Plan, say: Callable[[str], None]) -> Bank:
    """Run it to rest, for `seconds_max` at most, and look what is wrong then."""
    async with _hosts(storage, hub, plan.hosts) as hosts, opened(storage, hub) as store:
        bank = Bank(plan, DurableClient(store, SystemEnvironment()), store, plan.orders())
        showing = asyncio.create_task(_show(bank, say))
        try:
            async with asyncio.timeout(plan.seconds_max):
                await bank.open_accounts()
                await asyncio.gather(
                    bank.transfer(), bank.audit(), _kill(bank, hosts, storage, hub)
                )
            await until_drained(storage, hub, timeout_s=DRAIN_S_MAX)
        except (TimeoutError, AssertionError) as error:
            bank.wrong.append(f"{type(error).__name__}: {error}")
        finally:
            showing.cancel()
        bank.wrong += await bank.faults()
        return bank


@asynccontextmanager
async def _hosts(storage: str, hub: str, count: int) -> AsyncIterator[list[Host]]:
    starts = (start_host(storage, hub, app=APP, environment=ENVIRONMENT) for _ in range(count))
    hosts = list(await asyncio.gather(*starts))
    try:
        yield hosts
    finally:
        await asyncio.gather(*(host.stop() for host in hosts))


async def _kill(bank: Bank, hosts: list[Host], storage: str, hub: str) -> None:
    """Kill a host and start another one, at even distances in the course of the transfers."""
    for kill in range(1, bank.plan.kills + 1):
        while len(bank.ended) < kill * bank.plan.transfers // (bank.plan.kills + 1):
            await asyncio.sleep(POLL_S)
        await hosts.pop().kill()
        bank.kills += 1
        hosts.append(await start_host(storage, hub, app=APP, environment=ENVIRONMENT))


async def _show(bank: Bank, say: Callable[[str], None]) -> None:
    began = time.monotonic()
    while True:
        await asyncio.sleep(SHOW_EVERY_S)
        say(f"{time.monotonic() - began:4.0f} s; {bank.line}")


def say_aloud(line: str) -> None:
    """Print, so that whoever waits sees it at once."""
    print(line, flush=True)


async def soak(plan: Plan) -> int:
    """Run it on an emulator of its own; 0 if everything is as it must be."""
    began = time.monotonic()
    with start_azurite() as azurite:
        hub = "Bank" + uuid.uuid4().hex[:10]
        bank = await run_bank(azurite.connection_string, hub, plan, say_aloud)
    outputs = Counter(status.output for status in bank.ended.values())
    print(
        f"bank: {outputs['true']} transfers moved money, {outputs['false']} were refused, "
        f"{len(bank.audits)} audits found {plan.total}, {bank.kills} hosts killed, "
        f"{time.monotonic() - began:.0f} s"
    )
    for fault in bank.wrong[:20]:
        print(f"  WRONG: {fault}")
    return 1 if bank.wrong else 0


def main() -> int:
    """Read the size and run."""
    parser = argparse.ArgumentParser(prog="python -m bench.bank", description=__doc__)
    parser.add_argument("--transfers", type=int, default=500)
    parser.add_argument("--accounts", type=int, default=20)
    parser.add_argument("--hosts", type=int, default=4)
    parser.add_argument("--kills", type=int, default=2)
    options = parser.parse_args()
    plan = Plan(
        transfers=options.transfers,
        accounts=options.accounts,
        hosts=options.hosts,
        kills=options.kills,
    )
    return asyncio.run(soak(plan))


if __name__ == "__main__":
    sys.exit(main())
