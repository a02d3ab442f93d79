"""The catalogue itself: a mutant is one bug; while it is applied it is there, then it is gone."""

import inspect
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from durable.testing.programs.syntax import Program
from durable.testing.simulation.experiment import Experiment, Setting, run
from durable.testing.world.schedule import Schedule
from tests.mutants.catalogue import MUTANTS, NOT_YET, RULES, UNSEEN, Mutant, rule_of
from tests.mutants.grounds import ALL_NAMED, GROUNDS
from tests.mutants.hunting import hunt

ALL = (*MUTANTS, *UNSEEN)
PLACES_MAX = 4
ROOT = Path(__file__).parents[2]

Seams = dict[tuple[str, str], Any]


def seams() -> Seams:
    """List what every module of the product, and every class in it, has under each name."""
    found: Seams = {}
    for module_name, module in sorted(sys.modules.items()):
        if module_name.partition(".")[0] != "durable":
            continue
        for name, value in list(vars(module).items()):
            found[module_name, name] = value
            if isinstance(value, type) and value.__module__ == module_name:
                found.update(
                    ((f"{module_name}.{name}", member), vars(value)[member])
                    for member in vars(value)
                )
    return found


def differences(before: Seams, after: Seams) -> Iterator[tuple[str, str]]:
    """List the names that stand for something else."""
    return (place for place in before.keys() | after.keys() if _differs(before, after, place))


def _differs(before: Seams, after: Seams, place: tuple[str, str]) -> bool:
    return before.get(place) is not after.get(place)


def parameters(value: Any) -> list[tuple[str, Any]]:
    """List the names and kinds of what a function, or a property, takes."""
    function: Any = value.fget if isinstance(value, property) else value
    return [(p.name, p.kind) for p in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_a_mutant_is_one_small_change_and_leaves_with_a_finding(mutant: Mutant) -> None:
    """At most four names stand for something else, that takes what the original takes; then none.

    An error that leaves the `with` takes the mutant along.
    """
    before = seams()
    during: Seams = {}

    def find() -> None:
        with mutant.applied():
            during.update(seams())
            raise AssertionError("a finding")

    with pytest.raises(AssertionError, match="a finding"):
        find()
    changed = list(differences(before, during))
    assert 1 <= len(changed) <= PLACES_MAX
    for place in changed:
        assert parameters(during[place]) == parameters(before[place]), place
    assert not list(differences(before, seams()))


def test_names_are_unique() -> None:
    """A name stands for one mutant, and says something; so does what it breaks."""
    names = Counter(mutant.name for mutant in ALL)
    assert [name for name, count in names.items() if count > 1] == []
    assert [mutant.name for mutant in ALL if not mutant.breaks.endswith(".")] == []


def test_there_are_as_many_as_were_asked_for() -> None:
    """At least 26 bugs that a run can show."""
    assert len(MUTANTS) >= 26


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_has_a_mutant_or_a_reason_why_not(rule: str) -> None:
    """A rule of the protocol is broken by a mutant, or what it speaks of is not built; not both."""
    breaking = [mutant.name for mutant in MUTANTS if rule_of(mutant) == rule]
    assert bool(breaking) != (rule in NOT_YET), breaking


def test_what_can_not_be_seen_says_why() -> None:
    """A bug that is kept for later names what has to be built first, or what else guards it."""
    whys = ("Waits for", "Guarded twice")
    assert [m.name for m in UNSEEN if not any(why in m.breaks for why in whys)] == []


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_where_to_look_for_a_mutant_is_there(mutant: Mutant) -> None:
    """The programs that it names are written, and so are the tests."""
    assert [name for name in mutant.programs if name not in ALL_NAMED] == []
    for test_id in mutant.tests:
        path, _, test = test_id.partition("::")
        assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), test_id


@pytest.mark.parametrize("program", GROUNDS, ids=lambda program: program.name)
def test_the_engine_stands_the_grounds_of_the_mutants(program: Program) -> None:
    """No oracle has anything to say, under a few schedules."""
    for seed in (1, 2):
        run(Experiment(program, Schedule(seed), Setting(hosts=3, messages_at_once=seed)))


QUICKLY = (
    "sends before commit",
    "duty forgotten",
    "taken out with the next commit only",
    "chunks without if match",
    "sentinel read last",
    "task any by batch",
    "a result taken twice",
    "create then put",
    "the projection goes backwards",
)


@pytest.mark.parametrize("name", QUICKLY)
def test_these_bugs_are_caught(name: str) -> None:
    """Those that take a second; `make mutants` hunts all."""
    mutant = next(each for each in MUTANTS if each.name == name)
    found = hunt(mutant, seconds_max=20)
    assert found.oracle is not None, found.text
