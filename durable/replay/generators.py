"""orchestrator_generator_wrapper: the unit-test idiom of azure-functions-durable 1.7.

    values = list(orchestrator_generator_wrapper(my_orchestrator(context)))

It runs the code once, with the results that the test gave its tasks, and replays nothing:
`durable.testing.run_orchestrator` sees more. It works with any context, a mock's too: a task is
whatever has a `result`.
"""

from collections.abc import Callable, Coroutine, Generator
from typing import Any


def orchestrator_generator_wrapper(
    generator: Generator[Any, Any, Any] | Coroutine[Any, Any, Any],
) -> Generator[Any, None, None]:
    """Yield each task that the orchestrator yields, feeding back its result; last, what it returns.

    Where reading `result` raises, the error is thrown into the orchestrator, at its `yield`. What
    the orchestrator itself raises comes out here.
    """
    advance: Callable[[], Any] = lambda: generator.send(None)  # noqa: E731
    while True:
        try:
            task = advance()
        except StopIteration as stop:
            yield stop.value
            return
        yield task
        advance = _fed_back(generator, task)


def _fed_back(
    generator: Generator[Any, Any, Any] | Coroutine[Any, Any, Any], task: Any
) -> Callable[[], Any]:
    try:
        result = task.result
    except Exception as error:  # noqa: BLE001  (what the test says that the task failed with)
        failure = error
        return lambda: generator.throw(failure)
    return lambda: generator.send(result)
