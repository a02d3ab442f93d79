"""`RetryOptions` under the module name of azure-functions-durable 1.7."""

from durable.replay.retries import RetryOptions

__all__ = ["RetryOptions"]
