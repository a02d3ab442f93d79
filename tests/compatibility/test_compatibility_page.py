"""docs/compatibility.md: it names all of 1.7, and each row has a verdict, a reason and a test."""

import re
from functools import cache

import pytest

from tests.architecture.source_tree import ROOT, report
from tests.architecture.test_semantics_table import names_in
from tests.compatibility.test_names_of_1_7 import PROPERTIES, SIGNATURES
from tests.compatibility.tree import TREE

PAGE = "docs/compatibility.md"
VERDICTS = {"same", "better", "later", "not supported"}
ROW = re.compile(r"^\| (.+?) \| ([^|]+) \| ([^|]*)\| ([^|]+) \|$", re.MULTILINE)
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
CODE = re.compile(r"`([^`]+)`")


@cache
def page() -> str:
    """Read the page."""
    return (ROOT / PAGE).read_text(encoding="utf-8")


def rows() -> list[tuple[str, str, str, str]]:
    """List what, verdict, explanation and test of each row, the tables' heads left out."""
    return [row for row in ROW.findall(page()) if row[1] != "here" and set(row[1]) != {"-"}]


@cache
def words() -> frozenset[str]:
    """List every word that the first columns spell as code."""
    code = " ".join(part for what, *_ in rows() for part in CODE.findall(what))
    return frozenset(re.findall(r"\w+", code))


def test_every_row_has_one_of_four_verdicts() -> None:
    """No row is left open."""
    lines = [line for line in page().splitlines() if line.startswith("| ")]
    heads = [line for line in lines if "| here |" in line]
    assert len(rows()) == len(lines) - len(heads) > 100
    assert {verdict for _, verdict, *_ in rows()} == VERDICTS


def test_what_is_not_here_has_a_reason() -> None:
    """`later` and `not supported` say why, or what happens instead."""
    offenders = [
        what
        for what, verdict, why, _ in rows()
        if verdict in {"later", "not supported"} and not why
    ]
    assert not offenders, report(offenders)


def test_every_row_names_a_test_that_exists() -> None:
    """Its file is there and defines it; only what comes later may have none."""
    named = [
        (what, TEST.findall(test))
        for what, verdict, _, test in rows()
        if (verdict, test) != ("later", "–")  # noqa: RUF001
    ]
    offenders = [what for what, tests in named if not tests]
    offenders += [
        f"{what}: {path}::{name}"
        for what, tests in named
        for path, name in tests
        if name not in names_in(path)
    ]
    assert not offenders, report(offenders)


@pytest.mark.parametrize("module", TREE)
def test_every_module_and_name_of_1_7_is_on_the_page(module: str) -> None:
    """In the first column of some row, spelt as code."""
    wanted = {*module.split("."), *TREE[module]} - {""}
    assert wanted <= words(), wanted - words()


def test_every_member_of_1_7_is_on_the_page() -> None:
    """Those whose parameters and properties are compared in test_names_of_1_7.py."""
    wanted = {member.partition(".")[2] for member in SIGNATURES} - {"__init__", "create"}
    wanted |= {name for names in PROPERTIES.values() for name in names}
    assert wanted <= words(), wanted - words()


def test_every_quirk_is_decided_on() -> None:
    """Q1 to Q13, once each and in order."""
    quirks = [what.partition(":")[0] for what, *_ in rows() if re.match(r"Q\d+:", what)]
    assert quirks == [f"Q{number}" for number in range(1, 14)]
