"""The storage account: one shared HTTP session, and clients on it that repeat nothing.

Rule 1. Clients and session belong to the event loop that runs when they are made.
Rule 2. No layer may repeat a write: the second try of a conditional write that was applied finds
        its own ETag gone, and our success would be reported as a lost race. The SDKs are told
        `retry_total=0`; aiohttp, which repeats a PUT when a kept-alive connection was closed
        under it, has no public switch for that.
Rule 3. A connection is given up before the other side gives it up, so that Rule 2 costs nothing.
"""

import logging
from collections import Counter
from typing import Any

import aiohttp
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.credentials_async import AsyncTokenCredential
from azure.data.tables.aio import TableClient
from azure.identity.aio import (
    ClientSecretCredential,
    DefaultAzureCredential,
    ManagedIdentityCredential,
)
from azure.storage.blob.aio import ContainerClient
from azure.storage.queue import TextBase64DecodePolicy, TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from durable.storage.azure.connections import (
    AccountKey,
    Connection,
    Identity,
    SharedAccessSignature,
)
from durable.storage.azure.counting import CountingTransport

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 20
CONNECTIONS_MAX = 64
# The emulator closes after 5 s.
KEEP_ALIVE_S = 4

# Older than any emulator in use, so that none needs a flag; we use nothing newer.
API_VERSION = "2021-12-02"

# The SDKs write two INFO lines a request. A Functions app shows INFO, and pays for each line.
_REQUEST_LOG = logging.getLogger("durable.storage.azure.requests")
_REQUEST_LOG.setLevel(logging.WARNING)

Credential = AzureNamedKeyCredential | AzureSasCredential | AsyncTokenCredential


class StorageAccount:
    """Open clients of one account. Make it inside the running event loop."""

    def __init__(
        self, connection: Connection, calls: Counter[str], *, read_timeout_s: float = READ_TIMEOUT_S
    ) -> None:
        """Open a session; count requests into `calls`."""
        self._connection = connection
        self._calls = calls
        self._read_timeout_s = read_timeout_s
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX, keepalive_timeout=KEEP_ALIVE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # A proxy of the environment never leads to the emulator on this machine.
            trust_env=connection.is_encrypted,
        )
        self._session._retry_connection = False  # noqa: SLF001 - Rule 2
        self._credential = _open_credential(connection.secret)

    def table(self, name: str) -> TableClient:
        """Open a client of a table."""
        return TableClient(self._connection.table, name, **self._options("table"))

    def queue(self, name: str) -> QueueClient:
        """Open a client of a queue whose bodies are base64."""
        return QueueClient(
            self._connection.queue,
            name,
            api_version=API_VERSION,
            message_encode_policy=TextBase64EncodePolicy(),
            message_decode_policy=TextBase64DecodePolicy(),
            **self._options("queue"),
        )

    def raw_queue(self, name: str) -> QueueClient:
        """Open a client of a queue whose bodies are taken as they are."""
        return QueueClient(
            self._connection.queue, name, api_version=API_VERSION, **self._options("queue")
        )

    def queues(self) -> QueueServiceClient:
        """Open a client that lists queues."""
        return QueueServiceClient(
            self._connection.queue, api_version=API_VERSION, **self._options("queue")
        )

    def container(self, name: str) -> ContainerClient:
        """Open a client of a container."""
        return ContainerClient(
            self._connection.blob, name, api_version=API_VERSION, **self._options("blob")
        )

    async def close(self) -> None:
        """Close the session and what the identity holds."""
        await self._session.close()
        if isinstance(self._credential, AsyncTokenCredential):
            await self._credential.close()

    def _options(self, service: str) -> dict[str, Any]:
        transport = CountingTransport(
            service,
            self._calls,
            session=self._session,
            connection_timeout=CONNECT_TIMEOUT_S,
            read_timeout=self._read_timeout_s,
        )
        return {
            "credential": self._credential,
            "transport": transport,
            "retry_total": 0,
            "logger": _REQUEST_LOG,
        }


def _open_credential(secret: AccountKey | SharedAccessSignature | Identity) -> Credential:
    if isinstance(secret, AccountKey):
        return AzureNamedKeyCredential(secret.account, secret.key)
    if isinstance(secret, SharedAccessSignature):
        return AzureSasCredential(secret.token)
    if secret.is_managed:
        return ManagedIdentityCredential(client_id=secret.client_id)
    if secret.client_id and secret.tenant_id and secret.client_secret:
        return ClientSecretCredential(secret.tenant_id, secret.client_id, secret.client_secret)
    return DefaultAzureCredential(managed_identity_client_id=secret.client_id)
