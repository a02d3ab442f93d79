"""`HistoryEventType` under the module name of azure-functions-durable 1.7."""

from durable.replay.histories import HistoryEventType

__all__ = ["HistoryEventType"]
