"""May this host run an instance of that version? host.json says (`versionMatchStrategy`).

Versions are compared as numbers between dots where both are such, else as text in any case; no
version is older than any. A host that says no default version runs everything.
"""

import re
from enum import Enum
from typing import Any

from durable.engine.settings import EngineSettings
from durable.model.instance import InstanceRecord

NUMBERS = re.compile(r"\d+(\.\d+){0,3}")


class Refusal(Enum):
    """What becomes of an instance whose version does not fit."""

    HOLD = "reject"  # it waits for a host that has its version
    FAIL = "fail"


def refuse_version(record: InstanceRecord, settings: EngineSettings) -> tuple[Refusal, str] | None:
    """Say what becomes of the instance here, and why, or `None` where it may run."""
    mine, its = settings.default_version, record.version
    if not mine or settings.version_match == "none":
        return None
    order = compare(its or "", mine)
    if order == 0 or (order < 0 and settings.version_match == "currentorolder"):
        return None
    wanted = "this version" if settings.version_match == "strict" else "this version or an older"
    return Refusal(settings.version_failure), (
        f"The instance has version '{its or ''}'; this app runs '{mine}' "
        f"(host.json, defaultVersion) and takes {wanted} only."
    )


def compare(left: str, right: str) -> int:
    """Return -1, 0 or 1, as the left version is older, the same or newer."""
    if NUMBERS.fullmatch(left) and NUMBERS.fullmatch(right):
        return _order(_numbers(left), _numbers(right))
    return _order([left.casefold()], [right.casefold()])


def _order(left: list[Any], right: list[Any]) -> int:
    return (left > right) - (left < right)


def _numbers(text: str) -> list[int]:
    parts = [int(part) for part in text.split(".")]
    return parts + [0] * (4 - len(parts))
