"""`EntityStateResponse` under the module name of azure-functions-durable 1.7."""

from durable.functions.entity import EntityStateResponse

__all__ = ["EntityStateResponse"]
