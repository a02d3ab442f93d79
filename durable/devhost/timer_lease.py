"""One host of many runs a timer: the one that holds a lease on a blob.

Source: SingletonListener.cs and SingletonManager.cs of the WebJobs SDK. The blob is
`locks/<host id>/Host.Functions.<function>.Listener` in `azure-webjobs-hosts`.

Rule 1. A lease lasts 60 s and is renewed at half time; a host that dies keeps its timer from
        running for up to that long, and the others look once in 60 s, so for up to two minutes.
Rule 2. A lease that was not renewed in time is lost, whatever the reason: by then another host may
        have it, and running on would run the timer twice.
"""

import asyncio
import contextlib
import logging
import time

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.blob.aio import BlobClient, BlobLeaseClient, BlobServiceClient

from durable.devhost.host_identity import HOST_CONTAINER, timer_name

logger = logging.getLogger(__name__)

# The real host's constant (SingletonOptions.ListenerLockPeriod), and the service's most.
LEASE_S = 60
# The service's least.
_LEASE_S_MIN = 15


class TimerLease:
    """The right to run one timer; taken, kept and given back."""

    def __init__(
        self, blobs: BlobServiceClient, *, host_id: str, function_name: str, lease_s: int
    ) -> None:
        """Take nothing yet; ask for `lease_s`, 15 at least, and renew at half of it."""
        self._container = blobs.get_container_client(HOST_CONTAINER)
        self._name = function_name
        self._blob: BlobClient = self._container.get_blob_client(
            f"locks/{host_id}/{timer_name(function_name)}.Listener"
        )
        self._renewal_s = lease_s / 2
        self._lease_s = max(lease_s, _LEASE_S_MIN)
        self._lease: BlobLeaseClient | None = None
        self._last_complaint = ""

    async def take(self) -> bool:
        """Try once; False if another host has it, or if storage is away (said once)."""
        try:
            self._lease = await self._acquired()
        except HttpResponseError as error:
            if error.status_code == 409:
                logger.debug("Timer '%s' is run by another host", self._name)
            else:
                self._complain(error)
            return False
        except AzureError as error:
            self._complain(error)
            return False
        self._last_complaint = ""
        return True

    async def keep(self) -> None:
        """Renew until the lease is lost; returns then."""
        lease = self._lease
        assert lease is not None
        interval_s = self._renewal_s
        valid_until = time.monotonic() + self._lease_s
        while True:
            await asyncio.sleep(min(interval_s, max(valid_until - time.monotonic(), 0)))
            asked = time.monotonic()
            try:
                # No later than the end of the lease: an answer after that is worth nothing.
                async with asyncio.timeout(max(valid_until - asked, 0.01)):
                    await lease.renew()
                # From before the call: the service's own clock started during it.
                valid_until = asked + self._lease_s
                interval_s = self._renewal_s
            except (AzureError, TimeoutError) as error:
                taken_over = isinstance(error, HttpResponseError) and error.status_code in (
                    404,
                    409,
                    412,
                )
                if taken_over or time.monotonic() >= valid_until:
                    logger.warning("The lease of timer '%s' is lost: %s", self._name, error)
                    return
                interval_s = max(interval_s / 2, min(self._renewal_s, 1.0))

    async def give_back(self) -> None:
        """Let the next host have it at once; harmless if it was lost."""
        lease, self._lease = self._lease, None
        if lease is not None:
            with contextlib.suppress(AzureError):
                await lease.release()

    async def _acquired(self) -> BlobLeaseClient:
        try:
            return await self._blob.acquire_lease(self._lease_s)
        except ResourceNotFoundError:
            await self._create_blob()
            return await self._blob.acquire_lease(self._lease_s)

    async def _create_blob(self) -> None:
        # Every 409 and 412 here is another host that does the same at the same time.
        try:
            await self._container.create_container()
        except HttpResponseError as error:
            if error.status_code != 409:
                raise
        try:
            await self._blob.upload_blob(b"", overwrite=False)
        except HttpResponseError as error:
            if error.status_code not in (409, 412):
                raise

    def _complain(self, error: AzureError) -> None:
        headline = str(error).splitlines()[0] if str(error) else type(error).__name__
        if headline != self._last_complaint:
            self._last_complaint = headline
            logger.error("Timer '%s': its lease can't be taken: %s", self._name, headline)
