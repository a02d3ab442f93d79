"""THE AZURE FUNCTIONS DOOR: `import durable.functions as df`.

Who may live here: decorators in the shape of azure-functions-durable 1.7, the functions that the
host triggers for a task hub, and the composition of settings, store, worker and client.
What it does not know: how an orchestration is replayed or committed, and what storage looks like
(`composition.py` alone names the store). Nothing here touches the network at import or indexing.
"""

from durable.functions.apps import Blueprint, DFApp
from durable.functions.client import DurableOrchestrationClient
from durable.functions.errors import BindingRefusedError, OrchestratorNotFoundError
from durable.functions.status import DurableOrchestrationStatus, OrchestrationRuntimeStatus
from durable.model.errors import (
    DurableError,
    InstanceEndedError,
    InstanceExistsError,
    InstanceNotFoundError,
    InvalidInstanceIdError,
    InvalidPayloadError,
)
from durable.model.failures import TaskFailedError
from durable.replay.context import DurableOrchestrationContext
from durable.storage.port import StorageFault

__all__ = [
    "BindingRefusedError",
    "Blueprint",
    "DFApp",
    "DurableError",
    "DurableOrchestrationClient",
    "DurableOrchestrationContext",
    "DurableOrchestrationStatus",
    "InstanceEndedError",
    "InstanceExistsError",
    "InstanceNotFoundError",
    "InvalidInstanceIdError",
    "InvalidPayloadError",
    "OrchestrationRuntimeStatus",
    "OrchestratorNotFoundError",
    "StorageFault",
    "TaskFailedError",
]
