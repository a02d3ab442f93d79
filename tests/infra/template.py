"""The Bicep of infra/, read into plain values.

The parser knows the syntax and no schema; and a bare name and a quoted string look the same in what
it gives. So a test here compares with names of our own, never with what Azure would accept.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from pycep import BicepParser

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
INTERPOLATED = re.compile(r"\$\{\s*([A-Za-z_]\w*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One Bicep file; each section maps a symbolic name to what the parser made of it."""

    parameters: dict[str, Any]
    variables: dict[str, Any]
    resources: dict[str, Any]
    modules: dict[str, Any]
    outputs: dict[str, Any]
    content: dict[str, Any]

    @property
    def declared(self) -> set[str]:
        """Every name that an expression of the file may start with, loop variables included."""
        sections = (self.parameters, self.variables, self.resources, self.modules)
        return {name for section in sections for name in section} | set(loop_names(self.content))

    def properties(self, resource: str) -> dict[str, Any]:
        """Give the `properties` of one resource that is not a loop."""
        return cast("dict[str, Any]", self.resources[resource]["config"]["properties"])


def parse(text: str) -> Template:
    """Parse a file's text, or raise the parser's error."""
    content = cast("dict[str, Any]", BicepParser().parse(text=text))
    return Template(
        parameters=content.get("parameters", {}),
        variables=content.get("variables", {}),
        resources=content.get("resources", {}),
        modules=content.get("modules", {}),
        outputs=content.get("outputs", {}),
        content=content,
    )


@cache
def template(name: str) -> Template:
    """Parse `infra/<name>.bicep`."""
    return parse((INFRA / f"{name}.bicep").read_text(encoding="utf-8"))


def decorator(parameter: dict[str, Any], kind: str) -> Any:
    """Give the argument of one of a parameter's decorators, or None."""
    found = [each["argument"] for each in parameter["decorators"] if each["type"] == kind]
    return found[0] if found else None


def dotted(value: Any) -> Any:
    """Write a chain of property accesses as its source has it; leave anything else as it is."""
    match value:
        case {"operator": {"type": "property_accessor", "operands": operands}}:
            return f"{dotted(operands['operand_1'])}.{dotted(operands['operand_2'])}"
    return value


def heads(value: Any) -> Iterator[str]:
    """Give the first name of each property access and of each `${...}` within a value."""
    match value:
        case {"operator": {"type": "property_accessor", "operands": {"operand_1": first}}}:
            if isinstance(first, str):
                yield first
            else:
                yield from heads(first)
        case dict():
            for key, each in value.items():
                yield from INTERPOLATED.findall(key)
                yield from heads(each)
        case list():
            for each in value:
                yield from heads(each)
        case str():
            yield from INTERPOLATED.findall(value)


def loop_names(value: Any) -> Iterator[str]:
    """Give the variable of each `for` within a value."""
    match value:
        case {"loop_type": {"detail": {"item_name": str(name)}}}:
            yield name
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from loop_names(each)
