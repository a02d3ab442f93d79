"""How long a queue listener waits after a poll that found nothing.

Source: RandomizedExponentialBackoffStrategy.cs of the WebJobs SDK: 100 ms, then 100 ms plus
100, 200, 400 ... ms (each times 0.8 to 1.2), up to maxPollingInterval.
"""

import random

MINIMUM_S = 0.1
_JITTER = (0.8, 1.2)


class Backoff:
    """The delays of one listener, between 100 ms and `maximum_s`."""

    def __init__(self, maximum_s: float, *, chance: random.Random) -> None:
        """Start as if a message had been found just now."""
        self._maximum_s = maximum_s
        self._chance = chance
        self._empty_polls = 0
        self._at_maximum = False

    def next_delay_s(self, *, found: bool) -> float:
        """Return the next delay; `found` starts over, because a poll since the last one found."""
        if found:
            self._empty_polls = 0
            self._at_maximum = False
        if self._at_maximum:
            return self._maximum_s
        delay_s = MINIMUM_S
        if self._empty_polls > 0:
            doublings = 2.0 ** (self._empty_polls - 1)
            delay_s += MINIMUM_S * doublings * self._chance.uniform(*_JITTER)
        self._empty_polls += 1
        if delay_s >= self._maximum_s:
            # It stays there, or the jitter would let it fall below again.
            self._at_maximum = True
            return self._maximum_s
        return delay_s
