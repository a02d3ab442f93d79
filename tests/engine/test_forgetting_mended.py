"""What a review found in forgetting: it starved, began again after each race, stopped for one."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from durable.engine.entity_context import DurableEntityContext
from durable.model.entity_ids import EntityId
from durable.model.ids import ExecutionId, InstanceId
from durable.model.status import RuntimeStatus
from durable.model.streams import Origin
from durable.storage.port import Versioned
from durable.testing.world.actors import Actor
from tests.engine.crowds import (
    COUNTER,
    CROWD,
    LONG,
    WEEK,
    Counted,
    CrowdedHub,
    forgets_early,
    origin_of,
    remembered_by,
)
from tests.engine.hub import Context, Hub, registry_of

T = TypeVar("T")
TURNS = 6
STARTER, OTHER = EntityId("starter", "1"), EntityId("other", "room:entity")


async def silent_entities(hub: CrowdedHub, count: int) -> None:
    """Let entities signal once, and then never again."""
    for n in range(count):
        await hub.signal_from(
            Origin(InstanceId(f"@silent@{n}-{LONG[:240]}"), ExecutionId(f"{n:032x}"))
        )


async def failed_senders(hub: CrowdedHub, count: int) -> None:
    """Let orchestrations signal and fail; anybody may rewind them, whenever."""

    def fails(context: Context) -> None:
        context.signal_entity(COUNTER, "add")
        raise ValueError("on purpose")

    hub.code.add_orchestrator("fails", fails)
    hub.deploy(hub.code)
    for n in range(count):
        await hub.client.start("fails", instance_id=f"silent-{n}-{LONG[:240]}")
    await hub.deliver_visible()
    assert (await hub.status(f"silent-0-{LONG[:240]}")).runtime_status is RuntimeStatus.FAILED


@pytest.mark.parametrize("silent", [silent_entities, failed_senders])
async def test_those_that_must_be_kept_do_not_keep_the_dead(
    silent: Callable[[CrowdedHub, int], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are the oldest for ever; but only so many are looked up at a time."""
    forgets_early(monkeypatch)
    monkeypatch.setattr("durable.engine.forgetting.LOOKED_UP_MIN", CROWD)
    hub = CrowdedHub()
    await silent(hub, CROWD)
    for turn in range(TURNS):
        await hub.crowd(f"crowd{turn}")
        hub.environment.move_to(hub.now() + WEEK)
    known = await hub.known()
    assert known.count("silent") == CROWD
    assert "crowd0-" not in known
    assert (await hub.record()).state == str((TURNS + 1) * CROWD)


@pytest.mark.parametrize("looked_up_max", [2 * CROWD, CROWD // 2])
async def test_what_is_remembered_stays_bounded_however_many_send(
    looked_up_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where more end in a week than are looked up at a time."""
    forgets_early(monkeypatch)
    monkeypatch.setattr("durable.engine.forgetting.LOOKED_UP_MIN", looked_up_max)
    hub = CrowdedHub()
    for turn in range(4 * TURNS):
        await hub.crowd(f"crowd{turn}")
        hub.environment.move_to(hub.now() + WEEK)
    assert len((await remembered_by(hub, COUNTER)).marks) <= 4 * CROWD


class MeanwhileRead(Counted):
    """Something else happens while the senders are looked up."""

    def __init__(self, act: Callable[[], Awaitable[None]]) -> None:
        """Remember what."""
        super().__init__()
        self._acts = [act]

    async def read(self, actor: Actor, kind: str, effect: Callable[[], Awaitable[T]]) -> T:
        """Let it happen before the tenth read."""
        if self.reads == 9 and self._acts:
            await self._acts.pop()()
        return await super().read(actor, kind, effect)


async def remembers_too_many(monkeypatch: pytest.MonkeyPatch) -> CrowdedHub:
    """Let the counter remember two crowds that could be forgotten with the next signal."""
    forgets_early(monkeypatch, rows_min=10**6)
    hub = CrowdedHub()
    await hub.crowd("crowd0")
    await hub.crowd("crowd1")
    hub.environment.move_to(hub.now() + WEEK)
    await hub.signal()
    hub.environment.move_to(hub.now() + WEEK)
    forgets_early(monkeypatch)
    return hub


async def overtaken(
    hub: CrowdedHub, act: Callable[[], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let another host do this while the first one looks up who is no more."""
    other = hub.deploy(hub.code)

    async def acts() -> None:
        forgets_early(monkeypatch, rows_min=10**6)  # else the other would do all the work
        hub.worker = other
        await act()
        hub.worker = mine
        forgets_early(monkeypatch)

    hub.gate = MeanwhileRead(acts)
    mine = hub.deploy(hub.code)
    await hub.signal()


async def test_who_loses_the_race_forgets_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was looked up is still true; to look it up again with each signal would cost more."""
    hub = await remembers_too_many(monkeypatch)
    await overtaken(hub, hub.signal, monkeypatch)
    known = await hub.known()
    assert "crowd0-" not in known
    assert "crowd1-" not in known
    before = hub.reads
    await hub.signal()
    assert hub.reads - before < CROWD
    assert (await hub.record()).state == str(2 * CROWD + 4)


async def test_who_sends_while_it_is_looked_up_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a copy of that would count a second time."""
    hub = await remembers_too_many(monkeypatch)
    late = origin_of("crowd0", 30)

    async def sends() -> None:
        await hub.signal_from(late, 2)

    await overtaken(hub, sends, monkeypatch)
    assert (await remembered_by(hub, COUNTER)).marks.get(late.to_text()) == 2
    await hub.signal_from(late, 2)
    await hub.deliver_visible()
    assert (await hub.record()).state == str(2 * CROWD + 3)


@pytest.mark.parametrize("way", ["malformed", "foreign"])
async def test_one_sender_that_nobody_can_read_stops_no_forgetting(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept, for who knows; the message that only came by is not to blame."""
    hub = await remembers_too_many(monkeypatch)
    sick = origin_of("crowd1", 20)
    columns = dict(hub.store.sentinels[InstanceId(str(COUNTER))].columns)
    if way == "malformed":
        columns["Sequence"] = "torn"
    else:
        del columns["Format"]
    hub.store.sentinels[sick.instance_id] = Versioned(columns, 'W/"sick"')
    await hub.signal()
    known = await hub.known()
    assert "crowd0-" not in known
    assert known.count("crowd1-") == 1
    assert sick.to_text() in known
    assert not hub.store.buried
    before = hub.reads
    await hub.signal()
    assert hub.reads - before < CROWD
    assert (await hub.record()).state == str(2 * CROWD + 3)


class Starting(Hub):
    """A hub with an entity that starts orchestrations and signals another."""

    def __init__(self) -> None:
        """Begin with nothing started."""
        self.begun: list[str] = []
        self.ran: list[str] = []
        registry = registry_of(notes=self.notes)
        registry.add_entity("starter", self.starter)
        registry.add_entity("other", lambda _: self.ran.append("other"))
        super().__init__(registry)

    def notes(self, context: Context) -> None:
        """Run."""
        self.ran.append(context.instance_id)

    def starter(self, context: DurableEntityContext) -> None:
        """Start one, by an id of the caller's or by one of its own; or signal."""
        if context.operation_name == "signal":
            context.signal_entity(OTHER, "note")
        else:
            self.begun.append(context.start_new_orchestration("notes", None, context.get_input()))

    async def ask(self, operation: str, input_: str | None = None) -> None:
        """Let the entity do it, and the rest follow."""
        await self.client.signal_entity(STARTER, operation, input_)
        await self.settle()


async def test_what_an_entity_starts_under_ids_of_its_own_is_not_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such an id is never made again; but what was started by name is started again in its turn."""
    hub = Starting()
    for _ in range(10):
        await hub.ask("start")
    await hub.ask("start", "named")
    await hub.ask("start", "named")
    assert hub.ran == hub.begun
    assert len(set(hub.begun)) == 11
    assert dict((await remembered_by(hub, STARTER)).outs) == {"named": 2}


async def test_no_start_of_an_entity_is_lost_whatever_the_id_that_it_names() -> None:
    """Also one that it was given itself; a start may be refused, but then it is told so."""
    hub = Starting()
    await hub.ask("start")
    for _ in range(2):
        await hub.ask("start", hub.begun[0])
        await hub.ask("start", "room:entity")
    assert sorted(hub.ran) == sorted(hub.begun)


async def test_what_is_told_to_an_entity_of_any_key_comes() -> None:
    """Also where the key ends as the ids end that entities make."""
    hub = Starting()
    for _ in range(3):
        await hub.ask("signal")
    assert hub.ran == ["other"] * 3
