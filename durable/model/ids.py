"""Names of things: task hubs, instances, executions.

An instance id becomes a PartitionKey, a blob prefix and a URL segment. What cannot be all three is
refused at the door, before anything is stored, as the Durable extension's start route does.
"""

import re
from typing import NewType

from durable.model.errors import InvalidInstanceIdError, InvalidTaskHubError

InstanceId = NewType("InstanceId", str)
ExecutionId = NewType("ExecutionId", str)

INSTANCE_ID_CHARS_MAX = 256
FORBIDDEN_IN_INSTANCE_ID = "/\\#?"
TASK_HUB_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9]{2,44}")


def parse_instance_id(text: str) -> InstanceId:
    """Return the text as an instance id, or raise `InvalidInstanceIdError`."""
    if not isinstance(text, str):
        raise InvalidInstanceIdError(f"An instance id is a string, not {type(text).__name__}.")
    if not text:
        raise InvalidInstanceIdError("An instance id can't be empty.")
    shown = repr(text if len(text) <= 60 else text[:60] + "...")
    if len(text) > INSTANCE_ID_CHARS_MAX:
        raise InvalidInstanceIdError(
            f"The instance id {shown} has {len(text)} characters; "
            f"at most {INSTANCE_ID_CHARS_MAX} are allowed."
        )
    if text.startswith("@"):
        raise InvalidInstanceIdError(
            f"The instance id {shown} starts with '@', as only entities do."
        )
    for character in text:
        if character in FORBIDDEN_IN_INSTANCE_ID or is_control(character):
            raise InvalidInstanceIdError(
                f"The instance id {shown} contains {character!r}; the characters / \\ # ? and "
                "control characters are not allowed."
            )
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidInstanceIdError(f"The instance id {shown} contains half a surrogate pair.")
    return InstanceId(text)


def is_control(character: str) -> bool:
    """Say whether Table storage refuses this character in a key as a control character."""
    return character < "\x20" or "\x7f" <= character <= "\x9f"


def parse_task_hub(text: str) -> str:
    """Return the text as a task hub name (3 to 45 letters and digits, a letter first) or raise."""
    if not TASK_HUB_PATTERN.fullmatch(text):
        raise InvalidTaskHubError(
            f"The task hub name {text!r} must be 3 to 45 letters and digits, a letter first. "
            "Set 'extensions.durableTask.hubName' in host.json."
        )
    return text
