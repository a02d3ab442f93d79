"""`DurableOrchestrationClient` under the module name of azure-functions-durable 1.7."""

from durable.functions.client import DurableOrchestrationClient

__all__ = ["DurableOrchestrationClient"]
