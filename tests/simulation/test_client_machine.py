"""The client's side of a hub, driven at random while hosts die, code changes and storage fails.

Rule 1. What a client is told was true at some moment of its call.
Rule 2. What it was promised has happened, once, when the hub is at rest; what it was refused has
        not; where it learned nothing, at most once. So each request carries a mark of its own.
Rule 3. Invariants and the refinement watch every storage call, as in every experiment.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from durable.client.durable_client import DurableClient
from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.model.errors import InstanceEndedError, InstanceExistsError, InstanceNotFoundError
from durable.model.history import (
    EventRaised,
    ExecutionCompleted,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
)
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.queries import OrchestrationStatus
from durable.model.records import decode_record
from durable.model.status import RuntimeStatus
from durable.storage.port import StorageOutcome
from durable.testing.oracles.hub_view import HubView, InstanceView
from durable.testing.oracles.invariants import Invariants
from durable.testing.oracles.refinement import Refinement
from durable.testing.oracles.rest import check_rest, check_unchanged, check_unsent, standing
from durable.testing.oracles.specified import SpecificationModel
from durable.testing.programs import bodies
from durable.testing.programs.code import registry_of
from durable.testing.programs.syntax import (
    AllOf,
    Await,
    CallerAction,
    Orchestration,
    Program,
    RaiseEvent,
    Return,
    SetTimer,
    Start,
    Terminate,
    Variable,
)
from durable.testing.world.actors import ActorDied
from durable.testing.world.faults import FaultKind
from durable.testing.world.journal import Committed, Entry
from durable.testing.world.schedule import Schedule
from durable.testing.world.world import World

MACHINES = 400
RULES_PER_MACHINE = 20
NOBODY = "nobody"
ENDLESS = "ends when it is terminated"
FAR_S = 900

ORCHESTRATIONS = (
    Orchestration("fails if its input is even", bodies.UNCAUGHT),
    Orchestration("waits for go", bodies.GO),
    Orchestration("collects three numbers", bodies.EVENTS_IN_ORDER),
    Orchestration(
        ENDLESS,
        (
            Await("all", AllOf((bodies.echo(1), bodies.echo(2), SetTimer(FAR_S), bodies.NEVER))),
            Return(Variable("all")),
        ),
    ),
)
PROGRAM = Program("client machine", ORCHESTRATIONS, bodies.ACTIVITIES)
RIGHT_CODE = registry_of(PROGRAM)
NO_CODE = Registry()

ACCEPTED = "accepted"
UNKNOWN = "outcome unknown"
REFUSALS = (InstanceExistsError, InstanceNotFoundError, InstanceEndedError)

# Shorter than a call, about as long as one, and long enough for an episode.
PACES_S = st.sampled_from((0.3, 0.03, 3.0))
IDS = st.sampled_from(("a", "b", "c"))


@dataclass(slots=True)
class Tally:
    """What the machines did, over all of them."""

    told: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    storage_calls: int = 0
    commits: int = 0
    lives: int = 0


class ClientMachine(RuleBasedStateMachine):
    """One hub and its clients."""

    known = Bundle("known")

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self.tally = tally
        self.closing = ExitStack()
        self.is_sound = False
        self.marks = count(100)
        self.told: list[tuple[CallerAction, str]] = []
        # Every record that each instance ever had, `None` first.
        self.stood: defaultdict[str, list[InstanceRecord | None]] = defaultdict(lambda: [None])

    @initialize(
        seed=st.integers(0, 1000),
        hosts=st.sampled_from((2, 1, 3)),
        rows_per_transaction_max=st.sampled_from((100, 4)),
    )
    def open(self, seed: int, hosts: int, rows_per_transaction_max: int) -> None:
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

    def _note_record(self, entry: Entry, _: object) -> None:
        if isinstance(entry, Committed):
            record = decode_record(entry.instance_id, entry.after)
            self.stood[entry.instance_id].append(None if record.is_stub else record)

    # What clients do. They do not wait for one another.

    @rule(
        target=known,
        instance_id=IDS,
        orchestration=st.sampled_from([each.name for each in ORCHESTRATIONS]),
        pace_s=PACES_S,
    )
    def start(self, instance_id: str, orchestration: str, pace_s: float) -> str:
        self._ask(Start(instance_id, orchestration, next(self.marks)), pace_s)
        return instance_id

    @rule(instance_id=known, name=st.sampled_from(("go", "number")), pace_s=PACES_S)
    def raise_event(self, instance_id: str, name: str, pace_s: float) -> None:
        self._ask(RaiseEvent(instance_id, name, next(self.marks)), pace_s)

    @rule(instance_id=known, pace_s=PACES_S)
    def terminate(self, instance_id: str, pace_s: float) -> None:
        self._ask(Terminate(instance_id, f"for reason {next(self.marks)}"), pace_s)

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

    @rule(kind=st.sampled_from(FaultKind))
    def inject_a_fault(self, kind: FaultKind) -> None:
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

    def _ask(self, action: CallerAction, pace_s: float) -> None:
        self._beside(self._asked(action), pace_s)

    async def _asked(self, action: CallerAction) -> None:
        stood = self.stood[action.instance_id]
        first = len(stood) - 1
        try:
            await self.world.as_caller(_call_of(action))
        except (ActorDied, StorageOutcome):
            answer = UNKNOWN
        except REFUSALS as refusal:
            answer = type(refusal).__name__
        else:
            answer = ACCEPTED
        self.told.append((action, answer))
        self.tally.told[f"{type(action).__name__} {answer}"] += 1
        assert any(_could_be_told(action, answer, record) for record in stood[first:]), (
            f"{action} was answered with '{answer}', and never in the meantime was that right: "
            f"{stood[first:]}"
        )

    async def _read(self, instance_id: str) -> None:
        stood = self.stood[instance_id]
        first = len(stood) - 1
        try:
            status = await self.world.as_caller(lambda client: client.read_status(instance_id))
        except (ActorDied, StorageOutcome):
            return
        self.tally.told["status read"] += 1
        assert any(_is_shown(status, record) for record in stood[first:]), (
            f"{status} was read, and there were only {stood[first:]}"
        )

    # At the end.

    def teardown(self) -> None:
        """Heal the hub, let it come to rest, and hold it to what clients were told."""
        with self.closing:
            if self.is_sound:
                self._run(self._heal())
                self._check_promises()
                self._count()

    async def _heal(self) -> None:
        self.world.deploy(RIGHT_CODE)
        await self.world.settle()
        check_rest(self.view, self.world.store)
        before = standing(self.view)
        # Messages of lives that are over come again from here on, on purpose.
        self.world.about_to_run.remove(self.rules_of_hubs.before_run)
        await self.world.deliver_everything_again()
        await self.world.deliver_with_duty()
        check_rest(self.view, self.world.store)
        check_unchanged(before, standing(self.view))
        check_unsent(self.view)

    def _check_promises(self) -> None:
        for action, answer in self.told:
            instance = self.view.instances[InstanceId(action.instance_id)]
            times = sum(_records(row.event, action) for row in instance.rows.values())
            at_least = answer == ACCEPTED and _must_be_recorded(action, instance)
            at_most = answer in (ACCEPTED, UNKNOWN)
            assert at_least <= times <= at_most, (
                f"{action} was answered with '{answer}' and is recorded {times} times"
            )
            if isinstance(action, Terminate) and answer == ACCEPTED:
                _check_terminated(action, instance)

    def _count(self) -> None:
        self.tally.faults += len(self.world.gate.hits)
        self.tally.storage_calls += len(self.world.gate.calls)
        self.tally.commits += self.refinement.commits
        for instance in self.view.instances.values():
            lives = [r for r in instance.rows.values() if isinstance(r.event, ExecutionStarted)]
            assert instance.record is None or instance.record.generation == len(lives)
            self.tally.lives += len(lives)


def _call_of(action: CallerAction) -> Callable[[DurableClient], Coroutine[Any, Any, object]]:
    match action:
        case Start(instance_id, orchestration, argument):
            return lambda client: client.start(
                orchestration, instance_id=instance_id, input_=argument
            )
        case RaiseEvent(instance_id, name, data):
            return lambda client: client.raise_event(instance_id, name, data)
        case Terminate(instance_id, reason):
            return lambda client: client.terminate(instance_id, reason)
        case _:
            raise AssertionError(f"the clients of this machine do not do this: {action}")


def _could_be_told(action: CallerAction, answer: str, record: InstanceRecord | None) -> bool:
    """Whether the answer is right for an instance that stands so."""
    is_alive = record is not None and not record.status.is_terminal
    match answer:
        case "outcome unknown":
            return True
        case "accepted":
            # A start leaves its own life behind it, be it ended by now.
            return record is not None if isinstance(action, Start) else is_alive
        case "InstanceExistsError":
            return is_alive
        case "InstanceNotFoundError":
            return record is None
        case _:
            return record is not None and not is_alive


def _is_shown(status: OrchestrationStatus | None, record: InstanceRecord | None) -> bool:
    if status is None or record is None:
        return status is None and record is None
    return (
        status.name,
        status.runtime_status,
        status.custom_status,
        status.output,
        status.updated_at,
    ) == (record.name, record.status, record.custom_status, record.output, record.updated_at)


def _records(event: HistoryEvent, action: CallerAction) -> bool:
    """Whether this is the row of that request; marks are not used twice."""
    match event, action:
        case ExecutionStarted(), Start():
            return event.input == json.dumps(action.argument)
        case EventRaised(), RaiseEvent():
            return event.input == json.dumps(action.data)
        case ExecutionTerminated(), Terminate():
            return event.input == json.dumps(action.reason)
        case _:
            return False


def _generation_of(action: CallerAction, instance: InstanceView) -> int:
    """Tell for which life an accepted request was put."""
    puts = [message for copies in instance.put.values() for message in copies]
    generations = {message.generation for message in puts if _records(message.event, action)}
    assert len(generations) == 1, f"{action} was put for the lives {generations}"
    (generation,) = generations
    assert generation is not None
    return generation


def _must_be_recorded(action: CallerAction, instance: InstanceView) -> bool:
    """A start always; the rest if the life that it was for still runs."""
    if isinstance(action, Start):
        return True
    assert instance.record is not None
    return instance.is_alive and instance.record.generation == _generation_of(action, instance)


def _check_terminated(action: Terminate, instance: InstanceView) -> None:
    """The life that it was for has ended, by this unless something else came first."""
    lives = [row for row in instance.rows.values() if isinstance(row.event, ExecutionStarted)]
    life = lives[_generation_of(action, instance) - 1]
    assert isinstance(life.event, ExecutionStarted)
    ended_as = {
        row.execution_id: row.event.orchestration_status
        for row in instance.rows.values()
        if isinstance(row.event, ExecutionCompleted)
    }
    status = ended_as.get(life.execution_id)
    assert status is not None, f"{action} was accepted, and the instance runs on"
    assert life.event.name != ENDLESS or status is RuntimeStatus.TERMINATED


def test_clients_are_told_the_truth_and_get_what_they_were_promised(
    record_property: Callable[[str, object], None],
) -> None:
    """Whatever clients do, and whatever fails: nothing accepted is lost, doubled or invented."""
    tally = Tally()

    class Machine(ClientMachine):
        def __init__(self) -> None:
            super().__init__(tally)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=MACHINES,
            stateful_step_count=RULES_PER_MACHINE,
            derandomize=True,
            database=None,
            deadline=None,
            # One finding at a time, without explanations: those take minutes.
            phases=(Phase.generate, Phase.shrink),
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    told = ", ".join(f"{number} {what}" for what, number in sorted(tally.told.items()))
    figure = (
        f"client state machine: {tally.lives} lives, {tally.faults} faults, "
        f"{tally.storage_calls:,} storage calls, {tally.commits:,} commits checked; told: {told}"
    )
    record_property("figure", figure)
    assert tally.told[f"Start {ACCEPTED}"] > 0
