"""The JSON bodies that callers know from the Durable Task extension: status, links, errors.

Source: HttpApiHandler.cs of azure-functions-durable-extension (names, formats, order).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from durable.management.exchange import Response
from durable.management.histories import history_payload
from durable.model.entity_queries import EntityMetadata
from durable.model.queries import OrchestrationStatus
from durable.model.values import decode_value

TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
TREE = "durabletask"
OPERATION_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
ACCEPTED = Response(status=202)
JSON_HEADERS = {"Content-Type": "application/json"}
START_POLLING_S = 10
"""What a caller is told to wait before the first look (the extension's constant)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkBase:
    """What every link of a hub has in common. `route_prefix` may be empty."""

    route_prefix: str
    task_hub: str
    connection_name: str
    key: str

    def links(self, origin: str, instance_id: str) -> dict[str, str]:
        """Make the management links of an instance."""
        parts = (origin.rstrip("/"), self.route_prefix.strip("/"), TREE, "instances")
        instance = "/".join([*filter(None, parts), quote(instance_id, safe="")])
        suffix = (
            f"taskHub={quote(self.task_hub, safe='')}"
            f"&connection={quote(self.connection_name, safe='')}&code={quote(self.key, safe='')}"
        )
        return {
            "id": instance_id,
            "statusQueryGetUri": f"{instance}?{suffix}",
            "sendEventPostUri": f"{instance}/raiseEvent/{{eventName}}?{suffix}",
            "terminatePostUri": f"{instance}/terminate?reason={{text}}&{suffix}",
            "rewindPostUri": f"{instance}/rewind?reason={{text}}&{suffix}",
            "purgeHistoryDeleteUri": f"{instance}?{suffix}",
            "restartPostUri": f"{instance}/restart?{suffix}",
            "suspendPostUri": f"{instance}/suspend?reason={{text}}&{suffix}",
            "resumePostUri": f"{instance}/resume?reason={{text}}&{suffix}",
        }


def check_status_response(links: Mapping[str, str]) -> Response:
    """Make the 202 that follows a start."""
    return Response(
        status=202,
        headers={
            **JSON_HEADERS,
            "Location": links["statusQueryGetUri"],
            "Retry-After": str(START_POLLING_S),
        },
        body=json.dumps(dict(links)),
    )


def status_payload(status: OrchestrationStatus) -> dict[str, Any]:
    """Describe where an instance stands.

    `reason` is there only for a parked one, `historyEvents` only where the history was read.
    """
    payload: dict[str, Any] = {
        "name": status.name,
        "instanceId": status.instance_id,
        "runtimeStatus": status.runtime_status.value,
        "input": decode_value(status.input),
        "customStatus": decode_value(status.custom_status),
        "output": decode_value(status.output),
        "createdTime": _time(status.created_at),
        "lastUpdatedTime": _time(status.updated_at),
    }
    if status.reason is not None:
        payload["reason"] = status.reason
    if status.history is not None:
        payload["historyEvents"] = history_payload(status.history)
    return payload


def entity_payload(entity: EntityMetadata, *, shows_state: bool) -> dict[str, Any]:
    """Describe an entity of a list; `state` is there only where it was asked for."""
    payload: dict[str, Any] = {
        "entityId": {"name": entity.entity_id.name, "key": entity.entity_id.key},
        "lastOperationTime": _exact_time(entity.last_operation_at),
    }
    if shows_state:
        payload["state"] = entity.value
    return payload


def lock_payload(entity: EntityMetadata) -> dict[str, Any]:
    """Describe who holds an entity (`lock` is `null` if nobody does) and how much waits there."""
    holder = entity.locked_by
    lock = holder and {
        "instanceId": holder.instance_id,
        "executionId": holder.execution_id,
        "sectionId": holder.section_id,
        "lockSet": list(holder.lock_set),
        "epoch": holder.epoch,
        "since": _exact_time(holder.since),
    }
    return {
        "entityId": {"name": entity.entity_id.name, "key": entity.entity_id.key},
        "lock": lock,
        "backlog": entity.backlog,
    }


def purged_response(deleted: int, headers: Mapping[str, str] | None = None) -> Response:
    """Say how many instances were deleted."""
    return Response(
        status=200,
        headers={**JSON_HEADERS, **(headers or {})},
        body=json.dumps({"instancesDeleted": deleted}),
    )


def error_response(
    status: int, message: str, *, error: BaseException | None = None, retry_after_s: int = 0
) -> Response:
    """Say what went wrong, in the extension's four members; traces of our inside stay inside."""
    headers = dict(JSON_HEADERS)
    if retry_after_s:
        headers["Retry-After"] = str(retry_after_s)
    body = {
        "Message": message,
        "ExceptionMessage": str(error) if error is not None else message,
        "ExceptionType": type(error).__name__ if error is not None else "",
        "StackTrace": "",
    }
    return Response(status=status, headers=headers, body=json.dumps(body))


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(TIME_FORMAT)


def _exact_time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime(OPERATION_TIME_FORMAT)
