"""The tests as text: each says what it claims."""

import ast

from tests.architecture.source_tree import python_files, report


def test_every_test_states_a_claim() -> None:
    """Each test function has a docstring: the sentence that it shows to be true."""
    offenders = [
        f"{file.path}:{node.lineno}: {node.name}"
        for file in python_files("tests")
        for node in ast.walk(file.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert not offenders, report(offenders)


def test_no_test_file_name_is_used_twice() -> None:
    """A test file's name is found once, so that a line of the summary leads to one place."""
    seen: dict[str, str] = {}
    offenders = []
    for file in python_files("tests"):
        name = file.path.rpartition("/")[2]
        if name.startswith("test_") and name in seen:
            offenders.append(f"{file.path} and {seen[name]}")
        seen[name] = file.path
    assert not offenders, report(offenders)
