"""The catalogue: engines that are wrong on purpose, one bug each.

A harness that does not catch them proves nothing. Each breaks one rule of the protocol or of the
semantics, as somebody might who does not know why the rule is there.
"""

from collections.abc import Mapping

from tests.mutants import (
    mutants_of_admission,
    mutants_of_committing,
    mutants_of_entities,
    mutants_of_executions,
    mutants_of_hosts,
    mutants_of_lives,
    mutants_of_payloads_and_lists,
    mutants_of_replay,
    mutants_of_sending,
    mutants_of_steering,
    mutants_of_streams,
    unseen,
)
from tests.mutants.mutant import Mutant, mutants_in

__all__ = ["MUTANTS", "NOT_YET", "RULES", "UNSEEN", "Mutant", "rule_of"]

MUTANTS: tuple[Mutant, ...] = (
    *mutants_in(mutants_of_sending),
    *mutants_in(mutants_of_committing),
    *mutants_in(mutants_of_admission),
    *mutants_in(mutants_of_streams),
    *mutants_in(mutants_of_lives),
    *mutants_in(mutants_of_entities),
    *mutants_in(mutants_of_executions),
    *mutants_in(mutants_of_steering),
    *mutants_in(mutants_of_replay),
    *mutants_in(mutants_of_hosts),
    *mutants_in(mutants_of_payloads_and_lists),
)

UNSEEN: tuple[Mutant, ...] = mutants_in(unseen)
"""Bugs that can be had, and that no run can show before more of the engine is built."""

RULES = (
    *("A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9"),
    *("B1", "B2", "B3", "B4", "C1", "C2", "C3", "D1", "D2", "D3", "D4"),
    *("E1", "E2", "E3", "E4", "F", "G", "H", "I", "J", "K", "L"),
)

NOT_YET: Mapping[str, str] = {
    "B1": "eager execution is not built",
    "B2": "in-place delivery is not built",
    "B3": "activities run in invocations of their own, where nobody leads; nothing is delivered in "
    "place",
}
"""Why no mutant can break a rule yet."""


def rule_of(mutant: Mutant) -> str | None:
    """Tell which rule of `RULES` a mutant breaks; `None` for the other ones."""
    rule = mutant.rule.partition(":")[0]
    return rule if rule in RULES else None
