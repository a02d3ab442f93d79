"""`entity_utils` under the module name of azure-functions-durable 1.7."""

from durable.model.entity_ids import EntityId

__all__ = ["EntityId"]
