"""Unit tests of a blueprint: they need no app."""

import unittest
from unittest.mock import Mock, call, patch

from greetings import greet, greet_all

from durable.functions.testing import orchestrator_generator_wrapper


class TestGreetAll(unittest.TestCase):
    """The orchestrator."""

    @patch("durable.functions.DurableOrchestrationContext")
    def test_everybody_is_greeted_in_order(self, context: Mock) -> None:
        """One activity a name."""
        context.get_input = Mock(return_value=["Ada", "Grace"])
        context.call_activity = Mock(side_effect=[Mock(result="one"), Mock(result="two")])
        orchestrator = greet_all.build().get_user_function().orchestrator_function

        values = list(orchestrator_generator_wrapper(orchestrator(context)))

        assert values[-1] == ["one", "two"]
        assert context.call_activity.call_args_list == [
            call("greet", "Ada"),
            call("greet", "Grace"),
        ]


class TestGreet(unittest.TestCase):
    """The activity."""

    def test_a_greeting_has_the_name(self) -> None:
        """It is a plain function behind its decorator."""
        assert greet.build().get_user_function()("Ada") == "Good morning, Ada."


if __name__ == "__main__":
    unittest.main()
