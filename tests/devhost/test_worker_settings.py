"""How a worker is chosen, and how long its functions may run."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from durable.devhost.host_json import HostJsonError, read_host_json
from durable.devhost.settings import SettingError
from durable.devhost.worker_command import PYTHON_VARIABLE, worker_command

NAME = "AzureFunctionsJobHost__functionTimeout"


@pytest.mark.parametrize(
    ("text", "timeout_s"), [(None, 1800), ("-1", None), ("00:10:00", 600), ("1.00:00:00", 86400)]
)
def test_function_timeout_is_a_time_span_with_a_default_or_unbounded(
    write_app: Callable[..., Path], text: str | None, timeout_s: float | None
) -> None:
    """Half an hour where host.json is silent; -1 means for ever."""
    environment = {NAME: text} if text is not None else {}
    assert read_host_json(write_app(""), environment).function_timeout_s == timeout_s


@pytest.mark.parametrize("text", ["soon", "00:00:00", "60"])
def test_a_function_timeout_that_makes_no_sense_is_refused_by_name(
    write_app: Callable[..., Path], text: str
) -> None:
    """Nothing starts with a time that ends every function at once."""
    with pytest.raises(HostJsonError, match="functionTimeout"):
        read_host_json(write_app(""), {NAME: text})


def test_a_runtime_worker_without_a_python_is_refused_with_what_to_set(tmp_path: Path) -> None:
    """The error names the option and the variable."""
    for environment in ({"PATH": str(tmp_path)}, {PYTHON_VARIABLE: str(tmp_path / "nowhere")}):
        with pytest.raises(SettingError, match=f"--worker-python or {PYTHON_VARIABLE}"):
            worker_command("runtime", tmp_path, {"PATH": os.defpath, **environment})


def test_an_unknown_kind_of_worker_is_refused(
    write_app: Callable[..., Path], start_host: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment variable is checked as the flag is."""
    monkeypatch.setenv("DURABLE_DEVHOST_WORKER", "remote")
    host = start_host(write_app(""))
    assert host.ended() == 2
    assert "'remote' is neither 'direct' nor 'runtime'" in host.log.read_text()
