"""One leader per instance: batches, and what becomes of followers when a leader goes (rule B)."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from durable.engine.coalescer import Coalescer, Submission
from durable.model.history import EventRaised
from durable.model.ids import InstanceId
from durable.model.messages import TaskMessage
from durable.storage.port import StorageFault
from durable.testing.world.virtual_time import START

A = InstanceId("a")
B = InstanceId("b")


def message(name: str, instance_id: InstanceId = A) -> TaskMessage:
    """Make a message that can be told from others by its name."""
    return TaskMessage(instance_id=instance_id, event=EventRaised(timestamp=START, name=name))


class Stage:
    """An `advance` that a test lets go on batch by batch, and that watches the rules."""

    def __init__(self, *, batch_max: int = 97) -> None:
        """Nothing is submitted."""
        self.coalescer = Coalescer(self._advance, batch_max=batch_max)
        self.batches: list[list[str]] = []
        self.duties: list[list[bool]] = []
        self.running: dict[InstanceId, int] = {}
        self.concurrent_max = 0
        self._gates: list[asyncio.Future[None]] = []

    async def _advance(self, instance_id: InstanceId, batch: list[Submission]) -> None:
        self.batches.append([s.message.event.name for s in batch])  # type: ignore[attr-defined]
        self.duties.append([submission.duty for submission in batch])
        self.running[instance_id] = self.running.get(instance_id, 0) + 1
        self.concurrent_max = max(self.concurrent_max, self.running[instance_id])
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gates.append(gate)
        try:
            await gate
        finally:
            self.running[instance_id] -= 1

    def submit(self, name: str, instance_id: InstanceId = A) -> "asyncio.Task[None]":
        """Submit as an invocation of its own."""
        submission = self.coalescer.submit(message(name, instance_id), duty=False)
        return asyncio.ensure_future(submission)

    async def until_batch(self, count: int) -> None:
        """Wait until so many batches have begun."""
        await until(lambda: len(self.batches) >= count)

    def finish(self, number: int, error: BaseException | None = None) -> None:
        """Let a batch end, well or with an error."""
        gate = self._gates[number]
        if error is None:
            gate.set_result(None)
        else:
            gate.set_exception(error)


async def until(condition: Callable[[], bool]) -> None:
    """Let the others run until it holds."""
    for _ in range(200):
        if condition():
            return
        await asyncio.sleep(0)
    pytest.fail("it never came to that")


async def turns() -> None:
    """Let everybody go as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def all_return(*tasks: Awaitable[None]) -> None:
    """Wait for invocations that must end now."""
    await asyncio.wait_for(asyncio.gather(*tasks), 5)


async def test_what_arrives_while_a_batch_runs_goes_into_the_next_one() -> None:
    """In order of arrival, as one batch."""
    stage = Stage()
    first = stage.submit("1")
    await stage.until_batch(1)
    rest = [stage.submit(name) for name in "234"]
    await turns()
    assert stage.batches == [["1"]]
    stage.finish(0)
    await stage.until_batch(2)
    stage.finish(1)
    await all_return(first, *rest)
    assert stage.batches == [["1"], ["2", "3", "4"]]
    assert stage.concurrent_max == 1


async def test_a_batch_is_no_larger_than_allowed() -> None:
    """The rest waits for the next one."""
    stage = Stage(batch_max=2)
    tasks = [stage.submit("1")]
    await stage.until_batch(1)
    tasks += [stage.submit(name) for name in "2345"]
    await turns()
    for number in range(3):
        stage.finish(number)
        if number < 2:
            await stage.until_batch(number + 2)
    await all_return(*tasks)
    assert stage.batches == [["1"], ["2", "3"], ["4", "5"]]


async def test_a_leader_leads_no_longer_than_its_own_message_needs() -> None:
    """It returns when its batch is done, though others wait: one of them leads on."""
    stage = Stage()
    leader = stage.submit("1")
    await stage.until_batch(1)
    follower = stage.submit("2")
    await turns()
    stage.finish(0)
    await all_return(leader)
    await stage.until_batch(2)
    assert not follower.done()
    stage.finish(1)
    await all_return(follower)


async def test_a_follower_returns_when_its_batch_is_done_and_not_before() -> None:
    """What its message led to must be durable and sent first."""
    stage = Stage()
    tasks = [stage.submit("1")]
    await stage.until_batch(1)
    tasks += [stage.submit("2"), stage.submit("3")]
    await turns()
    stage.finish(0)
    await stage.until_batch(2)
    await turns()
    assert [task.done() for task in tasks] == [True, False, False]
    stage.finish(1)
    await all_return(*tasks)


async def test_instances_do_not_wait_for_each_other() -> None:
    """Each has a leader of its own."""
    stage = Stage()
    one, other = stage.submit("1", A), stage.submit("2", B)
    await stage.until_batch(2)
    stage.finish(1)
    await all_return(other)
    assert not one.done()
    stage.finish(0)
    await all_return(one)


async def test_a_failing_batch_fails_its_members_and_nobody_else() -> None:
    """Each submitter gets the error; the next batch is led by one who waited."""
    stage = Stage(batch_max=2)
    tasks = [stage.submit("1")]
    await stage.until_batch(1)
    tasks += [stage.submit(name) for name in "234"]
    await turns()
    stage.finish(0)
    await stage.until_batch(2)
    stage.finish(1, StorageFault("broken"))
    await stage.until_batch(3)
    stage.finish(2)
    outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert [isinstance(outcome, StorageFault) for outcome in outcomes] == [
        False,
        True,
        True,
        False,
    ]
    assert stage.batches == [["1"], ["2", "3"], ["4"]]


async def test_a_cancelled_leader_fails_its_batch_and_a_waiter_leads_on() -> None:
    """Followers of a dead leader would wait for ever, their messages renewed by the host (H14a)."""
    stage = Stage(batch_max=2)
    tasks = [stage.submit("1")]
    await stage.until_batch(1)
    tasks += [stage.submit(name) for name in "234"]
    await turns()
    stage.finish(0)
    await stage.until_batch(2)  # 2 leads 3
    tasks[1].cancel()
    await stage.until_batch(3)
    stage.finish(2)
    outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert outcomes[0] is None
    assert isinstance(outcomes[1], asyncio.CancelledError)
    assert isinstance(outcomes[2], StorageFault), "it must try again, and with the duty"
    assert outcomes[3] is None
    assert stage.batches[2] == ["4"]


class Killed(BaseException):
    """A process is gone."""


async def test_a_leader_that_dies_of_anything_leaves_no_waiter_behind() -> None:
    """Not only Exceptions: whatever leaves `advance` promotes a waiter."""
    stage = Stage(batch_max=1)
    tasks = [stage.submit("1")]
    await stage.until_batch(1)
    tasks.append(stage.submit("2"))
    await turns()
    stage.finish(0, Killed())
    await stage.until_batch(2)
    stage.finish(1)
    outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert isinstance(outcomes[0], Killed)
    assert outcomes[1] is None


async def test_a_follower_that_is_cancelled_while_it_waits_is_in_no_batch() -> None:
    """Its message was not dealt with; the host will deliver it again."""
    stage = Stage()
    tasks = [stage.submit("1")]
    await stage.until_batch(1)
    tasks += [stage.submit("2"), stage.submit("3")]
    await turns()
    tasks[1].cancel()
    await turns()
    stage.finish(0)
    await stage.until_batch(2)
    stage.finish(1)
    await all_return(tasks[0], tasks[2])
    assert stage.batches == [["1"], ["3"]]


async def test_a_follower_that_is_cancelled_as_it_is_promoted_hands_the_lead_on() -> None:
    """Promoted, but cancelled before it woke: the next one leads."""
    stage = Stage(batch_max=1)
    tasks = [stage.submit("1")]
    await stage.until_batch(1)
    tasks += [stage.submit("2"), stage.submit("3")]
    await turns()
    stage.finish(0)
    # Behind the leader's wake-up, before that of the follower that it promotes.
    asyncio.get_running_loop().call_soon(tasks[1].cancel)
    await stage.until_batch(2)
    stage.finish(1)
    await all_return(tasks[0], tasks[2])
    assert stage.batches == [["1"], ["3"]]
    assert tasks[1].cancelled()


async def test_a_follower_that_is_cancelled_as_its_batch_ends_makes_no_second_leader() -> None:
    """Done, but cancelled before it woke: it was never the leader, and has nothing to hand on."""
    stage = Stage(batch_max=2)
    tasks = [stage.submit("1")]
    await stage.until_batch(1)
    tasks += [stage.submit(name) for name in "23456"]
    await turns()
    stage.finish(0)
    await stage.until_batch(2)  # 2 leads 3
    stage.finish(1)
    asyncio.get_running_loop().call_soon(tasks[2].cancel)
    await stage.until_batch(3)  # 4 leads 5
    await turns()
    begun = stage.batches[:]
    for number in range(2, len(begun)):
        stage.finish(number)
    await until(lambda: ["6"] in stage.batches)
    if len(stage.batches) > len(begun):
        stage.finish(len(begun))
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert begun == [["1"], ["2", "3"], ["4", "5"]]
    assert stage.concurrent_max == 1


async def test_nothing_is_kept_of_an_instance_that_is_quiet() -> None:
    """A host that has seen a million instances holds none of them here."""
    stage = Stage()
    tasks = [stage.submit(str(n), InstanceId(str(n))) for n in range(50)]
    await stage.until_batch(50)
    for number in range(50):
        stage.finish(number)
    await all_return(*tasks)
    assert not stage.coalescer._lanes
