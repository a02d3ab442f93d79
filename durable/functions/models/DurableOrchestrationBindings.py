"""`DurableOrchestrationBindings` under the module name of azure-functions-durable 1.7."""

from durable.functions.client_binding import DurableOrchestrationBindings

__all__ = ["DurableOrchestrationBindings"]
