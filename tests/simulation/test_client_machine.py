"""The client machine, so many times over."""

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.client_machine import ClientMachine, Tally
from tests.simulation.client_requests import (
    ACCEPTED,
    Purge,
    RaiseEvent,
    Resume,
    Rewind,
    Start,
    Suspend,
    Terminate,
)

MACHINES = 220
RULES_PER_MACHINE = 20
REQUESTS = (Start, RaiseEvent, Terminate, Suspend, Resume, Rewind, Purge)


def test_clients_are_told_the_truth_and_get_what_they_were_promised(
    record_property: Callable[[str, object], None],
) -> None:
    """Whatever clients do, and whatever fails: nothing accepted is lost, doubled or invented."""
    tally = Tally()

    class Machine(ClientMachine):
        def __init__(self) -> None:
            super().__init__(tally)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=MACHINES,
            stateful_step_count=RULES_PER_MACHINE,
            derandomize=True,
            database=None,
            deadline=None,
            # One finding at a time, without explanations: those take minutes.
            phases=(Phase.generate, Phase.shrink),
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    told = ", ".join(f"{number} {what}" for what, number in sorted(tally.told.items()))
    figure = (
        f"client state machine: {tally.lives} lives, {tally.purges} purges, {tally.faults} faults, "
        f"{tally.storage_calls:,} storage calls, {tally.commits:,} commits checked; told: {told}"
    )
    record_property("figure", figure)
    for request in REQUESTS:
        assert tally.told[f"{request.__name__} {ACCEPTED}"] > 0
