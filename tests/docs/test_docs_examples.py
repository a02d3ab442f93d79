"""Every example in the documentation does what it says: each block of Python and JSON is tried.

The Python blocks of a page are one program, run from top to bottom; then its `test_` functions are
called. A comment before a block says where it can't be run so:

    <!-- example: app -->                    its function app is indexed, as a host would
    <!-- example: compiled, the reason -->   it needs what a test has not
"""

import asyncio
import inspect
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# A page whose examples have a test of their own, which also needs them for something else.
ELSEWHERE = {"docs/testing.md": "tests/testing/simulation/test_testing_page.py"}
BLOCK = re.compile(
    r"(?:<!-- example: (?P<mode>\w+)(?:, (?P<reason>[^>]+?))? -->\n+)?"
    r"^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
MODES = {"run", "app", "compiled"}
TRIED = {"python", "json"}
# What else may stand in a block: it is for people, and no program.
SHOWN = {"text", "bash", "mermaid", "sh"}


@dataclass(frozen=True, slots=True)
class Example:
    """One block, and the line of its first line of code."""

    page: str
    line: int
    language: str
    code: str
    mode: str
    reason: str | None


def pages() -> list[str]:
    """List the pages that may hold examples."""
    paths = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [path.relative_to(ROOT).as_posix() for path in paths if path.is_file()]


def examples(page: str, text: str | None = None) -> list[Example]:
    """Read the blocks of a page."""
    text = (ROOT / page).read_text(encoding="utf-8") if text is None else text
    return [
        Example(
            page=page,
            line=text.count("\n", 0, found.start("code")) + 1,
            language=found["language"],
            code=found["code"],
            mode=found["mode"] or "run",
            reason=found["reason"],
        )
        for found in BLOCK.finditer(text)
    ]


def with_examples(language: str) -> list[str]:
    """List the pages that have some in this language."""
    return [page for page in pages() if any(e.language == language for e in examples(page))]


def code_of(example: Example) -> Any:
    """Compile it so that a traceback names the line of the page."""
    source = "\n" * (example.line - 1) + example.code
    return compile(source, example.page, "exec", dont_inherit=True)


@pytest.fixture
def module() -> Iterator[ModuleType]:
    """A module for the examples of one page: annotations are looked up in it."""
    made = ModuleType("examples_of_a_page")
    sys.modules[made.__name__] = made
    yield made
    del sys.modules[made.__name__]


def run_page(listed: list[Example], module: ModuleType, tmp_path: Path) -> int:
    """Run a page's blocks, then its tests; give the number of tests."""
    names = vars(module)
    for example in listed:
        code = code_of(example)
        if example.mode == "run":
            exec(code, names)
        elif example.mode == "app":
            index(code)
    tests = [value for name, value in list(names.items()) if name.startswith("test_")]
    for test in tests:
        folder = tmp_path / test.__name__
        folder.mkdir()
        asked = {"tmp_path": folder} if "tmp_path" in inspect.signature(test).parameters else {}
        done = test(**asked)
        if inspect.iscoroutine(done):
            asyncio.run(done)
    return len(tests)


def index(code: Any) -> None:
    """Load a function app and ask for its functions, as a host does."""
    names: dict[str, Any] = {"__name__": "an_app_of_a_page"}
    exec(code, names)
    functions = names["app"].get_functions()
    assert {function.get_function_name() for function in functions} >= {"durable_workitems"}


@pytest.mark.parametrize("page", [p for p in with_examples("python") if p not in ELSEWHERE])
def test_the_python_of_a_page_runs(page: str, module: ModuleType, tmp_path: Path) -> None:
    """From top to bottom, its tests last."""
    listed = [example for example in examples(page) if example.language == "python"]
    assert listed
    run_page(listed, module, tmp_path)


@pytest.mark.parametrize("page", with_examples("json"))
def test_the_json_of_a_page_is_json(page: str) -> None:
    """It can be pasted into a file as it stands."""
    for example in examples(page):
        if example.language == "json":
            json.loads(example.code)


def test_no_block_is_left_out() -> None:
    """Each has a language, known here; a mark is spelt as above; what is not run says why."""
    offenders = []
    for page in pages():
        text = (ROOT / page).read_text(encoding="utf-8")
        listed = examples(page)
        if text.count("\n```") + text.startswith("```") != 2 * len(listed):
            offenders.append(f"{page}: a block without a language, or without an end")
        if text.count("<!-- example") != sum(example.mode != "run" for example in listed):
            offenders.append(f"{page}: a mark that stands before no block")
        for example in listed:
            at = f"{page}:{example.line}"
            if example.language not in TRIED | SHOWN:
                offenders.append(f"{at}: {example.language} is not tried here")
            if example.mode not in MODES or (example.mode == "compiled") != bool(example.reason):
                offenders.append(f"{at}: the mark {example.mode!r} with {example.reason!r}")
    assert not offenders, "\n".join(offenders)


def test_a_page_that_is_tried_elsewhere_is_tried_there() -> None:
    """The other test reads that page."""
    for page, test in ELSEWHERE.items():
        assert Path(page).name in (ROOT / test).read_text(encoding="utf-8")
        assert examples(page)


def test_a_wrong_example_is_found(module: ModuleType, tmp_path: Path) -> None:
    """One that raises, one that does not parse, a test that fails; the line is the page's."""

    def tried(text: str) -> int:
        return run_page(examples("docs/page.md", text), module, tmp_path)

    assert tried("# Page\n\n```python\nx = 1\n```\n\n```python\nassert x == 1\n```\n") == 0
    with pytest.raises(NameError):
        tried("```python\nunknown\n```\n")
    with pytest.raises(SyntaxError) as wrong:
        tried("one\n\n<!-- example: compiled, it needs a hub -->\n```python\nx = = 1\n```\n")
    assert (wrong.value.filename, wrong.value.lineno) == ("docs/page.md", 5)
    with pytest.raises(AssertionError):
        tried("```python\nasync def test_it():\n    assert False\n```\n")
