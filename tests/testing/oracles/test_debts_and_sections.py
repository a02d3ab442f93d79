"""What rows of entities and sections owe, and what an execution that ends must have left."""

from dataclasses import replace

import pytest

from durable.model.entities import EntityRecord
from durable.model.history import (
    EntityLockRequested,
    EntityUnlockSent,
    ExecutionCompleted,
    ExecutionStarted,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
)
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.status import RuntimeStatus
from durable.storage.memory import MemoryStore
from durable.testing.oracles.episode_rules import check_rows
from durable.testing.oracles.hub_view import HubView
from durable.testing.oracles.instance_view import InstanceView
from durable.testing.oracles.owed import debts_of
from durable.testing.oracles.parcels import numbered
from durable.testing.oracles.rest import check_rest
from durable.testing.oracles.violation import Violation
from tests.testing.oracles.entity_story import (
    ALICE,
    BOB,
    HANDED_ON,
    HELD,
    LIFE_A,
    LIFE_OF_ALICE,
    LOCK,
    NOW,
    REPLY,
    UNLOCK,
    A,
)

ASKED = replace(LOCK, event_id=1, numbers="[1,1]", parent_instance=None)
LEFT = replace(UNLOCK, event_id=2, numbers="[2,2]")
STARTED = ExecutionStarted(timestamp=NOW, name="main")
ENDED = ExecutionCompleted(timestamp=NOW, orchestration_status=RuntimeStatus.COMPLETED)


def row(event: HistoryEvent, ordinal: int = 0) -> HistoryRow:
    """Make a row of `a`."""
    return HistoryRow(ordinal=ordinal, episode=1, execution_id=LIFE_A, event=event)


def record_of(status: RuntimeStatus, last: int, entity: EntityRecord | None) -> InstanceRecord:
    """Make the record behind an only commit."""
    return InstanceRecord(
        generation=1,
        life_id=LIFE_A,
        execution_id=LIFE_A,
        name="main",
        status=status,
        created_at=NOW,
        updated_at=NOW,
        commit_id="1",
        sequence=last,
        episode=1,
        unsent=frozenset({1}),
        entity=entity,
    )


def check(*events: HistoryEvent, status: RuntimeStatus = RuntimeStatus.COMPLETED) -> None:
    """Check one episode of `a` that does this."""
    opened, closed = OrchestratorStarted(timestamp=NOW), OrchestratorCompleted(timestamp=NOW)
    rows = [row(event, at) for at, event in enumerate((opened, STARTED, *events, closed))]
    check_rows(InstanceId("a"), InstanceView(), record_of(status, len(rows) - 1, None), rows)


def test_a_request_for_locks_owes_one_message_and_a_release_one_to_each() -> None:
    """A lock goes from entity to entity, a release to all of them at once."""
    asked = [debt.address for debt in debts_of(InstanceId("a"), row(ASKED))]
    left = [debt.address for debt in debts_of(InstanceId("a"), row(LEFT))]
    assert asked == [(ALICE, numbered(A, 1))]
    assert left == [(ALICE, numbered(A, 2)), (BOB, numbered(A, 2))]


def test_a_lock_that_is_handed_on_is_owed_in_the_stream_of_its_owner() -> None:
    """And a reply to the task that waits."""
    of_alice = replace(row(HANDED_ON), execution_id=LIFE_OF_ALICE)
    [handed_on] = debts_of(ALICE, of_alice)
    assert (handed_on.sender, handed_on.address) == (ALICE, (BOB, numbered(A, 1)))
    [reply] = debts_of(ALICE, replace(of_alice, event=REPLY))
    assert reply.address == (InstanceId("a"), ("task", LIFE_A, 0))
    assert debts_of(InstanceId("a"), row(replace(REPLY, parent_instance=None))) == ()


@pytest.mark.parametrize("asked", [ASKED, replace(ASKED, event_id=7)])
def test_an_execution_that_ends_has_left_its_sections(asked: EntityLockRequested) -> None:
    """Granted or not: the rows of the end say so."""
    released = replace(LEFT, critical_section_id=asked.event_id)
    check(asked, released, ENDED)
    check(asked, status=RuntimeStatus.RUNNING)
    with pytest.raises(Violation, match="has not left the sections"):
        check(asked, ENDED)


def test_a_section_is_left_once_and_only_if_it_was_asked_for() -> None:
    """A second release could free what somebody else holds by then."""
    again: EntityUnlockSent = replace(LEFT, event_id=3, numbers="[3,3]")
    with pytest.raises(Violation, match="is left and was not asked for"):
        check(ASKED, LEFT, again, ENDED)


@pytest.mark.parametrize(
    "entity",
    [
        EntityRecord(lock=HELD, epoch=1),
        EntityRecord(waiting=frozenset({0}), next_place=1),
        EntityRecord(scheduled=frozenset({0}), next_place=1),
    ],
)
def test_at_rest_no_entity_is_held_or_has_something_to_serve(entity: EntityRecord) -> None:
    """Whoever holds one for ever, and whatever waits for ever, is found."""
    store = MemoryStore(now=lambda: NOW)
    view = HubView(store)
    view.instances[ALICE].record = record_of(RuntimeStatus.RUNNING, -1, entity)
    with pytest.raises(Violation, match="is held or has something to serve"):
        check_rest(view, store)
