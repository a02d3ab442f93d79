"""InstanceFilter → the OData filter of a query of the Instances table.

The columns are DTFx's, so rows that another engine wrote are found too. Text is quoted here; a
quote in it is doubled, which is all that OData asks for.
"""

from datetime import UTC, datetime

from durable.model.entity_ids import START
from durable.model.queries import InstanceFilter
from durable.storage.keys import escape_key

EVERYTHING = "PartitionKey ge ''"
# Behind this come surrogates, which are no characters of their own.
LAST_PLAIN_CHARACTER = "\ud7ff"


def condition_of(wanted: InstanceFilter) -> str:
    """Print the filter."""
    parts = []
    if wanted.id_prefix:
        parts += _keys_with(escape_key(wanted.id_prefix))
    if wanted.without_entities:
        parts.append(f"(PartitionKey lt {_text(START)} or PartitionKey ge {_text(_after(START))})")
    if wanted.created_from is not None:
        parts.append(f"CreatedTime ge {_moment(wanted.created_from)}")
    if wanted.created_to is not None:
        parts.append(f"CreatedTime le {_moment(wanted.created_to)}")
    if wanted.statuses:
        names = sorted(status.value for status in wanted.statuses)
        parts.append("(" + " or ".join(f"RuntimeStatus eq '{name}'" for name in names) + ")")
    return " and ".join(parts) or EVERYTHING


def _keys_with(prefix: str) -> list[str]:
    """Name the range of keys that begin so; where that has no plain end, a wider one."""
    parts = [f"PartitionKey ge {_text(prefix)}"]
    end = prefix
    while end and end[-1] >= LAST_PLAIN_CHARACTER:
        end = end[:-1]
    if end:
        parts.append(f"PartitionKey lt {_text(end[:-1] + _after(end[-1]))}")
    return parts


def _after(character: str) -> str:
    return chr(ord(character) + 1)


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _moment(moment: datetime) -> str:
    return f"datetime'{moment.astimezone(UTC).replace(tzinfo=None).isoformat()}Z'"
