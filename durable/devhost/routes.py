"""HTTP routes: ASP.NET route templates compiled to regular expressions, and the choice among them.

A template is segments between slashes. A segment is text, `{name}`, `{name:int}`, `{name?}`,
`{*rest}`, or text and one or more parameters mixed (`v{major}.{minor}`).

Rule 1. Literals match without regard to case; values keep theirs.
Rule 2. A segment is decoded after the path was split, and `%2F` stays as it is (as Kestrel does),
        so that an encoded slash never changes which route is taken.
Rule 3. Of several matches the most literal one wins, compared segment by segment from the left.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote

_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_CONSTRAINTS = {
    "int": r"-?\d{1,10}",
    "long": r"-?\d{1,19}",
    "alpha": r"[a-z]+",
    "bool": r"true|false",
    "guid": _GUID,
    "decimal": _NUMBER,
    "double": _NUMBER,
    "float": _NUMBER,
}
_PARAMETER = re.compile(r"\{(\*{0,2})([A-Za-z_]\w*)((?::[^{}:?=]+)*)(\??)\}")
_ENCODED_SLASH = re.compile(r"%2f", re.IGNORECASE)

Target = TypeVar("Target")


class RouteError(Exception):
    """A route template that this host cannot compile; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A compiled route template. `rank` orders templates: lower is more literal."""

    text: str
    pattern: re.Pattern[str]
    groups: dict[str, str]
    rank: tuple[int, ...]

    def match(self, path: str) -> dict[str, str] | None:
        """Return the values of the parameters if `path` (decoded by `decode_path`) fits."""
        match = self.pattern.fullmatch(path)
        if match is None:
            return None
        values = ((name, match.group(group)) for group, name in self.groups.items())
        return {name: value for name, value in values if value}


@dataclass(frozen=True, slots=True)
class Route(Generic[Target]):
    """A template, the upper-case methods that it answers (None: all), and what it leads to."""

    template: Template
    methods: frozenset[str] | None
    target: Target


@dataclass(frozen=True, slots=True)
class Found(Generic[Target]):
    """The route that a request takes, with its parameters."""

    target: Target
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class MethodRefused:
    """The path is known, the method is not: these are."""

    allowed: frozenset[str]


class RouteTable(Generic[Target]):
    """All routes of an app, most literal first."""

    def __init__(self, routes: Iterable[Route[Target]]) -> None:
        """Sort once; routes of one rank keep their order."""
        self._routes = sorted(routes, key=lambda route: route.template.rank)

    def find(self, method: str, raw_path: str) -> Found[Target] | MethodRefused | None:
        """Choose the route for a path as it came over the wire, still percent-encoded."""
        path = decode_path(raw_path)
        allowed: set[str] = set()
        for route in self._routes:
            values = route.template.match(path)
            if values is None:
                continue
            if route.methods is None or method.upper() in route.methods:
                return Found(route.target, values)
            allowed |= route.methods
        return MethodRefused(frozenset(allowed)) if allowed else None


def decode_path(raw_path: str) -> str:
    """Decode a path's segments one by one, but leave an encoded slash encoded."""
    return "/".join(
        unquote(_ENCODED_SLASH.sub("%252F", segment)) for segment in raw_path.strip("/").split("/")
    )


def compile_template(text: str) -> Template:
    """Compile a route template, prefix included; RouteError says what is not supported in it."""
    segments = [segment for segment in text.strip("/").split("/") if segment]
    groups: dict[str, str] = {}
    ranks: list[int] = []
    pattern = ""
    optional_seen = False
    for position, segment in enumerate(segments):
        piece, rank, is_optional, is_rest = _segment(text, segment, groups)
        if is_rest and position != len(segments) - 1:
            raise RouteError(f"route '{text}': {segment} must be the last segment")
        if optional_seen and not (is_optional or is_rest):
            raise RouteError(f"route '{text}': only the last segments can be optional")
        optional_seen = optional_seen or is_optional
        separator = "/" if position else ""
        pattern += f"(?:{separator}{piece})?" if is_optional or is_rest else separator + piece
        ranks.append(rank)
    return Template(
        text="/".join(segments),
        pattern=re.compile(pattern, re.IGNORECASE | re.DOTALL),
        groups=groups,
        rank=tuple(ranks),
    )


def _segment(text: str, segment: str, groups: dict[str, str]) -> tuple[str, int, bool, bool]:
    """Compile one segment: (pattern, rank, is it optional, is it the rest of the path)."""
    matches = list(_PARAMETER.finditer(segment))
    literals = _PARAMETER.sub("", segment)
    if "{" in literals or "}" in literals:
        raise RouteError(f"route '{text}': cannot read the parameter in '{segment}'")
    if not matches:
        return re.escape(segment), 1, False, False
    if literals:
        # ASP.NET ranks a mixed segment with the constrained parameters.
        return _mixed(text, segment, matches, groups), 2, False, False
    if len(matches) > 1:
        raise RouteError(f"route '{text}': two parameters need text between them in '{segment}'")
    stars, name, constraints, optional = matches[0].groups()
    group = _claim(text, name, groups)
    if stars:
        if constraints or optional:
            raise RouteError(f"route '{text}': '{segment}' takes no constraint and no '?'")
        return f"(?P<{group}>.*)", 5, False, True
    body = _value_pattern(text, constraints)
    return f"(?P<{group}>{body})", 2 if constraints else 3, bool(optional), False


def _mixed(text: str, segment: str, matches: list[re.Match[str]], groups: dict[str, str]) -> str:
    pattern = ""
    end = 0
    for match in matches:
        stars, name, constraints, optional = match.groups()
        if stars or optional:
            raise RouteError(f"route '{text}': '{match.group()}' needs a segment of its own")
        group = _claim(text, name, groups)
        pattern += re.escape(segment[end : match.start()])
        pattern += f"(?P<{group}>{_value_pattern(text, constraints)})"
        end = match.end()
    return pattern + re.escape(segment[end:])


def _claim(text: str, name: str, groups: dict[str, str]) -> str:
    if name.lower() in (known.lower() for known in groups.values()):
        raise RouteError(f"route '{text}': parameter '{name}' appears twice")
    # A parameter's name may be one that Python's `re` refuses; number the groups instead.
    group = f"p{len(groups)}"
    groups[group] = name
    return group


def _value_pattern(text: str, constraints: str) -> str:
    names = constraints.split(":")[1:]
    if not names:
        return "[^/]+"
    if len(names) > 1:
        raise RouteError(f"route '{text}': more than one constraint ('{constraints}')")
    known = _CONSTRAINTS.get(names[0].lower())
    if known is None:
        raise RouteError(
            f"route '{text}': constraint ':{names[0]}' is not known to this dev host "
            f"(known: {', '.join(sorted(_CONSTRAINTS))})"
        )
    return f"(?:{known})"
