"""Serving: an entity, served once more by the specification, as a commit says that it was.

Rule 1. Operations fold over the state; one that fails changes nothing and sends nothing (decision
        6).
Rule 2. What one sender sent is served in order; what was sent for a time keeps no order, and comes
        never before its time.
Rule 3. A lock is granted to one at a time. Under it only what its owner sent is served, and only
        its owner's release of that section, or an operator who names its epoch, ends it.
Rule 4. A lock goes on to the next entity of the set; the last one answers (rule G1).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from durable.model.entities import EntityLock, Served
from durable.model.history import (
    EntityLockBroken,
    EntityLockRequested,
    EntityOperationCalled,
    EntityOperationSignaled,
    EntityUnlockSent,
    HistoryEvent,
)
from durable.model.ids import InstanceId
from durable.model.messages import TaskMessage
from durable.model.parents import Parent
from durable.model.streams import read_lock_set
from durable.testing.oracles.entity_commits import Key, is_scheduled
from durable.testing.oracles.entity_facts import ANY
from durable.testing.oracles.facts import Fact
from durable.testing.oracles.models import Model

Operation = EntityOperationCalled | EntityOperationSignaled


class Refused(Exception):  # noqa: N818  (the commit is refused, and by the oracle)
    """The specification does not allow this; the text says why."""


@dataclass(slots=True)
class Serving:
    """An entity as it is served. `facts`: what it must send; `None` where that may be anything.

    `is_known`: the model knows the state; else it may be anything. `broken`: the owner and section
    of each lock that an operator has ended; their releases come too late.
    """

    instance_id: InstanceId
    model: Model
    pool: dict[Key, TaskMessage]
    state: Any
    lock: EntityLock | None
    epoch: int
    latest: datetime
    broken: set[tuple[str, int]]
    facts: list[Fact | None] = field(default_factory=list)

    def serve(self, one: Served, event: HistoryEvent | None) -> None:
        """Serve one message that says this, or raise `Refused`."""
        message = self.pool.pop((one.source, one.number), None)
        if message is None:
            raise Refused(f"{one} was not accepted, or was served before")
        if one.what != "break":
            self._check_turn(one, message)
        match one.what, event:
            case "operation", EntityOperationCalled() | EntityOperationSignaled():
                if one.name != event.operation:
                    raise Refused(f"{one} was {event.operation}")
                self._operate(one, event)
            case "lock", EntityLockRequested():
                self._lock(one, event)
            case "unlock", EntityUnlockSent():
                self._unlock(one, event)
            case "break", EntityLockBroken():
                self._break(event)
            case _:
                raise Refused(f"{one} was {event}")

    def _check_turn(self, one: Served, message: TaskMessage) -> None:
        if is_scheduled(message):
            assert isinstance(message.event, EntityOperationSignaled)
            due = message.event.scheduled_time
            assert due is not None
            if due > self.latest:
                raise Refused(f"{one} is due at {due}, and was served by {self.latest}")
        else:
            earlier = [
                number
                for (source, number), other in self.pool.items()
                if source == one.source and number < one.number and not is_scheduled(other)
            ]
            if earlier and one.number:
                raise Refused(f"{one} was served before {earlier} of the same sender")
        if self.lock is not None and (self.lock.owner != one.source or is_scheduled(message)):
            raise Refused(f"{one} was served under the lock of {self.lock.owner}")

    def _operate(self, one: Served, event: Operation) -> None:
        outcome = self.model.operate(self.instance_id, self.state, event.operation, event.input)
        if isinstance(event, EntityOperationCalled):
            waits = event.parent_instance
            if outcome is None:
                self.facts.append(("failed" if one.is_failed else "reply", waits, ANY))
            elif outcome.error is not None:
                self.facts.append(("failed", waits, outcome.error))
            else:
                self.facts.append(("reply", waits, outcome.reply))
        if outcome is None:
            if not one.is_failed:
                self.facts.append(None)
            return
        if one.is_failed != (outcome.error is not None):
            raise Refused(f"{one}; the specification has {outcome}")
        self.state = outcome.state
        self.facts += outcome.sent

    def _lock(self, one: Served, event: EntityLockRequested) -> None:
        if self.lock is not None:
            raise Refused(f"{one} was granted while {self.lock.owner} holds the lock")
        waits = Parent.from_json(event.parent_instance or "")
        lock_set = read_lock_set(event.lock_set)
        self.epoch += 1
        self.lock = EntityLock(
            owner=one.source,
            execution_id=waits.execution_id,
            section_id=waits.task_id,
            lock_set=lock_set,
            epoch=self.epoch,
            since=self.latest,
        )
        if lock_set[event.position] != self.instance_id:
            raise Refused(f"{one} is for {lock_set[event.position]}")
        if event.position + 1 < len(lock_set):
            on = (event.position + 1, event.lock_set, event.numbers)
            self.facts.append(("hand on", event.parent_instance, *on))
        else:
            self.facts.append(("grant", event.parent_instance, None))

    def _break(self, event: EntityLockBroken) -> None:
        if self.lock is not None and self.lock.epoch == event.epoch:
            self.broken.add((self.lock.owner, self.lock.section_id))
            self.lock = None

    def _unlock(self, one: Served, event: EntityUnlockSent) -> None:
        held = self.lock
        if held is None and (one.source, event.critical_section_id) in self.broken:
            return
        if held is None:
            raise Refused(f"{one} releases what nobody holds")
        if held.section_id != event.critical_section_id:
            raise Refused(f"{one} is of section {event.critical_section_id}, {held} holds")
        self.lock = None
