"""Walk a program as a tree: every node, parents before children, in the order of the source."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass


def nodes_of(tree: object) -> Iterator[object]:
    """List every node of a program, or of a part of it. A constant's value is no node."""
    if isinstance(tree, tuple):
        for item in tree:
            yield from nodes_of(item)
    elif is_dataclass(tree) and not isinstance(tree, type):
        yield tree
        for field in fields(tree):
            yield from nodes_of(getattr(tree, field.name))
