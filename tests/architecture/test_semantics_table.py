"""docs/semantics.md: its table names tests that exist, its decisions are those that the code cites.

The paths in the table are from `tests/`; a name in bold stands for the test that the list above
the table gives it.
"""

import ast
import re
from functools import cache

from tests.architecture.source_tree import ROOT, product, python_files, report

PROPERTIES_OF = {"A": 3, "B": 5, "C": 4, "D": 7, "E": 3, "F": 3, "G": 9, "H": 9, "I": 9, "J": 4}
PROPERTIES = [f"{letter}{n}" for letter, most in PROPERTIES_OF.items() for n in range(1, most + 1)]
DECISIONS = range(1, 18)

ROW = re.compile(r"^\| ([A-J]\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
NAMED = re.compile(r"^- \*\*([\w ]+)\*\*: `([\w/]+\.py)::(\w+)`", re.MULTILINE)
USED = re.compile(r"\*\*([\w ]+)\*\*")
NOT_YET = re.compile(r"not yet|[Ii]ssue \d")
HEADING = re.compile(r"^### Decision (\d+): \S", re.MULTILINE)
# "decision 3", "decisions 1 and 11", "decisions 7, 8 and 10", across a line break of a comment too.
CITED = re.compile(r"\bdecisions? (\d+(?:(?:, | and )\d+)*)")
PAGE = "docs/semantics.md"


@cache
def page() -> str:
    """Read the page."""
    return (ROOT / PAGE).read_text(encoding="utf-8")


def rows() -> list[tuple[str, str, str]]:
    """List id, property and proof of each row."""
    return ROW.findall(page())


@cache
def names_in(path: str) -> frozenset[str]:
    """Name the test functions of a file below `tests/`; none if there is no such file."""
    return frozenset(
        node.name
        for file in python_files(f"tests/{path}")
        for node in ast.walk(file.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )


def test_each_property_is_in_the_table_once() -> None:
    """A1 to J4, each in one row and in order, and nothing else."""
    assert [identity for identity, _, _ in rows()] == PROPERTIES


def test_each_property_has_a_test() -> None:
    """Of its own, or one that the list above the table names."""
    offenders = [
        identity for identity, _, proof in rows() if not (TEST.search(proof) or USED.search(proof))
    ]
    assert not offenders, report(offenders)


def test_each_test_that_the_table_names_exists() -> None:
    """Its file is there and defines a test of that name; a name in bold is given above."""
    named = NAMED.findall(page())
    known = {word for word, _, _ in named}
    claims = [(f"**{word}**", path, name) for word, path, name in named]
    offenders = []
    for identity, _, proof in rows():
        claims += [(identity, path, name) for path, name in TEST.findall(proof)]
        offenders += [f"{identity}: **{w}**" for w in USED.findall(proof) if w not in known]
    offenders += [
        f"{who}: {path}::{name}" for who, path, name in claims if name not in names_in(path)
    ]
    assert claims
    assert not offenders, report(offenders)


def test_no_property_is_waited_for() -> None:
    """No row says that something is not there yet."""
    offenders = [identity for identity, _, proof in rows() if NOT_YET.search(proof)]
    assert not offenders, report(offenders)


def test_every_decision_of_the_gap_list_is_written_down() -> None:
    """1 to 17, once each and in order, with the gap, what is done and why."""
    assert [int(number) for number in HEADING.findall(page())] == list(DECISIONS)
    parts = HEADING.split(page())[2::2]
    for number, text in zip(DECISIONS, parts, strict=True):
        assert "**Gap.**" in text, number
        assert "**What we do" in text, number
        assert "**Why.**" in text or "with the reasons" in text, number


def test_each_decision_that_the_code_cites_is_there() -> None:
    """In the specification by number alone, elsewhere with the page's name before it."""
    written = {int(number) for number in HEADING.findall(page())}
    cited: list[tuple[str, int]] = []
    for file in product():
        text = re.sub(r"\s+(?:# )?", " ", file.text)
        if not file.path.startswith("durable/testing/specification/"):
            text = " ".join(re.findall(rf"{re.escape(PAGE)}, decisions? [\d, and]+", text))
        for numbers in CITED.findall(text):
            cited += [(file.path, int(number)) for number in re.findall(r"\d+", numbers)]
    offenders = [f"{path}: decision {number}" for path, number in cited if number not in written]
    assert len({number for _, number in cited}) > len(DECISIONS) // 2
    assert not offenders, report(offenders)
