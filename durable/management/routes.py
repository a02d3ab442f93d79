"""The routes of the tree: which there are, what each does, and which one a request is for.

Literal segments are matched without regard to case, as ASP.NET does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from durable.management import entities, instances, lists, starts
from durable.management.exchange import Request, Response
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
    Route("GET", "entities", entities.list_entities),
    Route("GET", "entities/{name}", entities.list_entities),
    Route("GET", "entities/{name}/{key}", entities.read_entity),
    Route("POST", "entities/{name}/{key}", entities.signal),
    Route("DELETE", "entities/{name}/{key}", entities.delete),
    Route("GET", "entities/{name}/{key}/lock", entities.read_lock),
    Route("POST", "entities/{name}/{key}/breakLock", entities.break_lock),
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
