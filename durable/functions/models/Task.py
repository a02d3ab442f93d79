"""Tasks under the module and class names of azure-functions-durable 1.7."""

from durable.replay.calls import LongTimerTask, TimerTask
from durable.replay.calls import OneAnswerTask as AtomicTask
from durable.replay.retries import RetryAbleTask
from durable.replay.tasks import (
    CompositeTask as CompoundTask,
)
from durable.replay.tasks import (
    TaskBase,
    TaskState,
    WhenAllTask,
    WhenAnyTask,
)

__all__ = [
    "AtomicTask",
    "CompoundTask",
    "LongTimerTask",
    "RetryAbleTask",
    "TaskBase",
    "TaskState",
    "TimerTask",
    "WhenAllTask",
    "WhenAnyTask",
]
