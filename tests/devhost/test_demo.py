"""scripts/demo.py against a stand-in app: its output, its exit code, and that it cleans up."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# The shape of the HTTP API: 202 with links, then a status that ends at the third look.
APP = """
import json
looks = 0

@app.route(route="orchestrators/{name}", methods=["POST"])
def start(req: func.HttpRequest) -> func.HttpResponse:
    assert req.get_json() == ["Tokyo", "Seattle", "London"]
    base = f"http://{os.environ['WEBSITE_HOSTNAME']}/api"
    links = {"id": "1", "statusQueryGetUri": f"{base}/status"}
    return func.HttpResponse(json.dumps(links), status_code=202)

@app.route(route="status")
def status(req: func.HttpRequest) -> func.HttpResponse:
    global looks
    looks += 1
    ended = looks > 2
    body = {"runtimeStatus": os.environ["DEMO_END"] if ended else "Running", "output": ["é"]}
    return func.HttpResponse(json.dumps(body), status_code=200 if ended else 202)
"""


@pytest.mark.parametrize(("end", "code"), [("Completed", 0), ("Failed", 1)])
def test_the_last_line_is_the_final_status_and_the_exit_code_tells_completed(
    write_app: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, end: str, code: int
) -> None:
    """One JSON line on stdout, everything else beside it."""
    monkeypatch.setenv("DEMO_END", end)
    app = write_app(APP)
    demo = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "demo.py"), "--app", str(app)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert demo.returncode == code, demo.stderr
    assert json.loads(demo.stdout) == {"runtimeStatus": end, "output": ["é"]}
    assert "Listening on" in demo.stderr


def test_an_app_that_does_not_start_fails_the_demo_with_its_reason(
    write_app: Callable[..., Path],
) -> None:
    """No endless wait for a host that has ended."""
    app = write_app("raise ValueError('broken')")
    demo = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "demo.py"), "--app", str(app)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert demo.returncode == 1
    assert demo.stdout == ""
    assert "broken" in demo.stderr
    assert "demo failed: the dev host did not start" in demo.stderr
