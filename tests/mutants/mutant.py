"""Mutant: the engine with one bug, for as long as a `with` lasts.

Rule 1. A mutant replaces what is there, under its own name: where the seam has gone it fails at
        once, instead of proving nothing.
Rule 2. A name that was imported with `from x import y` is replaced in the module that uses it.
Rule 3. One idea a mutant. Where that idea has two ends (a step that moves from one place to
        another) it replaces two things, else one.
Rule 4. A replacement calls the original wherever it can, so that only the wrong lines stand here.
        Module-level names like `_write` below a file's imports are such originals.
"""

import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug: the rule that it breaks, what is wrong and what that must lead to, and how to have it.

    `shown_by` says where to look first: names of programs, or ids of tests where it is no matter of
    the protocol. Worlds must be built while it is applied: some objects bind methods when they are
    made.
    """

    name: str
    rule: str
    breaks: str
    applied: Callable[[], AbstractContextManager[None]]
    shown_by: tuple[str, ...] = ()

    @property
    def tests(self) -> tuple[str, ...]:
        """The tests that show it, by their ids."""
        return tuple(place for place in self.shown_by if "::" in place)

    @property
    def is_for_tests(self) -> bool:
        """Whether it is no matter of the protocol, so that no random run need be asked."""
        return bool(self.tests) and not self.programs

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs that show it, by their names."""
        return tuple(place for place in self.shown_by if "::" not in place)


@contextmanager
def replaced(owner: type | ModuleType, attribute: str, new: object) -> Iterator[None]:
    """Have something else under a name of a class or module; the original is back afterwards.

    Raises `KeyError` if the owner itself has no such name.
    """
    original = vars(owner)[attribute]
    setattr(owner, attribute, _of_the_kind_of(original, new))
    try:
        yield
    finally:
        setattr(owner, attribute, original)


def _of_the_kind_of(original: object, new: Any) -> object:
    """A function in the place of a property or a static method becomes one itself."""
    return type(original)(new) if isinstance(original, property | staticmethod) else new


def mutant(
    owner: type | ModuleType, attribute: str, *, rule: str, shown_by: tuple[str, ...] = ()
) -> Callable[[Callable[..., Any]], Mutant]:
    """Make a mutant of a function that stands in the place of the attribute.

    Its name is the function's, what it breaks is the docstring: what is wrong, what that leads to.
    """

    def make(function: Callable[..., Any]) -> Mutant:
        return _mutant(function, rule, lambda: replaced(owner, attribute, function), shown_by)

    return make


def mutant_of_many(
    *, rule: str, shown_by: tuple[str, ...] = ()
) -> Callable[[Callable[[], AbstractContextManager[None]]], Mutant]:
    """Make a mutant of a context manager that replaces more than one thing."""
    return lambda function: _mutant(function, rule, function, shown_by)


def _mutant(
    function: Callable[..., Any],
    rule: str,
    applied: Callable[[], AbstractContextManager[None]],
    shown_by: tuple[str, ...],
) -> Mutant:
    return Mutant(
        name=function.__name__.replace("_", " "),
        rule=rule,
        breaks=" ".join((inspect.getdoc(function) or "").split()),
        applied=applied,
        shown_by=shown_by,
    )


def mutants_in(module: ModuleType) -> tuple[Mutant, ...]:
    """List the mutants of a file, in their order."""
    return tuple(value for value in vars(module).values() if isinstance(value, Mutant))
