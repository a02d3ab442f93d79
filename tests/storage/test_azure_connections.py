"""The forms of a connection that Functions knows, each read as the host reads it."""

import pytest

from durable.model.ids import InstanceId
from durable.storage.azure.connections import (
    AccountKey,
    Connection,
    Identity,
    InvalidConnectionError,
    SharedAccessSignature,
    parse_connection,
)
from durable.storage.azure.hub import open_store

NAME = "AzureWebJobsStorage"
KEY = "a2V5PT0="


def parse(text: str) -> Connection:
    """Read a connection string."""
    return parse_connection({NAME: text})


def endpoints(connection: Connection) -> tuple[str, str, str]:
    """List where blobs, queues and tables are."""
    return connection.blob, connection.queue, connection.table


@pytest.mark.parametrize(
    "text",
    ["UseDevelopmentStorage=true", "UseDevelopmentStorage=true;", "usedevelopmentstorage=True"],
)
def test_development_storage_is_the_emulator_on_its_own_ports(text: str) -> None:
    """The well-known account at 10000 to 10002 of this machine."""
    connection = parse(text)
    assert endpoints(connection) == (
        "http://127.0.0.1:10000/devstoreaccount1",
        "http://127.0.0.1:10001/devstoreaccount1",
        "http://127.0.0.1:10002/devstoreaccount1",
    )
    assert isinstance(connection.secret, AccountKey)
    assert connection.secret.account == "devstoreaccount1"
    assert not connection.is_encrypted


def test_development_storage_may_be_on_another_host() -> None:
    """As in a container that reaches the emulator by name."""
    connection = parse("UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://azurite")
    assert connection.table == "http://azurite:10002/devstoreaccount1"


def test_an_account_and_its_key_are_enough() -> None:
    """The endpoints are those of the public cloud, over HTTPS."""
    connection = parse(f"DefaultEndpointsProtocol=https;AccountName=acc;AccountKey={KEY}")
    assert endpoints(connection) == (
        "https://acc.blob.core.windows.net",
        "https://acc.queue.core.windows.net",
        "https://acc.table.core.windows.net",
    )
    # The key's own equals signs are part of it.
    assert connection.secret == AccountKey("acc", KEY)
    assert connection.is_encrypted


def test_another_cloud_has_another_suffix() -> None:
    """EndpointSuffix is taken over."""
    connection = parse(f"AccountName=acc;AccountKey={KEY};EndpointSuffix=core.chinacloudapi.cn")
    assert connection.queue == "https://acc.queue.core.chinacloudapi.cn"


def test_explicit_endpoints_win() -> None:
    """One service elsewhere leaves the others where they are."""
    connection = parse(f"AccountName=acc;AccountKey={KEY};TableEndpoint=http://127.0.0.1:9/acc/")
    assert connection.table == "http://127.0.0.1:9/acc"
    assert connection.blob == "https://acc.blob.core.windows.net"


def test_a_signature_needs_no_account() -> None:
    """A shared access signature comes with its endpoints."""
    connection = parse(
        "BlobEndpoint=https://b/;QueueEndpoint=https://q/;TableEndpoint=https://t/;"
        "SharedAccessSignature=?sv=1&sig=a%3D"
    )
    assert endpoints(connection) == ("https://b", "https://q", "https://t")
    assert connection.secret == SharedAccessSignature("sv=1&sig=a%3D")


def test_an_account_name_alone_means_an_identity() -> None:
    """Whatever identity is found: managed in Azure, the developer's own elsewhere."""
    connection = parse_connection({f"{NAME}__accountName": "acc"})
    assert connection.table == "https://acc.table.core.windows.net"
    assert connection.secret == Identity()


def test_each_service_may_be_named() -> None:
    """As private endpoints and other clouds need it."""
    settings = {
        f"{NAME}__{s}ServiceUri": f"https://{s}.example/" for s in ("blob", "queue", "table")
    }
    connection = parse_connection(settings)
    assert endpoints(connection) == (
        "https://blob.example",
        "https://queue.example",
        "https://table.example",
    )


def test_a_named_service_goes_before_the_account_name() -> None:
    """The others follow from the account."""
    settings = {f"{NAME}__accountName": "acc", f"{NAME}__tableServiceUri": "https://t.example"}
    connection = parse_connection(settings)
    assert connection.table == "https://t.example"
    assert connection.queue == "https://acc.queue.core.windows.net"


def test_the_identity_may_be_chosen() -> None:
    """A user-assigned managed identity, or an application with its secret."""
    base = {f"{NAME}__accountName": "acc", f"{NAME}__clientId": "c"}
    managed = parse_connection({**base, f"{NAME}__credential": "managedidentity"})
    assert managed.secret == Identity(is_managed=True, client_id="c")
    secret = {f"{NAME}__tenantId": "t", f"{NAME}__clientSecret": "s"}
    application = parse_connection({**base, **secret})
    assert application.secret == Identity(client_id="c", tenant_id="t", client_secret="s")


def test_another_connection_is_looked_up_as_the_host_does() -> None:
    """First with the host's prefix, then by its plain name, then among the connection strings."""
    plain = {"Hub": f"AccountName=plain;AccountKey={KEY}"}
    prefixed = {"AzureWebJobsHub": f"AccountName=prefixed;AccountKey={KEY}"}
    section = {"ConnectionStrings__Hub": f"AccountName=section;AccountKey={KEY}"}
    for settings, account in (
        ({**plain, **prefixed, **section}, "prefixed"),
        ({**plain, **section}, "plain"),
        (section, "section"),
    ):
        connection = parse_connection(settings, "Hub")
        assert connection.blob == f"https://{account}.blob.core.windows.net"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, NAME),
        ({NAME: ""}, NAME),
        ({NAME: "nonsense"}, NAME),
        ({NAME: "AccountName=acc"}, "AccountKey"),
        ({NAME: "AccountName=;AccountKey=x"}, NAME),
        ({NAME: "SharedAccessSignature=sv;BlobEndpoint=https://b"}, "QueueEndpoint"),
        ({f"{NAME}__blobServiceUri": "https://b"}, f"{NAME}__queueServiceUri"),
        ({f"{NAME}__accountName": "acc", f"{NAME}__credential": "other"}, f"{NAME}__credential"),
    ],
)
def test_what_is_missing_is_named(settings: dict[str, str], named: str) -> None:
    """The error says which setting to change, and shows no key."""
    with pytest.raises(InvalidConnectionError, match=named) as caught:
        open_store(settings, task_hub="Hub")
    assert "AccountKey=x" not in str(caught.value)


def test_opening_a_store_needs_no_network_and_no_event_loop() -> None:
    """An app is indexed while its storage is down, or where there is none."""
    settings = {NAME: f"AccountName=acc;AccountKey={KEY};EndpointSuffix=invalid"}
    store = open_store(settings, task_hub="Hub", partition_count=4)
    assert (store.task_hub, store.partition_count, store.calls) == ("Hub", 4, {})


async def test_every_way_in_opens_clients_without_asking_anybody() -> None:
    """Tokens are asked for with the first request, not before."""
    base = {f"{NAME}__accountName": "acc"}
    managed = {f"{NAME}__credential": "managedidentity"}
    secret = {f"{NAME}__clientId": "c", f"{NAME}__tenantId": "t", f"{NAME}__clientSecret": "s"}
    signature = {NAME: "SharedAccessSignature=sv=1;AccountName=acc"}
    for settings in (base, {**base, **managed}, {**base, **secret}, signature):
        store = open_store(settings, task_hub="Hub")
        # Nothing to delete is no request, but it opens what a request would need.
        await store.delete_rows(InstanceId("a"), [])
        await store.close()
        assert store.calls == {}
