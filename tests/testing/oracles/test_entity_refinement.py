"""The oracle of entities believes no commit: each lie about one that is right is found."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from durable.model.entities import EntityRecord, Served
from durable.model.history import (
    EntityLockGranted,
    EntityOperationFailed,
    EntityOperationSignaled,
    TimerCreated,
)
from durable.testing.oracles.entity_facts import is_like
from durable.testing.oracles.violation import Violation
from tests.testing.oracles.entity_story import (
    ALICE,
    BOB,
    CALL,
    FIRST,
    HANDED_ON,
    HELD,
    LATER,
    MESSAGES,
    NOW,
    RELEASED,
    REPLY,
    UNLOCK,
    A,
    B,
    C,
    Commit,
    judge,
    sent,
)

OPERATION, LOCKED = FIRST.served
SIGNALLED = Served(B.to_text(), 1, "operation", "add")
FAILED = EntityOperationFailed(
    timestamp=NOW,
    task_scheduled_id=0,
    reason="no",
    details="",
    parent_instance=CALL.parent_instance,
)
TO_BOB = EntityOperationSignaled(timestamp=NOW, instance_id=BOB, operation="add", input="1")
GRANTED = EntityLockGranted(
    timestamp=NOW, task_scheduled_id=1, parent_instance=HANDED_ON.parent_instance
)
IDLE = EntityRecord(epoch=1, next_place=3)
WITH_ID = replace(MESSAGES[2], origin=None, number=0, message_id="of a client")
LATER_KEPT = replace(
    FIRST,
    facts=(
        TimerCreated(timestamp=NOW, event_id=3, fire_at=NOW + timedelta(minutes=5)),
        *FIRST.facts,
    ),
    entity=replace(FIRST.entity, scheduled=frozenset({3}), next_place=4),
    marks={**FIRST.marks, C.to_text(): 1},
    kept={**FIRST.kept, 3: MESSAGES[3]},
)

LIES: dict[str, Commit] = {
    "not accepted": replace(
        FIRST, served=(*FIRST.served, Served(A.to_text(), 3, "operation", "add"))
    ),
    "served before": replace(FIRST, served=(OPERATION, OPERATION, LOCKED)),
    "of the same sender": replace(FIRST, served=(LOCKED, OPERATION)),
    "under the lock": replace(FIRST, served=(*FIRST.served, SIGNALLED), state="112"),
    "was add": replace(FIRST, served=(replace(OPERATION, name="get"), LOCKED)),
    "the specification has Operated": replace(
        FIRST, served=(replace(OPERATION, is_failed=True), LOCKED), facts=(FAILED, HANDED_ON)
    ),
    "its state is 104": replace(FIRST, state="104"),
    "its state is None": replace(FIRST, state=None),
    "it is locked by None": replace(FIRST, entity=replace(FIRST.entity, lock=None)),
    "epoch 2": replace(FIRST, entity=replace(FIRST.entity, epoch=2)),
    "it is locked with": replace(
        FIRST, entity=replace(FIRST.entity, lock=replace(HELD, lock_set=(ALICE,)))
    ),
    "neither served nor kept": replace(FIRST, entity=replace(FIRST.entity, waiting=frozenset())),
    "have no row": replace(FIRST, kept={}),
    "made up": replace(
        FIRST,
        kept={**FIRST.kept, 3: MESSAGES[3]},
        entity=replace(FIRST.entity, scheduled=frozenset({3}), next_place=4),
    ),
    "it keeps": replace(FIRST, kept={2: sent(B, 1, replace(TO_BOB, instance_id=ALICE, input="8"))}),
    "it sends": replace(FIRST, facts=(REPLY,)),
    "hand on": replace(FIRST, facts=(REPLY, GRANTED)),
    "'106'": replace(FIRST, facts=(replace(REPLY, result="106"), HANDED_ON)),
    "'@bob@1', 'add'": replace(FIRST, facts=(*FIRST.facts, TO_BOB)),
    "was accepted and never put": replace(FIRST, marks={**FIRST.marks, A.to_text(): 9}),
    "it sets the timers {}": replace(LATER_KEPT, facts=FIRST.facts),
}


def test_the_commit_that_is_right_is_allowed() -> None:
    """So is the one behind it, which releases and serves what had waited."""
    assert judge(FIRST, RELEASED) is None
    assert judge(LATER_KEPT) is None


@pytest.mark.parametrize("said", LIES)
def test_a_commit_that_lies_is_found(said: str) -> None:
    """Whatever part of it is not so."""
    found = judge(LIES[said])
    assert isinstance(found, Violation)
    assert found.oracle == "entity"
    assert said in str(found)


def test_a_signal_is_never_early() -> None:
    """The time of the hub counts, whatever the entity's host believes."""
    early = replace(
        LATER_KEPT,
        served=(*FIRST.served[:1], Served(C.to_text(), 1, "operation", "add"), LOCKED),
        entity=FIRST.entity,
        state="112",
        facts=FIRST.facts,
        kept=FIRST.kept,
    )
    assert f"is due at {LATER.scheduled_time}" in str(judge(early))


def test_what_was_served_is_never_served_again() -> None:
    """Not in a later commit either, nor what a client sent once."""
    again = replace(RELEASED, served=(*RELEASED.served, OPERATION), state="117")
    assert "not accepted, or was served before" in str(judge(FIRST, again))
    signal = Served("of a client", 0, "operation", "add")
    once = replace(RELEASED, served=(*RELEASED.served, signal), state="119")
    twice = replace(once, served=(signal,), state="126")
    assert judge(FIRST, once, also_put=(WITH_ID,)) is None
    assert "served before" in str(judge(FIRST, once, twice, also_put=(WITH_ID, WITH_ID)))


def test_only_the_release_of_the_section_frees_the_entity() -> None:
    """Nothing that was accepted may be served while the lock stands, and no lock goes by itself."""
    by_itself = replace(
        RELEASED, served=(SIGNALLED,), marks=FIRST.marks, entity=replace(IDLE, next_place=3)
    )
    assert "under the lock" in str(judge(FIRST, by_itself))
    of_another = replace(UNLOCK, critical_section_id=5)
    assert "is of section 5" in str(judge(FIRST, RELEASED, release=of_another))


def test_what_is_kept_has_the_place_that_it_was_given() -> None:
    """A place that was given before is never given again."""
    moved = replace(
        FIRST,
        served=(),
        facts=(),
        entity=replace(FIRST.entity, waiting=frozenset({3}), next_place=4),
        kept={3: MESSAGES[2]},
    )
    assert "which is not its own" in str(judge(FIRST, moved))


def test_what_code_of_an_app_sends_may_be_anything_and_no_more() -> None:
    """Where a model foresees nothing of an operation, what its code can't send is still found."""
    signal, grant = ("signal", BOB, "add", "1", None), ("grant", "x", None)
    assert is_like([signal, signal, grant], [None, grant])
    assert not is_like([signal, grant, signal], [None, grant])
    assert is_like([("reply", "x", json.dumps(1))], [("reply", "x", ...)])
