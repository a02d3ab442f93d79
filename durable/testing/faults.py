"""Faults: what can go wrong at one storage call.

Every storage call of every actor (hosts and clients) passes a gate and has a number. One fault, at
one number, is a whole experiment; the seed and the fault reproduce it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from durable.model.codec import Columns
from durable.model.ids import InstanceId
from durable.storage.memory import MemoryStore
from durable.storage.port import (
    ETag,
    OutcomeUnknown,
    Page,
    Poisoned,
    StorageFault,
    Versioned,
)

T = TypeVar("T")

TURNS_MAX = 4  # of the event loop, that a call may take each way


class FaultKind(Enum):
    """How a call goes wrong."""

    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    UNKNOWN_APPLIED = "unknown, applied"
    UNKNOWN_NOT_APPLIED = "unknown, not applied"


@dataclass(frozen=True, slots=True)
class Fault:
    """One call goes wrong in one way."""

    call: int
    kind: FaultKind


class ActorDied(BaseException):
    """The actor was killed at this call; nothing of it goes on."""


@dataclass(slots=True, eq=False)
class Actor:
    """A host or a client: what dies when it crashes."""

    name: str
    is_dead: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One storage call, as it was made."""

    number: int
    actor: str
    kind: str


class Gate:
    """Numbers the calls of all actors and lets the fault happen at its number."""

    def __init__(self, fault: Fault | None = None, *, seed: int = 0) -> None:
        """Let everything pass but at the fault."""
        self.fault = fault
        self._chance = random.Random(seed)  # noqa: S311
        self.calls: list[Call] = []
        self.hit: Call | None = None

    def counts(self) -> Counter[str]:
        """Count the calls by kind."""
        return Counter(call.kind for call in self.calls)

    async def write(self, actor: Actor, kind: str, effect: Callable[[], Awaitable[T]]) -> T:
        """Pass a call that changes something."""
        fault = await self._enter(actor, kind)
        if fault is FaultKind.CRASH_BEFORE:
            self._kill(actor)
        if fault is FaultKind.UNKNOWN_NOT_APPLIED:
            raise OutcomeUnknown(kind)
        result = await effect()
        await self._travel()  # the answer's way back
        if fault is FaultKind.CRASH_AFTER:
            self._kill(actor)
        if actor.is_dead:
            raise ActorDied(actor.name)  # killed by another call while this one was on its way
        if fault is FaultKind.UNKNOWN_APPLIED:
            raise OutcomeUnknown(kind)
        return result

    async def read(self, actor: Actor, kind: str, effect: Callable[[], Awaitable[T]]) -> T:
        """Pass a call that changes nothing."""
        fault = await self._enter(actor, kind)
        if fault in (FaultKind.CRASH_BEFORE, FaultKind.CRASH_AFTER):
            self._kill(actor)
        if fault is not None:
            raise StorageFault(kind)
        result = await effect()
        await self._travel()
        return result

    async def _travel(self) -> None:
        """Take some time, so that what other actors do falls before, between and after."""
        for _ in range(self._chance.randrange(TURNS_MAX)):
            await asyncio.sleep(0)

    async def _enter(self, actor: Actor, kind: str) -> FaultKind | None:
        await self._travel()
        if actor.is_dead:
            raise ActorDied(actor.name)
        call = Call(len(self.calls), actor.name, kind)
        self.calls.append(call)
        if self.fault is not None and self.fault.call == call.number:
            self.hit = call
            return self.fault.kind
        return None

    @staticmethod
    def _kill(actor: Actor) -> None:
        actor.is_dead = True
        raise ActorDied(actor.name)


class GatedStore:
    """The memory store as one actor sees it: every call through the gate."""

    def __init__(self, inner: MemoryStore, gate: Gate, actor: Actor) -> None:
        """Pass this actor's calls."""
        self._inner = inner
        self._gate = gate
        self._actor = actor
        self.task_hub = inner.task_hub
        self.partition_count = inner.partition_count
        self.rows_per_transaction_max = inner.rows_per_transaction_max

    async def create(self) -> None:
        """Nothing is missing."""

    async def close(self) -> None:
        """Nothing is held."""

    async def management_key(self) -> str:
        """Return the key."""
        return await self._inner.management_key()

    async def read_page(self, instance_id: InstanceId, *, first: int) -> Page:
        """Pass a read."""
        return await self._gate.read(
            self._actor, "read page", lambda: self._inner.read_page(instance_id, first=first)
        )

    async def read_sentinel(self, instance_id: InstanceId) -> Versioned | None:
        """Pass a read."""
        return await self._gate.read(
            self._actor, "read sentinel", lambda: self._inner.read_sentinel(instance_id)
        )

    async def read_row(self, instance_id: InstanceId, ordinal: int) -> Columns | None:
        """Pass a read."""
        return await self._gate.read(
            self._actor, "read row", lambda: self._inner.read_row(instance_id, ordinal)
        )

    async def transact(
        self,
        instance_id: InstanceId,
        rows: Sequence[tuple[int, Columns]],
        sentinel: Columns,
        *,
        etag: ETag | None,
    ) -> ETag:
        """Pass a write."""
        return await self._gate.write(
            self._actor,
            "transact",
            lambda: self._inner.transact(instance_id, rows, sentinel, etag=etag),
        )

    async def delete_rows(self, instance_id: InstanceId, ordinals: Sequence[int]) -> None:
        """Pass a write."""
        await self._gate.write(
            self._actor, "delete rows", lambda: self._inner.delete_rows(instance_id, ordinals)
        )

    async def read_summary(self, instance_id: InstanceId) -> Versioned | None:
        """Pass a read."""
        return await self._gate.read(
            self._actor, "read summary", lambda: self._inner.read_summary(instance_id)
        )

    async def write_summary(
        self, instance_id: InstanceId, columns: Columns, *, etag: ETag | None
    ) -> ETag:
        """Pass a write."""
        return await self._gate.write(
            self._actor,
            "write summary",
            lambda: self._inner.write_summary(instance_id, columns, etag=etag),
        )

    async def put(self, queue: str, body: str, *, delay_s: float = 0) -> None:
        """Pass a write."""
        await self._gate.write(
            self._actor, f"put {queue}", lambda: self._inner.put(queue, body, delay_s=delay_s)
        )

    async def bury(self, queue: str, body: str) -> None:
        """Pass a write."""
        await self._gate.write(self._actor, "bury", lambda: self._inner.bury(queue, body))

    async def take_poisoned(self) -> Sequence[Poisoned]:
        """Pass a write: what is taken is hidden."""
        return await self._gate.write(self._actor, "take poisoned", self._inner.take_poisoned)

    async def forget_poisoned(self, poisoned: Poisoned) -> None:
        """Pass a write."""
        await self._gate.write(
            self._actor, "forget poisoned", lambda: self._inner.forget_poisoned(poisoned)
        )

    async def park_timer(self, key: str, body: str) -> None:
        """Pass a write."""
        await self._gate.write(self._actor, "park timer", lambda: self._inner.park_timer(key, body))

    async def parked_timers(self, *, before: str) -> Sequence[tuple[str, str]]:
        """Pass a read."""
        return await self._gate.read(
            self._actor, "read timers", lambda: self._inner.parked_timers(before=before)
        )

    async def remove_timer(self, key: str) -> None:
        """Pass a write."""
        await self._gate.write(self._actor, "remove timer", lambda: self._inner.remove_timer(key))

    async def put_blob(self, name: str, text: str) -> None:
        """Pass a write."""
        await self._gate.write(self._actor, "put blob", lambda: self._inner.put_blob(name, text))

    async def read_blob(self, name: str) -> str:
        """Pass a read."""
        return await self._gate.read(self._actor, "read blob", lambda: self._inner.read_blob(name))

    async def delete_blobs(self, names: Iterable[str]) -> None:
        """Pass a write."""
        listed = list(names)
        await self._gate.write(
            self._actor, "delete blobs", lambda: self._inner.delete_blobs(listed)
        )
