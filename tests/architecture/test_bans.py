"""What may be named only in its own places: clocks, chance, SDKs, the host.

Ruff says the same while one types (TID251 in pyproject.toml), but can only lift all bans for a
file at once. Here each ban has its own places. Tests, scripts and the bench are
free, but for mocks.
"""

import ast
from functools import cache

import pytest

from tests.architecture.source_tree import SourceFile, everything, imports_of, product, report

HOST = ("durable/functions/", "durable/devhost/")
STORAGE = ("durable/storage/azure/", "durable/devhost/")
WORLD = ("durable/engine/environment.py", "durable/devhost/", "durable/testing/")

# Name → where it may be used.
BANS: dict[str, tuple[str, ...]] = {
    "azure.functions": HOST,
    "azure.storage": STORAGE,
    "azure.data": STORAGE,
    "azure.core": STORAGE,
    "azure.identity": STORAGE,
    "datetime.datetime.now": WORLD,
    "datetime.datetime.utcnow": WORLD,
    "datetime.datetime.today": WORLD,
    "time.time": WORLD,
    "time.monotonic": WORLD,
    "uuid.uuid1": WORLD,
    "uuid.uuid4": WORLD,
    # The memory store is handed a seeded Random.
    "random": (*WORLD, "durable/storage/memory.py"),
    "asyncio.sleep": WORLD,
}


def dotted(node: ast.expr) -> str:
    """Spell an attribute chain; '' for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""


@cache
def names_of(file: SourceFile) -> list[tuple[int, str]]:
    """Give (line, full name) of what a file imports, and of what it uses through an import."""
    used = list(imports_of(file))
    full: dict[str, str] = {}
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                # `import a.b` binds a; `import a.b as c` binds c to a.b.
                top = alias.name.split(".")[0]
                full[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            full |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Attribute) and (spelt := dotted(node)):
            first, _, rest = spelt.partition(".")
            if first in full:
                used.append((node.lineno, f"{full[first]}.{rest}"))
    return used


def is_within(name: str, banned: str) -> bool:
    """Tell whether a name is the banned one, or lies in it."""
    return name == banned or name.startswith(f"{banned}.")


@pytest.mark.parametrize("banned", BANS)
def test_each_thing_of_the_world_is_named_only_in_its_own_places(banned: str) -> None:
    """A clock, chance, an SDK or the host is named only where the table above allows it."""
    offenders = [
        f"{file.path}:{line}: {name}"
        for file in product()
        if not file.path.startswith(BANS[banned])
        for line, name in names_of(file)
        if is_within(name, banned)
    ]
    assert not offenders, report(offenders)


# Unit tests as users of azure-functions-durable 1.7 write them: the idiom is what they show.
OF_USERS = ("samples/", "tests/compatibility/test_unit_tests_of_users.py")


def test_nothing_of_ours_is_mocked_anywhere() -> None:
    """No file of the repository, tests included, imports unittest.mock; but those of users."""
    offenders = [
        f"{file.path}:{line}"
        for file in everything()
        if not file.path.startswith(OF_USERS)
        for line, name in imports_of(file)
        if is_within(name, "unittest.mock")
    ]
    assert not offenders, report(offenders)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import time as t\nt.monotonic()", "time.monotonic"),
        ("from datetime import datetime\ndatetime.now()", "datetime.datetime.now"),
        ("import datetime\ndatetime.datetime.now()", "datetime.datetime.now"),
        ("def lazy():\n    from azure.storage import queue", "azure.storage.queue"),
        ("import random", "random"),
    ],
)
def test_the_ban_sees_every_way_to_name_a_thing(source: str, name: str) -> None:
    """An alias, an imported member, a full path and a lazy import are all seen."""
    file = SourceFile("durable/engine/example.py", source, ast.parse(source))
    assert name in [used for _, used in names_of(file)]
