"""The rules of critical sections (checklist H4): each is an error with its text, no more."""

from collections.abc import Callable
from typing import Any

import pytest

from durable.model.entity_ids import EntityId
from durable.model.errors import DurableError, LockingRulesViolationError
from durable.model.status import RuntimeStatus
from durable.replay.retries import RetryOptions
from durable.testing.specification import lock_rules as specified
from tests.replay.recording import (
    START,
    Context,
    Orchestration,
    Recording,
    asked,
    child_completed,
    child_failed,
    completed,
    fired,
    granted,
    pending_of,
    served,
)

A, B, C = EntityId("e", "a"), EntityId("e", "b"), EntityId("e", "c")
NO_CALL_YET = "Must await the completion of the lock request prior to calling any entity."
ONCE_MORE = RetryOptions(1000, 2)

Act = Callable[[Context], Any]

AWAITED: dict[str, tuple[Act, str]] = {
    "a child": (lambda c: c.call_sub_orchestrator("child"), specified.NO_CHILDREN),
    "a child that is retried": (
        lambda c: c.call_sub_orchestrator_with_retry("child", ONCE_MORE),
        specified.NO_CHILDREN,
    ),
    "a child beside an activity": (
        lambda c: c.task_all([c.call_activity("x"), c.call_sub_orchestrator("child")]),
        specified.NO_CHILDREN,
    ),
    "a call of another entity": (lambda c: c.call_entity(C, "get"), specified.NO_CALL_OF_UNLOCKED),
    "such a call deep in a race": (
        lambda c: c.task_any([c.task_all([c.call_entity(A, "get"), c.call_entity(C, "get")])]),
        specified.NO_CALL_OF_UNLOCKED,
    ),
    "two calls of one at once": (
        lambda c: c.task_all([c.call_entity(A, "get"), c.call_entity(A, "put")]),
        specified.NO_SECOND_CALL,
    ),
}
MADE: dict[str, tuple[Act, str]] = {
    "a second section": (lambda c: c.lock([C]), specified.NO_NESTING),
    "the same section again": (lambda c: c.lock_entities([A, B]), specified.NO_NESTING),
    "a signal to a locked one": (lambda c: c.signal_entity(A, "x"), specified.NO_SIGNAL_TO_LOCKED),
    "a signal to it for later": (
        lambda c: c.signal_entity("@E@b", "x", scheduled_time=START),
        specified.NO_SIGNAL_TO_LOCKED,
    ),
}
RULES = AWAITED | MADE


@pytest.mark.parametrize(("act", "text"), RULES.values(), ids=RULES.keys())
def test_a_broken_rule_is_an_error_at_its_line_that_has_no_other_effect(
    act: Act, text: str
) -> None:
    """Caught inside, the locks stay and the code goes on; nothing was asked for."""

    def orchestrator(context: Context) -> Orchestration:
        with (yield context.lock([A, B])):
            try:
                task = act(context)
                yield task
            except LockingRulesViolationError as error:
                kinds = isinstance(error, DurableError), isinstance(error, RuntimeError)
                told = [str(error), *kinds, context.is_locked]
            yield context.call_entity(A, "get")
        return told

    recording = Recording(orchestrator)
    recording.episode(granted(0))
    assert asked(recording.last) == [(1, "call", "@e@a", "get", None)]
    recording.episode(served(1))
    assert recording.output == [text, True, True, True]


@pytest.mark.parametrize(("act", "text"), RULES.values(), ids=RULES.keys())
def test_a_broken_rule_that_nobody_catches_releases_and_fails(act: Act, text: str) -> None:
    """The error leaves the section like any other; in an `async def` too."""

    def generator(context: Context) -> Orchestration:
        with (yield context.lock([A, B])):
            yield act(context)

    async def coroutine(context: Context) -> None:
        async with context.lock([A, B]):
            await act(context)

    for orchestrator in (generator, coroutine):
        recording = Recording(orchestrator)
        recording.episode(granted(0))
        assert recording.last.status is RuntimeStatus.FAILED
        assert recording.output == f"Orchestrator function 'orchestrator' failed: {text}"
        assert asked(recording.last) == [(1, "release", ["@e@a", "@e@b"], 0)]


def test_a_call_is_pending_until_its_answer_comes() -> None:
    """Another yield may not call the entity again before that; another entity it may."""

    def orchestrator(context: Context) -> Orchestration:
        with (yield context.lock([A, B])):
            slow = context.call_entity(A, "slow")
            yield context.task_any([slow, context.call_activity("x")])
            yield context.call_entity(B, "get")
            try:
                yield context.call_entity(A, "get")
            except LockingRulesViolationError as error:
                told = str(error)
            yield context.task_all([slow, slow])
            yield context.call_entity(A, "get")
        return told

    recording = Recording(orchestrator)
    recording.each(granted(0), completed(2), served(3), served(1))
    assert asked(recording.last) == [(4, "call", "@e@a", "get", None)]
    recording.episode(served(4))
    assert recording.output == specified.NO_SECOND_CALL


def test_calls_and_children_from_before_the_section_count_for_no_rule() -> None:
    """They are in front of the lock; to wait for them again asks for nothing."""

    def orchestrator(context: Context) -> Orchestration:
        call, child = context.call_entity(A, "get"), context.call_sub_orchestrator("child")
        yield context.task_any([call, child, context.call_activity("x")])
        with (yield context.lock([A])):
            yield context.call_entity(A, "put")
            yield context.task_all([call, child])

    recording = Recording(orchestrator)
    recording.each(completed(2), granted(3), served(4), served(0), child_completed(1))
    assert recording.last.status is RuntimeStatus.COMPLETED


def test_a_retried_child_from_before_is_not_waited_for_inside_while_it_may_start_another() -> None:
    """It goes on by itself, as retries do; and when it is over it is a value like any other."""

    def orchestrator(context: Context) -> Orchestration:
        child = context.call_sub_orchestrator_with_retry("child", ONCE_MORE)
        yield context.task_any([child, context.call_activity("x")])
        with (yield context.lock([A])):
            try:
                yield child
            except LockingRulesViolationError as error:
                told = str(error)
            yield (
                context.wait_for_external_event("never")
                if context.get_input()
                else (context.call_activity("y"))
            )
            return [told, (yield child)]

    recording = Recording(orchestrator)
    recording.each(completed(1), granted(2), child_failed(0), fired(4, 1), child_completed(5, 7))
    recording.episode(completed(3))
    assert recording.output == [specified.NO_CHILDREN, 7]


PENDING: dict[str, tuple[Act, str]] = {
    "a call of an entity that is being locked": (lambda c: c.call_entity(A, "get"), NO_CALL_YET),
    "a call of another entity": (lambda c: c.call_entity(C, "get"), NO_CALL_YET),
    "a child": AWAITED["a child"],
    "a second request": MADE["a second section"],
    "a signal to an entity that is being locked": MADE["a signal to a locked one"],
}


@pytest.mark.parametrize(("act", "text"), PENDING.values(), ids=PENDING.keys())
def test_the_rules_hold_from_the_request_on(act: Act, text: str) -> None:
    """Until it is taken back, or granted and left; then nothing is forbidden any more."""

    def orchestrator(context: Context) -> Orchestration:
        lock = context.lock([A, B])
        yield context.task_any([lock, context.call_activity("first")])
        try:
            yield act(context)
        except LockingRulesViolationError as error:
            told = [str(error), context.is_locked]
        context.signal_entity(C, "note")
        yield context.call_activity("second")
        lock.cancel()
        yield context.call_entity(C, "get")
        return told

    recording = Recording(orchestrator)
    recording.episode(completed(1))
    assert asked(recording.last) == [(2, "signal", "@e@c", "note", None), (3, "second", None)]
    recording.each(completed(3), served(5))
    assert recording.output == [text, False]
    assert (4, "release", ["@e@a", "@e@b"], 0) in pending_of(recording.history)


TOGETHER: dict[str, tuple[Act, str]] = {
    "and a call of an entity": (
        lambda c: c.task_all([c.lock(A), c.call_entity(B, "get")]),
        NO_CALL_YET,
    ),
    "behind a call of an entity": (
        lambda c: c.task_all([c.call_entity(B, "get"), c.lock(A)]),
        NO_CALL_YET,
    ),
    "and a child": (
        lambda c: c.task_any([c.lock(A), c.call_sub_orchestrator("child")]),
        specified.NO_CHILDREN,
    ),
    "and another request": (lambda c: c.task_any([c.lock(A), c.lock(B)]), specified.NO_NESTING),
}


@pytest.mark.parametrize(("act", "text"), TOGETHER.values(), ids=TOGETHER.keys())
def test_a_request_is_not_awaited_together_with_what_it_would_forbid(act: Act, text: str) -> None:
    """Neither of the two is asked for."""

    def orchestrator(context: Context) -> Orchestration:
        try:
            yield act(context)
        except LockingRulesViolationError as error:
            return [str(error), context.is_locked]

    recording = Recording(orchestrator)
    assert recording.output == [text, False]
    assert asked(recording.last) == []


def test_a_request_that_was_made_before_a_section_is_refused_inside_when_it_is_awaited() -> None:
    """A request is one only when it is awaited; the first can be awaited again."""

    def orchestrator(context: Context) -> Orchestration:
        first, second = context.lock(A), context.lock(B)
        with (yield first):
            try:
                yield context.task_all([first, second])
            except LockingRulesViolationError as error:
                told = str(error)
        with (yield second):
            return told

    recording = Recording(orchestrator)
    recording.episode(granted(0))
    assert asked(recording.last) == [(1, "release", ["@e@a"], 0), (2, "lock", ["@e@b"])]
    recording.episode(granted(2))
    assert recording.output == specified.NO_NESTING
