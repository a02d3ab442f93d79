"""The app as the direct worker sees it: function_app.py imported, its functions checked.

The checks are those of the real Python worker's loader: a function whose parameters do not match
its bindings, or are annotated with what a binding does not give, is refused at the start.
"""

import importlib.util
import inspect
import json
import os
import sys
import traceback
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import azure.functions as func

from durable.devhost.converters import converter_for
from durable.devhost.worker_child import RefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputParameter:
    """An `Out` parameter, or the return value: its converter, and the annotated type, if any."""

    converter: str
    annotation: type | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFunction:
    """One function of the app, as a worker needs it to call it."""

    name: str
    call: Callable[..., Any]
    bindings: list[dict[str, Any]]
    # The argument that the trigger fills, and the converter that makes it.
    parameter: str
    converter: str
    outputs: Mapping[str, OutputParameter]
    returned: OutputParameter | None
    directory: str
    is_async: bool
    wants_context: bool


def load_app(app_dir: Path) -> list[AppFunction]:
    """Import `app_dir/function_app.py` and describe its functions; RefusedError says why not."""
    module = _imported(app_dir)
    registers: dict[int, func.FunctionRegister] = {}
    for name in dir(module):
        value = getattr(module, name, None)
        if isinstance(value, func.FunctionRegister):
            registers[id(value)] = value
    if not registers:
        raise RefusedError(f"{module.__file__}: no top level FunctionApp instance")
    if len(registers) > 1:
        raise RefusedError(f"{module.__file__}: more than one top level FunctionApp instance")
    try:
        functions = next(iter(registers.values())).get_functions()
    except Exception as error:
        text = f"{module.__file__}: {error}"
        raise RefusedError(text, details=traceback.format_exc()) from error
    return [_described(function) for function in functions]


def _imported(app_dir: Path) -> ModuleType:
    path = app_dir / os.environ.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")
    if not path.is_file():
        raise RefusedError(f"{path} does not exist: --app must name a function app's directory")
    if str(app_dir) not in sys.path:
        sys.path.insert(0, str(app_dir))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise RefusedError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # The app may import itself, and `typing.get_type_hints` looks modules up by name.
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        text = f"{path} raised {type(error).__name__}: {error}"
        raise RefusedError(text, details=traceback.format_exc()) from error
    return module


def _described(function: Any) -> AppFunction:
    name = str(function.get_function_name())
    bindings = [json.loads(text) for text in function.get_raw_bindings()]
    call = function.get_user_function()
    parameters = dict(inspect.signature(call).parameters)
    bound = {str(binding["name"]): binding for binding in bindings}
    returned = bound.pop("$return", None)
    wants_context = "context" in parameters and "context" not in bound
    declared = set(parameters) - ({"context"} if wants_context else set())
    if declared != set(bound):
        raise RefusedError(
            f"function '{name}': its parameters are {sorted(declared)}, "
            f"but its bindings fill {sorted(bound)}"
        )
    try:
        annotations = typing.get_type_hints(call)
    except Exception as error:
        raise RefusedError(f"function '{name}': cannot read its annotations: {error}") from error
    triggers = [b for b in bindings if str(b["type"]).lower().endswith("trigger")]
    if len(triggers) != 1:
        raise RefusedError(f"function '{name}': has {len(triggers)} triggers, not one")
    parameter = str(triggers[0]["name"])
    return AppFunction(
        name=name,
        call=call,
        bindings=bindings,
        parameter=parameter,
        converter=_input_converter(name, triggers[0], annotations.get(parameter)),
        outputs={
            each: _output(name, binding, annotations.get(each))
            for each, binding in bound.items()
            if str(binding.get("direction", "")).lower() == "out"
        },
        returned=OutputParameter(converter=str(returned["type"]), annotation=None)
        if returned is not None
        else None,
        directory=str(Path(inspect.getfile(inspect.unwrap(call))).parent),
        is_async=inspect.iscoroutinefunction(call),
        wants_context=wants_context,
    )


def _input_converter(name: str, binding: Mapping[str, Any], annotation: Any) -> str:
    kind = str(binding["type"])
    if annotation is None:
        return kind
    if annotation in (str, bytes):
        # The bare body, without metadata; the real worker gives a str for both.
        return "generic"
    converter = converter_for(kind)
    if not isinstance(annotation, type) or not converter.check_input_type_annotation(annotation):
        raise RefusedError(
            f"function '{name}': parameter '{binding['name']}' is annotated {annotation!r}, "
            f"which does not fit a {kind}"
        )
    return kind


def _output(name: str, binding: Mapping[str, Any], annotation: Any) -> OutputParameter:
    kind = str(binding["type"])
    if annotation is None:
        return OutputParameter(converter=kind, annotation=None)
    inner = typing.get_args(annotation)
    if typing.get_origin(annotation) is not func.Out or len(inner) != 1:
        raise RefusedError(
            f"function '{name}': parameter '{binding['name']}' is annotated {annotation!r}, but "
            f"its binding is an output: annotate it with azure.functions.Out[...]"
        )
    if inner[0] in (str, bytes):
        return OutputParameter(converter="generic", annotation=inner[0])
    if not converter_for(kind).check_output_type_annotation(inner[0]):
        raise RefusedError(
            f"function '{name}': parameter '{binding['name']}' is annotated {annotation!r}, "
            f"which does not fit a {kind} output"
        )
    return OutputParameter(converter=kind, annotation=inner[0])
