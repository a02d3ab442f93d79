"""`orchestrator_generator_wrapper`, the unit-test idiom of azure-functions-durable 1.7."""

from collections.abc import Coroutine, Generator, Iterator
from typing import Any


def orchestrator_generator_wrapper(
    generator: Generator[Any, Any, Any] | Coroutine[Any, Any, Any],
) -> Iterator[Any]:
    """Yield each task of an orchestrator, feeding its result back, and last what it returns.

    A `result` that raises is raised into the orchestrator at its `yield`. A task is whatever has a
    `result`, so contexts may be made by hand.
    """
    try:
        task = generator.send(None)
        while True:
            yield task
            try:
                result = task.result
            except Exception as error:  # noqa: BLE001  (whatever a user's stand-in raises)
                task = generator.throw(error)
            else:
                task = generator.send(result)
    except StopIteration as end:
        yield end.value
