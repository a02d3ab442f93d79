"""The same history elsewhere, in other batches or another process, comes to the same."""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from durable.model.history import HistoryEvent
from durable.model.status import RuntimeStatus
from tests.architecture.source_tree import ROOT
from tests.replay.recording import (
    Context,
    Orchestration,
    Recording,
    completed,
    failed,
    plain,
    raised,
)


def splits_of(inputs: tuple[HistoryEvent, ...]) -> Iterator[list[tuple[HistoryEvent, ...]]]:
    """Cut a sequence into batches in every way."""
    for cuts in itertools.product([False, True], repeat=len(inputs) - 1):
        batches = [[inputs[0]]]
        for is_cut, event in zip(cuts, inputs[1:], strict=True):
            if is_cut:
                batches.append([])
            batches[-1].append(event)
        yield [tuple(batch) for batch in batches]


def race_in_a_race(context: Context) -> Orchestration:
    """Say who wins among a task, a group, and another race."""
    calls = [context.call_activity("a", number) for number in range(3)]
    go = context.wait_for_external_event("go")
    runners = [
        context.task_all([calls[0], calls[1]]),
        context.task_any([calls[2], go]),
        calls[1],
    ]
    winner = yield context.task_any(runners)
    return runners.index(winner)


def test_the_winner_of_a_race_is_the_same_for_every_split_into_batches() -> None:
    """C3: each of 24 orders of 4 inputs, in each of 8 splits; only the recorded order counts."""
    inputs: list[HistoryEvent] = [completed(0), failed(1), completed(2), raised("go")]
    winners: set[int] = set()
    for order in itertools.permutations(inputs):
        outputs = set()
        for batches in splits_of(order):
            recording = Recording(race_in_a_race)
            for batch in batches:
                if recording.last.status is RuntimeStatus.RUNNING:
                    recording.episode(*batch)
            assert recording.last.status is RuntimeStatus.COMPLETED
            outputs.add(recording.output)
        assert len(outputs) == 1, order
        winners |= outputs
    # A group that fails with its child is left of it in the list.
    assert winners == {0, 1}


def everything(context: Context) -> Orchestration:
    """Use all that could depend on the order of a set or a dict."""
    names = ("alpha", "beta", "gamma", "delta")
    context.set_custom_status({name: len(name) for name in names})
    waits = [context.wait_for_external_event(name) for name in names]
    calls = [context.call_activity(name, {name: 1, "id": context.new_uuid()}) for name in names]
    winner = yield context.task_any([context.task_all(waits[:2]), *waits[2:], *calls])
    try:
        results = yield context.task_all(calls)
    except Exception as error:  # noqa: BLE001
        results = str(error)
    again = yield context.task_all([context.call_activity("last", results), *waits])
    return {"again": again, "won": [winner.result], "id": context.new_guid().hex}


def run_of_everything() -> list[Any]:
    """Decide a fixed history, live and cold, and lay the decisions out."""
    recording = Recording(everything, {"b": 1, "a": [2]})
    recording.episode(raised("delta", {"x": 1, "b": 2}), raised("alpha", 1), completed(2, "two"))
    recording.each(completed(0, "zero"), raised("gamma", 3), failed(3), raised("beta", 4))
    recording.episode(completed(4, "last"))
    return [plain(episode.decision) for episode in recording.episodes]


def test_replay_does_not_depend_on_the_hash_seed() -> None:
    """D3: processes with other hash seeds come to the same facts, to the letter."""
    code = "from tests.replay.test_replay_elsewhere import run_of_everything as run; print(run())"
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout.strip()
        for seed in ("0", "1", "4711")
    }
    assert printed == {str(run_of_everything())}
    assert "ExecutionCompleted" in printed.pop()
