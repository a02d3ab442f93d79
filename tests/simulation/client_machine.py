"""The client's side of a hub, driven at random while hosts die, code changes and storage fails.

Rule 1. What a client is told was true at some moment of its call.
Rule 2. What it was promised has happened, once, when the hub is at rest; what it was refused has
        not; where it learned nothing, at most once. So each request carries a mark of its own.
Rule 3. Invariants and the refinement watch every storage call, as in every experiment.
"""

from collections import Counter, defaultdict
from collections.abc import Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, precondition, rule

from durable.client.durable_client import DurableClient
from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.records import decode_record
from durable.storage.port import StorageOutcome
from durable.testing.oracles.hub_view import HubView
from durable.testing.oracles.invariants import Invariants
from durable.testing.oracles.refinement import Refinement
from durable.testing.oracles.rest import (
    Standing,
    check_rest,
    check_unchanged,
    check_unsent,
    standing,
)
from durable.testing.oracles.specified import SpecificationModel
from durable.testing.programs.code import registry_of
from durable.testing.world.actors import ActorDied
from durable.testing.world.faults import FaultKind
from durable.testing.world.journal import Committed, Entry
from durable.testing.world.schedule import Schedule
from durable.testing.world.world import World
from tests.simulation.client_program import ENDLESS, FAILS, ORCHESTRATIONS, PROGRAM
from tests.simulation.client_promises import (
    check_promises,
    check_purges,
    lives_of,
    rewound_and_alive,
)
from tests.simulation.client_requests import (
    UNKNOWN,
    Purge,
    RaiseEvent,
    Request,
    Resume,
    Rewind,
    Start,
    Suspend,
    Terminate,
    answer_to,
    check_answer,
    check_shown,
)

NOBODY = "nobody"
RIGHT_CODE = registry_of(PROGRAM)
NO_CODE = Registry()

# With more the host may give up a message twice, and park the instance: that is no finding.
FAULTS_MAX = 8
# Shorter than a call, about as long as one, and long enough for an episode.
PACES_S = st.sampled_from((0.3, 0.03, 3.0))
IDS = st.sampled_from(("a", "b", "c"))
NAMES = st.sampled_from([FAILS, *(each.name for each in ORCHESTRATIONS)])


@dataclass(slots=True)
class Tally:
    """What the machines did, over all of them."""

    told: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    storage_calls: int = 0
    commits: int = 0
    lives: int = 0
    purges: int = 0


class ClientMachine(RuleBasedStateMachine):
    """One hub and its clients."""

    known = Bundle("known")

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.tally = tally
        self.closing = ExitStack()
        self.is_sound = False
        self.injected = 0
        self.marks = count(100)
        self.told: list[tuple[Request, str]] = []
        # Every record that each instance ever had, `None` first.
        self.stood: defaultdict[str, list[InstanceRecord | None]] = defaultdict(lambda: [None])

    @initialize(
        target=known,
        seed=st.integers(0, 1000),
        hosts=st.sampled_from((2, 1, 3)),
        rows_per_transaction_max=st.sampled_from((100, 4)),
        orchestration=NAMES,
    )
    def open(self, seed: int, hosts: int, rows_per_transaction_max: int, orchestration: str) -> str:
        """Set up a hub, and start an instance: without one there is nothing to do."""
        self.world = World(
            RIGHT_CODE,
            schedule=Schedule(seed),
            hosts=hosts,
            rows_per_transaction_max=rows_per_transaction_max,
            settings=EngineSettings(hold_s_max=10**9, strict_arguments=True),
        )
        self.closing.enter_context(self.world)
        self.view = HubView(self.world.store)
        self.rules_of_hubs = Invariants(self.view, self.world.store)
        self.refinement = Refinement(self.view, self.world.store, SpecificationModel(PROGRAM))
        self.world.journal.watchers += [
            self.rules_of_hubs.watch,
            self.refinement.watch,
            self._note_record,
        ]
        self.world.about_to_run.append(self.rules_of_hubs.before_run)
        self.is_sound = True
        self._ask(Start("a", next(self.marks), orchestration), 0.3)
        return "a"

    def _note_record(self, entry: Entry, _: object) -> None:
        if isinstance(entry, Committed):
            record = decode_record(entry.instance_id, entry.after)
            self.stood[entry.instance_id].append(None if record.is_stub else record)

    # What clients do. They do not wait for one another.

    @rule(target=known, instance_id=IDS, orchestration=NAMES, pace_s=PACES_S)
    def start(self, instance_id: str, orchestration: str, pace_s: float) -> str:
        self._ask(Start(instance_id, next(self.marks), orchestration), pace_s)
        return instance_id

    @rule(instance_id=known, name=st.sampled_from(("go", "number")), pace_s=PACES_S)
    def raise_event(self, instance_id: str, name: str, pace_s: float) -> None:
        self._ask(RaiseEvent(instance_id, next(self.marks), name), pace_s)

    @rule(instance_id=known, is_recursive=st.sampled_from((True, True, False)), pace_s=PACES_S)
    def terminate(self, instance_id: str, is_recursive: bool, pace_s: float) -> None:
        self._ask(Terminate(instance_id, next(self.marks), is_recursive), pace_s)

    @rule(instance_id=known, kind=st.sampled_from((Suspend, Resume)), pace_s=PACES_S)
    def suspend_or_resume(
        self, instance_id: str, kind: type[Suspend | Resume], pace_s: float
    ) -> None:
        self._ask(kind(instance_id, next(self.marks)), pace_s)

    @rule(instance_id=known, kind=st.sampled_from((Purge, Rewind)), pace_s=PACES_S)
    def purge_or_rewind(self, instance_id: str, kind: type[Purge | Rewind], pace_s: float) -> None:
        self._ask(kind(instance_id, next(self.marks)), pace_s)

    @rule(instance_id=st.one_of(known, st.just(NOBODY)), pace_s=PACES_S)
    def read_status(self, instance_id: str, pace_s: float) -> None:
        self._beside(self._read(instance_id), pace_s)

    # What happens to the hub.

    @rule(seconds=st.sampled_from((1.0, 30.0, 700.0, 4000.0)))
    def let_time_pass(self, seconds: float) -> None:
        self._run(self.world.run_for(seconds))

    @rule(idle_too=st.booleans())
    def kill_hosts(self, idle_too: bool) -> None:
        self.world.kill_hosts(idle_too=idle_too)

    @rule(registry=st.sampled_from((RIGHT_CODE, NO_CODE)))
    def deploy(self, registry: Registry) -> None:
        self.world.deploy(registry)

    @precondition(lambda self: self.injected < FAULTS_MAX)
    @rule(kind=st.sampled_from(FaultKind))
    def inject_a_fault(self, kind: FaultKind) -> None:
        self.injected += 1
        self.world.gate.inject(kind)

    # How it runs.

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        try:
            self.world.run(coroutine)
        except BaseException:
            self.is_sound = False
            raise

    def _beside(self, call: Coroutine[Any, Any, None], pace_s: float) -> None:
        async def begin() -> None:
            self.world.begin(call)
            await self.world.run_for(pace_s)

        self._run(begin())

    def _ask(self, request: Request, pace_s: float) -> None:
        self._beside(self._asked(request), pace_s)

    async def _asked(self, request: Request) -> None:
        stood = self.stood[request.instance_id]
        first = len(stood) - 1
        answer = await answer_to(request, self.world)
        self.told.append((request, answer))
        self.tally.told[f"{type(request).__name__} {answer}"] += 1
        check_answer(request, answer, stood[first:])

    async def _read(self, instance_id: str) -> None:
        stood = self.stood[instance_id]
        first = len(stood) - 1
        try:
            status = await self.world.as_caller(lambda client: client.read_status(instance_id))
        except (ActorDied, StorageOutcome):
            return
        self.tally.told["status read"] += 1
        check_shown(status, stood[first:])

    # At the end.

    def teardown(self) -> None:
        """Heal the hub, let it come to rest, and hold it to what clients were told."""
        with self.closing:
            if self.is_sound:
                self._run(self._heal())
                check_promises(self.told, self.view, endless=ENDLESS)
                self.tally.purges += check_purges(self.told, self.stood)
                self._count()

    async def _heal(self) -> None:
        self.world.deploy(RIGHT_CODE)
        await self.world.settle()
        await self._finish_purges()
        check_rest(self.view, self.world.store)
        may_change = rewound_and_alive(self.view)
        before = _but_for(may_change, standing(self.view))
        # Messages of lives that are over come again from here on, on purpose.
        self.world.about_to_run.remove(self.rules_of_hubs.before_run)
        await self.world.deliver_everything_again()
        await self.world.deliver_with_duty()
        check_rest(self.view, self.world.store)
        check_unchanged(before, _but_for(may_change, standing(self.view)))
        check_unsent(self.view)

    async def _finish_purges(self) -> None:
        """Who has learned nothing of a purge purges again: it may have been cut off anywhere."""
        for request, answer in self.told:
            record = self.stood[request.instance_id][-1]
            was_cut_off = isinstance(request, Purge) and answer == UNKNOWN
            if was_cut_off and record is not None and record.is_purged:
                again = partial(DurableClient.purge, instance_id=request.instance_id)
                assert not await self.world.as_client(again), "it was purged twice"

    def _count(self) -> None:
        self.tally.faults += len(self.world.gate.hits)
        self.tally.storage_calls += len(self.world.gate.calls)
        self.tally.commits += self.refinement.commits
        for instance in self.view.instances.values():
            lives = len(lives_of(instance))
            assert instance.record is None or instance.record.generation == lives
            self.tally.lives += lives


def _but_for(ids: set[InstanceId], taken: Standing) -> Standing:
    return {instance_id: each for instance_id, each in taken.items() if instance_id not in ids}
