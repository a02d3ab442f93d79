"""`HistoryEvent` under the module name of azure-functions-durable 1.7."""

from durable.replay.histories import HistoryView as HistoryEvent

__all__ = ["HistoryEvent"]
