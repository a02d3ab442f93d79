"""The routes of many instances: `instances`, listed and purged by filter.

Both go on where they were: a token in the header `x-ms-continuation-token` of the answer, given
back in the same header of the next request. An empty one says that nothing is left.
"""

import json
from collections.abc import Mapping

from durable.management.exchange import Request, Response
from durable.management.parameters import InvalidRequestError, read_count, read_filter
from durable.management.payloads import JSON_HEADERS, purged_response, status_payload
from durable.management.served import ServedHub
from durable.model.errors import InstanceNotFoundError
from durable.model.queries import StatusPage

TOKEN_HEADER = "x-ms-continuation-token"  # noqa: S105  (a header's name)
TOP = 100
TOP_MAX = 1000
EMPTY_PAGES_MAX = 20
PURGE_S_MAX = 100.0


async def list_instances(hub: ServedHub, request: Request, _: Mapping[str, str]) -> Response:
    """List one page of instances."""
    wanted = read_filter(request, is_strict=False)
    top = read_count(request, "top", default=TOP, most=TOP_MAX)
    show_input = request.flag("showInput", default=True)
    page = StatusPage((), token_of(request))
    for _attempt in range(EMPTY_PAGES_MAX):
        # The service answers with empty pages where a filter finds little; callers expect none.
        page = await hub.client.list_page(wanted, top=top, token=page.token, show_input=show_input)
        if page.statuses or page.token is None:
            break
    return Response(
        status=200,
        headers={**JSON_HEADERS, TOKEN_HEADER: page.token or ""},
        body=json.dumps([status_payload(status) for status in page.statuses]),
    )


async def purge_instances(hub: ServedHub, request: Request, _: Mapping[str, str]) -> Response:
    """Delete the ended instances of a filter, as many as the time of a request allows."""
    wanted = read_filter(request, is_strict=True)
    if wanted.created_from is None:
        raise InvalidRequestError("'createdTimeFrom' is required to purge by filter.")
    purged = await hub.client.purge_by(wanted, token=token_of(request), budget_s=PURGE_S_MAX)
    if purged.deleted == 0 and purged.is_complete:
        raise InstanceNotFoundError("No instance that has ended is meant by this filter.")
    return purged_response(purged.deleted, {TOKEN_HEADER: purged.token or ""})


def token_of(request: Request) -> str | None:
    """Find where a list goes on; nothing is the beginning."""
    return request.header(TOKEN_HEADER) or None
