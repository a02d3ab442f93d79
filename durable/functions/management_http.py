"""func.HttpRequest ↔ Request, Response ↔ func.HttpResponse."""

import azure.functions as func

from durable.management.exchange import Request, Response

PATH = "path"
"""The name of the catch-all segment in the management function's route."""


def from_http_request(request: func.HttpRequest) -> Request:
    """Describe a request below the management tree's base.

    The path is the route parameter: the host has decoded it exactly once, which its URL can't be
    trusted to show (an id with a literal `%41` comes back there as `A`).
    """
    return Request(
        method=request.method,
        path=request.route_params.get(PATH) or "",
        query=dict(request.params),
        headers=dict(request.headers),
        body=request.get_body(),
        url=request.url,
    )


def to_http_response(response: Response) -> func.HttpResponse:
    """Put an answer into the library's form."""
    headers = dict(response.headers)
    # The library sets a content type of its own beside ours if it is not told.
    mimetype = headers.pop("Content-Type", None)
    return func.HttpResponse(
        body=response.body,
        status_code=response.status,
        headers=headers,
        mimetype=mimetype,
    )
