"""Settings → where the storage account is and how to prove who we are (the forms Functions knows).

    <name> = UseDevelopmentStorage=true[;DevelopmentStorageProxyUri=http://host]
    <name> = AccountName=..;AccountKey=..[;EndpointSuffix=..][;BlobEndpoint=..;QueueEndpoint=..;..]
    <name> = SharedAccessSignature=..;BlobEndpoint=..;QueueEndpoint=..;TableEndpoint=..
    <name>__accountName = ..                       with an identity, or, per service,
    <name>__blobServiceUri, <name>__queueServiceUri, <name>__tableServiceUri
    <name>__credential = managedidentity, <name>__clientId, <name>__tenantId, <name>__clientSecret

Where several are set, the connection string wins, as it does in the host. No network is touched.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from durable.model.errors import DurableError

DEFAULT_CONNECTION = "AzureWebJobsStorage"
PUBLIC_SUFFIX = "core.windows.net"
SERVICES = ("blob", "queue", "table")

# The emulator's account and ports, published by Microsoft; the key opens nothing else.
EMULATOR_ACCOUNT = "devstoreaccount1"
EMULATOR_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
EMULATOR_PORTS = {"blob": 10000, "queue": 10001, "table": 10002}
EMULATOR_HOST = "http://127.0.0.1"


class InvalidConnectionError(DurableError, ValueError):
    """The settings do not say where the storage account is; the text names the setting."""


@dataclass(frozen=True, slots=True)
class AccountKey:
    """A storage account and its shared key."""

    account: str
    key: str


@dataclass(frozen=True, slots=True)
class SharedAccessSignature:
    """A signed permission, without the leading question mark."""

    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A Microsoft Entra identity: whatever is found, or the one that the settings name."""

    is_managed: bool = False
    client_id: str | None = None
    tenant_id: str | None = None
    client_secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """The endpoints of an account, without a slash at the end, and the way in."""

    blob: str
    queue: str
    table: str
    secret: AccountKey | SharedAccessSignature | Identity

    @property
    def is_encrypted(self) -> bool:
        """Every endpoint is HTTPS; only the emulator's are not."""
        return all(url.startswith("https:") for url in (self.blob, self.queue, self.table))


def parse_connection(settings: Mapping[str, str], name: str = DEFAULT_CONNECTION) -> Connection:
    """Find the connection `name` as Functions does, or raise `InvalidConnectionError`."""
    for setting in _aliases(name):
        text = settings.get(setting)
        if text:
            return _from_text(text, setting)
    for prefix in _aliases(name):
        found = _from_identity(settings, prefix)
        if found is not None:
            return found
    raise InvalidConnectionError(
        f"No storage account: set '{name}' to a connection string (or UseDevelopmentStorage=true), "
        f"or '{name}__accountName' to use an identity."
    )


def _aliases(name: str) -> list[str]:
    """List what the host looks under: the prefixed name goes before the plain one."""
    names = [name, f"ConnectionStrings__{name}", f"ConnectionStrings:{name}"]
    return names if name.startswith("AzureWebJobs") else [f"AzureWebJobs{name}", *names]


def _from_text(text: str, setting: str) -> Connection:
    members: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        key, separator, value = part.partition("=")
        if not separator or not value:
            # Never show the text: it holds a key.
            raise InvalidConnectionError(
                f"The setting '{setting}' is not a connection string: between its semicolons "
                "stand parts of the form Name=value."
            )
        members[key.strip().lower()] = value.strip()
    if members.get("usedevelopmentstorage", "").lower() == "true":
        return _emulator(members.get("developmentstorageproxyuri", EMULATOR_HOST))
    secret = _secret(members, setting)
    blob, queue, table = (_endpoint(members, service, setting) for service in SERVICES)
    return Connection(blob=blob, queue=queue, table=table, secret=secret)


def _emulator(host: str) -> Connection:
    blob, queue, table = (
        f"{host.rstrip('/')}:{EMULATOR_PORTS[service]}/{EMULATOR_ACCOUNT}" for service in SERVICES
    )
    secret = AccountKey(EMULATOR_ACCOUNT, EMULATOR_KEY)
    return Connection(blob=blob, queue=queue, table=table, secret=secret)


def _secret(members: Mapping[str, str], setting: str) -> AccountKey | SharedAccessSignature:
    account, key = members.get("accountname"), members.get("accountkey")
    if account and key:
        return AccountKey(account, key)
    token = members.get("sharedaccesssignature")
    if token:
        return SharedAccessSignature(token.lstrip("?"))
    raise InvalidConnectionError(
        f"The setting '{setting}' needs AccountName and AccountKey, or SharedAccessSignature."
    )


def _endpoint(members: Mapping[str, str], service: str, setting: str) -> str:
    explicit = members.get(f"{service}endpoint")
    if explicit:
        return explicit.rstrip("/")
    account = members.get("accountname")
    if not account:
        raise InvalidConnectionError(
            f"The setting '{setting}' needs {service.capitalize()}Endpoint, or AccountName."
        )
    protocol = members.get("defaultendpointsprotocol", "https")
    return f"{protocol}://{account}.{service}.{members.get('endpointsuffix', PUBLIC_SUFFIX)}"


def _from_identity(settings: Mapping[str, str], prefix: str) -> Connection | None:
    account = settings.get(f"{prefix}__accountName")
    uris = {service: settings.get(f"{prefix}__{service}ServiceUri") for service in SERVICES}
    if not account and not any(uris.values()):
        return None
    endpoints: dict[str, str] = {}
    for service, uri in uris.items():
        if not uri and not account:
            raise InvalidConnectionError(
                f"The setting '{prefix}__{service}ServiceUri' is missing: without "
                f"'{prefix}__accountName' the blob, queue and table services are each named."
            )
        endpoints[service] = (uri or f"https://{account}.{service}.{PUBLIC_SUFFIX}").rstrip("/")
    return Connection(secret=_identity(settings, prefix), **endpoints)


def _identity(settings: Mapping[str, str], prefix: str) -> Identity:
    kind = settings.get(f"{prefix}__credential", "")
    if kind and kind.lower() != "managedidentity":
        raise InvalidConnectionError(
            f"The setting '{prefix}__credential' is {kind!r}; the only value is 'managedidentity'."
        )
    return Identity(
        is_managed=bool(kind),
        client_id=settings.get(f"{prefix}__clientId") or None,
        tenant_id=settings.get(f"{prefix}__tenantId") or None,
        client_secret=settings.get(f"{prefix}__clientSecret") or None,
    )
