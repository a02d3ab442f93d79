"""App settings: local.settings.json under the real environment, and `%NAME%` in bindings.

Rule 1. The real environment wins over local.settings.json, as it does under `func start`.
Rule 2. Settings are in `os.environ` before any line of the app runs: apps read them at import.
"""

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path

_PERCENT_NAME = re.compile(r"%([^%]+)%")


class SettingError(Exception):
    """A setting is missing or malformed; the text names it and where it was wanted."""


def local_values(app_dir: Path) -> dict[str, str]:
    """Read `Values` of local.settings.json; empty without the file, else SettingError if bad."""
    path = app_dir / "local.settings.json"
    if not path.is_file():
        return {}
    try:
        # utf-8-sig: `func settings` and some editors write a byte order mark.
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise SettingError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("Values", {}), dict):
        raise SettingError(f"{path}: expected an object with an object named 'Values'")
    if content.get("IsEncrypted"):
        raise SettingError(f"{path}: IsEncrypted is true; run `func settings decrypt` first")
    values: dict[str, str] = {}
    for name, value in content.get("Values", {}).items():
        if not isinstance(value, str):
            raise SettingError(f"{path}: Values.{name} must be a string, not {value!r}")
        values[name] = value
    return values


def apply_settings(
    app_dir: Path,
    *,
    host_name: str,
    environment: MutableMapping[str, str] = os.environ,
) -> None:
    """Put local.settings.json and what the host itself sets into the environment.

    `host_name` is `address:port`. Nothing that is already set changes, except the script root.
    """
    for name, value in local_values(app_dir).items():
        environment.setdefault(name, value)
    environment.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
    environment.setdefault("FUNCTIONS_WORKER_RUNTIME", "python")
    environment.setdefault("WEBSITE_HOSTNAME", host_name)
    environment["AzureWebJobsScriptRoot"] = str(app_dir)


def substitute(text: str, environment: Mapping[str, str], *, wanted_by: str) -> str:
    """Replace every `%NAME%` by the app setting NAME; SettingError names one that is missing."""

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in environment:
            raise SettingError(f"{wanted_by}: app setting '{name}' (in '{text}') is not set")
        return environment[name]

    return _PERCENT_NAME.sub(value_of, text)


def is_disabled(function_name: str, environment: Mapping[str, str]) -> bool:
    """Tell whether `AzureWebJobs.<function>.Disabled` switches this function off."""
    for form in (
        f"AzureWebJobs.{function_name}.Disabled",
        f"AzureWebJobs_{function_name}_Disabled",
    ):
        if environment.get(form, "").strip().lower() in ("true", "1"):
            return True
    return False
