"""Unit tests, in the idiom of azure-functions-durable: no host, no storage, no engine."""

import asyncio
import unittest
from unittest.mock import AsyncMock, Mock, call, patch

import azure.functions as func

from durable.functions.testing import orchestrator_generator_wrapper
from function_app import capitalise, make_title, start_title


def completed_task(result: object) -> Mock:
    """Stand in for a task that has this result."""
    return Mock(result=result)


class TestMakeTitle(unittest.TestCase):
    """The orchestrator: which activities it calls, with what, and what it returns."""

    @patch("durable.functions.DurableOrchestrationContext")
    def test_each_activity_takes_what_the_one_before_it_made(self, context: Mock) -> None:
        """The mock answers each call with its name put behind the input."""
        context.get_input = Mock(return_value="x")
        context.call_activity = Mock(
            side_effect=lambda activity, text: completed_task(f"{text}, {activity.durable_name}")
        )
        orchestrator = make_title.build().get_user_function().orchestrator_function

        *tasks, output = orchestrator_generator_wrapper(orchestrator(context))

        assert output == "x, tidy_up, capitalise, add_full_stop"
        assert len(tasks) == context.call_activity.call_count == 3


class TestActivities(unittest.TestCase):
    """An activity is a plain function, also behind its decorator."""

    def test_the_first_letter_becomes_a_capital(self) -> None:
        """And nothing else changes."""
        activity = capitalise.build().get_user_function()
        assert activity("the old Man") == "The old Man"


class TestStart(unittest.TestCase):
    """The HTTP function: `client_function` is it without the decorator."""

    def test_the_body_is_the_input(self) -> None:
        """And the client's answer is passed on."""
        client = Mock()
        client.start_new = AsyncMock(return_value="an id")
        client.create_check_status_response = Mock(return_value=func.HttpResponse(status_code=202))
        request = func.HttpRequest(method="POST", url="/api/titles", body=b'"a line"')
        start = start_title.build().get_user_function().client_function

        response = asyncio.run(start(request, client))

        assert response.status_code == 202
        assert client.start_new.call_args == call("make_title", client_input="a line")
        assert client.create_check_status_response.call_args == call(request, "an id")


if __name__ == "__main__":
    unittest.main()
