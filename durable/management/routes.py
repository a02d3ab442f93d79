"""The routes of the tree: which there are, what each does, and which one a request is for.

Literal segments are matched without regard to case, as ASP.NET does. A route that the extension
has and this version has not is in the table too, so that its caller gets a sentence, not a riddle.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from durable.management import instances, lists, starts
from durable.management.exchange import Request, Response
from durable.management.payloads import error_response
from durable.management.served import Handler, ServedHub


@dataclass(frozen=True, slots=True)
class Route:
    """A method, a path whose `{segments}` are free, and what it does."""

    method: str
    path: str
    handler: Handler


@dataclass(frozen=True, slots=True)
class Match:
    """The route of a request and the values of its free segments."""

    route: Route
    values: Mapping[str, str]


def _later(what: str) -> Handler:
    async def refuse(_hub: ServedHub, _request: Request, _values: Mapping[str, str]) -> Response:
        return error_response(501, f"{what} is not there yet; it comes with a later version.")

    return refuse


async def _be_primary(_hub: ServedHub, _request: Request, _values: Mapping[str, str]) -> Response:
    """There is no lease to take: every host of a hub is as good as any other."""
    return Response(status=200)


ROUTES = (
    Route("POST", "orchestrators/{name}", starts.start),
    Route("POST", "orchestrators/{name}/{id}", starts.start),
    Route("GET", "instances", lists.list_instances),
    Route("DELETE", "instances", lists.purge_instances),
    Route("GET", "instances/{id}", instances.read_status),
    Route("DELETE", "instances/{id}", instances.purge),
    Route("POST", "instances/{id}/raiseEvent/{name}", instances.raise_event),
    Route("POST", "instances/{id}/terminate", instances.terminate),
    Route("POST", "instances/{id}/suspend", instances.suspend),
    Route("POST", "instances/{id}/resume", instances.resume),
    Route("POST", "instances/{id}/rewind", instances.rewind),
    Route("POST", "instances/{id}/restart", instances.restart),
    Route("GET", "entities", _later("Listing entities")),
    Route("GET", "entities/{name}", _later("Listing entities")),
    Route("GET", "entities/{name}/{key}", _later("Reading an entity")),
    Route("POST", "entities/{name}/{key}", _later("Signalling an entity")),
    Route("DELETE", "entities/{name}/{key}", _later("Deleting an entity")),
    Route("POST", "makeprimary", _be_primary),
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
