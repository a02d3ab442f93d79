"""No big rooms: a file, a function and a module's docstring can be read in one go."""

import ast

from tests.architecture.source_tree import ROOT, product, python_files, report

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60


def function_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function from its `def` to its end, its docstring left out."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def test_no_file_is_longer_than_400_lines() -> None:
    """Each file of the product, the scripts and the bench has at most 400 lines."""
    offenders = []
    for file in python_files("durable", "scripts", "bench", "function_app.py"):
        lines = len(file.text.splitlines())
        if lines > FILE_LINES_MAX:
            offenders.append(f"{file.path}: {lines} lines")
    assert not offenders, report(offenders)


def test_no_function_is_longer_than_60_lines() -> None:
    """Each function of the product, the scripts and the bench has at most 60 lines."""
    offenders = [
        f"{file.path}:{node.lineno}: {node.name} has {function_lines(node)} lines"
        for file in python_files("durable", "scripts", "bench", "function_app.py")
        for node in ast.walk(file.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and function_lines(node) > FUNCTION_LINES_MAX
    ]
    assert not offenders, report(offenders)


def test_every_module_says_what_it_is() -> None:
    """Each module of the product starts with a docstring."""
    offenders = [file.path for file in product() if not ast.get_docstring(file.tree)]
    assert not offenders, report(offenders)


def test_these_checks_look_at_something() -> None:
    """The product is where these tests look for it, so that none passes on an empty list."""
    assert (ROOT / "durable" / "__init__.py").is_file()
    assert len(product()) > 10
