"""The operations of a class: its public methods, and how what was sent becomes their argument.

Rule 1. A name matches as it is written, else without regard to case if one method alone does so.
Rule 2. An operation takes one input at most. Null stands for nothing sent, so a method with a
        default gets that.
"""

import functools
import inspect
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from durable.engine.entity_context import DurableEntityContext
from durable.engine.signatures import annotation_in, result_type_of, useful
from durable.model.annotations import is_union, spelt, stripped
from durable.model.converters import Converter
from durable.model.custom_objects import is_custom_class
from durable.model.values import decode_value

DELETE = "delete"
"""Every class entity has it; where the class has no such method, it drops the state."""

NOT_OF_THE_APP = ("builtins", "typing", "abc", "pydantic")
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method. `inputs` are the parameters that are not for the context, required ones first."""

    name: str
    inputs: tuple[inspect.Parameter, ...] = ()
    context: inspect.Parameter | None = None
    input_annotation: Any = None
    result_type: Any = None

    def bound(
        self,
        instance: Any,
        input_: str | None,
        context: DurableEntityContext,
        converter: Converter | None,
    ) -> Callable[[], Any]:
        """Return the call of the method. Raises `TypeError` for an input that it does not take."""
        arguments: list[Any] = []
        by_name: dict[str, Any] = {}
        given = [] if self.context is None else [(self.context, context)]
        given += self._input(input_, converter)
        for parameter, value in given:
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
                arguments.append(value)
            else:
                by_name[parameter.name] = value
        return functools.partial(getattr(instance, self.name), *arguments, **by_name)

    def _input(
        self, text: str | None, converter: Converter | None
    ) -> list[tuple[inspect.Parameter, Any]]:
        """Read the input as what its parameter is annotated with."""
        what = f"input of operation '{self.name}'"
        if len([one for one in self.inputs if _is_required(one)]) > 1:
            names = ", ".join(one.name for one in self.inputs)
            raise TypeError(
                f"The operation '{self.name}' takes several inputs ({names}); one is sent at most. "
                "Take a list or an object."
            )
        is_sent = text not in (None, "null")
        if not self.inputs:
            if is_sent:
                raise TypeError(f"The operation '{self.name}' takes no input, and one was sent.")
            return []
        parameter = self.inputs[0]
        if is_sent:
            wanted = useful(self.input_annotation)
            return [(parameter, decode_value(text, wanted, converter=converter, what=what))]
        if not _is_required(parameter):
            return []
        if not _takes_null(self.input_annotation):
            raise TypeError(
                f"The operation '{self.name}' takes an input, {parameter.name}: "
                f"{spelt(self.input_annotation)}, and none was sent."
            )
        return [(parameter, None)]


def operations_of(kind: type) -> dict[str, Operation]:
    """List the public methods of a class, but for static and class methods, by name."""
    hidden = {"to_json", "from_json"} if is_custom_class(kind) else set()
    names: dict[str, None] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.partition(".")[0] in NOT_OF_THE_APP:
            hidden |= set(dir(base))
            continue
        for name, member in vars(base).items():
            if name in hidden or name.startswith("_"):
                continue
            if _is_method(member):
                names[name] = None
            else:
                names.pop(name, None)
    return {name: _operation(name, getattr(kind, name)) for name in names}


def find(operations: Mapping[str, Operation], name: str) -> Operation | None:
    """Find an operation by rule 1."""
    match = matching(name, operations)
    return None if match is None else operations[match]


def matching(name: str, names: Iterable[str]) -> str | None:
    """Find a name by rule 1."""
    known = list(names)
    if name in known:
        return name
    alike = [one for one in known if one.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else None


def _is_method(member: Any) -> bool:
    is_bound = callable(member) and hasattr(type(member), "__get__")
    return is_bound and not isinstance(member, type | staticmethod | classmethod)


def _operation(name: str, function: Any) -> Operation:
    inputs: list[inspect.Parameter] = []
    context: inspect.Parameter | None = None
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if context is None and _is_for_context(function, parameter):
            context = parameter
        else:
            inputs.append(parameter)
    named = [one for one in inputs if one.kind not in VARIADIC]
    inputs = named or [one for one in inputs if one.kind is one.VAR_POSITIONAL]
    inputs.sort(key=lambda one: not _is_required(one))
    return Operation(
        name=name,
        inputs=tuple(inputs),
        context=context,
        input_annotation=annotation_in(function, inputs[0].name) if inputs else None,
        result_type=result_type_of(function),
    )


def _is_for_context(function: Any, parameter: inspect.Parameter) -> bool:
    annotation = annotation_in(function, parameter.name)
    if annotation is None or annotation is Any:
        return parameter.name == "context" and parameter.kind not in VARIADIC
    return annotation is DurableEntityContext or annotation == DurableEntityContext | None


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in VARIADIC


def _takes_null(annotation: Any) -> bool:
    """Say whether null is as good as a value for this annotation; none allows everything."""
    if annotation is None:
        return True
    annotation = stripped(annotation)
    if is_union(annotation):
        return any(_takes_null(one) for one in get_args(annotation))
    return annotation in (Any, object, types.NoneType)
