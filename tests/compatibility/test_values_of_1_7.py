"""1.7's small values: entity ids, retry options, HTTP requests, purge results, statuses."""

from typing import Any

import pytest

import durable.functions as df
from durable.functions.models import DurableHttpRequest, PurgeHistoryResult
from durable.functions.models.actions import ActionType
from durable.functions.models.EntityStateResponse import EntityStateResponse
from durable.functions.models.history import HistoryEventType
from durable.functions.models.ReplaySchema import ReplaySchema
from durable.functions.models.TokenSource import TokenSource
from durable.functions.models.utils.df_serialization import df_dumps, df_loads


def test_an_entity_id_makes_the_scheduler_id_of_1_7() -> None:
    """The name in lower case, the key as it is."""
    entity_id = df.EntityId("Counter", "Key/1")
    assert (entity_id.name, entity_id.key) == ("Counter", "Key/1")
    assert df.EntityId.get_scheduler_id(entity_id) == str(entity_id) == "@counter@Key/1"
    assert df.EntityId.get_entity_id_url_path(entity_id) == "entities/Counter/Key/1"
    assert df.EntityId.get_entity_id("@counter@Key/1") == df.EntityId("counter", "Key/1")


def test_an_entity_id_can_be_a_key() -> None:
    """1.7's can't be hashed."""
    assert {df.EntityId("a", "b"): 1}[df.EntityId("a", "b")] == 1
    assert df.EntityId("a", "b") != df.EntityId("a", "B")
    assert df.EntityId("a", "b") != "@a@b"
    assert repr(df.EntityId("a", "b")) == "EntityId('a', 'b')"


def test_a_name_in_any_case_is_one_entity() -> None:
    """As it is written, in the lock set of a section, and in what a client lists."""
    written = df.EntityId("Acc", "k")
    assert written == df.EntityId.get_entity_id("@acc@k")
    assert len({written, df.EntityId("ACC", "k"), df.EntityId("acc", "K")}) == 2
    assert written.name == "Acc"


def test_a_key_may_hold_an_at_sign() -> None:
    """An e-mail address, say; 1.7 can't read such an id back."""
    entity_id = df.EntityId("user", "ada@example.org")
    assert df.EntityId.get_entity_id(str(entity_id)) == entity_id


@pytest.mark.parametrize("args", [("", "k"), ("n", ""), ("n@m", "k")])
def test_what_can_not_name_an_entity_is_a_value_error(args: tuple[str, str]) -> None:
    """An empty name or key as in 1.7, and a name that would not be read back."""
    with pytest.raises(ValueError, match="Entity"):
        df.EntityId(*args)


@pytest.mark.parametrize("text", ["", "counter@a", "@counter", "@@a", "@a@"])
def test_what_is_no_scheduler_id_is_a_value_error(text: str) -> None:
    """1.7's text."""
    with pytest.raises(ValueError, match="Unexpected format in SchedulerId"):
        df.EntityId.get_entity_id(text)


def test_a_token_source_prints_as_the_extension_has_it() -> None:
    """With its kind."""
    source = df.ManagedIdentityTokenSource("https://management.core.windows.net")
    assert isinstance(source, TokenSource)
    assert source.to_json() == {
        "resource": "https://management.core.windows.net",
        "kind": "AzureManagedIdentity",
    }


def test_an_http_request_prints_what_is_there() -> None:
    """Under the extension's names."""
    source = df.ManagedIdentityTokenSource("r")
    full = DurableHttpRequest("POST", "https://host/", "body", {"a": "b"}, source)
    assert full.to_json() == {
        "method": "POST",
        "uri": "https://host/",
        "content": "body",
        "headers": {"a": "b"},
        "tokenSource": source.to_json(),
    }
    assert (full.content, full.headers, full.token_source) == ("body", {"a": "b"}, source)
    bare = DurableHttpRequest("GET", "https://host/")
    assert bare.to_json() == {"method": bare.method, "uri": bare.uri}


def test_retry_options_keep_the_two_numbers_of_1_7() -> None:
    """By position, by name, in JSON, and refused where they can't be."""
    options = df.RetryOptions(5000, 3)
    named = df.RetryOptions(first_retry_interval_in_milliseconds=5000, max_number_of_attempts=3)
    assert options.to_json() == named.to_json()
    assert options.first_retry_interval_in_milliseconds == 5000
    assert options.max_number_of_attempts == 3
    with pytest.raises(ValueError, match="first_retry_interval_in_milliseconds value"):
        df.RetryOptions(0, 3)


def test_results_are_made_from_json_as_in_1_7() -> None:
    """Unknown members are attributes."""
    purged: Any = PurgeHistoryResult.from_json({"instancesDeleted": 3, "more": 1})
    assert (purged.instances_deleted, purged.more) == (3, 1)
    state = EntityStateResponse(True, {"a": 1})
    assert (state.entity_exists, state.entity_state) == (True, {"a": 1})
    assert EntityStateResponse(False).entity_state is None


def test_a_status_takes_its_history_from_either_member() -> None:
    """The management API says `historyEvents`, 1.7's constructor `history` (quirk Q5)."""
    events = [{"EventType": "ExecutionStarted"}]
    for member in ("historyEvents", "history"):
        status = df.DurableOrchestrationStatus.from_json({"name": "n", member: events})
        assert status.history == status.to_json()["history"] == events
    assert df.DurableOrchestrationStatus.from_json("an error").message == "an error"  # type: ignore[attr-defined]


def test_numbers_of_the_protocol_are_those_of_1_7() -> None:
    """Whoever compares them still can."""
    assert (ActionType.CALL_HTTP, ActionType.WHEN_ALL) == (8, 12)
    assert HistoryEventType(15) is HistoryEventType.EVENT_RAISED
    assert [schema.value for schema in ReplaySchema] == [0, 1, 2]


def test_the_serializers_write_and_read_payloads() -> None:
    """With a type they make it."""
    assert df_loads(df_dumps({"a": [1, None]})) == {"a": [1, None]}
    assert df_loads(df_dumps(frozenset({1})), frozenset[int]) == {1}
