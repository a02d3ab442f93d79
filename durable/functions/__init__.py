"""THE AZURE FUNCTIONS DOOR: `import durable.functions as df`.

Who may live here: decorators in the shape of azure-functions-durable 1.7, the functions that the
host triggers for a task hub, and the composition of settings, store, worker and client.
What it does not know: how an orchestration is replayed or committed, and what storage looks like
(`composition.py` alone names the store). Nothing here touches the network at import or indexing.
"""

from durable.engine.activity_context import ActivityContext, current_activity
from durable.engine.entity_context import DurableEntityContext
from durable.functions.apps import Blueprint, DFApp
from durable.functions.client import DurableOrchestrationClient
from durable.functions.entity import Entity, EntityStateResponse
from durable.functions.errors import (
    BindingRefusedError,
    DurableFunctionsCompatibilityWarning,
    EntityFunctionNotFoundError,
    NotServedError,
    OrchestratorNotFoundError,
)
from durable.functions.http_requests import ManagedIdentityTokenSource
from durable.functions.orchestrator import Orchestrator
from durable.functions.purge_result import PurgeHistoryResult
from durable.functions.status import DurableOrchestrationStatus, OrchestrationRuntimeStatus
from durable.functions.sync_client import SyncDurableOrchestrationClient
from durable.model.converters import Converter, JsonConverter
from durable.model.entity_ids import EntityId
from durable.model.entity_queries import (
    CleanEntityStorageResult,
    EntityMetadata,
    EntityQuery,
    LockHolder,
)
from durable.model.error_classes import durable_error
from durable.model.errors import (
    DurableError,
    EntityInUseError,
    InstanceEndedError,
    InstanceExistsError,
    InstanceNotEndedError,
    InstanceNotFoundError,
    InstanceNotRewindableError,
    InvalidInstanceIdError,
    InvalidPayloadError,
    LockingRulesViolationError,
    LockNotHeldError,
)
from durable.model.failures import FailureDetails, TaskFailedError
from durable.model.queries import ReplaceableStates
from durable.replay.context import DurableOrchestrationContext
from durable.replay.retries import RetryOptions
from durable.storage.port import StorageFault

__all__ = [
    "ActivityContext",
    "BindingRefusedError",
    "Blueprint",
    "CleanEntityStorageResult",
    "Converter",
    "DFApp",
    "DurableEntityContext",
    "DurableError",
    "DurableFunctionsCompatibilityWarning",
    "DurableOrchestrationClient",
    "DurableOrchestrationContext",
    "DurableOrchestrationStatus",
    "Entity",
    "EntityFunctionNotFoundError",
    "EntityId",
    "EntityInUseError",
    "EntityMetadata",
    "EntityQuery",
    "EntityStateResponse",
    "FailureDetails",
    "InstanceEndedError",
    "InstanceExistsError",
    "InstanceNotEndedError",
    "InstanceNotFoundError",
    "InstanceNotRewindableError",
    "InvalidInstanceIdError",
    "InvalidPayloadError",
    "JsonConverter",
    "LockHolder",
    "LockNotHeldError",
    "LockingRulesViolationError",
    "ManagedIdentityTokenSource",
    "NotServedError",
    "OrchestrationRuntimeStatus",
    "Orchestrator",
    "OrchestratorNotFoundError",
    "PurgeHistoryResult",
    "ReplaceableStates",
    "RetryOptions",
    "StorageFault",
    "SyncDurableOrchestrationClient",
    "TaskFailedError",
    "current_activity",
    "durable_error",
]
