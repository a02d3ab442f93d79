"""Entities: from admitted messages to a proposal. What the orchestrator is to an orchestration.

An entity has no history to replay, it is a snapshot: a commit replaces its state, and its rows are
only what it has to send, with one row that says what was served. So `base` is always behind the
last row, and rows go when they have been sent (`collection`).
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from durable.engine.chapters import Numbering
from durable.engine.deciding import HistoryBlobMissing
from durable.engine.entity_batches import EntityBatch, Operation
from durable.engine.entity_queue import queue_row
from durable.engine.forgetting import is_over
from durable.engine.holding import Held, is_patience_over
from durable.engine.inbox import Verdict, settle
from durable.engine.operations import OperationOutcome, OperationRequest, failed_operation
from durable.engine.operations import run_operation as run
from durable.engine.registry import Registry
from durable.engine.seals import REMEMBERED_FOR, seal
from durable.engine.settings import EngineSettings
from durable.engine.stash import as_kept, early_row
from durable.engine.turn import Proposal, Turn
from durable.engine.warm import InstanceState, SentEpisodes
from durable.model.codec import Columns
from durable.model.entities import EntityRecord
from durable.model.entity_forms import print_batch
from durable.model.entity_ids import EntityId, instance_id_of
from durable.model.envelopes import ENTITY_REQUESTS
from durable.model.environment import Environment
from durable.model.errors import MalformedMessageError
from durable.model.history import (
    EntityBatchCompleted,
    EntityLockRequested,
    EntityOperationSignaled,
    HistoryEvent,
    SubOrchestrationInstanceCreated,
    TimerFired,
)
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.parents import is_never_made_again
from durable.model.status import RuntimeStatus
from durable.storage.outbox import sends
from durable.storage.payloads import fetch_payloads, fetch_record, fit_message, spill, spill_rows
from durable.storage.port import BlobMissing, TaskHubStore

logger = logging.getLogger("durable")

# No operation begins later in a batch: long before the host ends an invocation it is committed.
BATCH_S_MAX = 30.0


class EntityProposer:
    """Makes proposals for the entities of one task hub."""

    def __init__(
        self,
        store: TaskHubStore,
        registry: Registry,
        environment: Environment,
        settings: EngineSettings,
        sent: SentEpisodes,
    ) -> None:
        """Serve with these functions."""
        self._store = store
        self._registry = registry
        self._environment = environment
        self._settings = settings
        self._sent = sent

    async def propose(
        self, turn: Turn, state: InstanceState, *, problem: str | None = None
    ) -> Proposal:
        """Serve what can be served. Raises `BlobMissing`, `Held` or a `StorageFault`.

        With `problem`, the next operation fails for this reason, without being run; the turn is a
        careful one then.
        """
        before = state.snapshot.record
        _check_id(turn.instance_id)
        opened = self._opened(turn, before)
        try:
            filled = await fetch_record(self._store, opened)
        except BlobMissing as missing:
            raise HistoryBlobMissing(str(missing)) from missing
        assert opened.entity is not None
        clock = self._environment.now()
        entity = replace(opened.entity, given_up=turn.given_up or opened.entity.given_up)
        batch = EntityBatch(opened.updated_at, clock, entity, filled.state, state.queue)
        for message in turn.new_messages:
            if not await self._is_for_the_dead(message, state):
                batch.accept(message)
        operations_max = self._settings.entity_batch_max
        if turn.is_careful:  # what is new is queued first
            operations_max = 0 if turn.new_messages else 1

        async def operate(
            message: TaskMessage, event: Operation, text: str | None
        ) -> OperationOutcome:
            return await self._operate(turn, message, event, text, problem=problem)

        def is_late() -> bool:
            return (self._environment.now() - clock).total_seconds() > BATCH_S_MAX

        await batch.serve(operate, operations_max=operations_max, is_late=is_late)
        record = opened
        if batch.state != filled.state:
            record = await self._with_state(turn.instance_id, opened, batch.state)
        return await self._proposal(turn, state, record, batch)

    async def _is_for_the_dead(self, message: TaskMessage, state: InstanceState) -> bool:
        """Whether a lock was handed on for an owner that is no more, and forgotten here.

        An entity that hands it on once more, long after the owner's end, does not know of that.
        """
        event, origin, record = message.event, message.origin, state.snapshot.record
        is_handed_on = isinstance(event, EntityLockRequested) and event.position > 0
        if not is_handed_on or origin is None or record is None or record.is_stub:
            return False
        if origin.to_text() in state.remembered.marks:
            return False
        if event.timestamp >= record.updated_at - REMEMBERED_FOR:
            return False
        return await is_over(self._store, origin, self._environment.now() + REMEMBERED_FOR)

    async def _operate(
        self,
        turn: Turn,
        message: TaskMessage,
        event: Operation,
        state: str | None,
        *,
        problem: str | None,
    ) -> OperationOutcome:
        """Run one operation."""
        request = OperationRequest(
            entity_id=EntityId.get_entity_id(turn.instance_id),
            operation=event.operation,
            input=None,
            is_signal=isinstance(event, EntityOperationSignaled),
        )
        if problem is not None:
            return failed_operation(RuntimeError(problem), request, state)
        try:
            filled = await fetch_payloads(self._store, event, message.blobs)
            assert isinstance(filled, Operation)
            request = replace(request, input=filled.input)
            return await run(self._registry, self._environment, request, state)
        except BlobMissing as missing:
            if not turn.is_fresh:
                raise
            lost = LookupError(f"The input of the operation is gone: blob {missing}.")
            return failed_operation(lost, request, state)
        except Held as held:
            now, hold_s_max = self._environment.now(), self._settings.hold_s_max
            # Like an orchestration, it waits for no longer than the first of its messages may.
            if not any(is_patience_over(one, now, hold_s_max=hold_s_max) for one in turn.messages):
                raise
            return failed_operation(LookupError(held.reason), request, state)

    def _opened(self, turn: Turn, before: InstanceRecord | None) -> InstanceRecord:
        """Return the record that the batch begins with: an entity is there when it is spoken to."""
        fired = [m.event.fire_at for m in turn.new_messages if isinstance(m.event, TimerFired)]
        now = max([self._environment.now(), *fired])
        if before is not None and not before.is_absent:
            assert before.entity is not None
            return replace(before, updated_at=max(now, before.updated_at))
        if before is not None and before.is_purged:
            # Its streams, to it and from it, go on: for who speaks to it, it was never away.
            return replace(
                before,
                generation=before.generation + 1,
                is_purged=False,
                created_at=now,
                updated_at=max(now, before.updated_at),
                entity=before.entity or EntityRecord(),
            )
        life_id = ExecutionId(self._environment.new_id())
        return InstanceRecord(
            generation=1,
            life_id=life_id,
            execution_id=life_id,
            name=EntityId.get_entity_id(turn.instance_id).name,
            status=RuntimeStatus.RUNNING,
            created_at=now,
            updated_at=now,
            commit_id="",
            entity=EntityRecord(),
        )

    async def _proposal(
        self, turn: Turn, state: InstanceState, opened: InstanceRecord, batch: EntityBatch
    ) -> Proposal:
        """Lay out what the batch came to."""
        before = state.snapshot.record
        outs = state.remembered.outs
        numbering = Numbering(
            opened.sequence,
            opened.episode + 1,
            {InstanceId(receiver): number for receiver, number in outs.items()},
            default_version=self._settings.default_version,
        )
        shows = before is None or before.is_absent or before.has_state != opened.has_state
        laid_out = _rows(numbering, opened, batch, shows=shows)
        rows = await spill_rows(self._store, self._environment, turn.instance_id, laid_out)
        record = self._with_rows(turn.instance_id, opened, rows, before, shows=shows)
        _, marks = settle(turn.admission, ())
        sent = {
            str(receiver): number
            for receiver, number in numbering.outs.items()
            if outs.get(receiver) != number and not is_never_made_again(receiver)
        }
        record = replace(
            record,
            entity=batch.record,
            marks={**record.marks, **marks},
            outs={**record.outs, **sent},
            message_ids=record.message_ids | _ids_of(turn.new_messages),
            commit_id=self._environment.new_id(),
        )
        for message in turn.admission.taken(Verdict.COUNTED):
            logger.warning(
                "instance=%s a message of %s is of no use here: %s",
                turn.instance_id,
                message.origin,
                type(message.event).__name__,
            )
        record, sealed = seal(record)
        named = dict(early_row(message) for message in turn.admission.taken(Verdict.EARLY))
        named.update(await self._kept(batch))
        spent = {name for message in batch.spent for name in message.blobs.values()}
        replaced = set(before.blobs.values()) if before is not None else set()
        return Proposal(
            record=record,
            rows=rows,
            named={**named, **sealed},
            live=None,
            shows=shows,
            open=frozenset(),
            spent=frozenset((spent | replaced) - set(record.blobs.values())),
            fresh=frozenset(set(record.blobs.values()) - replaced),
        )

    async def _kept(self, batch: EntityBatch) -> dict[str, Columns]:
        rows = {}
        for place, message in batch.kept.items():
            text = await fit_message(self._store, self._environment, as_kept(message))
            name, row = queue_row(place, text)
            rows[name] = row
        return rows

    async def _with_state(
        self, instance_id: InstanceId, opened: InstanceRecord, text: str | None
    ) -> InstanceRecord:
        """Put the state into the record, and into a blob if it is large."""
        name = None
        if text is not None:
            name = await spill(self._store, self._environment, instance_id, "state", text)
        return replace(opened, state=text, blobs={} if name is None else {"State": name})

    def _with_rows(
        self,
        instance_id: InstanceId,
        opened: InstanceRecord,
        rows: Sequence[HistoryRow],
        before: InstanceRecord | None,
        *,
        shows: bool,
    ) -> InstanceRecord:
        """Count the rows; the episode is unsent if it sends anything or lists are to show it."""
        sent = self._sent.of(instance_id, before.life_id) if before else frozenset()
        unsent = opened.unsent - sent
        episode = opened.episode + (1 if rows else 0)
        if rows and (shows or any(sends(row.event) for row in rows)):
            unsent |= {episode}
        sequence = opened.sequence + len(rows)
        return replace(
            opened,
            sequence=sequence,
            base=sequence + 1,
            episode=episode,
            unsent=unsent,
            status_sequence=opened.status_sequence + (1 if shows else 0),
        )


def _rows(
    numbering: Numbering, opened: InstanceRecord, batch: EntityBatch, *, shows: bool
) -> list[HistoryRow]:
    """Lay out what was served, and what it sends. What lists are to show needs a row, too."""
    facts: list[HistoryEvent] = []
    if batch.served or shows:
        served = print_batch(batch.served)
        facts.append(EntityBatchCompleted(timestamp=batch.now, operations=served))
    # The life that a start begins is named after its row: nothing else here has that number.
    return [
        numbering.row(
            replace(fact, event_id=numbering.ordinal + 1)
            if isinstance(fact, SubOrchestrationInstanceCreated)
            else fact,
            opened,
        )
        for fact in [*facts, *batch.facts]
    ]


def _check_id(instance_id: InstanceId) -> None:
    """Raise `MalformedMessageError` where no entity can have this id."""
    try:
        instance_id_of(EntityId.get_entity_id(instance_id))
    except ValueError as error:
        raise MalformedMessageError(f"Not the id of an entity: {instance_id[:80]!r}") from error


def _ids_of(messages: Sequence[TaskMessage]) -> frozenset[str]:
    """The ids by which copies of what clients sent are known."""
    return frozenset(
        message.message_id
        for message in messages
        if message.origin is None
        and message.message_id is not None
        and isinstance(message.event, ENTITY_REQUESTS)
    )
