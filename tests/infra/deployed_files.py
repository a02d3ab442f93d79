"""What a deployment sends: the files that .funcignore leaves, and what the host indexes in them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pathspec import GitIgnoreSpec

ROOT = Path(__file__).resolve().parents[2]
INDEXING_TIMEOUT_S = 60

# What the worker does with an app, and where it found what it imported.
INDEX = """
import json, sys
import azure.functions, durable.functions, function_app
print(json.dumps({
    "functions": sorted(f.get_function_name() for f in function_app.app.get_functions()),
    "python": list(sys.version_info[:2]),
    "library": azure.functions.__file__,
    "engine": durable.functions.__file__,
}))
"""


def deployed_files() -> Iterator[str]:
    """Give the path of each file from the root, as `azd` and `func` choose them."""
    ignored = GitIgnoreSpec.from_lines((ROOT / ".funcignore").read_text().splitlines())
    for folder, folders, files in os.walk(ROOT):
        place = Path(folder).relative_to(ROOT)
        # What is below an ignored folder is ignored, and may be large.
        folders[:] = [name for name in folders if not ignored.match_file(f"{place / name}/")]
        for name in files:
            path = (place / name).as_posix()
            if not ignored.match_file(path):
                yield path


def index(app: Path, *, python: str = sys.executable) -> dict[str, Any]:
    """Index the `function_app.py` in a folder in a process of its own, without any setting."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [python, "-B", "-c", INDEX],
        cwd=app,
        env=kept,
        capture_output=True,
        text=True,
        timeout=INDEXING_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
