"""Unit tests, in the idiom of azure-functions-durable: no host, no storage, no engine."""

import unittest
from unittest.mock import Mock, patch

from durable.functions.testing import orchestrator_generator_wrapper
from function_app import count_primes, count_primes_between


class TestCountPrimes(unittest.TestCase):
    """The orchestrator."""

    @patch("durable.functions.DurableOrchestrationContext")
    def test_the_pieces_cover_the_range_and_are_asked_for_together(self, context: Mock) -> None:
        """One task is yielded: that of `task_all`; its results are added up."""
        context.get_input = Mock(return_value=6_000)
        context.call_activity = Mock(side_effect=lambda _name, bounds: Mock(result=bounds))
        context.task_all = Mock(side_effect=lambda tasks: Mock(result=[len(tasks), 40]))
        orchestrator = count_primes.build().get_user_function().orchestrator_function

        *tasks, output = orchestrator_generator_wrapper(orchestrator(context))

        bounds = [task.result for task in context.task_all.call_args.args[0]]
        assert bounds == [[2, 2502], [2502, 5002], [5002, 6000]]
        assert (len(tasks), output) == (1, 43)


class TestActivity(unittest.TestCase):
    """The activity, called as the function that it is."""

    def test_there_are_four_primes_below_ten(self) -> None:
        """2, 3, 5 and 7."""
        assert count_primes_between.build().get_user_function()([2, 10]) == 4


if __name__ == "__main__":
    unittest.main()
