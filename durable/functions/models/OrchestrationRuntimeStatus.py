"""`OrchestrationRuntimeStatus` under the module name of azure-functions-durable 1.7."""

from durable.functions.status import OrchestrationRuntimeStatus

__all__ = ["OrchestrationRuntimeStatus"]
