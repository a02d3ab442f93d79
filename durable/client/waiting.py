"""Waiting until an instance gets somewhere: one point read of its record a poll."""

from collections.abc import Callable
from datetime import timedelta

from durable.client.reading import read_record
from durable.model.environment import Environment
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.storage.port import TaskHubStore

POLL_S_MIN = 0.05

Condition = Callable[[InstanceRecord], bool]


async def wait_until(
    store: TaskHubStore,
    environment: Environment,
    instance_id: InstanceId,
    is_there: Condition,
    *,
    timeout_s: float,
    poll_s: float,
) -> bool:
    """Wait until the record is as wished; `False` where the time is over or nothing is there."""
    until = environment.now() + timedelta(seconds=timeout_s)
    while True:
        record = await read_record(store, instance_id)
        if record is None:
            return False
        if is_there(record):
            return True
        left_s = (until - environment.now()).total_seconds()
        if left_s <= 0:
            return False
        await environment.wait(min(max(poll_s, POLL_S_MIN), left_s))


def has_started(record: InstanceRecord) -> bool:
    """Say whether the code of this life has begun."""
    return record.status.is_terminal or not record.is_pending


def has_ended(record: InstanceRecord) -> bool:
    """Say whether nothing more will come of this life."""
    return record.status.is_terminal
