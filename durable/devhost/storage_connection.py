"""From the name of a connection in a binding to a queue service client.

The forms are those of the real host: an app setting that holds a connection string
(`UseDevelopmentStorage=true` included), or settings `NAME__queueServiceUri` / `NAME__accountName`
with a Microsoft Entra identity.
"""

from collections.abc import Mapping

from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential
from azure.storage.queue.aio import QueueServiceClient

from durable.devhost import azurite
from durable.devhost.settings import SettingError

_CONNECT_TIMEOUT_S = 10
# As the real host's SDK (Azure.Core's NetworkTimeout). A short one would be worse than slow: a
# receive that the service carries out after we gave up hides its messages for ten minutes.
_READ_TIMEOUT_S = 100


def development_connection_string() -> str:
    """Spell out what `UseDevelopmentStorage=true` means: Azurite at its default ports."""
    return azurite.connection_string(
        blob_url="http://127.0.0.1:10000",
        queue_url="http://127.0.0.1:10001",
        table_url="http://127.0.0.1:10002",
    )


class QueueConnections:
    """The queue service clients of one host, one for each connection name; close it at the end."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read connections from these app settings when they are first asked for."""
        self._environment = environment
        self._services: dict[str, QueueServiceClient] = {}
        self._credentials: list[DefaultAzureCredential | ManagedIdentityCredential] = []

    def service(self, connection: str, *, wanted_by: str) -> QueueServiceClient:
        """Open (once) the connection of this name; SettingError if no setting describes it."""
        name = connection or "AzureWebJobsStorage"
        if name not in self._services:
            self._services[name] = self._open(name, wanted_by)
        return self._services[name]

    async def close(self) -> None:
        """Close every client and credential."""
        for service in self._services.values():
            await service.close()
        for credential in self._credentials:
            await credential.close()

    def _open(self, name: str, wanted_by: str) -> QueueServiceClient:
        # The host looks for the prefixed name first (IConfigurationExtensions.cs, WebJobs SDK).
        for setting in (f"AzureWebJobs{name}", name):
            text = self._environment.get(setting)
            if text:
                return _from_connection_string(text, setting)
            account_url = self._account_url(setting)
            if account_url:
                credential = self._credential(setting)
                self._credentials.append(credential)
                # No retries here: the listener has a back-off of its own, and two of them
                # multiply.
                return QueueServiceClient(
                    account_url,
                    credential,
                    retry_total=0,
                    connection_timeout=_CONNECT_TIMEOUT_S,
                    read_timeout=_READ_TIMEOUT_S,
                )
        raise SettingError(
            f"{wanted_by}: no storage connection '{name}': set {name} to a connection string "
            f"(UseDevelopmentStorage=true for Azurite), or {name}__queueServiceUri, "
            f"or {name}__accountName"
        )

    def _account_url(self, setting: str) -> str | None:
        for suffix in ("queueServiceUri", "serviceUri"):
            uri = self._environment.get(f"{setting}__{suffix}")
            if uri:
                return uri
        account = self._environment.get(f"{setting}__accountName")
        return f"https://{account}.queue.core.windows.net" if account else None

    def _credential(self, setting: str) -> DefaultAzureCredential | ManagedIdentityCredential:
        client_id = self._environment.get(f"{setting}__clientId")
        kind = self._environment.get(f"{setting}__credential", "")
        if kind.lower() == "managedidentity":
            if client_id:
                return ManagedIdentityCredential(client_id=client_id)
            return ManagedIdentityCredential()
        return DefaultAzureCredential()


def _from_connection_string(text: str, setting: str) -> QueueServiceClient:
    parts = [part.strip().lower() for part in text.split(";")]
    if "usedevelopmentstorage=true" in parts:
        text = development_connection_string()
    try:
        return QueueServiceClient.from_connection_string(
            text,
            retry_total=0,
            connection_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
        )
    except ValueError as error:
        # The text itself stays out of the message: it holds a key.
        raise SettingError(f"app setting {setting} is not a connection string: {error}") from error
