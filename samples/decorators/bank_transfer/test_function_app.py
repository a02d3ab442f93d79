"""Unit tests, in the idiom of azure-functions-durable: no host, no storage, no engine."""

import unittest
from typing import Any
from unittest.mock import MagicMock, Mock, call, patch

import durable.functions as df
from durable.functions.testing import orchestrator_generator_wrapper
from function_app import Account, audit, transfer

ADA, GRACE = df.EntityId("Account", "ada"), df.EntityId("Account", "grace")


def bank(context: Mock, order: Any, *, balance: int) -> MagicMock:
    """Let each account have this balance; gives the section, which knows who came and left."""
    section = MagicMock()
    section.__exit__.return_value = False
    context.get_input = Mock(return_value=order)
    context.lock = Mock(return_value=Mock(result=section))
    context.call_entity = Mock(side_effect=lambda *_sent: Mock(result=balance))
    context.task_all = Mock(side_effect=lambda tasks: Mock(result=[one.result for one in tasks]))
    return section


class TestAccount(unittest.TestCase):
    """The entity is a plain class: make one and call it."""

    def test_what_is_paid_in_can_be_taken_out(self) -> None:
        """And the rest stays."""
        account = Account()
        assert account.deposit(50) == 50
        assert account.withdraw(20) == 30
        assert account.read() == 30

    def test_nobody_can_take_out_more_than_there_is(self) -> None:
        """It is an error, and nothing changes."""
        account = Account()
        account.deposit(10)
        with self.assertRaisesRegex(ValueError, "There are 10"):
            account.withdraw(11)
        assert account.balance == 10


@patch("durable.functions.DurableOrchestrationContext")
class TestTransfer(unittest.TestCase):
    """The orchestrator: what it locks, looks at and moves."""

    order: Any = {"from": "ada", "to": "grace", "amount": 70}  # noqa: RUF012  (plain JSON)

    def test_the_money_moves_under_a_lock_on_both_accounts(self, context: Mock) -> None:
        """The balance is read first."""
        section = bank(context, self.order, balance=100)
        orchestrator = transfer.build().get_user_function().orchestrator_function

        *_, output = orchestrator_generator_wrapper(orchestrator(context))

        assert output is True
        assert context.lock.call_args == call([ADA, GRACE])
        assert context.call_entity.call_args_list == [
            call(ADA, "read"),
            call(ADA, "withdraw", 70),
            call(GRACE, "deposit", 70),
        ]
        assert section.__enter__.call_count == section.__exit__.call_count == 1

    def test_with_too_little_nothing_moves_and_the_lock_is_given_back(self, context: Mock) -> None:
        """By the same way out of the block."""
        section = bank(context, self.order, balance=69)
        orchestrator = transfer.build().get_user_function().orchestrator_function

        *_, output = orchestrator_generator_wrapper(orchestrator(context))

        assert output is False
        assert context.call_entity.call_args_list == [call(ADA, "read")]
        assert section.__exit__.call_count == 1

    def test_an_audit_locks_all_accounts_and_adds_up(self, context: Mock) -> None:
        """However many."""
        bank(context, ["ada", "grace"], balance=60)
        orchestrator = audit.build().get_user_function().orchestrator_function

        *_, output = orchestrator_generator_wrapper(orchestrator(context))

        assert output == 120
        assert context.lock.call_args == call([ADA, GRACE])


if __name__ == "__main__":
    unittest.main()
