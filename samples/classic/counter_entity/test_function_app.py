"""Unit tests, in the idiom of azure-functions-durable: no host, no storage, no engine."""

import asyncio
import unittest
from unittest.mock import AsyncMock, Mock, call, patch

import azure.functions as func

import durable.functions as df
from durable.functions.testing import orchestrator_generator_wrapper
from function_app import Counter, add_all, read_counter

VISITS = df.EntityId("Counter", "visits")


def served(operation: str, state: int, sent: int | None = None) -> Mock:
    """Let the counter serve one operation; gives the context, which knows what it was told."""
    context = Mock(operation_name=operation)
    context.get_state = Mock(return_value=state)
    context.get_input = Mock(return_value=sent)
    Counter.build().get_user_function().entity_function(context)
    return context


class TestCounter(unittest.TestCase):
    """The entity: what each operation makes of the state."""

    def test_what_is_added_is_state_and_result(self) -> None:
        """Seven and three."""
        context = served("add", 7, 3)
        assert context.set_state.call_args == context.set_result.call_args == call(10)

    def test_get_changes_nothing(self) -> None:
        """The result is the state."""
        context = served("get", 7)
        assert context.set_state.call_args == context.set_result.call_args == call(7)

    def test_a_reset_counter_is_at_zero(self) -> None:
        """Whatever it was."""
        assert served("reset", 7).set_state.call_args == call(0)

    def test_an_operation_that_is_unknown_is_refused(self) -> None:
        """By an error, which is the caller's answer."""
        with self.assertRaisesRegex(ValueError, "no operation 'ad'"):
            served("ad", 7, 3)


class TestAddAll(unittest.TestCase):
    """The orchestrator."""

    @patch("durable.functions.DurableOrchestrationContext")
    def test_each_number_is_a_signal_and_the_last_call_asks(self, context: Mock) -> None:
        """One task is yielded: signals are not waited for."""
        context.get_input = Mock(return_value={"counter": "visits", "numbers": [1, 2]})
        context.call_entity = Mock(return_value=Mock(result=3))
        orchestrator = add_all.build().get_user_function().orchestrator_function

        *tasks, output = orchestrator_generator_wrapper(orchestrator(context))

        assert (len(tasks), output) == (1, 3)
        assert context.signal_entity.call_args_list == [
            call(VISITS, "add", 1),
            call(VISITS, "add", 2),
        ]
        assert context.call_entity.call_args == call(VISITS, "get")


class TestRead(unittest.TestCase):
    """The HTTP function that reads: `client_function` is it without the decorator."""

    def test_a_counter_that_is_not_there_is_not_found(self) -> None:
        """The client says so without raising."""
        client = Mock()
        client.read_entity_state = AsyncMock(return_value=Mock(entity_exists=False))
        request = func.HttpRequest(
            method="GET", url="/api/counters/visits", body=b"", route_params={"key": "visits"}
        )
        read = read_counter.build().get_user_function().client_function

        response = asyncio.run(read(request, client))

        assert response.status_code == 404
        assert client.read_entity_state.call_args == call(VISITS)


if __name__ == "__main__":
    unittest.main()
