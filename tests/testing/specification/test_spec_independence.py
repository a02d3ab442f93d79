"""The specification is a second opinion only while it shares no code with what it judges."""

import sys

from tests.architecture.source_tree import imports_of, python_files, report

ALLOWED = ("durable.testing.programs.syntax.", "durable.testing.specification.")


def test_the_specification_knows_only_the_language() -> None:
    """Its modules import the syntax of programs, each other, and Python's own library."""
    files = python_files("durable/testing/specification")
    assert files
    offenders = [
        f"{file.path}:{line}: {name}"
        for file in files
        for line, name in imports_of(file)
        if not name.startswith(ALLOWED) and name.split(".")[0] not in sys.stdlib_module_names
    ]
    assert not offenders, report(offenders)
