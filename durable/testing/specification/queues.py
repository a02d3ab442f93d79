"""The queues of the entities of a hub at work: enqueueing, taking, locking and releasing.

Rule 1. Paper 4.4.5: requests of one origin are taken in order; between origins no order is kept.
Rule 2. Ours, decision 9: a lock request stands in the same queue as the requests of its origin, so
        that what the locker sent before is served before.
Rule 3. Ours, decision 8: so does a release, so that what the locker called inside the section and
        did not wait for is served before other origins are let in. Nobody waits for the release.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import count

from durable.testing.specification.entities import (
    ALONE,
    Caller,
    EntityState,
    LockRequest,
    Origin,
    Queue,
    Queued,
    Release,
    Request,
)


class Queues:
    """The entities of a hub, thawed."""

    def __init__(self, entities: tuple[tuple[str, EntityState], ...]) -> None:
        """Thaw them."""
        self.entities = dict(entities)

    def freeze(self) -> tuple[tuple[str, EntityState], ...]:
        """Give them as they are now."""
        return tuple(self.entities.items())

    def enqueue(self, entity: str, origin: Origin, queued: Queued) -> None:
        """Put something behind all that this origin sent to this entity."""
        found = self.entities[entity]
        queues = dict(found.queues)
        self._store(entity, found, origin, (*queues.get(origin, ()), queued))

    def enqueue_alone(self, entity: str, request: Request) -> None:
        """Put something in no order with anything else: it has an origin of its own."""
        found = self.entities[entity]
        taken = {number for (name, number), _ in found.queues if name == ALONE}
        number = next(number for number in count() if number not in taken)
        self._store(entity, found, (ALONE, number), (request,))

    def take(self, entity: str, origin: Origin) -> Request:
        """Take the oldest request of an origin (paper 4.4, Ent-Take-Call, Ent-Take-Signal)."""
        found = self.entities[entity]
        head, *rest = dict(found.queues)[origin]
        assert isinstance(head, Request)
        self._store(entity, found, origin, tuple(rest))
        return head

    def enter(self, entities: tuple[str, ...], origin: Origin) -> None:
        """Lock all entities of a section at once (paper 4, CS-Enter)."""
        for entity in entities:
            found = self.entities[entity]
            _, *rest = dict(found.queues)[origin]
            self._store(entity, replace(found, holder=origin), origin, tuple(rest))

    def leave(self, entities: tuple[str, ...], origin: Origin, caller: Caller) -> None:
        """Release all entities of a section, or take its lock request back (paper 4, CS-Exit).

        A request that was not granted is the last that its origin sent: the code was waiting for
        it. All entities are granted together, so this is so for all of them or for none.
        """
        for entity in entities:
            found = self.entities[entity]
            queue = dict(found.queues).get(origin, ())
            if queue and queue[-1] == LockRequest(caller):
                self._store(entity, found, origin, queue[:-1])
            else:
                self.enqueue(entity, origin, Release())

    def disown(self, instance_id: str, task_ids: frozenset[int] | None = None) -> None:
        """Let calls of these tasks (of all, by default) run on as if nobody waited for them."""
        for entity, found in self.entities.items():
            queues = tuple(
                (origin, tuple(_disowned(queued, instance_id, task_ids) for queued in queue))
                for origin, queue in found.queues
            )
            if queues != found.queues:
                self.entities[entity] = replace(found, queues=queues)

    def _store(self, entity: str, found: EntityState, origin: Origin, queue: Queue) -> None:
        holder = found.holder
        if holder == origin and queue and isinstance(queue[0], Release):
            # At once: a release that waits would only forbid what is allowed after it.
            holder, queue = None, queue[1:]
        queues = {**dict(found.queues), origin: queue}
        kept = tuple(sorted((key, each) for key, each in queues.items() if each))
        self.entities[entity] = replace(found, holder=holder, queues=_renumbered(kept))


def takeable(entity: EntityState) -> tuple[tuple[Origin, Request], ...]:
    """Give what may be taken next: of each origin the oldest, of the holder's alone in a section.

    Paper 4, CS-Call-Ent: a locked entity serves the section only; others wait behind the lock.
    """
    return tuple(
        (origin, queue[0])
        for origin, queue in entity.queues
        if isinstance(queue[0], Request) and entity.holder in {None, origin}
    )


def enterable(entities: Mapping[str, EntityState], wanted: tuple[str, ...], origin: Origin) -> bool:
    """Tell whether a section can be entered now (paper 4, CS-Enter: all idle and unlocked).

    Rule 2: and nothing that the origin sent before is waiting. An entity is always idle here, for
    an operation runs to its end in one transition.
    """
    for name in wanted:
        entity = entities[name]
        queue = dict(entity.queues).get(origin, ())
        if entity.holder is not None or not queue or not isinstance(queue[0], LockRequest):
            return False
    return True


def _renumbered(queues: tuple[tuple[Origin, Queue], ...]) -> tuple[tuple[Origin, Queue], ...]:
    """Number what was sent alone by what it is: equal states must be equal values."""
    alone = sorted((queue for (name, _), queue in queues if name == ALONE), key=repr)
    if not alone:
        return queues
    numbered = (((ALONE, number), queue) for number, queue in enumerate(alone))
    return (*numbered, *(each for each in queues if each[0][0] != ALONE))


def _disowned(queued: Queued, instance_id: str, task_ids: frozenset[int] | None) -> Queued:
    if (
        isinstance(queued, Request)
        and queued.caller is not None
        and queued.caller.instance_id == instance_id
        and (task_ids is None or queued.caller.task_id in task_ids)
    ):
        return replace(queued, caller=None)
    return queued
