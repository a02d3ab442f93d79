"""`DurableOrchestrationContext` under the module name of azure-functions-durable 1.7."""

from durable.replay.context import DurableOrchestrationContext

__all__ = ["DurableOrchestrationContext"]
