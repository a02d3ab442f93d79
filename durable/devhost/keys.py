"""Access keys, for a host that is told to check them (`--auth`).

Source: AuthenticationLevelHandler.cs, SecretManager.cs and AuthUtility.cs of the Functions host.

Rule 1. The master key opens everything; a host key or a function's own key opens functions of
        level `function`; a system key opens neither those nor the admin API.
Rule 2. A header `x-functions-key` hides `?code=`, even if it is empty.
Rule 3. Keys are compared in constant time, and never written to the log.
"""

import hmac
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from durable.devhost.settings import SettingError

Level = Literal["anonymous", "function", "system", "admin"]
_KEY_BYTES = 32
_DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys of one app; names are for people, values open doors."""

    master: str = field(repr=False)
    host: Mapping[str, str] = field(default_factory=dict, repr=False)
    system: Mapping[str, str] = field(default_factory=dict, repr=False)
    functions: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    def level_of(self, key: str, *, function_name: str | None) -> Level:
        """Tell what this key opens."""
        if not key:
            return "anonymous"
        if _same(key, self.master):
            return "admin"
        if _among(key, self.system):
            return "system"
        own = self.functions.get(function_name, {}) if function_name is not None else {}
        if _among(key, self.host) or _among(key, own):
            return "function"
        return "anonymous"

    def permits(self, key: str, required: str, *, function_name: str | None = None) -> bool:
        """Tell whether a request with this key ("" for none) may pass."""
        if required == "anonymous":
            return True
        level = self.level_of(key, function_name=function_name)
        return level in ("admin", required)


def presented_key(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """Find the key of a request; "" if it brings none."""
    if "x-functions-key" in headers:
        return headers["x-functions-key"]
    # ASP.NET reads the names of a query without regard to case.
    return next((value for name, value in query.items() if name.lower() == "code"), "")


def new_keys(function_names: Iterable[str]) -> Keys:
    """Make fresh keys for one run."""
    return Keys(
        master=_new(),
        host={_DEFAULT: _new()},
        functions={name: {_DEFAULT: _new()} for name in function_names},
    )


def read_keys(path: Path) -> Keys:
    """Read keys from a JSON file; SettingError if it is not one.

    `{"masterKey": "...", "functionKeys": {"default": "..."}, "systemKeys": {...},
    "functions": {"name": {"default": "..."}}}`; all but the master key may be left out.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise SettingError(f"the keys file {path} can't be read: {error}") from error
    try:
        master = content["masterKey"]
        functions = content.get("functions", {})
        keys = Keys(
            master=_checked(master),
            host=_checked_all(content.get("functionKeys", {})),
            system=_checked_all(content.get("systemKeys", {})),
            functions={name: _checked_all(own) for name, own in functions.items()},
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        # The text of the file stays out of the message: it holds keys.
        raise SettingError(
            f"the keys file {path} must be an object with a 'masterKey', and may have "
            "'functionKeys', 'systemKeys' and 'functions'; every key is a string that is not empty"
        ) from error
    return keys


def _checked_all(content: Mapping[str, object]) -> dict[str, str]:
    return {name: _checked(value) for name, value in content.items()}


def _checked(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a key must be a string that is not empty")
    return value


def _new() -> str:
    return secrets.token_urlsafe(_KEY_BYTES)


def _among(key: str, known: Mapping[str, str]) -> bool:
    return any(_same(key, value) for value in known.values())


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())
