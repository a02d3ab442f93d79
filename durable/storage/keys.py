"""Instance ids and ordinals ↔ keys of table rows (DTFx's KeySanitation)."""

import re

from durable.model.ids import is_control

SENTINEL_ROW = "sentinel"
ESCAPES = {"^": "^^", "/": "^0", "\\": "^1", "#": "^2", "?": "^3"}
CONTROL_OFFSET = 0xC0
UNESCAPES = {mark: character for character, mark in ESCAPES.items()}
ESCAPED = re.compile(r"\^[\^0-3\u00c0-\u015f]")
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


def unescape_key(key: str) -> str:
    """Give back the text that was escaped; what was never escaped so is returned as it is."""
    return ESCAPED.sub(_unescape, key)


def _unescape(match: re.Match[str]) -> str:
    mark = match.group()
    return UNESCAPES[mark] if mark in UNESCAPES else chr(ord(mark[1]) - CONTROL_OFFSET)


def row_key(ordinal: int) -> str:
    """Print an ordinal as 16 upper-case hexadecimal digits, so that keys sort as numbers do."""
    return f"{ordinal:0{ORDINAL_DIGITS}X}"


def key_text(key: int | str) -> str:
    """Print the key of a row: ordinals as such, names as they are."""
    return row_key(key) if isinstance(key, int) else key


def ordinal_of(key: str) -> int | None:
    """Read a row key; `None` for rows that are no history events."""
    return int(key, 16) if ORDINAL.fullmatch(key) else None
