"""What the client answers: statuses, responses and errors in the words of 1.7."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID

import azure.functions as func

from durable.functions.client_binding import INSTANCE_ID_PLACEHOLDER
from durable.functions.status import DurableOrchestrationStatus, OrchestrationRuntimeStatus
from durable.model.errors import InstanceEndedError, InstanceNotFoundError
from durable.model.queries import InstanceFilter
from durable.model.status import RuntimeStatus

ENDED_OTHERWISE = (OrchestrationRuntimeStatus.Canceled, OrchestrationRuntimeStatus.Terminated)


@contextmanager
def in_words(*, missing: str, ended: str | None) -> Iterator[None]:
    """Say these sentences of an instance that is not there, or has ended; `None` is silence."""
    try:
        yield
    except InstanceNotFoundError:
        raise InstanceNotFoundError(missing) from None
    except InstanceEndedError:
        if ended is not None:
            raise InstanceEndedError(ended) from None


def id_text(instance_id: Any) -> Any:
    """Print an id that is a UUID or a number: 1.7 put what it got into an address."""
    return str(instance_id) if isinstance(instance_id, UUID | int) else instance_id


def instance_filter(
    created_from: datetime | None,
    created_to: datetime | None,
    statuses: Sequence[OrchestrationRuntimeStatus] | None,
    id_prefix: str | None,
) -> InstanceFilter:
    """Say which instances are meant; times without a zone are UTC."""
    return InstanceFilter(
        created_from=_aware(created_from),
        created_to=_aware(created_to),
        statuses=frozenset(
            RuntimeStatus(OrchestrationRuntimeStatus(s).value) for s in statuses or ()
        ),
        id_prefix=id_prefix or "",
    )


def final_response(status: DurableOrchestrationStatus) -> func.HttpResponse | None:
    """Answer for an instance that has ended; `None` for any other."""
    if status.runtime_status is OrchestrationRuntimeStatus.Completed:
        return _json_response(200, status.output)
    if status.runtime_status in ENDED_OTHERWISE:
        return _json_response(200, status.to_json())
    if status.runtime_status is OrchestrationRuntimeStatus.Failed:
        return _json_response(500, status.to_json())
    return None


def filled_in(templates: Mapping[str, str], origin: str | None, instance_id: str) -> dict[str, str]:
    """Put an instance id, and an origin, into the links of a client binding's text."""
    placeholder = templates.get("id") or INSTANCE_ID_PLACEHOLDER
    links = {}
    for name, template in templates.items():
        url = urlsplit(template)
        if origin and url.scheme and url.netloc:
            template = origin + template.removeprefix(f"{url.scheme}://{url.netloc}")  # noqa: PLW2901
        links[name] = template.replace(placeholder, quote(instance_id, safe=""))
    return links | {"id": instance_id}


def _json_response(status_code: int, body: Any) -> func.HttpResponse:
    return func.HttpResponse(
        body if isinstance(body, str) else json.dumps(body),
        status_code=status_code,
        mimetype="application/json",
    )


def _aware(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
