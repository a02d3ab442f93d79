"""The durable bindings under the module name of azure-functions-durable 1.7."""

from durable.functions.bindings import (
    ActivityTrigger,
    DurableClient,
    EntityTrigger,
    OrchestrationTrigger,
)

__all__ = ["ActivityTrigger", "DurableClient", "EntityTrigger", "OrchestrationTrigger"]
