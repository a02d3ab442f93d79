"""Rule C as functions of (load, commit), so that wrong ones can be shown to break it.

Every commit here appends rows that carry the commit's name in `message_id`, so that a snapshot says
by itself whether it is one that somebody committed.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

from durable.model.history import TaskCompleted
from durable.model.ids import ExecutionId, InstanceId
from durable.model.instance import HistoryRow, InstanceRecord
from durable.model.status import RuntimeStatus
from durable.storage.partition import Snapshot
from durable.storage.port import LostRace, OutcomeUnknown, StorageFault, TaskHubStore

NOON = datetime(2026, 1, 1, 12, 0, 0, 250_001, tzinfo=UTC)
LIFE = ExecutionId("life-1")

Load = Callable[[TaskHubStore, InstanceId], Awaitable[Snapshot]]
Commit = Callable[
    [TaskHubStore, InstanceId, Snapshot, InstanceRecord, Sequence[HistoryRow]], Awaitable[Snapshot]
]


class Interleaved:
    """A store that runs something before its nth call, once, and counts its calls."""

    def __init__(
        self, store: TaskHubStore, at: int | None, first: Callable[[], Awaitable[object]]
    ) -> None:
        self._store = store
        self._at = at
        self._first = first
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not callable(found):
            return found

        async def call(*args: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls - 1 == self._at:
                await self._first()
            return await found(*args, **options)

        return call


def interleaved(
    store: TaskHubStore, at: int | None, first: Callable[[], Awaitable[object]]
) -> tuple[TaskHubStore, Interleaved]:
    """Wrap a store; once as what it is for the code under the law, once to read its count."""
    wrapper = Interleaved(store, at, first)
    return cast("TaskHubStore", wrapper), wrapper


async def lost() -> None:
    """Fail as a call that was not made."""
    raise StorageFault("cut off here")


async def append(
    store: TaskHubStore,
    commit: Commit,
    instance_id: InstanceId,
    before: Snapshot,
    name: str,
    count: int,
    text: str = "r",
) -> Snapshot:
    """Commit `count` rows named `name` behind what was there."""
    record, rows = appended(before, name, count, text)
    return await commit(store, instance_id, before, record, rows)


def appended(
    before: Snapshot, name: str, count: int, text: str = "r"
) -> tuple[InstanceRecord, list[HistoryRow]]:
    """Build the record and the rows of a commit."""
    old = before.record if before.record is not None else record_of(LIFE)
    first = old.sequence + 1
    rows = [
        HistoryRow(
            ordinal=first + n,
            episode=old.episode + 1,
            execution_id=LIFE,
            event=TaskCompleted(timestamp=NOON, task_scheduled_id=n, result=text),
            message_id=f"{name}/{count}",
        )
        for n in range(count)
    ]
    record = replace(
        old, generation=1, life_id=LIFE, execution_id=LIFE, commit_id=name,
        sequence=old.sequence + count, episode=old.episode + 1,
    )  # fmt: skip
    return record, rows


def record_of(life: ExecutionId) -> InstanceRecord:
    """Build the record of an instance that has no rows yet."""
    return InstanceRecord(
        generation=1,
        life_id=life,
        execution_id=life,
        name="Law",
        status=RuntimeStatus.RUNNING,
        created_at=NOON,
        updated_at=NOON,
        commit_id="",
    )


def names_of(snapshot: Snapshot) -> list[str]:
    """List the commits that a snapshot shows; fail if it is one that nobody can have committed."""
    record = snapshot.record
    if record is None or record.is_stub:
        assert snapshot.rows == ()
        return []
    assert [row.ordinal for row in snapshot.rows] == list(range(record.sequence + 1)), "not whole"
    names: list[str] = []
    ordinal = 0
    while ordinal <= record.sequence:
        message_id = snapshot.rows[ordinal].message_id
        assert message_id is not None
        name, count = message_id.rsplit("/", 1)
        run = {row.message_id for row in snapshot.rows[ordinal : ordinal + int(count)]}
        assert run == {message_id}, f"rows of {run} where {message_id} was committed"
        names.append(name)
        ordinal += int(count)
    assert ordinal == record.sequence + 1, "a commit in part"
    assert names[-1] == record.commit_id, "rows and record of different commits"
    return names


@dataclass(frozen=True)
class Law:
    """The laws; each is tried with a competing commit before every single store call."""

    load: Load
    commit: Commit

    async def a_slow_writer_overwrites_nothing(
        self, store: TaskHubStore, new_id: Callable[[], InstanceId], *, rows: int
    ) -> int:
        """A commit of many chunks that was overtaken loses, and the faster one stands whole."""
        at = 0
        while True:
            instance_id = new_id()
            before = await append(store, self.commit, instance_id, Snapshot(), "start", 2)

            async def overtake(
                instance_id: InstanceId = instance_id, before: Snapshot = before
            ) -> None:
                # Whoever overtakes reads first, as everybody does: the slow one's fence moved on.
                newest = await self.load(store, instance_id)
                await append(store, self.commit, instance_id, newest, "fast", rows + 1)

            through, counted = interleaved(store, at, overtake)
            try:
                await append(through, self.commit, instance_id, before, "slow", rows)
                won = True
            except LostRace:
                won = False
            names = names_of(await self.load(store, instance_id))
            if counted.calls <= at:
                assert won
                return at
            assert not won, "a commit that was overtaken was accepted"
            assert names == ["start", "fast"], names
            at += 1

    async def a_load_shows_what_was_committed(
        self, store: TaskHubStore, new_id: Callable[[], InstanceId], *, rows: int
    ) -> int:
        """A load beside a commit shows the state before or after it; torn rows never count."""
        at = 0
        while True:
            instance_id = new_id()
            before = await append(store, self.commit, instance_id, Snapshot(), "start", 3)
            cut, _ = interleaved(store, 2, lost)
            try:
                await append(cut, self.commit, instance_id, before, "torn", rows)
                raise AssertionError("the commit was to be cut off in the middle")
            except StorageFault:
                pass

            async def mend(instance_id: InstanceId = instance_id) -> None:
                newest = await self.load(store, instance_id)
                await append(store, self.commit, instance_id, newest, "mended", 4)

            through, counted = interleaved(store, at, mend)
            seen = names_of(await self.load(through, instance_id))
            assert seen in (["start"], ["start", "mended"]), seen
            if counted.calls <= at:
                return at
            assert names_of(await self.load(store, instance_id)) == ["start", "mended"]
            at += 1

    async def a_commit_that_is_cut_off_counts_whole_or_not(
        self, store: TaskHubStore, new_id: Callable[[], InstanceId], *, rows: int, first: bool
    ) -> int:
        """Cut off before any call, or with the answer of any call lost: all counts or nothing."""
        at = 0
        while True:
            for is_applied in (False, True):
                instance_id = new_id()
                before = Snapshot()
                if not first:
                    before = await append(store, self.commit, instance_id, before, "start", 1)
                old = names_of(before)
                cut, counted = interleaved(store, at + is_applied, lost)
                cut_off = False
                try:
                    record, new = appended(before, "cut", rows)
                    await self.commit(cut, instance_id, before, record, new)
                    if is_applied and counted.calls == at + 1:
                        raise OutcomeUnknown("the last answer was lost")
                except StorageFault:
                    cut_off = True
                names = names_of(await self.load(store, instance_id))
                assert names in (old, [*old, "cut"]), names
                assert cut_off or names == [*old, "cut"], "a commit that returned does not count"
                if not cut_off:
                    return at
                newest = await self.load(store, instance_id)
                await append(store, self.commit, instance_id, newest, "after", 2)
                assert names_of(await self.load(store, instance_id)) == [*names, "after"]
            at += 1
