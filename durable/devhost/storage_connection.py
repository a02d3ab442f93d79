"""From the name of a connection in a binding to the clients of its storage account.

The forms are those of the real host: an app setting that holds a connection string
(`UseDevelopmentStorage=true` included), or settings `NAME__queueServiceUri`,
`NAME__blobServiceUri` / `NAME__accountName` with a Microsoft Entra identity.
"""

from collections.abc import Mapping
from typing import Any, TypeVar

from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from durable.devhost import azurite
from durable.devhost.settings import SettingError

HOST_STORAGE = "AzureWebJobsStorage"
_TRANSPORT: dict[str, Any] = {
    # The listeners have back-offs of their own, and two of them multiply.
    "retry_total": 0,
    "connection_timeout": 10,
    # As the real host's SDK (Azure.Core's NetworkTimeout). A short one would be worse than slow: a
    # receive that the service carries out after we gave up hides its messages for ten minutes.
    "read_timeout": 100,
}

_Credential = DefaultAzureCredential | ManagedIdentityCredential
_Client = TypeVar("_Client", QueueServiceClient, BlobServiceClient)


def development_connection_string() -> str:
    """Spell out what `UseDevelopmentStorage=true` means: Azurite at its default ports."""
    return azurite.connection_string(
        blob_url="http://127.0.0.1:10000",
        queue_url="http://127.0.0.1:10001",
        table_url="http://127.0.0.1:10002",
    )


class StorageConnections:
    """The storage clients of one host, one of a kind for each connection; close it at the end."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read connections from these app settings when they are first asked for."""
        self._environment = environment
        self._queues: dict[str, QueueServiceClient] = {}
        self._blobs: dict[str, BlobServiceClient] = {}
        self._credentials: list[_Credential] = []

    def queues(self, connection: str, *, wanted_by: str) -> QueueServiceClient:
        """Open (once) the queues of a connection; SettingError if no setting describes it."""
        name = connection or HOST_STORAGE
        if name not in self._queues:
            self._queues[name] = self._open(QueueServiceClient, "queue", name, wanted_by)
        return self._queues[name]

    def blobs(self, connection: str, *, wanted_by: str) -> BlobServiceClient:
        """Open (once) the blobs of a connection; SettingError if no setting describes it."""
        name = connection or HOST_STORAGE
        if name not in self._blobs:
            self._blobs[name] = self._open(BlobServiceClient, "blob", name, wanted_by)
        return self._blobs[name]

    async def close(self) -> None:
        """Close every client and credential."""
        for queues in self._queues.values():
            await queues.close()
        for blobs in self._blobs.values():
            await blobs.close()
        for credential in self._credentials:
            await credential.close()

    def _open(self, kind: type[_Client], service: str, name: str, wanted_by: str) -> _Client:
        # The host looks for the prefixed name first (IConfigurationExtensions.cs, WebJobs SDK).
        for setting in (f"AzureWebJobs{name}", name):
            text = self._environment.get(setting)
            if text:
                return _from_connection_string(kind, text, setting)
            account_url = self._account_url(setting, service)
            if account_url:
                credential = self._credential(setting)
                self._credentials.append(credential)
                return kind(account_url, credential, **_TRANSPORT)
        raise SettingError(
            f"{wanted_by}: no storage connection '{name}': set {name} to a connection string "
            f"(UseDevelopmentStorage=true for Azurite), or {name}__{service}ServiceUri, "
            f"or {name}__accountName"
        )

    def _account_url(self, setting: str, service: str) -> str | None:
        for suffix in (f"{service}ServiceUri", "serviceUri"):
            uri = self._environment.get(f"{setting}__{suffix}")
            if uri:
                return uri
        account = self._environment.get(f"{setting}__accountName")
        return f"https://{account}.{service}.core.windows.net" if account else None

    def _credential(self, setting: str) -> _Credential:
        client_id = self._environment.get(f"{setting}__clientId")
        kind = self._environment.get(f"{setting}__credential", "")
        if kind.lower() == "managedidentity":
            if client_id:
                return ManagedIdentityCredential(client_id=client_id)
            return ManagedIdentityCredential()
        return DefaultAzureCredential()


def _from_connection_string(kind: type[_Client], text: str, setting: str) -> _Client:
    parts = [part.strip().lower() for part in text.split(";")]
    if "usedevelopmentstorage=true" in parts:
        text = development_connection_string()
    try:
        return kind.from_connection_string(text, **_TRANSPORT)
    except ValueError as error:
        # The text itself stays out of the message: it holds a key.
        raise SettingError(f"app setting {setting} is not a connection string: {error}") from error
