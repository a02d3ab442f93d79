"""ServedHub: what the routes work with, and how a route is written."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from durable.client.durable_client import DurableClient
from durable.management.exchange import Request, Response
from durable.management.payloads import LinkBase


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedHub:
    """One task hub as its callers reach it.

    `orchestrators` are the names that may be started, `entities` those of entities, in lower case;
    `None` where that is not known here.
    """

    client: DurableClient
    link_base: LinkBase
    orchestrators: Collection[str] | None = None
    entities: Collection[str] | None = None

    def links(self, request: Request, instance_id: str) -> dict[str, str]:
        """Make the links of an instance, beginning as the address of the request does."""
        url = urlsplit(request.url)
        origin = f"{url.scheme}://{url.netloc}" if url.netloc else ""
        return self.link_base.links(origin, instance_id)


Handler = Callable[[ServedHub, Request, Mapping[str, str]], Awaitable[Response]]
"""What a route does with a request; the mapping holds the values of its free segments."""
