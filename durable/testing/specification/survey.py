"""What can be read off a program without running it."""

import dataclasses
from collections.abc import Iterator


def nodes_of(node: object) -> Iterator[object]:
    """Give a node of the language and all nodes below it."""
    pending = [node]
    while pending:
        found = pending.pop()
        if isinstance(found, tuple):
            pending.extend(found)
        elif dataclasses.is_dataclass(found):
            yield found
            pending.extend(getattr(found, field.name) for field in dataclasses.fields(found))
