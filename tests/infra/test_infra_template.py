"""infra/*.bicep, as far as it can be checked without a subscription."""

import tomllib
from typing import Any

import pytest

from durable.functions.host_settings import read_host_settings
from durable.storage.azure.connections import Connection, Identity, parse_connection
from tests.infra.deployed_files import index
from tests.infra.template import ROOT, Template, decorator, dotted, heads, parse, template

BLOB_DATA_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
QUEUE_DATA_CONTRIBUTOR = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
TABLE_DATA_CONTRIBUTOR = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"
METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"
CLIENT_ID = "00000000-0000-0000-0000-00000000c11e"

FILES = pytest.mark.parametrize("name", ["main", "app"])


@pytest.fixture
def app() -> Template:
    """Read the file that holds the resources."""
    return template("app")


def settings_of(app: Template) -> dict[str, Any]:
    """Give the app settings by name."""
    settings = app.properties("functionApp")["siteConfig"]["appSettings"]
    return {setting["name"]: dotted(setting["value"]) for setting in settings}


@FILES
def test_every_expression_starts_with_a_declared_name(name: str) -> None:
    """Each property access and each interpolation begins with something of the same file."""
    file = template(name)
    assert set(heads(file.content)) - file.declared == set()


@FILES
def test_a_torn_file_is_refused(name: str) -> None:
    """The parser takes the file whole, and not without its last brace: what it takes means much."""
    text = (ROOT / "infra" / f"{name}.bicep").read_text()
    body = text[: text.rindex("}\n")]
    with pytest.raises(Exception, match="Unexpected"):
        parse(body)


def test_the_identity_has_the_three_storage_roles_and_no_other(app: Template) -> None:
    """Blobs to own, queues and tables to change; on the storage account, for the app's identity."""
    access = app.resources["storageAccess"]["config"]
    loop = access["loop_type"]["detail"]
    assert loop["array_name"]["function"]["parameters"]["arg_1"] == "storageRoles"
    assert sorted(app.variables["storageRoles"]["value"].values()) == sorted(
        [BLOB_DATA_OWNER, QUEUE_DATA_CONTRIBUTOR, TABLE_DATA_CONTRIBUTOR]
    )
    assignment = access["config"]
    role = assignment["properties"]["roleDefinitionId"]["function"]["parameters"]
    assert dotted(role["resource_name_1"]) == f"{loop['item_name']}.value"
    assert assignment["scope"] == "storage"


def test_the_identity_may_publish_telemetry(app: Template) -> None:
    """Application Insights refuses its own key, so the identity has the role that it asks for."""
    assert app.properties("insights")["DisableLocalAuth"] is True
    access = app.resources["telemetryAccess"]["config"]
    role = access["properties"]["roleDefinitionId"]["function"]["parameters"]
    assert role["resource_name_1"] == "monitoringMetricsPublisher"
    assert app.variables["monitoringMetricsPublisher"]["value"] == METRICS_PUBLISHER
    assert access["scope"] == "insights"


def test_every_role_goes_to_the_identity_of_the_app(app: Template) -> None:
    """There are two kinds of assignment, and both name the one identity, as what it is."""
    kind = "Microsoft.Authorization/roleAssignments"
    assignments = [
        resource["config"].get("config", resource["config"])["properties"]
        for resource in app.resources.values()
        if resource["type"] == kind
    ]
    assert [dotted(each["principalId"]) for each in assignments] == [
        "identity.properties.principalId"
    ] * 2
    assert {each["principalType"] for each in assignments} == {"ServicePrincipal"}


def test_no_key_opens_the_storage_account(app: Template) -> None:
    """Shared keys are off, nothing is public, and everything is encrypted."""
    account = app.properties("storage")
    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    assert account["supportsHttpsTrafficOnly"] is True
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert app.properties("packageContainer")["publicAccess"] == "None"


@FILES
def test_no_secret_is_asked_for(name: str) -> None:
    """Neither file lists keys, takes a secure parameter, or holds the parts of a secret."""
    text = (ROOT / "infra" / f"{name}.bicep").read_text().lower()
    for word in ("listkeys", "listaccountsas", "accountkey", "@secure", "sharedaccesssignature"):
        assert word not in text


def test_the_engine_understands_the_app_settings(app: Template) -> None:
    """The settings, with names put in, lead the engine to the account by the managed identity."""
    settings = settings_of(app)
    values = {"storage.name": "account", "identity.properties.clientId": CLIENT_ID}
    connection = parse_connection({name: values.get(text, text) for name, text in settings.items()})
    assert connection == Connection(
        blob="https://account.blob.core.windows.net",
        queue="https://account.queue.core.windows.net",
        table="https://account.table.core.windows.net",
        secret=Identity(is_managed=True, client_id=CLIENT_ID),
    )


def test_the_app_has_these_settings_and_no_other(app: Template) -> None:
    """Storage by identity, telemetry by identity, and nothing that Flex Consumption refuses."""
    assert settings_of(app) == {
        "AzureWebJobsStorage__accountName": "storage.name",
        "AzureWebJobsStorage__credential": "managedidentity",
        "AzureWebJobsStorage__clientId": "identity.properties.clientId",
        "APPLICATIONINSIGHTS_CONNECTION_STRING": "insights.properties.ConnectionString",
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": (
            "ClientId=${identity.properties.clientId};Authorization=AAD"
        ),
    }


def test_the_plan_is_flex_consumption_on_linux(app: Template) -> None:
    """FC1, reserved, and the app lies on it with its identity."""
    assert app.resources["plan"]["config"]["sku"] == {"name": "FC1", "tier": "FlexConsumption"}
    assert app.properties("plan")["reserved"] is True
    site = app.resources["functionApp"]["config"]
    assert site["kind"] == "functionapp,linux"
    assert site["identity"]["type"] == "UserAssigned"
    assert dotted(site["properties"]["serverFarmId"]) == "plan.id"
    assert site["properties"]["httpsOnly"] is True


def test_the_package_lies_in_a_container_of_its_own(app: Template) -> None:
    """The app reads its package by its identity, from a container that is no task hub's."""
    package = app.properties("functionApp")["functionAppConfig"]["deployment"]["storage"]
    assert package["value"].endswith("${packageContainerName}")
    assert package["authentication"]["type"] == "UserAssignedIdentity"
    assert dotted(package["authentication"]["userAssignedIdentityResourceId"]) == "identity.id"
    container = app.variables["packageContainerName"]["value"]
    hub = read_host_settings({}, working_directory=ROOT).task_hub
    assert not container.startswith(hub.lower())


def test_the_app_waits_for_its_roles(app: Template) -> None:
    """No deployment starts an app that cannot reach its storage yet."""
    assert set(app.resources["functionApp"]["config"]["dependsOn"]) == {
        "packageContainer",
        "storageAccess",
        "telemetryAccess",
    }


def test_scale_is_a_matter_of_parameters(app: Template) -> None:
    """Memory, instances, HTTP concurrency and always-ready groups come from outside."""
    config = app.properties("functionApp")["functionAppConfig"]
    assert config["runtime"] == {"name": "python", "version": "pythonVersion"}
    scale = config["scaleAndConcurrency"]
    assert scale["instanceMemoryMB"] == "instanceMemoryMB"
    assert scale["maximumInstanceCount"] == "maximumInstanceCount"
    assert scale["triggers"]["http"]["perInstanceConcurrency"] == "httpConcurrency"
    choice = scale["alwaysReady"]["operator"]["operands"]
    assert choice["condition"] == "wantsAlwaysReady"
    assert choice["true_value"] == "alwaysReadyConfiguration"
    assert choice["false_value"] == []
    entries = app.variables["alwaysReadyConfiguration"]["value"]
    assert entries["loop_type"]["detail"]["array_name"] == "alwaysReadyGroups"
    assert entries["config"] == {"name": "group", "instanceCount": "alwaysReadyInstances"}


def test_always_ready_is_off_unless_asked_for() -> None:
    """An idle deployment has no instance that costs."""
    assert template("main").parameters["alwaysReadyInstances"]["default"] == 0


def test_every_always_ready_group_exists_in_the_indexed_app() -> None:
    """`http`, or `function:` and a name that function_app.py has; each control queue is there."""
    groups = template("main").parameters["alwaysReadyGroups"]["default"]
    functions = {f"function:{name}" for name in index(ROOT)["functions"]}
    assert set(groups) - {"http"} <= functions
    partitions = read_host_settings({}, working_directory=ROOT).partition_count
    controls = {f"function:durable_control_{number:02}" for number in range(partitions)}
    assert controls | {"function:durable_workitems"} <= set(groups)


def test_the_pythons_on_offer_are_those_that_the_package_names() -> None:
    """The parameter allows the versions of pyproject.toml's classifiers; the default is one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    prefix = "Programming Language :: Python :: 3."
    named = [line.rpartition(" ")[2] for line in project["classifiers"] if line.startswith(prefix)]
    parameter = template("main").parameters["pythonVersion"]
    assert sorted(decorator(parameter, "allowed")) == sorted(named)
    assert parameter["default"] == "3.13"
