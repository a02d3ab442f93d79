"""Dispatch: send what committed rows ask for, and show the projection. Only after the commit.

Rules A2, A4, A5: a message that comes again may be the recovery token of any unsent episode, so
*all* of them are sent again, flagged, and taken out of the set at once: a finished instance has no
next commit that could.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from durable.engine.settings import EngineSettings
from durable.engine.warm import InstanceState, SentEpisodes
from durable.model.environment import Environment
from durable.model.errors import MalformedMessageError
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow
from durable.model.records import encode_record
from durable.storage import partition, summaries
from durable.storage.outbox import Outgoing, outbox
from durable.storage.port import BlobMissing, LostRace, OutcomeUnknown, TaskHubStore
from durable.storage.resending import is_wanted, unsent_messages
from durable.storage.sending import send

TAKE_OUT_ATTEMPTS_MAX = 6


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
        await self._send_all(
            outgoing for outgoing in outbox(instance_id, rows) if is_wanted(outgoing, record)
        )
        if shows:
            await self.project(instance_id, state)
        self._sent.note(instance_id, record.life_id, frozenset({record.episode}))

    async def resend(
        self, instance_id: InstanceId, state: InstanceState, except_episode: int | None
    ) -> None:
        """Send all unsent episodes again and take them out of the set.

        Raises `MalformedMessageError` where a payload of theirs is gone.
        """
        while (record := state.snapshot.record) is not None:
            if record.is_purged:
                # A host that slept may have shown it again, and died before it took that back.
                await summaries.remove(self._store, instance_id, record)
            need = record.unsent - {except_episode}
            if not need:
                return
            try:
                unsent = await unsent_messages(self._store, instance_id, state.snapshot, need)
            except BlobMissing as missing:
                await self._look_again(instance_id, state, missing)
                continue
            await self._send_all(unsent)
            await self.project(instance_id, state)
            self._sent.note(instance_id, record.life_id, need)
            await self._take_out(instance_id, state, need)
            return

    async def _look_again(
        self, instance_id: InstanceId, state: InstanceState, missing: BlobMissing
    ) -> None:
        """Load what is newer: whoever deleted the blob has written. Else it is a loss (rule I)."""
        known = state.snapshot
        state.reload(await partition.load(self._store, instance_id, known))
        if state.snapshot.etag == known.etag:
            raise MalformedMessageError(
                f"A payload that instance '{instance_id}' has to send is gone: blob {missing}."
            ) from missing

    async def project(self, instance_id: InstanceId, state: InstanceState) -> None:
        """Show the record in the Instances table, unless something newer is there."""
        record = state.snapshot.record
        if record is not None and not record.is_stub:
            state.summary_etag = await summaries.show(
                self._store, instance_id, record, etag=state.summary_etag
            )

    async def put(self, outgoing: Outgoing) -> None:
        """Put one message, its large payloads first."""
        async with self._sends_at_once:
            await send(self._store, self._environment, outgoing)

    async def _send_all(self, messages: Iterable[Outgoing]) -> None:
        sends = [self.put(outgoing) for outgoing in messages]
        if len(sends) == 1:
            await sends[0]
            return
        # All are awaited even if one fails: a send must not go on behind a returned invocation.
        for outcome in await asyncio.gather(*sends, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

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
