"""Indexing: import function_app.py and learn its functions and their triggers.

Rule 1. What a function is bound to is read from its raw bindings, the JSON that the real host
        sees, not from the library's classes, which differ between its versions.
Rule 2. Nothing is silently ignored: a trigger or binding that this host cannot run is refused by
        name, and so is a function whose parameters do not match its bindings, as the real Python
        worker does at load.
"""

import importlib.util
import inspect
import json
import os
import sys
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import azure.functions as func

from durable.devhost.converters import converter_for


class IndexingError(Exception):
    """The app cannot be indexed; the text names the function and what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTrigger:
    """`httpTrigger`. `route` is without the prefix; `methods` are upper-case, None means all."""

    route: str
    methods: frozenset[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTrigger:
    """`queueTrigger`, its `%SETTING%`s not yet replaced."""

    queue_name: str
    connection: str
    is_binary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerTrigger:
    """`timerTrigger`: indexed and said aloud, not run yet."""

    schedule: str


Trigger = HttpTrigger | QueueTrigger | TimerTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedFunction:
    """One function of the app, as a worker needs it to call it."""

    name: str
    call: Callable[..., Any]
    trigger: Trigger
    # The binding type names the library's converter; `parameter` is the argument it fills.
    trigger_type: str
    parameter: str
    directory: str
    is_async: bool
    wants_context: bool
    # A parameter annotated `str` or `bytes` gets the bare body, without metadata.
    wants_bare_body: bool
    returns_http: bool


def index_app(app_dir: Path, *, only: Collection[str] | None = None) -> list[IndexedFunction]:
    """Import `app_dir/function_app.py` and describe its functions (`only` these, if given)."""
    module = _imported(app_dir)
    registers: dict[int, func.FunctionRegister] = {}
    for name in dir(module):
        value = getattr(module, name, None)
        if isinstance(value, func.FunctionRegister):
            registers[id(value)] = value
    if not registers:
        raise IndexingError(f"{module.__file__}: no top level FunctionApp instance")
    if len(registers) > 1:
        raise IndexingError(f"{module.__file__}: more than one top level FunctionApp instance")
    try:
        functions = next(iter(registers.values())).get_functions()
    except Exception as error:
        raise IndexingError(f"{module.__file__}: {error}") from error
    known = [str(function.get_function_name()) for function in functions]
    missing = [name for name in only or () if name not in known]
    if missing:
        raise IndexingError(
            f"no function named {', '.join(missing)} in this app (it has: {', '.join(known)})"
        )
    return [
        _described(function, name)
        for function, name in zip(functions, known, strict=True)
        if only is None or name in only
    ]


def _imported(app_dir: Path) -> ModuleType:
    path = app_dir / os.environ.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")
    if not path.is_file():
        raise IndexingError(f"{path} does not exist: --app must name a function app's directory")
    if str(app_dir) not in sys.path:
        sys.path.insert(0, str(app_dir))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise IndexingError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # The app may import itself, and `typing.get_type_hints` looks modules up by name.
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise IndexingError(f"{path} raised {type(error).__name__}: {error}") from error
    return module


def _described(function: Any, name: str) -> IndexedFunction:
    bindings = [json.loads(text) for text in function.get_raw_bindings()]
    call = function.get_user_function()
    parameters = dict(inspect.signature(call).parameters)
    wants_context = _takes_context(parameters, bindings)
    triggers = [binding for binding in bindings if _is_trigger(binding)]
    if len(triggers) != 1:
        raise IndexingError(f"function '{name}': has {len(triggers)} triggers, not one")
    for binding in bindings:
        if binding is not triggers[0]:
            _refuse_unless_http_return(name, binding, triggers[0])
    trigger = _trigger(name, triggers[0])
    bound = {str(triggers[0]["name"])}
    declared = set(parameters) - ({"context"} if wants_context else set())
    if declared != bound:
        raise IndexingError(
            f"function '{name}': its parameters are {sorted(declared)}, "
            f"but its bindings fill {sorted(bound)}"
        )
    trigger_type = str(triggers[0]["type"])
    return IndexedFunction(
        name=name,
        call=call,
        trigger=trigger,
        trigger_type=trigger_type,
        parameter=str(triggers[0]["name"]),
        directory=str(Path(inspect.getfile(inspect.unwrap(call))).parent),
        is_async=inspect.iscoroutinefunction(call),
        wants_context=wants_context,
        wants_bare_body=_wants_bare_body(name, call, triggers[0]),
        returns_http=any(binding["name"] == "$return" for binding in bindings),
    )


def _is_trigger(binding: Mapping[str, Any]) -> bool:
    return str(binding["type"]).lower().endswith("trigger")


def _takes_context(
    parameters: Mapping[str, inspect.Parameter], bindings: list[dict[str, Any]]
) -> bool:
    return "context" in parameters and all(b["name"] != "context" for b in bindings)


def _trigger(name: str, binding: Mapping[str, Any]) -> Trigger:
    kind = str(binding["type"])
    if kind == "httpTrigger":
        methods = binding.get("methods")
        return HttpTrigger(
            route=str(binding.get("route") or ""),
            methods=frozenset(str(m).upper() for m in methods) if methods else None,
        )
    if kind == "queueTrigger":
        return QueueTrigger(
            queue_name=str(binding["queueName"]),
            connection=str(binding.get("connection") or ""),
            is_binary=str(binding.get("dataType", "")).lower() == "binary",
        )
    if kind == "timerTrigger":
        return TimerTrigger(schedule=str(binding["schedule"]))
    raise IndexingError(
        f"function '{name}': this dev host does not run triggers of type '{kind}' "
        "(it runs httpTrigger and queueTrigger)"
    )


def _refuse_unless_http_return(
    name: str, binding: Mapping[str, Any], trigger: Mapping[str, Any]
) -> None:
    kind = str(binding["type"])
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


def _wants_bare_body(name: str, call: Callable[..., Any], binding: Mapping[str, Any]) -> bool:
    try:
        annotation = typing.get_type_hints(call).get(str(binding["name"]))
    except Exception as error:
        raise IndexingError(f"function '{name}': cannot read its annotations: {error}") from error
    if annotation is None:
        return False
    if annotation in (str, bytes):
        return True
    converter = converter_for(str(binding["type"]))
    if not isinstance(annotation, type) or not converter.check_input_type_annotation(annotation):
        raise IndexingError(
            f"function '{name}': parameter '{binding['name']}' is annotated {annotation!r}, "
            f"which does not fit a {binding['type']}"
        )
    return False
