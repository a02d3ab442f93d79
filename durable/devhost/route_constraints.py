r"""Constraints of route parameters: `{id:int}`, `{name:length(3,10)}`, `{code:regex(^\d+$)}`.

Source: the constraints of ASP.NET Core routing (DefaultInlineConstraintResolver). A value that does
not fit is no error of the request: the route is not the one, and the next is tried.
"""

import re
from collections.abc import Callable
from datetime import datetime

Constraint = Callable[[str], bool]

_WHOLE = re.compile(r"\s*[+-]?\d+\s*", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*", re.ASCII | re.IGNORECASE)
_DECIMAL = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)\s*", re.ASCII)
_GUID = re.compile(
    r"(?:[0-9a-f]{32}"
    r"|(?P<open>[{(]?)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}[)}]?)",
    re.IGNORECASE,
)
_ALPHA = re.compile(r"[a-z]*", re.IGNORECASE)
_TEXT = re.compile(r"(?P<name>[A-Za-z]+)(?:\((?P<arguments>.*)\))?", re.DOTALL)
_DATE_FORMS = ("%m/%d/%Y", "%m-%d-%Y", "%Y/%m/%d")


def _is_whole(value: str, bits: int) -> bool:
    return _WHOLE.fullmatch(value) is not None and -(2 ** (bits - 1)) <= int(value) < 2 ** (
        bits - 1
    )


def _is_datetime(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return any(_has_form(value, form) for form in _DATE_FORMS)
    return True


def _has_form(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form)  # noqa: DTZ007  (only whether it is one)
    except ValueError:
        return False
    return True


_PLAIN: dict[str, Constraint] = {
    "int": lambda value: _is_whole(value, 32),
    "long": lambda value: _is_whole(value, 64),
    "alpha": lambda value: _ALPHA.fullmatch(value) is not None,
    "bool": lambda value: value.strip().lower() in ("true", "false"),
    "guid": lambda value: _GUID.fullmatch(value) is not None,
    "datetime": _is_datetime,
    "decimal": lambda value: _DECIMAL.fullmatch(value) is not None,
    "double": lambda value: _NUMBER.fullmatch(value) is not None,
    "float": lambda value: _NUMBER.fullmatch(value) is not None,
    "required": lambda value: value != "",
}

# Those with whole numbers as arguments: how many, and what they ask of (value, arguments).
_NUMBERED: dict[tuple[str, int], Callable[[str, tuple[int, ...]], bool]] = {
    ("length", 1): lambda value, given: len(value) == given[0],
    ("length", 2): lambda value, given: given[0] <= len(value) <= given[1],
    ("minlength", 1): lambda value, given: len(value) >= given[0],
    ("maxlength", 1): lambda value, given: len(value) <= given[0],
    ("min", 1): lambda value, given: _is_whole(value, 64) and int(value) >= given[0],
    ("max", 1): lambda value, given: _is_whole(value, 64) and int(value) <= given[0],
    ("range", 2): lambda value, given: _is_whole(value, 64) and given[0] <= int(value) <= given[1],
}
_NAMES = sorted({*_PLAIN, *(name for name, _ in _NUMBERED), "regex"})


def read_constraint(text: str) -> Constraint:
    """Read one constraint, the part after a colon; ValueError says what is wrong with it."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"constraint ':{text}' is not a name with arguments")
    name, arguments = match["name"].lower(), match["arguments"]
    if arguments is None:
        if name in _PLAIN:
            return _PLAIN[name]
        raise ValueError(f"constraint ':{text}' is not known (known: {', '.join(_NAMES)})")
    if name == "regex":
        return _regex(arguments)
    try:
        given = tuple(int(part) for part in arguments.split(","))
    except ValueError as error:
        raise ValueError(f"constraint ':{text}': its arguments must be whole numbers") from error
    test = _NUMBERED.get((name, len(given)))
    if test is None:
        raise ValueError(f"constraint ':{text}' is not known (known: {', '.join(_NAMES)})")
    return lambda value: test(value, given)


def _regex(pattern: str) -> Constraint:
    try:
        compiled = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"constraint ':regex({pattern})': {error}") from error
    return lambda value: compiled.search(value) is not None
