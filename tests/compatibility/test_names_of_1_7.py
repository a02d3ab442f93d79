"""`import durable.functions as df` stands for `import azure.durable_functions as df`: its names."""

import importlib
import inspect
import subprocess
import sys
from typing import Any

import pytest

import durable.functions as df
from durable.functions import unserved as unserved_names
from tests.compatibility.tree import TREE


def ours(module: str) -> Any:
    """Import our module of this name."""
    return importlib.import_module("durable.functions" + (f".{module}" if module else ""))


@pytest.mark.parametrize("module", TREE)
def test_every_module_of_the_tree_can_be_imported_with_its_names(module: str) -> None:
    """`from durable.functions.models.Task import TaskBase` and all the others work."""
    imported = ours(module)
    missing = [name for name in TREE[module] if not hasattr(imported, name)]
    assert not missing


def test_a_name_is_one_object_wherever_it_is_imported_from() -> None:
    """`isinstance` does not depend on which of 1.7's paths an app takes."""
    assert ours("models.DurableOrchestrationClient").DurableOrchestrationClient is (
        df.DurableOrchestrationClient
    )
    assert ours("models").RetryOptions is df.RetryOptions
    assert ours("models.utils.entity_utils").EntityId is df.EntityId
    assert ours("decorators.durable_app").Blueprint is df.Blueprint
    assert ours("models").TaskBase is ours("models.Task").TaskBase
    assert issubclass(ours("models.Task").TimerTask, ours("models").TaskBase)


def test_all_lists_what_1_7_lists() -> None:
    """`from durable.functions import *` brings at least the same."""
    assert set(TREE[""]) <= set(df.__all__)


def unserved() -> list[tuple[str, str]]:
    """List the names of the tree that only explain themselves."""
    return [
        (module, name)
        for module, names in TREE.items()
        for name in names
        if getattr(getattr(ours(module), name), "__module__", "") == unserved_names.__name__
    ]


def test_what_is_not_served_explains_itself_when_it_is_used() -> None:
    """Imports and annotations work; a call says why it does not."""
    assert ("models.OrchestratorState", "OrchestratorState") in unserved()
    for module, name in unserved():
        with pytest.raises(df.NotServedError, match=f"'{name}' is not served: it is "):
            getattr(ours(module), name)(1, key=2)


def test_nothing_that_users_of_1_7_call_is_among_what_is_not_served() -> None:
    """Only its protocol with the extension, its own innards and the preview for agents are."""
    places = {module.partition(".")[0] for module, _ in unserved()}
    assert places == {"models", "openai_agents"}
    public = set(TREE["models"]) - {"OrchestratorState"}
    assert not public & {name for _, name in unserved()}


def test_importing_the_package_warns_of_nothing_and_reads_no_file() -> None:
    """1.7 reads host.json and requirements.txt at import; here indexing does what is needed."""
    ask = (
        "import sys, builtins\n"
        "sys.addaudithook(lambda name, args: name == 'open' and 'host.json' in str(args[0])"
        " and sys.exit('host.json was read'))\n"
        "import durable.functions"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ask], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


SIGNATURES = {
    "DurableOrchestrationClient.start_new": [
        "orchestration_function_name",
        "instance_id",
        "client_input",
        "version",
    ],
    "DurableOrchestrationClient.get_status": [
        "instance_id",
        "show_history",
        "show_history_output",
        "show_input",
    ],
    "DurableOrchestrationClient.get_status_all": [],
    "DurableOrchestrationClient.get_status_by": [
        "created_time_from",
        "created_time_to",
        "runtime_status",
        "instance_id_prefix",
    ],
    "DurableOrchestrationClient.purge_instance_history": ["instance_id"],
    "DurableOrchestrationClient.purge_instance_history_by": [
        "created_time_from",
        "created_time_to",
        "runtime_status",
    ],
    "DurableOrchestrationClient.raise_event": [
        "instance_id",
        "event_name",
        "event_data",
        "task_hub_name",
        "connection_name",
    ],
    "DurableOrchestrationClient.terminate": ["instance_id", "reason"],
    "DurableOrchestrationClient.suspend": ["instance_id", "reason"],
    "DurableOrchestrationClient.resume": ["instance_id", "reason"],
    "DurableOrchestrationClient.rewind": [
        "instance_id",
        "reason",
        "task_hub_name",
        "connection_name",
    ],
    "DurableOrchestrationClient.restart": ["instance_id", "restart_with_new_instance_id"],
    "DurableOrchestrationClient.signal_entity": [
        "entityId",
        "operation_name",
        "operation_input",
        "task_hub_name",
        "connection_name",
    ],
    "DurableOrchestrationClient.read_entity_state": [
        "entityId",
        "task_hub_name",
        "connection_name",
    ],
    "DurableOrchestrationClient.create_check_status_response": ["request", "instance_id"],
    "DurableOrchestrationClient.get_client_response_links": ["request", "instance_id"],
    "DurableOrchestrationClient.wait_for_completion_or_create_check_status_response": [
        "request",
        "instance_id",
        "timeout_in_milliseconds",
        "retry_interval_in_milliseconds",
    ],
    "DurableOrchestrationContext.call_activity": ["name", "input_", "expected_type"],
    "DurableOrchestrationContext.call_activity_with_retry": [
        "name",
        "retry_options",
        "input_",
        "expected_type",
    ],
    "DurableOrchestrationContext.call_sub_orchestrator": [
        "name",
        "input_",
        "instance_id",
        "version",
        "expected_type",
    ],
    "DurableOrchestrationContext.call_sub_orchestrator_with_retry": [
        "name",
        "retry_options",
        "input_",
        "instance_id",
        "version",
        "expected_type",
    ],
    "DurableOrchestrationContext.call_http": [
        "method",
        "uri",
        "content",
        "headers",
        "token_source",
        "is_raw_str",
    ],
    "DurableOrchestrationContext.call_entity": [
        "entityId",
        "operationName",
        "operationInput",
        "expected_type",
    ],
    "DurableOrchestrationContext.signal_entity": ["entityId", "operationName", "operationInput"],
    "DurableOrchestrationContext.create_timer": ["fire_at"],
    "DurableOrchestrationContext.wait_for_external_event": ["name", "expected_type"],
    "DurableOrchestrationContext.continue_as_new": ["input_"],
    "DurableOrchestrationContext.task_all": ["activities"],
    "DurableOrchestrationContext.task_any": ["activities"],
    "DurableOrchestrationContext.set_custom_status": ["status"],
    "DurableOrchestrationContext.get_input": ["expected_type"],
    "DurableOrchestrationContext.from_json": ["json_string"],
    "Blueprint.orchestration_trigger": ["context_name", "orchestration", "input_type"],
    "Blueprint.activity_trigger": ["input_name", "activity"],
    "Blueprint.entity_trigger": ["context_name", "entity_name"],
    "Blueprint.durable_client_input": ["client_name", "task_hub", "connection_name"],
    "RetryOptions.__init__": ["first_retry_interval_in_milliseconds", "max_number_of_attempts"],
    "ManagedIdentityTokenSource.__init__": ["resource"],
    "EntityId.__init__": ["name", "key"],
    "Orchestrator.create": ["fn"],
    "Entity.create": ["fn"],
    "Entity.__init__": ["entity_func"],
    "Entity.handle": ["context", "batch"],
    "DurableEntityContext.__init__": ["name", "key", "exists", "state"],
    "DurableEntityContext.get_state": ["initializer", "expected_type"],
    "DurableEntityContext.set_state": ["state"],
    "DurableEntityContext.get_input": ["expected_type"],
    "DurableEntityContext.set_result": ["result"],
    "DurableEntityContext.destruct_on_exit": [],
    "DurableEntityContext.from_json": ["json_str"],
    "DFApp.__init__": ["http_auth_level"],
}


@pytest.mark.parametrize("member", SIGNATURES)
def test_parameters_have_the_names_and_the_order_of_1_7(member: str) -> None:
    """Whatever is ours beyond them is keyword-only."""
    owner, _, name = member.partition(".")
    parameters = inspect.signature(getattr(getattr(df, owner), name)).parameters
    by_place = [
        parameter.name
        for parameter in parameters.values()
        if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and parameter.name != "self"
    ]
    assert by_place == SIGNATURES[member]


PROPERTIES = {
    "DurableOrchestrationContext": [
        "instance_id",
        "parent_instance_id",
        "is_replaying",
        "current_utc_datetime",
        "histories",
        "function_context",
        "will_continue_as_new",
        "version",
        "custom_status",
        "decision_started_event",
        "open_tasks",
        "deferred_tasks",
        "_pretty_print_history",
        "new_uuid",
        "new_guid",
    ],
    "DurableOrchestrationStatus": [
        "name",
        "instance_id",
        "created_time",
        "last_updated_time",
        "input_",
        "output",
        "runtime_status",
        "custom_status",
        "history",
        "to_json",
    ],
    "DurableEntityContext": [
        "entity_name",
        "entity_key",
        "operation_name",
        "is_newly_constructed",
    ],
    "DurableOrchestrationClient": ["task_hub_name", "create_http_management_payload"],
}


@pytest.mark.parametrize("owner", PROPERTIES)
def test_members_that_take_nothing_are_there(owner: str) -> None:
    """Properties, and methods without parameters."""
    missing = [name for name in PROPERTIES[owner] if not hasattr(getattr(df, owner), name)]
    assert not missing


def test_the_runtime_statuses_are_those_of_1_7() -> None:
    """Names and values alike."""
    known = ["Running", "Completed", "ContinuedAsNew", "Failed", "Canceled", "Terminated"]
    assert [status.name for status in df.OrchestrationRuntimeStatus] == [
        *known,
        "Pending",
        "Suspended",
    ]
    assert all(status.name == status.value for status in df.OrchestrationRuntimeStatus)
