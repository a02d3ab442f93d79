"""The envelope of azure-functions-durable 1.7: read without trusting it."""

import dataclasses
import json
import sys
from types import ModuleType
from typing import Any

import pytest

from durable.model.converters import JsonConverter
from durable.model.errors import InvalidPayloadError
from durable.model.values import decode_value, encode_value

LOOSE = JsonConverter()
STRICT = JsonConverter(strict=True)


class User:
    """A class in the manner of 1.7's sample `serialize_arguments`."""

    def __init__(self, name: str, friend: Any = None) -> None:
        self.name = name
        self.friend = friend

    def __eq__(self, other: object) -> bool:
        return isinstance(other, User) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    @staticmethod
    def to_json(user: "User") -> Any:
        return {"name": user.name, "friend": user.friend}

    @classmethod
    def from_json(cls, data: Any) -> "User":
        return cls(data["name"], data["friend"])


class Admin(User):
    """A subclass."""


@dataclasses.dataclass
class Both:
    """A dataclass that 1.7 knew how to write too."""

    n: int

    @staticmethod
    def to_json(both: "Both") -> Any:
        return {"n": both.n}

    @staticmethod
    def from_json(data: Any) -> "Both":
        return Both(data["n"])


class Unreadable:
    """Only half of the protocol."""

    def to_json(self) -> str:
        return ""


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this module stand among the loaded ones, as a user's does."""
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _this())


def _this() -> ModuleType:
    module = ModuleType(__name__)
    vars(module).update(globals())
    return module


def written(value: Any, converter: JsonConverter = LOOSE) -> str:
    """Write."""
    return encode_value(value, what="input", converter=converter)


def read(text: str, expected: Any = None, converter: JsonConverter = LOOSE) -> Any:
    """Read."""
    return decode_value(text, expected, converter=converter, what="input")


def envelope(module: Any, name: Any, data: Any = None) -> str:
    """Make one by hand."""
    return json.dumps({"__class__": name, "__module__": module, "__data__": data})


def test_the_envelope_is_that_of_1_7() -> None:
    """Member by member, nested ones inside."""
    assert json.loads(written([User("a", User("b"))])) == [
        {
            "__class__": "User",
            "__module__": __name__,
            "__data__": {
                "name": "a",
                "friend": {
                    "__class__": "User",
                    "__module__": __name__,
                    "__data__": {"name": "b", "friend": None},
                },
            },
        }
    ]


@pytest.mark.parametrize("value", [User("a", User("b")), [User("a")], {"k": [Both(1)]}])
def test_a_custom_object_comes_back_without_a_type(value: Any) -> None:
    """As running apps rely on it; a dataclass with both methods too."""
    assert read(written(value)) == value


def test_a_custom_object_comes_back_by_its_type_or_a_base() -> None:
    """An envelope inside an untyped part too."""
    assert read(written(User("a")), User) == User("a")
    assert type(read(written([Admin("a")]), list[User])[0]) is Admin
    assert read(written({"x": [User("a")]}), dict[str, Any]) == {"x": [User("a")]}


def test_a_custom_object_of_another_class_is_a_misfit() -> None:
    """The annotation decides."""
    with pytest.raises(InvalidPayloadError, match=r"input\[0\] should be Both.*User"):
        read(written([User("a")]), list[Both])
    with pytest.raises(InvalidPayloadError, match="should be int"):
        read(written(User("a")), int)


def test_a_payload_without_an_envelope_is_given_to_the_class_that_is_annotated() -> None:
    """A caller over HTTP writes plain JSON."""
    assert read('{"name":"a","friend":null}', User) == User("a")
    with pytest.raises(InvalidPayloadError, match=r"input should be User, but is 5.*from_json"):
        read("5", User)


HOSTILE = [
    ("os", "system"),
    ("os", "path"),
    ("builtins", "eval"),
    ("builtins", "dict"),
    ("subprocess", "Popen"),
    ("json", "JSONEncoder"),
    ("no.such.module", "User"),
    (__name__, "User.from_json"),
    (__name__, "NoSuchClass"),
    (__name__, "Unreadable"),
    (__name__, "read"),
    (5, "User"),
    (__name__, ["User"]),
    (None, None),
]


@pytest.mark.parametrize(("module", "name"), HOSTILE)
@pytest.mark.parametrize("expected", [None, User, Any], ids=["untyped", "typed", "any"])
def test_nothing_but_such_a_class_is_ever_touched(module: Any, name: Any, expected: Any) -> None:
    """Whatever an envelope names, the answer is a clear error."""
    with pytest.raises(InvalidPayloadError, match="The payload"):
        read(envelope(module, name, "x"), expected)


def test_no_payload_imports_a_module() -> None:
    """Neither one that could be found, nor by way of a module's `__getattr__`."""
    lazy = ModuleType("lazy_for_payloads")
    asked: list[str] = []
    vars(lazy)["__getattr__"] = asked.append
    sys.modules["lazy_for_payloads"] = lazy
    unloaded = "this"
    sys.modules.pop(unloaded, None)
    try:
        for module in (unloaded, "lazy_for_payloads"):
            with pytest.raises(InvalidPayloadError):
                read(envelope(module, "User"))
    finally:
        del sys.modules["lazy_for_payloads"]
    assert unloaded not in sys.modules
    assert not asked


def test_an_alias_of_a_class_elsewhere_is_refused() -> None:
    """The class must stand under the name and module that it has itself."""
    module = ModuleType("aliases_for_payloads")
    vars(module)["Other"] = User
    sys.modules["aliases_for_payloads"] = module
    try:
        with pytest.raises(InvalidPayloadError, match="no class of this module"):
            read(envelope("aliases_for_payloads", "Other"))
    finally:
        del sys.modules["aliases_for_payloads"]


def test_who_only_shows_a_payload_sees_the_envelope() -> None:
    """Without a converter and a type no class is looked up."""
    text = envelope("no.such.module", "User")
    assert decode_value(text) == json.loads(text)


def test_an_error_of_from_json_is_the_payloads() -> None:
    """It names the class."""
    with pytest.raises(InvalidPayloadError, match=r"User\.from_json failed: TypeError"):
        read(envelope(__name__, "User", 5))


def test_what_could_not_be_read_back_is_not_written() -> None:
    """1.7 wrote it, and failed at the reader."""
    with pytest.raises(InvalidPayloadError, match=r"Unreadable.*no from_json"):
        written(Unreadable())


def test_strict_typing_reads_a_custom_object_only_where_its_class_is_known() -> None:
    """AZURE_FUNCTIONS_DURABLE_STRICT_TYPING: no class is looked up for a payload."""
    text = written(User("a"), STRICT)
    assert read(text, User, STRICT) == User("a")
    with pytest.raises(InvalidPayloadError, match="annotate"):
        read(text, None, STRICT)
    with pytest.raises(InvalidPayloadError, match="should be Both"):
        read(text, Both, STRICT)
    with pytest.raises(InvalidPayloadError, match="should be User"):
        read(written(Admin("a"), STRICT), User, STRICT)


def test_strict_typing_writes_no_object_within_another() -> None:
    """As 1.7: only the whole value may be one."""
    for value in ([User("a")], User("a", User("b"))):
        with pytest.raises(InvalidPayloadError, match="only as the whole value"):
            written(value, STRICT)
