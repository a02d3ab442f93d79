"""A project of the classic model: folders with a function.json each, as the host reads them.

Here are reading and importing only; `classic_functions.py` makes functions of the app from it.

Rule 1. Modules are imported under the names that the worker gives them (`__app__.folder`),
        so that relative imports and shared code work, and code is loaded once.
Rule 2. Every error names the folder and the line of function.json to change.
"""

import importlib
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

from durable.functions.errors import BindingRefusedError

FUNCTION_JSON = "function.json"
NAMESPACE = "__app__"
SCRIPTS = ("__init__.py", "main.py")
ENTRY_POINT = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassicFunction:
    """One folder: its function.json's text and members, and the function behind it."""

    folder: Path
    text: str
    members: Mapping[str, Any]
    bindings: tuple[Mapping[str, Any], ...]
    function: Callable[..., Any]

    @property
    def name(self) -> str:
        """The function's name: the folder's."""
        return self.folder.name

    @property
    def script_file(self) -> str:
        """The script, from the app's root."""
        return str(self.members.get("scriptFile") or SCRIPTS[0])

    def refusal(self, why: str, *, at: str = "") -> BindingRefusedError:
        """Make the error that names the first line with the text `at`, and says why."""
        return _refusal(self.folder, self.text, why, at=at)


def read_classic_app(root: Path) -> list[ClassicFunction]:
    """Read the project in this folder, in order of its folders' names.

    Raises `BindingRefusedError` where a function.json or its script can't be used, or none is
    there.
    """
    root = root.resolve()
    folders = sorted(path.parent for path in root.glob(f"*/{FUNCTION_JSON}"))
    if not folders:
        raise BindingRefusedError(
            f"{root} has no folder with a {FUNCTION_JSON}; from_function_json(root) takes the "
            "folder of host.json."
        )
    _make_importable(root)
    found = [_read(root, folder) for folder in folders]
    return [one for one in found if one is not None]


def folder_of_caller() -> Path:
    """Find the folder of the file whose code called our caller; else the working directory."""
    frame = sys._getframe(2)  # noqa: SLF001  (who calls is the question)
    file = Path(frame.f_code.co_filename)
    return file.parent if file.is_file() else Path.cwd()


def _read(root: Path, folder: Path) -> ClassicFunction | None:
    text = (folder / FUNCTION_JSON).read_text(encoding="utf-8-sig")
    try:
        members = json.loads(text)
    except ValueError as error:
        raise _refusal(folder, text, f"it is not valid JSON: {error}") from error
    bindings = members.get("bindings") if isinstance(members, dict) else None
    if not isinstance(bindings, list) or not all(_is_binding(one) for one in bindings):
        raise _refusal(
            folder,
            text,
            "'bindings' must be a list of objects with 'type' and 'name'",
            at="bindings",
        )
    if members.get("disabled") is True or members.get("excluded") is True:
        return None  # as the host leaves it out
    return ClassicFunction(
        folder=folder,
        text=text,
        members=members,
        bindings=tuple(bindings),
        function=_imported(root, folder, text, members),
    )


def _is_binding(binding: object) -> bool:
    return (
        isinstance(binding, dict)
        and isinstance(binding.get("type"), str)
        and isinstance(binding.get("name"), str)
    )


def _make_importable(root: Path) -> None:
    """Do what the worker does before it imports a classic function."""
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    package = sys.modules.get(NAMESPACE)
    if package is None:
        spec = ModuleSpec(NAMESPACE, None, is_package=True)
        package = module_from_spec(spec)
        sys.modules[NAMESPACE] = package
    if str(root) not in package.__path__:
        package.__path__.append(str(root))


def _imported(
    root: Path, folder: Path, text: str, members: Mapping[str, Any]
) -> Callable[..., Any]:
    script = _script(root, folder, text, members)
    parts = [NAMESPACE, *script.relative_to(root).with_suffix("").parts]
    if parts[-1] == "__init__":
        parts.pop()
    try:
        module = importlib.import_module(".".join(parts))
    except Exception as error:
        raise _refusal(
            folder, text, f"importing {script} raised {type(error).__name__}: {error}"
        ) from error
    entry_point = str(members.get("entryPoint") or ENTRY_POINT)
    function = getattr(module, entry_point, None)
    if not callable(function):
        raise _refusal(folder, text, f"{script} has no function '{entry_point}'", at="entryPoint")
    return function  # type: ignore[no-any-return]


def _script(root: Path, folder: Path, text: str, members: Mapping[str, Any]) -> Path:
    named = members.get("scriptFile")
    candidates = [folder / str(named)] if named else [folder / name for name in SCRIPTS]
    script = next((path.resolve() for path in candidates if path.is_file()), None)
    if script is None or script.suffix != ".py" or not script.is_relative_to(root):
        shown = " or ".join(path.name for path in candidates)
        raise _refusal(folder, text, f"there is no script {shown} within {root}", at="scriptFile")
    return script


def _refusal(folder: Path, text: str, why: str, *, at: str = "") -> BindingRefusedError:
    lines = text.splitlines()
    line = next((n for n, content in enumerate(lines, start=1) if at and at in content), 1)
    return BindingRefusedError(f"{folder / FUNCTION_JSON}:{line}: function '{folder.name}': {why}.")
