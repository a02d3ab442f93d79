"""Instance ids and ordinals ↔ keys of table rows (DTFx's KeySanitation)."""

import re

from durable.model.ids import is_control

SENTINEL_ROW = "sentinel"
ESCAPES = {"^": "^^", "/": "^0", "\\": "^1", "#": "^2", "?": "^3"}
CONTROL_OFFSET = 0xC0
ORDINAL_DIGITS = 16
ORDINAL = re.compile(rf"[0-9A-F]{{{ORDINAL_DIGITS}}}")


def escape_key(text: str) -> str:
    """Replace what a key can't hold. Not idempotent: escape exactly once."""
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    if is_control(character):
        return "^" + chr(CONTROL_OFFSET + ord(character))
    return character


def row_key(ordinal: int) -> str:
    """Print an ordinal as 16 upper-case hexadecimal digits, so that keys sort as numbers do."""
    return f"{ordinal:0{ORDINAL_DIGITS}X}"


def ordinal_of(key: str) -> int | None:
    """Read a row key; `None` for rows that are no history events."""
    return int(key, 16) if ORDINAL.fullmatch(key) else None
