"""One leader per instance and process commits for all that arrive meanwhile (rules B3, B4).

Concurrent invocations hand the leader their messages and wait. They wait for the *sends* of their
episode, not for its commit: an invocation that returned in between would give up its message, the
recovery token, too early (hole H14b).

Any exit of the leader, cancellation included, fails its batch and promotes a waiter: followers of
a dead leader would wait for ever, their messages renewed by the host (hole H14a).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from durable.engine.holding import Held
from durable.model.ids import InstanceId
from durable.model.messages import TaskMessage
from durable.storage.port import StorageFault, StorageOutcome


class _Call(Enum):
    DONE = auto()
    LEAD = auto()


@dataclass(slots=True, eq=False)
class Submission:
    """A message that waits to be dealt with, and whether it has the duty (rule A2)."""

    message: TaskMessage
    duty: bool
    answer: "asyncio.Future[_Call]"

    @property
    def is_promoted(self) -> bool:
        """Whether the submitter was told to lead."""
        answer = self.answer
        if not answer.done() or answer.cancelled() or answer.exception() is not None:
            return False
        return answer.result() is _Call.LEAD

    def done(self) -> None:
        """Tell the submitter that everything that follows from its message is durable and sent."""
        if not self.answer.done():
            self.answer.set_result(_Call.DONE)

    def fail(self, error: BaseException) -> None:
        """Tell the submitter that its message was not dealt with, if it has no answer yet."""
        if not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # looked at: a submitter that is gone causes no log line


@dataclass(slots=True)
class _Lane:
    pending: deque[Submission] = field(default_factory=deque)
    has_leader: bool = False


Advance = Callable[[InstanceId, list[Submission]], Awaitable[None]]


class Coalescer:
    """Gathers the messages of one instance into batches for `advance`."""

    def __init__(self, advance: Advance, *, batch_max: int) -> None:
        """Lead with this function, at most so many messages at a time."""
        self._advance = advance
        self._batch_max = batch_max
        self._lanes: dict[InstanceId, _Lane] = {}

    async def submit(self, message: TaskMessage, *, duty: bool) -> None:
        """Return when the message is recorded or judged, and all that follows from it is sent."""
        lane = self._lanes.setdefault(message.instance_id, _Lane())
        mine = Submission(message, duty, asyncio.get_running_loop().create_future())
        lane.pending.append(mine)
        if lane.has_leader and await self._wait(lane, mine) is _Call.DONE:
            return
        # Nobody leads, or this invocation was promoted; its message still waits with the others.
        await self._lead(message.instance_id, lane, mine)
        mine.answer.result()

    async def _wait(self, lane: _Lane, mine: Submission) -> _Call:
        try:
            return await mine.answer
        except asyncio.CancelledError:
            if mine in lane.pending:
                lane.pending.remove(mine)
            if mine.is_promoted:
                self._step_down(mine.message.instance_id, lane)  # it was to lead and will not
            raise

    async def _lead(self, instance_id: InstanceId, lane: _Lane, mine: Submission) -> None:
        """Deal with batches until one's own message is done, then let somebody else lead."""
        lane.has_leader = True
        if mine.answer.done():
            mine.answer = asyncio.get_running_loop().create_future()
        batch: list[Submission] = []
        try:
            while not mine.answer.done():
                batch = [
                    lane.pending.popleft() for _ in range(min(len(lane.pending), self._batch_max))
                ]
                await self._deal_with(instance_id, batch)
        finally:
            for submission in batch:
                submission.fail(StorageFault("The invocation that led this batch was cancelled."))
            if mine in lane.pending:
                lane.pending.remove(mine)
            self._step_down(instance_id, lane)

    async def _deal_with(self, instance_id: InstanceId, batch: list[Submission]) -> None:
        """Advance the batch; what only one message can be to blame for must not hurt the others."""
        try:
            await self._advance(instance_id, batch)
        except (StorageOutcome, Held) as outcome:
            for submission in batch:
                submission.fail(outcome)
        except Exception as error:  # noqa: BLE001  (each submitter decides what to do)
            if len(batch) == 1:
                batch[0].fail(error)
                return
            for submission in batch:
                # The batch may have been committed before it failed: alone, each of its messages
                # is the token of that episode.
                submission.duty = True
                await self._deal_with(instance_id, [submission])
        else:
            for submission in batch:
                submission.done()

    def _step_down(self, instance_id: InstanceId, lane: _Lane) -> None:
        lane.has_leader = False
        for submission in lane.pending:
            if not submission.answer.done():
                lane.has_leader = True  # until it wakes: nobody must lead beside it
                submission.answer.set_result(_Call.LEAD)
                return
        if not lane.pending and self._lanes.get(instance_id) is lane:
            del self._lanes[instance_id]
