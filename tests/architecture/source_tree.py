"""The source, read as text and as syntax trees; no module of the product is imported for it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One Python file: its path from the root, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        """The dotted name that it is imported by."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def is_package(self) -> bool:
        """Whether this is a package's `__init__`."""
        return self.path.endswith("/__init__.py")


@cache
def python_files(*tops: str) -> tuple[SourceFile, ...]:
    """Read every Python file below these folders (or these files), as far as they are there."""
    found = []
    for top in tops:
        place = ROOT / top
        paths = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        for path in paths:
            # A file may go while we look: another editor, another checkout of the same folder.
            if path.is_file():
                text = path.read_text(encoding="utf-8")
                name = path.relative_to(ROOT).as_posix()
                found.append(SourceFile(name, text, ast.parse(text, filename=name)))
    return tuple(found)


def product() -> tuple[SourceFile, ...]:
    """Give the files of the package itself."""
    return python_files("durable")


def everything() -> tuple[SourceFile, ...]:
    """Give every Python file of the repository."""
    return python_files("durable", "tests", "scripts", "bench", "samples", "function_app.py")


def imports_of(file: SourceFile) -> Iterator[tuple[int, str]]:
    """Give (line, full name) of all that a file imports, lazy and type-only imports included."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                # `from .x import y` of a.b.c is a.b.x; of the package a.b (its __init__) too.
                parts = file.module.split(".")
                kept = parts[: len(parts) - node.level + file.is_package]
                base = ".".join([*kept, *filter(None, [node.module])])
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def report(offenders: list[str]) -> str:
    """Lay out the offenders, one a line, as an assertion's message."""
    return "\n  ".join(["", *offenders])
