"""The routes of entities: `entities/{name}/{key}`, what lies below it, and lists.

Source: HttpApiHandler.cs of azure-functions-durable-extension. Its entities may have an empty key,
which it writes as `$`; here none has. Beyond it: who holds an entity, and the breaking of a lock.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from durable.management.exchange import Request, Response
from durable.management.lists import EMPTY_PAGES_MAX, TOKEN_HEADER, TOP, TOP_MAX, token_of
from durable.management.parameters import (
    InvalidRequestError,
    read_count,
    read_json,
    read_text,
    read_time,
)
from durable.management.payloads import (
    ACCEPTED,
    JSON_HEADERS,
    entity_payload,
    lock_payload,
)
from durable.management.served import ServedHub
from durable.model.entity_ids import EntityId
from durable.model.entity_queries import EntityMetadata, EntityPage, EntityQuery
from durable.model.errors import InstanceNotFoundError

EMPTY_KEY = "$"
DELETE = "delete"


async def read_entity(hub: ServedHub, _request: Request, values: Mapping[str, str]) -> Response:
    """Tell the state of an entity: the JSON text as it is."""
    entity = await hub.client.read_entity(_entity_id(values))
    if entity is None:
        raise _not_found(values)
    return Response(status=200, headers=JSON_HEADERS, body=entity.state or "null")


async def list_entities(hub: ServedHub, request: Request, values: Mapping[str, str]) -> Response:
    """List one page of entities, of one name or of all."""
    shows_state = request.flag("fetchState", default=False)
    if "@" in values.get("name", ""):
        raise InvalidRequestError(f"No entity can have the name {values['name']!r}.")
    query = EntityQuery(
        name=values.get("name"),
        last_modified_from=read_time(request, "lastOperationTimeFrom"),
        last_modified_to=read_time(request, "lastOperationTimeTo"),
        include_state=shows_state,
    )
    top = read_count(request, "top", default=TOP, most=TOP_MAX)
    page = EntityPage((), token_of(request))
    for _attempt in range(EMPTY_PAGES_MAX):
        page = await hub.client.list_entity_page(query, top=top, token=page.token)
        if page.entities or page.token is None:
            break
    payloads = [entity_payload(entity, shows_state=shows_state) for entity in page.entities]
    return Response(
        status=200,
        headers={**JSON_HEADERS, TOKEN_HEADER: page.token or ""},
        body=json.dumps(payloads),
    )


async def signal(hub: ServedHub, request: Request, values: Mapping[str, str]) -> Response:
    """Signal the operation `op` with the body: JSON where it says so, else text."""
    operation = request.query_value("op")
    if not operation:
        raise InvalidRequestError("'op' is missing: the operation that is to be signaled.")
    entity_id = _known_entity(hub, values)
    await hub.client.signal_entity(entity_id, operation, _input(request))
    return ACCEPTED


async def delete(hub: ServedHub, _request: Request, values: Mapping[str, str]) -> Response:
    """Signal `delete`, which takes the state away unless the entity understands it otherwise."""
    await hub.client.signal_entity(_known_entity(hub, values), DELETE)
    return ACCEPTED


async def read_lock(hub: ServedHub, _request: Request, values: Mapping[str, str]) -> Response:
    """Tell who holds an entity, and how much waits there."""
    entity = await _transient(hub, values)
    return Response(status=200, headers=JSON_HEADERS, body=json.dumps(lock_payload(entity)))


async def break_lock(hub: ServedHub, request: Request, values: Mapping[str, str]) -> Response:
    """Take an entity from whoever holds it by the lock of `epoch`."""
    epoch = read_count(request, "epoch", default=0, most=10**9)
    if not epoch:
        raise InvalidRequestError("'epoch' is missing: which lock, as the route 'lock' tells.")
    reason = request.query_value("reason")
    await hub.client.break_lock(_entity_id(values), epoch=epoch, reason=reason)
    return ACCEPTED


async def _transient(hub: ServedHub, values: Mapping[str, str]) -> EntityMetadata:
    entity = await hub.client.read_entity(
        _entity_id(values), with_state=False, include_transient=True
    )
    if entity is None:
        raise _not_found(values)
    return entity


def _entity_id(values: Mapping[str, str]) -> EntityId:
    if values["key"] == EMPTY_KEY:
        raise InvalidRequestError("The key '$' stands for an empty one, and no entity has that.")
    # Routers leave an encoded slash as it is; in a key it can only have meant a slash.
    key = re.sub("%2[Ff]", "/", values["key"])
    try:
        return EntityId(values["name"], key)
    except ValueError as error:
        raise InvalidRequestError(str(error)) from error


def _known_entity(hub: ServedHub, values: Mapping[str, str]) -> EntityId:
    entity_id = _entity_id(values)
    if hub.entities is not None and entity_id.name.lower() not in hub.entities:
        known = ", ".join(f"'{one}'" for one in sorted(hub.entities))
        raise InvalidRequestError(
            f"The function '{entity_id.name}' doesn't exist, is disabled, or is not an entity "
            "function. Additional info: "
            + (
                f"The following are the known entity functions: {known}."
                if known
                else "No entity functions are currently registered!"
            )
        )
    return entity_id


def _input(request: Request) -> Any:
    if not request.body:
        return None
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    return read_json(request.body) if kind == "application/json" else read_text(request.body)


def _not_found(values: Mapping[str, str]) -> InstanceNotFoundError:
    return InstanceNotFoundError(f"No entity '{values['name']}' with key '{values['key']}' found.")
