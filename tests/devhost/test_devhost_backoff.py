"""The delays between empty polls."""

import random

from durable.devhost.backoff import Backoff


def test_delays_double_from_100_ms_within_the_jitter_and_stay_at_the_maximum() -> None:
    """100 ms, then 100 ms plus 100, 200, 400 ms times 0.8 to 1.2, then the maximum for ever."""
    for seed in range(200):
        backoff = Backoff(2.0, chance=random.Random(seed))
        delays = [backoff.next_delay_s(found=False) for _ in range(12)]
        assert delays[0] == 0.1
        for doubling, delay in enumerate(delays[1:5]):
            assert 0.1 + 0.08 * 2**doubling <= delay <= 0.1 + 0.12 * 2**doubling
        assert delays[6:] == [2.0] * 6, f"seed {seed}"


def test_a_message_found_since_the_last_wait_starts_over() -> None:
    """After work the next empty poll waits 100 ms again."""
    backoff = Backoff(60.0, chance=random.Random(1))
    for _ in range(20):
        backoff.next_delay_s(found=False)
    assert backoff.next_delay_s(found=True) == 0.1
    assert backoff.next_delay_s(found=False) < 0.23


def test_the_smallest_maximum_gives_a_fixed_pace() -> None:
    """maxPollingInterval 00:00:00.1 means 100 ms every time."""
    backoff = Backoff(0.1, chance=random.Random(1))
    assert {backoff.next_delay_s(found=n % 3 == 0) for n in range(20)} == {0.1}
