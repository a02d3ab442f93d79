"""azure.functions' own converters between the wire's `Datum`s and what functions see.

The direct worker's side only: the host never loads the library of the app.
"""

import json
from collections.abc import Mapping
from typing import Any

import azure.functions as func
from azure.functions.meta import Datum as LibraryDatum

from durable.devhost.datum import Datum, HttpRequest, HttpResponse


def converter_for(binding_type: str) -> Any:
    """Look up the library's converter for a binding type; for none that it knows, `BareValue`."""
    registry: Any = func.get_binding_registry
    return registry().get(binding_type) or BareValue


class BareValue:
    """For parameters annotated `str` or `bytes`: the value without any metadata.

    The library has no such converter; the real worker brings one of its own, named "generic".
    """

    @classmethod
    def decode(cls, data: LibraryDatum, *, trigger_metadata: Any) -> Any:  # noqa: ARG003
        """Give the value as it came."""
        return data.value

    @classmethod
    def encode(cls, obj: Any, *, expected_type: type | None) -> LibraryDatum:  # noqa: ARG003
        """Send text, bytes, or what JSON can hold."""
        if isinstance(obj, str):
            return LibraryDatum(obj, "string")
        if isinstance(obj, bytes | bytearray):
            return LibraryDatum(bytes(obj), "bytes")
        if isinstance(obj, dict | list):
            return LibraryDatum(json.dumps(obj), "json")
        raise NotImplementedError

    @classmethod
    def check_input_type_annotation(cls, pytype: type) -> bool:
        """Take nothing but text and bytes."""
        return pytype in (str, bytes)

    @classmethod
    def check_output_type_annotation(cls, pytype: type) -> bool:
        """Take nothing but text and bytes."""
        return pytype in (str, bytes)


def to_library(datum: Datum) -> LibraryDatum:
    """Turn a value of ours into the library's."""
    value = datum.value
    if not isinstance(value, HttpRequest):
        return LibraryDatum(value, datum.type)
    parts = {
        "method": _text(value.method),
        "url": _text(value.url),
        "headers": _texts(value.headers),
        "query": _texts(value.query),
        "params": _texts(value.params),
        "body": LibraryDatum(value.body, "bytes"),
    }
    return LibraryDatum(parts, "http")


def from_library(datum: LibraryDatum) -> Datum | None:
    """Turn a value of the library's into ours; None for its "no value"."""
    if datum.type is None:
        return None
    if datum.type != "http":
        return Datum(datum.value, datum.type)
    parts = datum.value
    body = parts["body"].value
    return Datum(
        HttpResponse(
            status=int(parts["status_code"].value),
            headers={name: str(value.value) for name, value in parts["headers"].items()},
            set_cookies=tuple(
                morsel.OutputString()
                for jar in parts.get("cookies") or ()
                for morsel in jar.values()
            ),
            body=body if isinstance(body, bytes) else str(body).encode(),
        ),
        "http",
    )


def _texts(values: Mapping[str, str]) -> dict[str, LibraryDatum]:
    return {name: _text(value) for name, value in values.items()}


def _text(value: str) -> LibraryDatum:
    return LibraryDatum(value, "string")
