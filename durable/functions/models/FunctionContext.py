"""`FunctionContext` under the module name of azure-functions-durable 1.7."""

from durable.replay.surroundings import FunctionContext

__all__ = ["FunctionContext"]
