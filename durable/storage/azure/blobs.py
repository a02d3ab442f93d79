"""Two containers: large payloads (gzip'd texts), and what the hub knows about itself.

Compression is CPU that another thread can spend: a payload of megabytes would stop the event loop,
and with it every other instance, for the length of it.
"""

import asyncio
import gzip
import json
import secrets
from collections.abc import Awaitable, Callable, Iterable

from azure.storage.blob.aio import ContainerClient

from durable.model.errors import InvalidTaskHubError
from durable.storage.azure.faults import deleting, read, writing
from durable.storage.azure.names import MANAGEMENT_KEY_BLOB, TASK_HUB_BLOB
from durable.storage.port import BlobMissing, LostRace

# Below this a thread costs more than it saves.
INLINE_CHARS_MAX = 16 * 1024
KEY_BYTES = 32
DELETIONS_AT_ONCE = 16


class PayloadBlobs:
    """Texts by name."""

    def __init__(self, container: ContainerClient) -> None:
        """Use an open client."""
        self._container = container

    async def put_blob(self, name: str, text: str) -> None:
        """Write a blob; the same text under the same name may be written again."""
        packed = (
            _pack(text) if len(text) <= INLINE_CHARS_MAX else await asyncio.to_thread(_pack, text)
        )
        with writing(f"blob {name!r}"):
            await self._container.upload_blob(name, packed, overwrite=True)

    async def read_blob(self, name: str) -> str:
        """Read a blob, or raise `BlobMissing`."""
        packed = await _read_bytes(self._container, name)
        if len(packed) <= INLINE_CHARS_MAX:
            return _unpack(packed)
        return await asyncio.to_thread(_unpack, packed)

    async def delete_blobs(self, names: Iterable[str]) -> None:
        """Delete blobs, some at a time; those that are gone already do not matter."""
        gate = asyncio.Semaphore(DELETIONS_AT_ONCE)

        async def delete(name: str) -> None:
            async with gate:
                await deleting(f"blob {name!r}", self._container.delete_blob(name))

        await asyncio.gather(*(delete(name) for name in names))


def _pack(text: str) -> bytes:
    return gzip.compress(text.encode(), compresslevel=5, mtime=0)


def _unpack(packed: bytes) -> str:
    return gzip.decompress(packed).decode()


async def _read_bytes(container: ContainerClient, name: str) -> bytes:
    async def once() -> bytes:
        download = await container.download_blob(name)
        return await download.readall()

    return await read(f"blob {name!r}", once)


class HubRecords:
    """`taskhub.json` and the management key. Whoever writes them first has written them."""

    def __init__(self, container: ContainerClient) -> None:
        """Use an open client."""
        self._container = container

    async def agree_on_partitions(self, task_hub: str, partition_count: int) -> int:
        """Return the hub's partition count: what `taskhub.json` says, or ours if there is none."""

        async def ours() -> str:
            # The service's clock, which every host reads alike.
            created = await read("hub", self._container.get_container_properties)
            members = {
                "TaskHubName": task_hub,
                "CreatedAt": created.last_modified.isoformat(),
                "PartitionCount": partition_count,
            }
            return json.dumps(members)

        text = await self._agree(TASK_HUB_BLOB, ours)
        try:
            agreed = int(json.loads(text)["PartitionCount"])
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidTaskHubError(
                f"The blob '{TASK_HUB_BLOB}' of task hub {task_hub!r} can't be read ({error!r}). "
                "Repair it, or choose another 'extensions.durableTask.hubName' in host.json."
            ) from error
        if agreed < 1:
            raise InvalidTaskHubError(f"The task hub {task_hub!r} has {agreed} partitions.")
        return agreed

    async def management_key(self) -> str:
        """Return the key, made when it was first asked for; hosts that race agree on one."""

        async def ours() -> str:
            return secrets.token_urlsafe(KEY_BYTES)

        return await self._agree(MANAGEMENT_KEY_BLOB, ours)

    async def _agree(self, name: str, make: Callable[[], Awaitable[str]]) -> str:
        try:
            return await self._read_text(name)
        except BlobMissing:
            pass
        ours = await make()
        try:
            with writing(f"blob {name!r}"):
                await self._container.upload_blob(name, ours.encode(), overwrite=False)
        except LostRace:
            return await self._read_text(name)
        return ours

    async def _read_text(self, name: str) -> str:
        # .NET writes a byte order mark before JSON. What is no text is no JSON either.
        return (await _read_bytes(self._container, name)).decode("utf-8-sig", "replace")
