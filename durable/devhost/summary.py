"""What a host says when it starts: its functions, as `func start` lists them."""

from collections.abc import Iterator, Mapping, Sequence

from durable.devhost.index import HttpTrigger, IndexedFunction, QueueTrigger
from durable.devhost.keys import Keys
from durable.devhost.queue_names import resolved_queue_name
from durable.devhost.settings import substitute


def summary_lines(
    functions: Sequence[IndexedFunction],
    *,
    url: str,
    route_prefix: str,
    environment: Mapping[str, str],
) -> Iterator[str]:
    """List the functions with what reaches them: URL, queue or schedule."""
    yield "Functions:"
    for function in functions:
        trigger = function.trigger
        if isinstance(trigger, HttpTrigger):
            methods = ",".join(sorted(trigger.methods)) if trigger.methods else "*"
            parts = (url, route_prefix, trigger.route.strip("/"))
            address = "/".join(part for part in parts if part)
            yield f"    {function.name}: [{methods}] {address}"
        elif isinstance(trigger, QueueTrigger):
            name = resolved_queue_name(trigger.queue_name, environment, function_name=function.name)
            yield f"    {function.name}: queueTrigger {name}"
        else:
            wanted_by = f"function '{function.name}'"
            schedule = substitute(trigger.schedule, environment, wanted_by=wanted_by)
            yield f"    {function.name}: timerTrigger {schedule}"


def key_lines(keys: Keys) -> Iterator[str]:
    """Print keys that were made for this run only; nobody can know them otherwise."""
    yield "Keys of this run:"
    yield f"    master: {keys.master}"
    for name, value in keys.host.items():
        yield f"    host {name}: {value}"
    for function, own in keys.functions.items():
        for name, value in own.items():
            yield f"    {function} {name}: {value}"
