"""The names of `azure.durable_functions.models.history`, 1.7: what `context.histories` is made of.

No code: the names of the replay room under 1.7's.
"""

from durable.functions.models.history.HistoryEvent import HistoryEvent
from durable.functions.models.history.HistoryEventType import HistoryEventType

__all__ = ["HistoryEvent", "HistoryEventType"]
