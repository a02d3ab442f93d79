"""Dispatch: send what committed rows ask for, and show the projection. Only after the commit.

Rules A2, A4, A5: a message that comes again may be the recovery token of any unsent episode, so
*all* of them are sent again, flagged, and taken out of the set at once: a finished instance has no
next commit that could.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from durable.engine.outbox import Outgoing, outbox
from durable.engine.settings import EngineSettings
from durable.engine.timers import NEAR_S, timer_key
from durable.engine.warm import InstanceState, SentEpisodes
from durable.model.environment import Environment
from durable.model.history import answered_task_id
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.records import encode_record
from durable.storage import partition, summaries
from durable.storage.payloads import fit_message
from durable.storage.port import LostRace, OutcomeUnknown, StorageFault, TaskHubStore

TAKE_OUT_ATTEMPTS_MAX = 6
PUT_ATTEMPTS_MAX = 3
PUT_BACKOFF_S_FIRST = 0.1


class Dispatcher:
    """Sends, for one task hub."""

    def __init__(
        self,
        store: TaskHubStore,
        environment: Environment,
        sent: SentEpisodes,
        settings: EngineSettings,
    ) -> None:
        """Send through this store."""
        self._store = store
        self._environment = environment
        self._sent = sent
        self._sends_at_once = asyncio.Semaphore(settings.sends_at_once_max)

    async def dispatch(
        self,
        instance_id: InstanceId,
        state: InstanceState,
        rows: Iterable[HistoryRow],
        *,
        shows: bool,
    ) -> None:
        """Send one fresh episode completely, then remember that it was."""
        record = state.snapshot.record
        assert record is not None
        await self._send_all(outbox(instance_id, rows))
        if shows:
            await self.project(instance_id, state)
        self._sent.note(instance_id, record.life_id, frozenset({record.episode}))

    async def resend(
        self, instance_id: InstanceId, state: InstanceState, except_episode: int | None
    ) -> None:
        """Send all unsent episodes again and take them out of the set."""
        record = state.snapshot.record
        if record is None:
            return
        need = record.unsent - {except_episode}
        if not need:
            return
        rows = (row for row in state.snapshot.rows if row.episode in need)
        await self._send_all(
            outgoing
            for outgoing in outbox(instance_id, rows, again=True)
            if self._is_wanted(outgoing, record, state)
        )
        await self.project(instance_id, state)
        self._sent.note(instance_id, record.life_id, need)
        await self._take_out(instance_id, state, need)

    async def project(self, instance_id: InstanceId, state: InstanceState) -> None:
        """Show the record in the Instances table, unless something newer is there."""
        record = state.snapshot.record
        if record is not None and not record.is_stub:
            state.summary_etag = await summaries.show(
                self._store, instance_id, record, etag=state.summary_etag
            )

    async def put(self, outgoing: Outgoing) -> None:
        """Put one message, its large payloads first."""
        body = await fit_message(self._store, self._environment, outgoing.message)
        delay_s = outgoing.delay_s
        if outgoing.due_at is not None:
            delay_s = (outgoing.due_at - self._environment.now()).total_seconds()
        async with self._sends_at_once:
            if outgoing.due_at is not None and delay_s > NEAR_S:
                key = timer_key(outgoing.message, outgoing.due_at)
                await self._insist(lambda: self._store.park_timer(key, body))
            else:
                delay_s = max(delay_s, 0.0)
                await self._insist(lambda: self._store.put(outgoing.queue, body, delay_s=delay_s))

    async def _insist(self, send: Callable[[], Awaitable[None]]) -> None:
        """Send, again if the outcome is a fault: two copies of one message do no harm.

        A fault that left here would send the whole episode again.
        """
        for attempt in range(1, PUT_ATTEMPTS_MAX):
            try:
                await send()
            except StorageFault:
                pause_s = PUT_BACKOFF_S_FIRST * 2**attempt
                await self._environment.wait(pause_s * (0.5 + self._environment.jitter()))
            else:
                return
        await send()

    async def _send_all(self, messages: Iterable[Outgoing]) -> None:
        sends = [self.put(outgoing) for outgoing in messages]
        if len(sends) == 1:
            await sends[0]
            return
        # All are awaited even if one fails: a send must not go on behind a returned invocation.
        for outcome in await asyncio.gather(*sends, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    @staticmethod
    def _is_wanted(outgoing: Outgoing, record: InstanceRecord, state: InstanceState) -> bool:
        """Work and timers of an old execution, or answered already, need not be sent again."""
        message = outgoing.message
        if message.execution_id != record.execution_id or record.status.is_terminal:
            return False
        task_id = answered_task_id(message.event)
        return (message.event.event_id if task_id is None else task_id) not in state.ledger.answered

    async def _take_out(
        self, instance_id: InstanceId, state: InstanceState, sent: frozenset[int]
    ) -> None:
        """Write `unsent -= sent` and nothing else. Leaving them in is safe; so attempts are few."""
        for _ in range(TAKE_OUT_ATTEMPTS_MAX):
            snapshot = state.snapshot
            record = snapshot.record
            if record is None or not record.unsent & sent:
                return
            cleared = replace(
                record, unsent=record.unsent - sent, commit_id=self._environment.new_id()
            )
            try:
                etag = await self._store.transact(
                    instance_id, (), encode_record(cleared), etag=snapshot.etag
                )
            except (LostRace, OutcomeUnknown):
                state.reload(await partition.load(self._store, instance_id, snapshot))
                continue
            state.snapshot = replace(snapshot, record=cleared, etag=etag)
            self._sent.keep(instance_id, record.life_id, cleared.unsent)
            return
