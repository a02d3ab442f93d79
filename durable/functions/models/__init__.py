"""The names of `azure.durable_functions.models`, 1.7: apps import from here and from its modules.

Who may live here: modules with the names of 1.7's, which bring names of other rooms or say why they
can't. No code: whatever does something has its place elsewhere, and nothing but apps imports this.
"""

from durable.functions.models.DurableEntityContext import DurableEntityContext
from durable.functions.models.DurableHttpRequest import DurableHttpRequest
from durable.functions.models.DurableOrchestrationBindings import DurableOrchestrationBindings
from durable.functions.models.DurableOrchestrationClient import DurableOrchestrationClient
from durable.functions.models.DurableOrchestrationContext import DurableOrchestrationContext
from durable.functions.models.OrchestrationRuntimeStatus import OrchestrationRuntimeStatus
from durable.functions.models.OrchestratorState import OrchestratorState
from durable.functions.models.PurgeHistoryResult import PurgeHistoryResult
from durable.functions.models.RetryOptions import RetryOptions
from durable.functions.models.Task import TaskBase
from durable.functions.models.TokenSource import ManagedIdentityTokenSource

__all__ = [
    "DurableEntityContext",
    "DurableHttpRequest",
    "DurableOrchestrationBindings",
    "DurableOrchestrationClient",
    "DurableOrchestrationContext",
    "ManagedIdentityTokenSource",
    "OrchestrationRuntimeStatus",
    "OrchestratorState",
    "PurgeHistoryResult",
    "RetryOptions",
    "TaskBase",
]
