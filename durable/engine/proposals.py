"""From admitted messages to a proposal: fetch what they carry, decide, lay out rows.

Everything here may be thrown away: nothing is written but blobs, whose names nobody else has.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from durable.engine.chapters import CHAPTERS_MAX, Chapter, Numbering, outs_to_carry
from durable.engine.children import with_children_ended
from durable.engine.deciding import Case, Decider
from durable.engine.episode_rows import record_after
from durable.engine.inbox import Verdict, settle
from durable.engine.opening import is_carried, open_execution, open_next
from durable.engine.registry import Registry
from durable.engine.seals import seal
from durable.engine.sections import with_sections_left
from durable.engine.settings import EngineSettings
from durable.engine.stash import early_row, waiting_rows
from durable.engine.turn import Proposal, Turn
from durable.engine.warm import InstanceState, SentEpisodes
from durable.model.codec import Columns
from durable.model.envelopes import encode_message
from durable.model.environment import Environment
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.model.rewinding import effective
from durable.model.status import RuntimeStatus
from durable.storage.payloads import fetch_all, fit_message, spill_input, spill_rows
from durable.storage.port import TaskHubStore


class Proposer:
    """Makes proposals for one task hub."""

    def __init__(
        self,
        store: TaskHubStore,
        registry: Registry,
        environment: Environment,
        settings: EngineSettings,
        sent: SentEpisodes,
    ) -> None:
        """Propose with these functions."""
        self._store = store
        self._environment = environment
        self._sent = sent
        self._default_version = settings.default_version
        self._decider = Decider(store, registry, environment, settings)

    async def propose(
        self, turn: Turn, state: InstanceState, *, problem: str | None = None
    ) -> Proposal:
        """Decide over the round's steps. Raises `BlobMissing`, `Held` or a `StorageFault`.

        `state.live` stands behind the proposal afterwards: it must be dropped unless exactly this
        proposal is committed. With `problem`, known to be final, the instance is parked at once.
        """
        now = self._environment.now()
        if not turn.new_messages:
            return self._note(turn, state, now)
        before = state.snapshot.record
        opened, messages = open_execution(
            turn.instance_id,
            before,
            turn.new_messages,
            state.stash.waiting,
            now=now,
            is_rewindable=state.is_rewindable,
        )
        events = await fetch_all(self._store, [(m.event, m.blobs) for m in messages])
        inputs = [replace(m, event=event) for m, event in zip(messages, events, strict=True)]
        chapters = await self._chapters(turn, state, opened, inputs, now=now, problem=problem)
        numbering = Numbering(
            opened.sequence,
            opened.episode + 1,
            _outs(before, opened, state),
            default_version=self._default_version,
        )
        laid_out, last = _laid_out(numbering, chapters)
        rows = await spill_rows(self._store, self._environment, turn.instance_id, laid_out)
        record = record_after(
            last,
            before,
            rows,
            sent=self._sent.of(turn.instance_id, before.life_id) if before else frozenset(),
            now=now,
            commit_id=self._environment.new_id(),
        )
        named = _stashed(turn, state, opened.execution_id)
        if last.decision.continued is not None:
            left_behind = _left_behind(last, turn, list(zip(messages, inputs, strict=True)))
            record, waiting = await self._pend(
                turn.instance_id, record, last, left_behind, numbering, now=now
            )
            named.update(waiting)
        if record.execution_id != opened.execution_id:
            record = _carrying(record, opened, numbering, state, rows)
        unread = _unread(chapters)
        left = [raw for raw, filled in zip(messages, inputs, strict=True) if id(filled) in unread]
        open_, marks = settle(turn.admission, left)
        record, sealed = seal(replace(record, marks={**record.marks, **marks}))
        live = last.decision.execution if record.status is RuntimeStatus.RUNNING else None
        state.live = last.decision.execution
        return Proposal(
            record=record,
            rows=rows,
            named={**named, **sealed},
            live=live,
            shows=record.status_sequence > (before.status_sequence if before else 0),
            open=open_,
        )

    async def _chapters(
        self,
        turn: Turn,
        state: InstanceState,
        opened: InstanceRecord,
        inputs: Sequence[TaskMessage],
        *,
        now: datetime,
        problem: str | None,
    ) -> list[Chapter]:
        """Run execution after execution, as long as each continues as new."""
        chapters: list[Chapter] = []
        while True:
            decision, inputs = await self._decider.decide(
                Case(
                    instance_id=turn.instance_id,
                    state=state,
                    opened=opened,
                    inputs=inputs,
                    now=now,
                    problem=problem,
                )
            )
            if decision.status is RuntimeStatus.TERMINATED:
                rows = effective(state.snapshot.rows, opened.execution_id)
                decision = with_children_ended(decision, rows)
            if decision.status.is_terminal or decision.continued is not None:
                rows = effective(state.snapshot.rows, opened.execution_id)
                decision = with_sections_left(decision, rows)
            chapter = Chapter(opened, inputs, decision)
            chapters.append(chapter)
            if decision.continued is None or len(chapters) == CHAPTERS_MAX:
                return chapters
            state.drop_live()
            time = decision.facts[0].timestamp
            opened, inputs = open_next(
                turn.instance_id,
                _as_left(chapter),
                decision.continued,
                chapter.left,
                time=time,
                base=opened.base,
            )

    def _note(self, turn: Turn, state: InstanceState, now: datetime) -> Proposal:
        """Write down what is no input of an episode: stashed messages, watermarks that move."""
        before = state.snapshot.record
        record = before or _stub(now)
        _, marks = settle(turn.admission, ())
        record = replace(
            record,
            marks={**record.marks, **marks},
            waiting=record.waiting + len(turn.admission.taken(Verdict.WAITING)),
            commit_id=self._environment.new_id(),
        )
        named = _stashed(turn, state, record.execution_id)
        record, sealed = seal(record)
        return Proposal(
            record=record,
            rows=(),
            named={**named, **sealed},
            live=state.live,
            shows=False,
            open=frozenset(),
        )

    async def _pend(
        self,
        instance_id: InstanceId,
        record: InstanceRecord,
        last: Chapter,
        left_behind: Sequence[TaskMessage],
        numbering: Numbering,
        *,
        now: datetime,
    ) -> tuple[InstanceRecord, dict[str, Columns]]:
        """Leave the next execution to a message: what it begins with is kept beside it.

        That is what nobody has read, and what earlier executions have `left_behind` for it.
        """
        assert last.decision.continued is not None
        following, messages = open_next(
            instance_id,
            record,
            last.decision.continued,
            left_behind,
            time=now,
            base=numbering.ordinal + 1,
        )
        text = last.decision.continued.input
        blobs = await spill_input(self._store, self._environment, instance_id, text)
        texts = [
            await fit_message(self._store, self._environment, _named(message, place))
            for place, message in enumerate(messages[1:])
        ]
        pending = replace(
            following,
            status=RuntimeStatus.CONTINUED_AS_NEW,
            input=text,
            output=None,
            completed_at=None,
            waiting=len(texts),
            blobs=blobs,
        )
        return pending, waiting_rows(texts, pending.execution_id, 0)


def _laid_out(
    numbering: Numbering, chapters: Sequence[Chapter]
) -> tuple[list[HistoryRow], Chapter]:
    """Lay out the facts of all chapters; return the last one with the base that it so gets."""
    rows: list[HistoryRow] = []
    base = numbering.ordinal + 1
    for chapter in chapters:
        base = numbering.ordinal + 1
        rows += numbering.rows_of(chapter)
    last = chapters[-1]
    if len(chapters) > 1:
        last = replace(last, opened=replace(last.opened, base=base))
    return rows, last


def _named(message: TaskMessage, place: int) -> TaskMessage:
    """Give an event that is left beside the instance the id without which none can be read."""
    return replace(message, message_id=message.message_id or f"left-{place}")


def _left_behind(
    last: Chapter, turn: Turn, filled: Sequence[tuple[TaskMessage, TaskMessage]]
) -> list[TaskMessage]:
    """List what the last chapter has left and nothing but its commit remembers.

    What came in this batch, or waits for its turn in a stream, stays open by itself. `filled` are
    the messages, each with what it is once its payloads are there.
    """
    new = {id(message) for message in turn.new_messages}
    stays = {id(message) for raw, message in filled if id(raw) in new}
    return [message for message in last.left if id(message) not in stays]


def _as_left(chapter: Chapter) -> InstanceRecord:
    """The record with what the execution has shown."""
    decision = chapter.decision
    if not decision.sets_custom_status:
        return chapter.opened
    return replace(chapter.opened, custom_status=decision.custom_status)


def _stub(now: datetime) -> InstanceRecord:
    """The record of an id that was written to and never had an instance."""
    return InstanceRecord(
        generation=0,
        life_id=ExecutionId(""),
        execution_id=ExecutionId(""),
        name="",
        status=RuntimeStatus.PENDING,
        created_at=now,
        updated_at=now,
        commit_id="",
    )


def _outs(
    before: InstanceRecord | None, opened: InstanceRecord, state: InstanceState
) -> dict[InstanceId, int]:
    """The numbers of the streams of this life so far; a new life has none."""
    if before is None or before.life_id != opened.life_id:
        return {}
    outs = {InstanceId(receiver): number for receiver, number in state.remembered.outs.items()}
    for receiver, number in state.ledger.outs.items():
        outs[receiver] = max(number, outs.get(receiver, 0))
    return outs


def _carrying(
    record: InstanceRecord,
    opened: InstanceRecord,
    numbering: Numbering,
    state: InstanceState,
    rows: Sequence[HistoryRow],
) -> InstanceRecord:
    """Take over what the rows of the executions that have ended will not tell for long."""
    known = [row for row in state.snapshot.rows if row.ordinal >= opened.base]
    ids = {row.message_id for row in rows if row.message_id is not None}
    mine = state.ledger.message_ids if state.ledger.life_id == record.life_id else set()
    mine = {message_id for message_id in mine if message_id not in state.remembered.message_ids}
    outs = outs_to_carry(numbering.outs, [*known, *rows])
    return replace(record, outs=outs, message_ids=frozenset(record.message_ids | mine | ids))


def _stashed(turn: Turn, state: InstanceState, execution_id: ExecutionId) -> dict[str, Columns]:
    """Make the rows of the messages that this round puts aside."""
    named = dict(early_row(message) for message in turn.admission.taken(Verdict.EARLY))
    waiting = [encode_message(m) for m in turn.admission.taken(Verdict.WAITING)]
    named.update(waiting_rows(waiting, execution_id, state.stash.next_place))
    return named


def _unread(chapters: Sequence[Chapter]) -> set[int]:
    """Identify the inputs that no chapter took: all behind the last end, answers behind another."""
    unread = {id(message) for message in chapters[-1].left}
    for chapter in chapters[:-1]:
        unread |= {id(message) for message in chapter.left if not is_carried(message)}
    return unread
