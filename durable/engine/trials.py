"""Trials: what is known of how often a suspect ran alone, and did not come back.

The host counts deliveries, and a delivery that only waited for its turn beside the guilty one dies
with it like any other; a copy, on the other hand, is counted from 1. So a suspect that runs alone
leaves a mark first, and takes its marks away when it comes back, however it ends: a mark that stays
is a process that ended. Only what has enough of them counts as given up.

A mark is an empty blob whose name says which message, which round of trials (`poisonings`) and
which trial. Two copies of one message that run alone in two processes may share a mark: then it
counts once, and the message is tried once more.
"""

from hashlib import sha256

from durable.engine.stash import as_kept
from durable.model.envelopes import encode_message
from durable.model.messages import TaskMessage
from durable.storage.keys import escape_key
from durable.storage.port import BlobMissing, BlobStore

# The fewest deliveries that a suspect has alone before the host gives it up: of the five of the
# stock settings, the first two are beside others.
TRIALS_ENOUGH = 3


class Trials:
    """The marks of one task hub."""

    def __init__(self, store: BlobStore) -> None:
        """Keep them among the payloads."""
        self._store = store

    async def count(self, message: TaskMessage) -> int:
        """Count the marks of a message, as far as it matters."""
        for number in range(TRIALS_ENOUGH):
            try:
                await self._store.read_blob(_name(message, number))
            except BlobMissing:
                return number
        return TRIALS_ENOUGH

    async def mark(self, message: TaskMessage, number: int) -> None:
        """Say, before a suspect runs alone, that it does for the `number`th time, from 0."""
        await self._store.put_blob(_name(message, number), "")

    async def clear(self, message: TaskMessage) -> None:
        """Take all marks of this round away: it came back, or the next round begins."""
        names = [_name(message, number) for number in range(TRIALS_ENOUGH)]
        await self._store.delete_blobs(names)


def _name(message: TaskMessage, number: int) -> str:
    """Name a mark by what the copies of a message share."""
    digest = sha256(encode_message(as_kept(message)).encode()).hexdigest()[:32]
    return f"{escape_key(message.instance_id)}/trial-{digest}-{message.poisonings}-{number}"
