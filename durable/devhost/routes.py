"""HTTP routes: ASP.NET route templates, and the choice among them.

Source: WebScriptHostHttpRoutesManager.cs and FunctionMetadataManager.cs of the Functions host, and
ASP.NET Core's route templates.

A template is segments between slashes. A segment is text, `{name}`, `{name:int}`, `{name?}`,
`{name=default}`, `{*rest}`, or text and parameters mixed (`v{major}.{minor}`).

Rule 1. Literals match without regard to case; values keep theirs.
Rule 2. A segment is decoded after the path was split, and `%2F` stays as it is (as Kestrel does),
        so that an encoded slash never changes which route is taken.
Rule 3. The first route that fits is taken, in the order in which the table got them; the host
        orders functions by name. Being more literal does not help a route.
Rule 4. The method is one condition of a route: with another one the route does not fit.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, Literal, TypeVar
from urllib.parse import unquote

from durable.devhost.route_constraints import Constraint, read_constraint

_NAME = re.compile(r"(?P<stars>\*{0,2})(?P<name>[A-Za-z_]\w*)(?P<rest>.*)", re.DOTALL)
_ENCODED_SLASH = re.compile(r"%2f", re.IGNORECASE)

Target = TypeVar("Target")


class RouteError(Exception):
    """A route template that this host cannot compile; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parameter:
    name: str
    constraints: tuple[Constraint, ...]
    default: str | None


@dataclass(frozen=True, slots=True)
class _Part:
    text: str
    is_parameter: bool


_Presence = Literal["needed", "optional", "default", "rest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A compiled route template; `parameters` by the name of their group in `pattern`."""

    text: str
    pattern: re.Pattern[str]
    parameters: dict[str, _Parameter]

    def match(self, path: str) -> dict[str, str] | None:
        """Return the values of the parameters if `path` (decoded by `decode_path`) fits."""
        match = self.pattern.fullmatch(path)
        if match is None:
            return None
        values: dict[str, str] = {}
        for group, parameter in self.parameters.items():
            value = match.group(group) or parameter.default
            if value:
                if not all(fits(value) for fits in parameter.constraints):
                    return None
                values[parameter.name] = value
        return values


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


class RouteTable(Generic[Target]):
    """All routes of an app, in the order in which they are tried."""

    def __init__(self, routes: Iterable[Route[Target]]) -> None:
        """Keep the order."""
        self._routes = list(routes)

    def find(self, method: str, raw_path: str) -> Found[Target] | None:
        """Choose the route for a path as it came over the wire, still percent-encoded."""
        path = decode_path(raw_path)
        for route in self._routes:
            if route.methods is not None and method.upper() not in route.methods:
                continue
            values = route.template.match(path)
            if values is not None:
                return Found(route.target, values)
        return None


def decode_path(raw_path: str) -> str:
    """Decode a path's segments one by one, but leave an encoded slash encoded."""
    return "/".join(
        unquote(_ENCODED_SLASH.sub("%252F", segment)) for segment in raw_path.strip("/").split("/")
    )


def compile_template(text: str) -> Template:
    """Compile a route template, prefix included; RouteError says what is not supported in it."""
    parameters: dict[str, _Parameter] = {}
    compiled = [_segment(text, parts, parameters) for parts in _segments(text)]
    pattern = ""
    # Only the last segments can be absent: the first of them that can't be makes all before needed.
    can_be_absent = True
    for position, (piece, presence) in reversed(list(enumerate(compiled))):
        if presence == "rest" and position != len(compiled) - 1:
            raise RouteError(f"route '{text}': the rest of the path must be the last segment")
        can_be_absent = can_be_absent and presence != "needed"
        if presence == "optional" and not can_be_absent:
            raise RouteError(f"route '{text}': only the last segments can be optional")
        one = ("/" if position else "") + piece
        pattern = f"(?:{one}{pattern})?" if can_be_absent else one + pattern
    return Template(
        text=text.strip("/"),
        pattern=re.compile(pattern, re.IGNORECASE | re.DOTALL),
        parameters=parameters,
    )


def _segments(text: str) -> list[list[_Part]]:
    """Split a template at its slashes, and each segment into texts and parameters."""
    segments: list[list[_Part]] = [[]]
    literal = ""
    position = 0
    while position < len(text):
        two, one = text[position : position + 2], text[position]
        if two in ("{{", "}}"):
            literal += one
            position += 2
            continue
        if one in "{/":
            if literal:
                segments[-1].append(_Part(literal, is_parameter=False))
                literal = ""
            if one == "/":
                segments.append([])
                position += 1
            else:
                inside, position = _inside(text, position + 1)
                segments[-1].append(_Part(inside, is_parameter=True))
            continue
        if one == "}":
            raise RouteError(f"route '{text}': a '}}' without its '{{'")
        literal += one
        position += 1
    if literal:
        segments[-1].append(_Part(literal, is_parameter=False))
    return [parts for parts in segments if parts]


def _inside(text: str, position: int) -> tuple[str, int]:
    """Read a parameter up to its brace: (what it says, where the template goes on)."""
    said = ""
    while position < len(text):
        two = text[position : position + 2]
        if two in ("{{", "}}"):
            said += two[0]
            position += 2
        elif two[0] == "}":
            return said, position + 1
        else:
            said += two[0]
            position += 1
    raise RouteError(f"route '{text}': a '{{' without its '}}'")


def _segment(
    text: str, parts: list[_Part], parameters: dict[str, _Parameter]
) -> tuple[str, _Presence]:
    """Compile one segment: its pattern, and whether a path can do without it."""
    if any(left.is_parameter and right.is_parameter for left, right in pairwise(parts)):
        raise RouteError(f"route '{text}': two parameters need text between them")
    pattern = ""
    presence: _Presence = "needed"
    for part in parts:
        if not part.is_parameter:
            pattern += re.escape(part.text)
            continue
        parameter, presence = _parameter(text, part.text)
        if presence != "needed" and len(parts) > 1:
            raise RouteError(f"route '{text}': '{{{part.text}}}' needs a segment of its own")
        if parameter.name.lower() in (known.name.lower() for known in parameters.values()):
            raise RouteError(f"route '{text}': parameter '{parameter.name}' appears twice")
        # A parameter's name may be one that Python's `re` refuses; number the groups instead.
        group = f"p{len(parameters)}"
        parameters[group] = parameter
        pattern += f"(?P<{group}>{'.*' if presence == 'rest' else '[^/]+'})"
    return pattern, presence


def _parameter(text: str, said: str) -> tuple[_Parameter, _Presence]:
    match = _NAME.fullmatch(said)
    if match is None:
        raise RouteError(f"route '{text}': cannot read the parameter '{{{said}}}'")
    rest, equals, default = _outside_brackets(match["rest"])
    is_optional = rest.endswith("?") and not equals
    constraints = _constraints(text, rest.removesuffix("?") if is_optional else rest)
    if match["stars"]:
        if is_optional:
            raise RouteError(f"route '{text}': '{{{said}}}' takes no '?'")
        presence: _Presence = "rest"
    else:
        presence = "optional" if is_optional else "default" if equals else "needed"
    parameter = _Parameter(
        name=match["name"], constraints=constraints, default=default if equals else None
    )
    return parameter, presence


def _outside_brackets(text: str) -> tuple[str, str, str]:
    """Part constraints from a default value; an `=` in brackets belongs to a constraint."""
    depth = 0
    for position, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "=" and depth == 0:
            return text[:position], "=", text[position + 1 :]
    return text, "", ""


def _constraints(text: str, said: str) -> tuple[Constraint, ...]:
    if not said:
        return ()
    if not said.startswith(":"):
        raise RouteError(f"route '{text}': cannot read '{said}' after a parameter's name")
    # A colon in brackets belongs to a regular expression.
    names = re.split(r":(?![^(]*\))", said[1:])
    try:
        return tuple(read_constraint(name) for name in names)
    except ValueError as error:
        raise RouteError(f"route '{text}': {error}") from error
