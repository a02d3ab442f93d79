"""`DurableEntityContext` under the module name of azure-functions-durable 1.7."""

from durable.engine.entity_context import DurableEntityContext
from durable.functions.models.utils.df_serialization import df_loads as from_json_util

__all__ = ["DurableEntityContext", "from_json_util"]
