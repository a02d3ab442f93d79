"""Ids, hub names, keys and partitions: what is a name, and what a name becomes in storage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable.model.errors import InvalidInstanceIdError, InvalidTaskHubError
from durable.model.ids import InstanceId, is_control, parse_instance_id, parse_task_hub
from durable.model.partitions import partition_of
from durable.storage.azure.names import HubNames
from durable.storage.keys import SENTINEL_ROW, escape_key, ordinal_of, row_key

HARD = st.text(alphabet="^/\\#?0123'% \u0000\u001f\u007f\u009f\u00c0\u00dfa\U0001f30d", max_size=12)
UNESCAPED = {"^": "^", "0": "/", "1": "\\", "2": "#", "3": "?"}


def unescape(key: str) -> str:
    """Undo `escape_key`, as a reader of the tables would have to."""
    characters = iter(key)
    return "".join(
        character
        if character != "^"
        else UNESCAPED.get(mark := next(characters)) or chr(ord(mark) - 0xC0)
        for character in characters
    )


@given(text=st.text(max_size=30) | HARD)
def test_escaped_ids_hold_nothing_that_a_key_forbids(text: str) -> None:
    """Neither slashes, marks nor control characters."""
    key = escape_key(text)
    assert not set(key) & set("/\\#?")
    assert not any(is_control(character) for character in key)


@given(text=st.text(max_size=30) | HARD)
def test_escaped_ids_can_be_read_back(text: str) -> None:
    """No two ids have one key."""
    assert unescape(escape_key(text)) == text


def test_escapes_are_those_of_durabletask() -> None:
    """The tables of both engines are read by the same tools."""
    assert escape_key("^/\\#?") == "^^^0^1^2^3"
    assert escape_key("a\u0000b\u001f") == "a^\u00c0b^\u00df"
    assert escape_key("it's 100% ü🌍") == "it's 100% ü🌍"


@given(ordinal=st.integers(0, 2**63))
def test_row_keys_come_back_as_ordinals(ordinal: int) -> None:
    """Sixteen upper-case hexadecimal digits."""
    key = row_key(ordinal)
    assert len(key) == 16
    assert ordinal_of(key) == ordinal


@given(first=st.integers(0, 2**63), second=st.integers(0, 2**63))
def test_row_keys_sort_as_their_ordinals(first: int, second: int) -> None:
    """And before the sentinel and every other lower-case key."""
    assert (row_key(first) < row_key(second)) == (first < second)
    assert row_key(first) < "a" < SENTINEL_ROW


@given(text=st.text(max_size=20))
def test_only_row_keys_are_ordinals(text: str) -> None:
    """Any other key is no history event."""
    ordinal = ordinal_of(text)
    assert ordinal is None or row_key(ordinal) == text


@pytest.mark.parametrize(
    "key",
    ["sentinel", "", "000000000000001a", "+000000000000001", "0x00000000000001", "0_1" * 5 + "0"],
)
def test_keys_that_python_could_read_as_numbers_are_no_ordinals(key: str) -> None:
    """`int` takes signs, prefixes and underscores; a row key has none."""
    assert ordinal_of(key) is None


@pytest.mark.parametrize("text", ["a", "it's", "100%", "with spaces", "Grüße 🌍", "^0", "x" * 256])
def test_ids_that_storage_can_hold_are_taken_as_they_are(text: str) -> None:
    """Nothing is changed about an id."""
    assert parse_instance_id(text) == text


@pytest.mark.parametrize(
    "text", ["", "a/b", "a\\b", "a#b", "a?b", "a\nb", "a\x7fb", "a\x85b", "@a", "x" * 257, "\ud800"]
)
def test_ids_that_storage_cannot_hold_are_refused_with_a_reason(text: str) -> None:
    """The reason is a sentence about the id."""
    with pytest.raises(InvalidInstanceIdError, match="instance id"):
        parse_instance_id(text)


@given(text=st.text(max_size=300))
def test_an_id_that_is_taken_needs_no_escape_but_the_caret(text: str) -> None:
    """So that tools which do not escape find it."""
    try:
        instance_id = parse_instance_id(text)
    except InvalidInstanceIdError:
        return
    assert escape_key(instance_id) == text.replace("^", "^^")


@pytest.mark.parametrize("text", ["abc", "MyHub1", "x" * 45])
def test_hub_names_that_every_resource_can_carry_are_taken(text: str) -> None:
    """Three to forty-five letters and digits."""
    assert parse_task_hub(text) == text


@pytest.mark.parametrize("text", ["", "ab", "1hub", "my-hub", "x" * 46, "hüb", "hub\n"])
def test_other_hub_names_are_refused(text: str) -> None:
    """Before any resource is made."""
    with pytest.raises(InvalidTaskHubError):
        parse_task_hub(text)


@given(hub=st.from_regex(r"[A-Za-z][A-Za-z0-9]{2,44}", fullmatch=True), count=st.integers(1, 16))
def test_every_resource_name_is_one_that_azure_takes(hub: str, count: int) -> None:
    """At most 63 characters; queues and containers in lower case."""
    names = HubNames(hub)
    low = [names.leases_container, names.payloads_container]
    low += [names.poison_queue(queue) for queue in names.queues(count)]
    low += [names.queue(queue) for queue in names.queues(count)]
    assert all(name == name.lower() and len(name) <= 63 for name in low)
    assert len(set(low)) == len(low)
    assert names.history_table == f"{hub}History"
    assert names.instances_table == f"{hub}Instances"


def test_the_partition_hash_is_that_of_durabletask() -> None:
    """FNV-1a of "abc" is 0x1A47E90B; both engines choose the same queue."""
    assert partition_of(InstanceId("abc"), 2**32) == 0x1A47E90B
    assert partition_of(InstanceId("abc"), 4) == 3
    assert partition_of(InstanceId(""), 2**32) == 2166136261


@given(text=st.text(max_size=30), count=st.integers(1, 16))
def test_every_id_has_a_partition(text: str, count: int) -> None:
    """And always the same one; with one partition there is no choice."""
    assert 0 <= partition_of(InstanceId(text), count) < count
    assert partition_of(InstanceId(text), 1) == 0
