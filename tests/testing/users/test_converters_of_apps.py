"""What a test gives is written by the app's own converter, as the app's client writes it."""

import json
from collections.abc import Generator
from typing import Any

from durable.engine.registry import Registry
from durable.replay.context import DurableOrchestrationContext
from durable.testing.running.runner import run_orchestrator
from durable.testing.running.stepping import OrchestrationTest

Context = DurableOrchestrationContext


class Sealed:
    """Puts each value into an envelope, and reads nothing else."""

    def encode(self, value: Any) -> str:
        """Print."""
        return json.dumps({"sealed": value})

    def decode(self, text: str, expected_type: Any) -> Any:
        """Read."""
        del expected_type
        return json.loads(text)["sealed"]


def counted(context: Context) -> Generator[Any, Any, Any]:
    """Take an input and an event, ask an entity, and look at the own status."""
    assert context.custom_status is None
    first = context.get_input()
    second = yield context.wait_for_external_event("more")
    third = yield context.call_entity("@counter@a", "get")
    context.set_custom_status([first, second, third])
    return context.custom_status


def test_a_run_gives_values_in_the_form_of_the_app() -> None:
    """Input, events, and what an orchestration reads of itself."""
    result = run_orchestrator(
        counted,
        1,
        app=Registry(Sealed()),
        events=[("more", 2)],
        entities={"counter": 3},
    )
    assert result.value() == {"sealed": [1, 2, 3]}


def test_a_step_does_too() -> None:
    """One by one."""
    test = OrchestrationTest(counted, 1, app=Registry(Sealed())).start()
    test.raise_event("more", 2).complete_operation("get", 3)
    assert test.output == {"sealed": [1, 2, 3]}


def test_a_durable_http_call_can_be_made_with_it() -> None:
    """The built-in activity reads its request as any other activity its input."""

    def fetched(context: Context) -> Generator[Any, Any, Any]:
        response = yield context.call_http("GET", "https://example.org/")
        return response["content"]

    def answer(request: Any) -> dict[str, Any]:
        return {"statusCode": 200, "headers": {}, "content": request["uri"]}

    result = run_orchestrator(fetched, app=Registry(Sealed()), http=answer)
    assert result.value() == {"sealed": "https://example.org/"}
