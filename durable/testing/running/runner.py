"""run_orchestrator: an orchestration from its start to its end, in a function call.

    result = run_orchestrator(order, "book", activities={"reserve": 7, "pay": OSError("no")})
    assert result.value() == "not paid"

Nothing is stored and nothing waits: timers are skipped in virtual time. Every episode replays the
code over its whole history, as a host that has just started would, with arguments compared.
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from durable.model.ids import ExecutionId, parse_instance_id
from durable.model.values import encode_value
from durable.replay.http_calls import HTTP_ACTIVITY
from durable.testing.app import AppUnderTest
from durable.testing.given import Given, by_name
from durable.testing.running.agenda import START, Agenda
from durable.testing.running.entities import fakes_of
from durable.testing.running.fake_hub import FakeHub
from durable.testing.running.fakes import AT_ONCE, Fakes
from durable.testing.running.instance import InstanceUnderTest
from durable.testing.running.result import OrchestrationResult, result_of

INSTANCE_ID = "instance"
# As a life id, 32 hexadecimal digits; the same in every run.
LIFE_ID = ExecutionId(f"{1:032x}")
STEPS_MAX = 100_000
# Beside one for each given event. With `until`, as many in each moment: if no time passes, `until`
# never comes.
EXECUTIONS_MAX = 1000


class RestlessError(AssertionError):
    """The orchestration does not come to an end, nor to a rest."""


@dataclass(frozen=True, slots=True)
class Event:
    """An external event that arrives so long after the start, for `to` or for the orchestration.

    `is_quoted`: as `client.raise_event` of the drop-in client sends it, which gives a generator
    that does not say `expected_type` the data as JSON text.
    """

    name: str
    data: Any = None
    after: timedelta = AT_ONCE
    to: str | None = None
    is_quoted: bool = False


GivenEvent = Event | tuple[str, Any] | str


def run_orchestrator(
    orchestrator: Any,
    input_: Any = None,
    *,
    activities: Given = (),
    children: Given = (),
    entities: Given = (),
    entity_states: Mapping[Any, Any] | None = None,
    events: Iterable[GivenEvent] = (),
    http: Any = None,
    app: Any = None,
    start: datetime = START,
    until: timedelta | None = None,
    terminate_after: timedelta | None = None,
    instance_id: str = INSTANCE_ID,
    version: str | None = None,
    check_replay: bool = True,
) -> OrchestrationResult:
    """Run an orchestrator to its end, or until nothing more can happen.

    `activities` and `children` are fakes by name, or functions that know their names: the table in
    `durable.testing.running.fakes` says what each may be. A generator function, an `async def` or a
    decorated orchestrator among `children` runs for real, beside its parent. `entities` are fakes
    by name too, or a list of the entities themselves: `durable.testing.running.entities` says what
    each may be; the entities of the app need not be named. `entity_states` are the states that they
    begin with, by `EntityId`. `http` is the fake for `call_http`. `events` are `Event`s, or (name,
    data) or a name for one that comes at once. `app` is the app, or its registry: its annotations
    say what types values have, and `orchestrator` may then be a name. `until` stops the run after
    so much virtual time, as an eternal orchestration needs; `terminate_after` ends it then, with
    its children.

    Raises `UnexpectedCallError` for a call that has no fake, `NotDeterministicError` or
    `RestlessError`.
    """
    agenda = Agenda(start)
    began = agenda.now
    faked = by_name(activities)
    if http is not None:
        faked[HTTP_ACTIVITY] = http
    known_app = AppUnderTest(app)
    known_app.activities(faked)
    fake_entities = fakes_of(entities)
    known_app.entities(fake_entities)
    hub = FakeHub(
        agenda,
        known_app,
        activities=Fakes("activity", faked),
        children=Fakes("orchestrator", by_name(children)),
        entities=fake_entities,
        check_replay=check_replay,
    )
    hub.entities.set_states(entity_states or {})
    known = parse_instance_id(instance_id)
    given = [_event(event) for event in events]
    converter = known_app.registry.converter
    for event in given:
        what = f"data of event '{event.name}'"
        data = encode_value(event.data, what=what, converter=converter)
        act = functools.partial(
            hub.raise_event, event.to or known, event.name, data, is_quoted=event.is_quoted
        )
        agenda.note(began + event.after, act)
    text = encode_value(input_, what="input", converter=converter)
    main = hub.begin(orchestrator, known, LIFE_ID, text, version=version)
    if terminate_after is not None:
        agenda.note(began + terminate_after, functools.partial(hub.terminate, main, None))
    most = EXECUTIONS_MAX + len(given)
    _run_to_rest(agenda, hub, main, began + until if until is not None else None, most)
    for instance in hub.instances.values():
        instance.check(agenda.now)
    return _result(hub, main, began)


def _event(given: GivenEvent) -> Event:
    if isinstance(given, Event):
        return given
    return Event(given) if isinstance(given, str) else Event(*given)


def _run_to_rest(
    agenda: Agenda, hub: FakeHub, main: InstanceUnderTest, until: datetime | None, most: int
) -> None:
    moment, before = agenda.now, 0
    for _ in range(STEPS_MAX):
        if not agenda.step(until):
            return
        if until is not None and agenda.now != moment:
            moment, before = agenda.now, len(main.ended)
        if len(main.ended) - before > most:
            raise RestlessError(_restless(main, most, is_bounded=until is not None))
        if hub.entities.restless is not None:
            raise RestlessError(
                f"The entity '{hub.entities.restless}' signals itself, or others that signal it, "
                "at once and without end. Give the signal a scheduled_time, and the test an until."
            )
    raise RestlessError(
        f"'{main.name}' is {main.status.value} after {STEPS_MAX} steps and a virtual time of "
        f"{agenda.now.isoformat()}. An orchestration without an end needs until=timedelta(...)."
    )


def _restless(main: InstanceUnderTest, most: int, *, is_bounded: bool) -> str:
    told = f"'{main.name}' has continued as new more than {most} times"
    if is_bounded:
        return (
            f"{told} at one moment, so until=timedelta(...) never comes. Give it something that "
            "takes time: a timer, or a fake taking(timedelta(...), ...)."
        )
    return f"{told}. An orchestration without an end needs until=timedelta(...)."


def _result(hub: FakeHub, main: InstanceUnderTest, began: datetime) -> OrchestrationResult:
    results = {
        instance_id: result_of(instance, hub.requests[instance_id], began=began)
        for instance_id, instance in hub.instances.items()
        if instance is not main
    }
    return result_of(
        main,
        hub.requests[main.instance_id],
        began=began,
        children=results,
        entities=hub.entities.states,
        locked_entities=hub.entities.locked,
    )
