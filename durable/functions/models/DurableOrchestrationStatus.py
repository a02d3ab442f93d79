"""`DurableOrchestrationStatus` under the module name of azure-functions-durable 1.7."""

from durable.functions.status import DurableOrchestrationStatus

__all__ = ["DurableOrchestrationStatus"]
