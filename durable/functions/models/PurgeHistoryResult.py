"""`PurgeHistoryResult` under the module name of azure-functions-durable 1.7."""

from durable.functions.purge_result import PurgeHistoryResult

__all__ = ["PurgeHistoryResult"]
