"""Turn: what one batch of messages to one instance comes to, from receipt to sends.

A turn has rounds. Each ends in at most one commit; what its end, or a terminate in it, left open is
judged anew in the next round, on the state that the commit left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from durable.engine.coalescer import Submission
from durable.engine.inbox import Admission, Verdict
from durable.engine.warm import InstanceState
from durable.model.codec import Columns
from durable.model.ids import InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.messages import TaskMessage
from durable.replay.executor import Execution


@dataclass(frozen=True, slots=True)
class Proposal:
    """A decision, ready to be committed.

    `named`: rows beside the history. `live` is the orchestrator standing behind it. `shows`: lists
    show something new. `open`: the places in the batch of what it does not record after all.
    `spent`: blobs that nothing names any more once it is committed; `fresh`: those that nothing
    will name if it is not.
    """

    record: InstanceRecord
    rows: tuple[HistoryRow, ...]
    named: Mapping[str, Columns]
    live: Execution | None
    shows: bool
    open: frozenset[int]
    spent: frozenset[str] = frozenset()
    fresh: frozenset[str] = frozenset()

    @property
    def episode(self) -> int | None:
        """The episode that it commits; a commit without rows commits none."""
        return self.record.episode if self.rows else None


@dataclass(slots=True)
class Turn:
    """A batch, the state it is judged on, the verdicts of this round, and what it committed.

    `is_fresh`: the state was loaded after the receipt of the batch (rule A3).
    `is_tried`: a commit of this turn had an unknown outcome (rule A2).
    `is_careful`: something in it ends processes; an entity serves one operation a commit.
    `given_up`: for which message one fails without being run.
    """

    instance_id: InstanceId
    batch: Sequence[Submission]
    state: InstanceState | None
    is_fresh: bool = False
    is_tried: bool = False
    is_careful: bool = False
    given_up: str = ""
    admission: Admission = field(default_factory=lambda: Admission([]))
    committed: Proposal | None = None

    @property
    def messages(self) -> list[TaskMessage]:
        """The messages of the batch."""
        return [submission.message for submission in self.batch]

    @property
    def new_messages(self) -> list[TaskMessage]:
        """The inputs of the next episode."""
        return self.admission.taken(Verdict.NEW)

    @property
    def unused_messages(self) -> list[TaskMessage]:
        """Those that this round has found to be of no use."""
        judged = zip(self.messages, self.verdicts, strict=True)
        useless = {Verdict.KNOWN, Verdict.DROPPED}
        unused = [message for message, verdict in judged if verdict in useless]
        return unused + (self.admission.taken(Verdict.COUNTED) if self.committed else [])

    @property
    def verdicts(self) -> list[Verdict]:
        """What each message of the batch is, in this round."""
        return self.admission.verdicts

    @property
    def has_duty(self) -> bool:
        """Whether a message that is not recorded now may be the token of an unsent episode.

        One that just has its turn may be: it may have begun an execution that ended without it. A
        round that takes only what was kept here has no message of its own; what it has tried to
        commit may be committed all the same.
        """
        if self.is_tried and not self.batch:
            return True
        not_now = {Verdict.KNOWN, Verdict.COUNTED, Verdict.DROPPED, Verdict.UNKNOWN_TASK}
        judged = zip(self.batch, self.verdicts, strict=True)
        return any(
            verdict in not_now and (submission.duty or self.is_tried)
            for submission, verdict in judged
        )

    @property
    def left(self) -> frozenset[int]:
        """The places in the batch of what this round leaves open."""
        later = (i for i, verdict in enumerate(self.verdicts) if verdict is Verdict.LATER)
        return frozenset(later) | (self.committed.open if self.committed else frozenset())

    def close_round(self) -> bool:
        """Keep what is still open; say whether there is another round."""
        left = self.left
        has_ready = self.committed is not None and self.state is not None and self.state.has_ready
        self.batch = [submission for index, submission in enumerate(self.batch) if index in left]
        self.admission, self.committed = Admission([]), None
        self.is_fresh = True  # what the round has read or written is younger than the batch
        return bool(self.batch) or has_ready
