"""Names of queues: the rule of the service, and settings in them."""

import re
from collections.abc import Mapping

from durable.devhost.index import IndexingError
from durable.devhost.settings import substitute

_QUEUE_NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*")


def resolved_queue_name(text: str, environment: Mapping[str, str], *, function_name: str) -> str:
    """Put settings into a binding's queue name; IndexingError if no queue can be called so."""
    wanted_by = f"function '{function_name}'"
    # Folded as the real host does, which then insists on Azure's own rule for names.
    name = substitute(text, environment, wanted_by=wanted_by).lower()
    if "{" in name:
        raise IndexingError(
            f"{wanted_by}: this dev host has no binding expressions ('{name}'); only %SETTING%"
        )
    if not _QUEUE_NAME.fullmatch(name):
        raise IndexingError(
            f"{wanted_by}: '{name}' is not a queue name (3 to 63 of a-z, 0-9 and "
            "single hyphens, neither first nor last)"
        )
    return name
