"""Turn: what one batch of messages to one instance comes to, from receipt to sends."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from durable.engine.coalescer import Submission
from durable.engine.inbox import Verdict
from durable.engine.warm import InstanceState
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.replay.executor import Execution


@dataclass(frozen=True, slots=True)
class Proposal:
    """A decision, ready to be committed.

    `live` is the orchestrator standing behind it. `shows`: lists show something new.
    """

    record: InstanceRecord
    rows: tuple[HistoryRow, ...]
    live: Execution | None
    shows: bool


@dataclass(slots=True)
class Turn:
    """A batch, the state it is judged on, the verdicts, and what was committed of it.

    `is_fresh`: the state was loaded after the receipt of the batch (rule A3).
    `is_tried`: a commit of this turn had an unknown outcome (rule A2).
    """

    instance_id: InstanceId
    batch: Sequence[Submission]
    state: InstanceState | None
    is_fresh: bool = False
    is_tried: bool = False
    verdicts: list[Verdict] = field(default_factory=list)
    committed: Proposal | None = None

    @property
    def messages(self) -> list[TaskMessage]:
        """The messages of the batch."""
        return [submission.message for submission in self.batch]

    @property
    def new_messages(self) -> list[TaskMessage]:
        """Those that are to be recorded."""
        judged = zip(self.messages, self.verdicts, strict=True)
        return [message for message, verdict in judged if verdict is Verdict.NEW]

    @property
    def has_duty(self) -> bool:
        """Whether a message that is not recorded now may be the token of an unsent episode."""
        judged = zip(self.batch, self.verdicts, strict=True)
        return any(
            verdict is not Verdict.NEW and (submission.duty or self.is_tried)
            for submission, verdict in judged
        )

    def drop_latecomers(self, messages: Sequence[TaskMessage]) -> None:
        """Judge anew what came after the end: the commit that makes the end drops it."""
        late = {id(message) for message in messages}
        for index, message in enumerate(self.messages):
            if id(message) in late:
                self.verdicts[index] = Verdict.DROPPED
