"""Rule K: what this host can't do now is held for a host that can, and given up only in the end.

A held message goes back to its queue with a growing delay and the flag `again`, so that a host
with the right code may take it. Counting the delays by the message itself, not by the host's
dequeue count, keeps deploys from poisoning anything.
"""

from dataclasses import replace
from datetime import datetime

from durable.model.messages import TaskMessage

HOLD_DELAY_S_FIRST = 1.0
HOLD_DELAY_S_MAX = 60.0
HOLD_DOUBLINGS_MAX = 10


class Held(Exception):  # noqa: N818  (an outcome)
    """This host has not the code for it, or its code does something else than the history."""

    def __init__(self, reason: str) -> None:
        """Say why."""
        super().__init__(reason)
        self.reason = reason


def hold(message: TaskMessage, now: datetime) -> tuple[TaskMessage, float]:
    """Make the copy to put back, and the delay in seconds until it shows."""
    doublings = min(message.holds, HOLD_DOUBLINGS_MAX)
    delay_s = min(HOLD_DELAY_S_FIRST * 2**doublings, HOLD_DELAY_S_MAX)
    held_since = message.held_since or now
    copy = replace(message, again=True, held_since=held_since, holds=message.holds + 1)
    return copy, delay_s


def put_off(message: TaskMessage) -> tuple[TaskMessage, float]:
    """Make the copy of a suspect that found no time alone here, and its delay in seconds."""
    doublings = min(message.holds, HOLD_DOUBLINGS_MAX)
    delay_s = min(HOLD_DELAY_S_FIRST * 2**doublings, HOLD_DELAY_S_MAX)
    copy = replace(message, again=True, is_suspect=True, holds=message.holds + 1)
    return copy, delay_s


def is_patience_over(message: TaskMessage, now: datetime, *, hold_s_max: float) -> bool:
    """Say whether the message has been held for as long as it may."""
    if message.held_since is None:
        return hold_s_max <= 0
    return (now - message.held_since).total_seconds() >= hold_s_max
