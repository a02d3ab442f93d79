"""The emulator's process: started, paused, and ended by its own id."""

from collections.abc import Callable
from pathlib import Path

import pytest
from azure.core.exceptions import AzureError
from azure.storage.queue import QueueServiceClient

from durable.devhost.azurite import AzuriteError, executable, start_azurite


def answers(connection_string: str) -> bool:
    """The queue service answers within half a second."""
    client = QueueServiceClient.from_connection_string(
        connection_string, retry_total=0, connection_timeout=0.5, read_timeout=0.5
    )
    with client:
        try:
            list(client.list_queues())
        except AzureError:
            return False
        return True


def test_a_paused_azurite_answers_nothing_and_goes_on_after_resume(
    wait_until: Callable[..., None],
) -> None:
    """What was there before the pause is there after it."""
    with start_azurite() as azurite:
        assert answers(azurite.connection_string)
        azurite.pause()
        assert not answers(azurite.connection_string)
        azurite.resume()
        wait_until(lambda: answers(azurite.connection_string))


def test_the_end_of_the_block_ends_the_process_and_removes_its_folder() -> None:
    """Even if it is paused, and although it was stopped before."""
    with start_azurite() as azurite:
        assert azurite.folder.is_dir()
        azurite.pause()
        azurite.stop()
        assert azurite.process.returncode is not None
    assert not azurite.folder.exists()


def test_two_at_once_do_not_share_a_port() -> None:
    """Each chooses its own free ports."""
    with start_azurite() as one, start_azurite() as other:
        assert one.connection_string != other.connection_string
        assert answers(one.connection_string)
        assert answers(other.connection_string)


def test_an_executable_that_is_not_there_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """AZURITE_BIN is never silently passed over."""
    monkeypatch.setenv("AZURITE_BIN", str(tmp_path / "nothing"))
    with pytest.raises(AzuriteError, match="nothing"):
        executable()


def test_the_nearest_node_modules_above_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A start from any folder of the repository finds the repository's Azurite."""
    program = tmp_path / "node_modules" / ".bin" / "azurite"
    program.parent.mkdir(parents=True)
    program.touch()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.delenv("AZURITE_BIN", raising=False)
    monkeypatch.chdir(below)
    assert executable() == program


def test_a_program_that_ends_at_once_is_an_error_with_its_output(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Three tries, then the reader sees what it said."""
    program = tmp_path / "azurite"
    program.write_text("#!/bin/sh\necho out of order\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("AZURITE_BIN", str(program))
    with pytest.raises(AzuriteError, match="out of order"), start_azurite():
        pass
