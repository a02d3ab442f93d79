"""Gate: numbers the storage calls of all actors, lets them take time, and lets faults happen."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from durable.storage.port import OutcomeUnknown, StorageFault, StorageOutcome
from durable.testing.world.actors import Actor, kill_invocation
from durable.testing.world.faults import Call, Fault, FaultKind
from durable.testing.world.schedule import Schedule, Timetable

T = TypeVar("T")
Effect = Callable[[], Awaitable[T]]

FREEZE_S = 700.0  # longer than a message stays hidden from other hosts
SLOW_S = 20.0
LATE_S = (0.05, 0.03, 0.08, 0.15, 2.0, 30.0, 300.0)

REFUSALS = {
    FaultKind.THROTTLED: StorageFault,
    FaultKind.UNKNOWN_NOT_APPLIED: OutcomeUnknown,
}


class Gate:
    """What stands between actors and the store."""

    def __init__(self, schedule: Schedule | None = None, faults: Iterable[Fault] = ()) -> None:
        """Let everything pass but at the faults."""
        self.timetable = Timetable(schedule or Schedule())
        self.calls: list[Call] = []
        self.hits: list[tuple[Call, FaultKind]] = []
        self._faults = {fault.call: fault.kind for fault in faults}
        self._pending: list[FaultKind] = []
        self._late: dict[asyncio.Task[None], Actor] = {}

    @property
    def has_late_writes(self) -> bool:
        """Whether a write is still to be applied that nobody waits for."""
        return bool(self._late)

    def has_late_writes_of(self, actor: Actor) -> bool:
        """Whether it is one of this actor's."""
        return actor in self._late.values()

    def inject(self, kind: FaultKind) -> None:
        """Let the next call go wrong in this way, or the next that it fits."""
        self._pending.append(kind)

    async def read(self, actor: Actor, kind: str, effect: Effect[T]) -> T:
        """Pass a call that changes nothing."""
        return await self._pass(actor, kind, effect, changes=False)

    async def write(self, actor: Actor, kind: str, effect: Effect[T]) -> T:
        """Pass a call that changes something."""
        return await self._pass(actor, kind, effect, changes=True)

    async def _pass(self, actor: Actor, kind: str, effect: Effect[T], *, changes: bool) -> T:
        fault = await self._enter(actor, kind, changes=changes)
        await self._before(actor, kind, fault, effect)
        result = await effect()
        if fault is FaultKind.TWICE:
            await effect()
        await self._after(actor, kind, fault)
        return result

    async def _enter(self, actor: Actor, kind: str, *, changes: bool) -> FaultKind | None:
        number = len(self.calls)
        actor.raise_if_dead()
        call = Call(number, actor.name, kind, changes)
        self.calls.append(call)
        await asyncio.sleep(self.timetable.latency_s(number))
        await self._thaw(actor)
        fault = self._faults.get(number)
        if fault is None and self._pending and self._pending[0] in call.kinds():
            fault = self._pending.pop(0)
        if fault is not None and fault in call.kinds():
            self.hits.append((call, fault))
            return fault
        return None

    async def _before(
        self, actor: Actor, kind: str, fault: FaultKind | None, effect: Effect[T]
    ) -> None:
        match fault:
            case FaultKind.CRASH_BEFORE:
                actor.kill()
            case FaultKind.KILL_BEFORE:
                await kill_invocation(actor)
            case FaultKind.FREEZE_BEFORE:
                self._freeze(actor)
                await self._thaw(actor)
            case FaultKind.THROTTLED | FaultKind.UNKNOWN_NOT_APPLIED:
                raise REFUSALS[fault](kind)
            case FaultKind.UNKNOWN_APPLIED_LATE:
                self._apply_late(actor, effect)
                raise OutcomeUnknown(kind)
            case _:
                return

    async def _after(self, actor: Actor, kind: str, fault: FaultKind | None) -> None:
        match fault:
            case FaultKind.CRASH_AFTER:
                actor.kill()
            case FaultKind.KILL_AFTER:
                await kill_invocation(actor)
            case FaultKind.FREEZE_AFTER:
                self._freeze(actor)
            case FaultKind.SLOW:
                await asyncio.sleep(SLOW_S)
            case _:
                pass
        await asyncio.sleep(self.timetable.latency_s())  # the answer's way back
        await self._thaw(actor)
        if fault is FaultKind.UNKNOWN_APPLIED:
            raise OutcomeUnknown(kind)

    def _freeze(self, actor: Actor) -> None:
        actor.frozen_until = asyncio.get_running_loop().time() + FREEZE_S

    async def _thaw(self, actor: Actor) -> None:
        """Wait while the actor is frozen; it may have been killed meanwhile."""
        if actor.is_frozen():
            await asyncio.sleep(actor.frozen_until - asyncio.get_running_loop().time())
        actor.raise_if_dead()

    def _apply_late(self, actor: Actor, effect: Effect[T]) -> None:
        async def apply() -> None:
            await asyncio.sleep(self.timetable.pick(LATE_S))
            try:
                await effect()
            except StorageOutcome:
                return  # its condition does not hold any more

        task = asyncio.ensure_future(apply())
        self._late[task] = actor
        task.add_done_callback(self._late.pop)
