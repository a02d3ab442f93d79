"""For random programs: replay gives what was recorded, cold or live, and batches do not matter."""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from durable.model.history import ExecutionStarted
from durable.model.status import RuntimeStatus
from durable.replay.decision import Decision
from durable.replay.episode import decide
from tests.replay.random_programs import PROGRAMS, answer_one_by_one, orchestrator_of
from tests.replay.recording import (
    INSTANCE,
    START,
    Recording,
    asked,
    decide_cold,
    pending_of,
    plain,
)

PROFILE = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@PROFILE
@given(program=PROGRAMS, data=st.data())
def test_a_history_cut_at_any_episode_leads_to_the_same_facts(
    program: list[Any], data: st.DataObject
) -> None:
    """Cut anywhere, replay, go on live: the same pending set and the very facts that were recorded.

    `Recording` has checked already, at every episode, that live and cold decide the same.
    """
    orchestrator = orchestrator_of(program)
    recording = Recording(orchestrator)
    answer_one_by_one(recording, data, inputs_max=12)
    for cut in range(len(recording.episodes)):
        live = None
        for episode in recording.episodes[cut:]:
            decision = decide(
                recording.history[: episode.history_length],
                episode.arrived,
                orchestrator,
                now=START + timedelta(seconds=episode.after_s),
                instance_id=INSTANCE,
                live=live,
                strict_arguments=True,
            )
            assert isinstance(decision, Decision)
            assert plain(decision) == plain(episode.decision)
            live = decision.execution


@PROFILE
@given(program=PROGRAMS, data=st.data())
def test_the_split_of_inputs_into_batches_does_not_matter(
    program: list[Any], data: st.DataObject
) -> None:
    """One by one, or together as far as they could exist together: same requests, same outcome."""
    orchestrator = orchestrator_of(program)
    alone = Recording(orchestrator)
    inputs = answer_one_by_one(alone, data, inputs_max=12)

    batched = Recording(orchestrator)
    done = 0
    while done < len(inputs):
        # An answer exists only when the request for it is committed: not in the same batch.
        end = done + 1
        while end < len(inputs) and inputs[end].needs <= done:
            end += 1
        size = data.draw(st.integers(1, end - done), label="batch")
        decision = batched.episode(*(i.event for i in inputs[done : done + size]), after_s=done)
        done += decision.consumed
        if decision.status is not RuntimeStatus.RUNNING:
            break

    assert done == len(inputs)
    assert pending_of(batched.history) == pending_of(alone.history)
    assert batched.last.status is alone.last.status
    assert batched.output == alone.output
    assert batched.last.custom_status == alone.last.custom_status


@PROFILE
@given(program=PROGRAMS, data=st.data())
def test_a_replay_alone_asks_for_nothing(program: list[Any], data: st.DataObject) -> None:
    """Cold replay of a running instance with nothing new schedules nothing and changes nothing."""
    orchestrator = orchestrator_of(program)
    recording = Recording(orchestrator)
    answer_one_by_one(recording, data, inputs_max=8)
    if recording.last.status is not RuntimeStatus.RUNNING:
        return
    for _ in range(2):
        decision = decide_cold(recording.history, [], orchestrator)
        assert isinstance(decision, Decision)
        assert asked(decision) == []
        assert decision.status is RuntimeStatus.RUNNING
        assert decision.custom_status == recording.last.custom_status


def test_the_random_programs_reach_all_kinds_of_ends() -> None:
    """The properties above are about something: programs wait, end, fail tasks and use timers."""
    recording = Recording(orchestrator_of([("yield", ("any", [("event", "x"), ("timer", 5)]))]))
    assert asked(recording.last) == [(0, 5.0)]
    assert isinstance(recording.history[1], ExecutionStarted)
