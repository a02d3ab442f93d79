"""Indexing: from the bindings that a worker found in an app to functions with triggers.

Rule 1. What a function is bound to is read from its raw bindings, the JSON that the real host
        sees, not from the library's classes, which differ between its versions.
Rule 2. Nothing is silently ignored: a trigger or binding that this host cannot run is refused by
        name. (That parameters fit their bindings is the worker's to check, as in Azure.)
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class IndexingError(Exception):
    """The app cannot be indexed; the text names the function and what to change.

    `details` is the traceback of the app's own fault, "" where there is none.
    """

    def __init__(self, text: str, *, details: str = "") -> None:
        """`text` is one sentence."""
        super().__init__(text)
        self.details = details


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionMetadata:
    """What a worker tells of one function: its name and its raw bindings."""

    name: str
    bindings: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTrigger:
    """`httpTrigger`. `route` is without the prefix; `methods` are upper-case, None means all.

    `auth_level` is "anonymous", "function" or "admin".
    """

    route: str
    methods: frozenset[str] | None
    auth_level: str = "function"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTrigger:
    """`queueTrigger`, its `%SETTING%`s not yet replaced."""

    queue_name: str
    connection: str
    is_binary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerTrigger:
    """`timerTrigger`, its `%SETTING%`s not yet replaced."""

    schedule: str
    run_on_startup: bool = False
    use_monitor: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOutput:
    """A `queue` output binding: a parameter's name, or "$return"; `%SETTING%`s not yet replaced."""

    name: str
    queue_name: str
    connection: str


Trigger = HttpTrigger | QueueTrigger | TimerTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedFunction:
    """One function of the app, as the host needs it to call it."""

    name: str
    trigger: Trigger
    trigger_type: str
    # The argument that the trigger fills.
    parameter: str
    returns_http: bool = False
    outputs: tuple[QueueOutput, ...] = ()
    bindings: tuple[dict[str, Any], ...] = ()


def describe(
    metadata: Sequence[FunctionMetadata], *, only: Collection[str] | None = None
) -> list[IndexedFunction]:
    """Read the triggers and bindings of an app's functions (`only` these, if given)."""
    known = [function.name for function in metadata]
    missing = [name for name in only or () if name not in known]
    if missing:
        raise IndexingError(
            f"no function named {', '.join(missing)} in this app (it has: {', '.join(known)})"
        )
    return [_described(each) for each in metadata if only is None or each.name in only]


def _described(function: FunctionMetadata) -> IndexedFunction:
    name = function.name
    triggers = [binding for binding in function.bindings if is_trigger(binding)]
    if len(triggers) != 1:
        raise IndexingError(f"function '{name}': has {len(triggers)} triggers, not one")
    trigger = triggers[0]
    others = [binding for binding in function.bindings if binding is not trigger]
    outputs = [_output(name, binding) for binding in others if _type(binding) == "queue"]
    for binding in others:
        if _type(binding) != "queue":
            _refuse_unless_http_return(name, binding, trigger)
    return IndexedFunction(
        name=name,
        trigger=_trigger(name, trigger),
        trigger_type=_type(trigger),
        parameter=str(trigger["name"]),
        returns_http=any(_type(binding) == "http" for binding in others),
        outputs=tuple(outputs),
        bindings=function.bindings,
    )


def is_trigger(binding: Mapping[str, Any]) -> bool:
    """Tell whether this binding is its function's trigger."""
    return _type(binding).lower().endswith("trigger")


def _type(binding: Mapping[str, Any]) -> str:
    return str(binding["type"])


def _trigger(name: str, binding: Mapping[str, Any]) -> Trigger:
    kind = _type(binding)
    if kind == "httpTrigger":
        methods = binding.get("methods")
        return HttpTrigger(
            # Without a route the function's name is its route, as in the real host.
            route=str(name if binding.get("route") is None else binding["route"]),
            methods=frozenset(str(m).upper() for m in methods) if methods else None,
            auth_level=str(binding.get("authLevel") or "function").lower(),
        )
    if kind == "queueTrigger":
        return QueueTrigger(
            queue_name=str(binding["queueName"]),
            connection=str(binding.get("connection") or ""),
            is_binary=str(binding.get("dataType", "")).lower() == "binary",
        )
    if kind == "timerTrigger":
        return TimerTrigger(
            schedule=str(binding["schedule"]),
            run_on_startup=binding.get("runOnStartup") in (True, "true", "True"),
            use_monitor=binding.get("useMonitor") not in (False, "false", "False"),
        )
    raise IndexingError(
        f"function '{name}': this dev host does not run triggers of type '{kind}' "
        "(it runs httpTrigger, queueTrigger and timerTrigger)"
    )


def _output(name: str, binding: Mapping[str, Any]) -> QueueOutput:
    if str(binding.get("direction", "")).lower() != "out":
        raise IndexingError(
            f"function '{name}': a queue is an output binding, but '{binding['name']}' has "
            f"direction '{binding.get('direction')}'"
        )
    return QueueOutput(
        name=str(binding["name"]),
        queue_name=str(binding["queueName"]),
        connection=str(binding.get("connection") or ""),
    )


def _refuse_unless_http_return(
    name: str, binding: Mapping[str, Any], trigger: Mapping[str, Any]
) -> None:
    kind = _type(binding)
    if kind != "http" or trigger["type"] != "httpTrigger":
        raise IndexingError(
            f"function '{name}': this dev host does not support bindings of type '{kind}' "
            f"(binding '{binding['name']}')"
        )
    if binding["name"] != "$return":
        raise IndexingError(
            f"function '{name}': an http output must be the return value ('$return'), "
            f"not parameter '{binding['name']}'"
        )
