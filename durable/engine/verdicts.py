"""Verdicts: what a message is to an instance, and the turns that numbered ones are taken in."""

from dataclasses import dataclass, field
from enum import Enum, auto

from durable.engine.entity_queue import EMPTY, EntityQueue
from durable.engine.ledger import Ledger
from durable.engine.seals import Remembered
from durable.engine.stash import Stash
from durable.model.ids import InstanceId
from durable.model.instance import InstanceRecord
from durable.model.messages import TaskMessage


class Verdict(Enum):
    """What a message is to an instance."""

    NEW = auto()  # an input of the next episode
    COUNTED = auto()  # its turn in the stream, and no use for it
    EARLY = auto()  # not its turn yet
    WAITING = auto()  # for an execution that has not begun
    LATER = auto()  # to be judged in the next round
    KNOWN = auto()  # recorded already
    DROPPED = auto()  # of another life or execution, or too late
    UNKNOWN_TASK = auto()  # answers a task that this state has not scheduled


# What must be written down before the message may be deleted.
RECORDED = frozenset({Verdict.NEW, Verdict.COUNTED, Verdict.EARLY, Verdict.WAITING})


@dataclass(frozen=True, slots=True)
class Step:
    """A message that is taken now; `index` is its place in the batch, `None` if it was stashed."""

    verdict: Verdict
    message: TaskMessage
    index: int | None


@dataclass(slots=True)
class Admission:
    """The verdicts, in the order of the batch, and the steps, in the order of taking.

    `has_work`: an entity has something to serve, whatever came.
    """

    verdicts: list[Verdict]
    steps: list[Step] = field(default_factory=list)
    has_work: bool = False

    @property
    def commits(self) -> bool:
        """Whether anything must be written down."""
        return bool(self.steps) or self.has_work

    def taken(self, verdict: Verdict) -> list[TaskMessage]:
        """List the messages that are taken with this verdict."""
        return [step.message for step in self.steps if step.verdict is verdict]


@dataclass(frozen=True, slots=True)
class Standing:
    """What messages are judged by: an instance as it stands."""

    instance_id: InstanceId
    record: InstanceRecord | None
    ledger: Ledger
    remembered: Remembered
    stash: Stash
    queue: EntityQueue = EMPTY
    is_rewindable: bool = True


class StreamJudge:
    """Judges numbered messages in their turn (rule D); what their bodies are, subclasses say."""

    def __init__(self, standing: Standing) -> None:
        """Begin with nothing taken."""
        self.standing = standing
        self.steps: list[Step] = []
        self.marks = dict(standing.remembered.marks)
        self.is_ending = False

    def judge(self, message: TaskMessage, index: int) -> Verdict:
        """Judge a message of the batch."""
        if message.origin is not None:
            return self.take_turn(message, index)
        verdict, taken = self._judge_body(message)
        if verdict in RECORDED:
            self.steps.append(Step(verdict, taken, index))
        return verdict

    def take_turn(self, message: TaskMessage, index: int | None) -> Verdict:
        """Judge a numbered message, and behind it what was stashed for the turns after it."""
        assert message.origin is not None
        origin, stashed = message.origin.to_text(), self.standing.stash.numbered
        verdict = self._take_turn(origin, message, index)
        following = stashed.get((origin, self.marks.get(origin, 0) + 1))
        while following is not None and not self.is_ending and verdict in RECORDED:
            self._take_turn(origin, following, None)
            following = stashed.get((origin, self.marks[origin] + 1))
        return verdict

    def _take_turn(self, origin: str, message: TaskMessage, index: int | None) -> Verdict:
        mark = self.marks.get(origin, 0)
        if message.number <= mark:
            return Verdict.KNOWN
        if message.number > mark + 1:
            if (origin, message.number) in self.standing.stash.numbered:
                return Verdict.KNOWN
            self.steps.append(Step(Verdict.EARLY, message, index))
            return Verdict.EARLY
        if self.is_ending:
            return Verdict.LATER
        verdict, taken = self._judge_sent(message)
        self.marks[origin] = message.number
        self.steps.append(Step(verdict, taken, index))
        return verdict

    def _judge_body(self, message: TaskMessage) -> tuple[Verdict, TaskMessage]:
        """Judge what is in no stream; return what is to be taken, too."""
        raise NotImplementedError

    def _judge_sent(self, message: TaskMessage) -> tuple[Verdict, TaskMessage]:
        """Judge what another instance sent, in its turn."""
        raise NotImplementedError
