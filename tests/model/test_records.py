"""The instance record ↔ the sentinel's columns, and its summary."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.model.errors import ForeignInstanceError, MalformedMessageError
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import InstanceRecord, stub_of
from durable.model.records import FORMAT_COLUMN, decode_record, encode_record, encode_summary
from durable.model.status import RuntimeStatus
from tests.model.strategies import records

ONE = InstanceId("one")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANY_RECORD = InstanceRecord(
    generation=1,
    life_id=ExecutionId("e"),
    execution_id=ExecutionId("e"),
    name="n",
    status=RuntimeStatus.RUNNING,
    created_at=NOON,
    updated_at=NOON,
    commit_id="c",
)
JUNK = st.one_of(st.text(max_size=5), st.integers(), st.booleans())


@given(record=records())
def test_records_come_back_from_the_sentinel(record: InstanceRecord) -> None:
    """Encoded and decoded, a record is equal."""
    assert decode_record(ONE, encode_record(record)) == record


@given(record=records())
def test_a_sentinel_has_the_columns_that_tools_know(record: InstanceRecord) -> None:
    """DurableTask's three, whose meaning stays."""
    columns = encode_record(record)
    assert columns["ExecutionId"] == record.execution_id
    assert columns["IsCheckpointComplete"] is True
    assert columns["CheckpointCompletedTimestamp"] == record.updated_at


@given(record=records())
def test_a_stub_is_absent_and_comes_back(record: InstanceRecord) -> None:
    """What fences a first commit has no life, no rows and nothing to send."""
    stub = stub_of(record)
    assert stub.is_stub
    assert (stub.sequence, stub.unsent, stub.blobs) == (-1, frozenset(), {})
    assert decode_record(ONE, encode_record(stub)) == stub


@given(record=records(), other=st.one_of(st.none(), JUNK.filter(lambda value: value != 1)))
def test_a_sentinel_of_another_format_is_foreign(
    record: InstanceRecord, other: str | int | bool | None
) -> None:
    """Another engine's, or a later version's: refused with the instance's name."""
    columns = encode_record(record)
    if other is None:
        del columns[FORMAT_COLUMN]
    else:
        columns[FORMAT_COLUMN] = other
    with pytest.raises(ForeignInstanceError, match="'one'"):
        decode_record(ONE, columns)


@given(record=records(), data=st.data())
def test_a_damaged_sentinel_is_an_error_that_names_its_instance(
    record: InstanceRecord, data: st.DataObject
) -> None:
    """A lost or a wrong column gives `MalformedMessageError`, or a record, and nothing else."""
    columns = encode_record(record)
    changed = data.draw(st.sampled_from(sorted(set(columns) - {FORMAT_COLUMN})))
    if data.draw(st.booleans()):
        del columns[changed]
    else:
        columns[changed] = data.draw(JUNK if changed != "Unsent" else st.text(max_size=5))
    try:
        decode_record(ONE, columns)
    except MalformedMessageError as error:
        assert "'one'" in str(error)  # noqa: PT017 - both ends are right


def test_a_sentinel_whose_unsent_episodes_are_no_text_is_malformed() -> None:
    """A tool that writes the number 0 for the list "0" gets the same error as for any damage."""
    columns = encode_record(stub_of(ANY_RECORD))
    with pytest.raises(MalformedMessageError):
        decode_record(ONE, {**columns, "Unsent": 0})


@given(record=records())
def test_a_summary_shows_what_lists_filter_by(record: InstanceRecord) -> None:
    """Status by name, real times, the literal null where there is no custom status."""
    columns = encode_summary(record, task_hub="Hub")
    assert columns["RuntimeStatus"] == record.status.value
    assert columns["CreatedTime"] == record.created_at
    assert columns["TaskHubName"] == "Hub"
    assert columns["CustomStatus"] == (
        "null" if record.custom_status is None else record.custom_status
    )
    assert columns["ExecutionId"] == record.execution_id
