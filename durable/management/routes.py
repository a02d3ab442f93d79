"""The routes of the tree: which there are, and which one a request is for.

Literal segments are matched without regard to case, as ASP.NET does. A route that the extension
has and this version has not is in the table too, so that its caller gets a sentence, not a riddle.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto


class Operation(Enum):
    """What a route does."""

    READ_STATUS = auto()
    RAISE_EVENT = auto()
    TERMINATE = auto()
    NOT_YET = auto()


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path whose `{segments}` are free, and what it does; `what` names it in a 501."""

    method: str
    path: str
    operation: Operation
    what: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """The route of a request and the values of its free segments."""

    route: Route
    values: Mapping[str, str]


def _later(method: str, path: str, what: str) -> Route:
    return Route(method, path, Operation.NOT_YET, what)


ROUTES = (
    Route("GET", "instances/{id}", Operation.READ_STATUS),
    Route("POST", "instances/{id}/raiseEvent/{name}", Operation.RAISE_EVENT),
    Route("POST", "instances/{id}/terminate", Operation.TERMINATE),
    _later("POST", "orchestrators/{name}", "Starting over the management API"),
    _later("POST", "orchestrators/{name}/{id}", "Starting over the management API"),
    _later("GET", "instances", "Listing instances"),
    _later("DELETE", "instances/{id}", "Purging an instance"),
    _later("DELETE", "instances", "Purging instances"),
    _later("POST", "instances/{id}/suspend", "Suspending an instance"),
    _later("POST", "instances/{id}/resume", "Resuming an instance"),
    _later("POST", "instances/{id}/rewind", "Rewinding an instance"),
    _later("POST", "instances/{id}/restart", "Restarting an instance"),
    _later("GET", "entities", "Listing entities"),
    _later("GET", "entities/{name}", "Listing entities"),
    _later("GET", "entities/{name}/{key}", "Reading an entity"),
    _later("POST", "entities/{name}/{key}", "Signalling an entity"),
    _later("DELETE", "entities/{name}/{key}", "Deleting an entity"),
    _later("POST", "makeprimary", "Taking the app lease"),
)


def match(method: str, path: str) -> Match | None:
    """Find the route of a request, or `None`."""
    segments = path.strip("/").split("/")
    for route in ROUTES:
        if route.method == method.upper():
            values = _values(route.path.split("/"), segments)
            if values is not None:
                return Match(route, values)
    return None


def _values(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    values: dict[str, str] = {}
    for wanted, segment in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            if not segment:
                return None
            values[wanted.strip("{}")] = segment
        elif wanted.lower() != segment.lower():
            return None
    return values
