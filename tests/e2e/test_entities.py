"""Entities and critical sections on real storage, with real processes, one of which is killed."""

from collections import Counter

from bench.bank import Plan, run_bank

PLAN = Plan(
    accounts=8, transfers=20, hosts=2, kills=1, lanes=10, audit_pause_s=4.0, seconds_max=120.0
)


async def test_a_bank_whose_host_is_killed_loses_no_money_and_holds_no_lock(
    azurite_connection: str, hub: str
) -> None:
    """Each audit finds the sum; each transfer ends, and is in the accounts once or not at all."""
    bank = await run_bank(azurite_connection, hub, PLAN, lambda _line: None)
    assert bank.wrong == []
    assert bank.kills == 1
    outputs = Counter(status.output for status in bank.ended.values())
    assert set(outputs) == {"true", "false"}
    assert len(bank.audits) > 1
