"""A machine-learning service for one's own desk: `python aml_stand_in.py 8099`.

    POST /runs          {"experiment": name}     {"id": "run-1"}
    GET  /runs/run-1                             {"status": "Queued" | "Running" | "Completed", ...}
    POST /endpoints     {"model": name}          {"url": ...}

A run moves on by one status each time it is read. An experiment called "broken" fails.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STATUSES = ("Queued", "Running", "Completed")


class Service(ThreadingHTTPServer):
    """The service, with its runs in memory: for each the experiment and how often it was read."""

    def __init__(self, port: int) -> None:
        """Listen on this port of this machine; 0 takes a free one."""
        super().__init__(("127.0.0.1", port), Handler)
        self.runs: dict[str, tuple[str, int]] = {}

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def submit(self, experiment: str) -> dict[str, Any]:
        """Begin a run."""
        run_id = f"run-{len(self.runs) + 1}"
        self.runs[run_id] = (experiment, 0)
        return {"id": run_id}

    def read(self, run_id: str) -> dict[str, Any]:
        """Tell how a run is getting on."""
        experiment, reads = self.runs[run_id]
        self.runs[run_id] = (experiment, reads + 1)
        status = STATUSES[min(reads, len(STATUSES) - 1)]
        if status != "Completed":
            return {"status": status}
        if experiment == "broken":
            return {"status": "Failed", "error": "no such data set"}
        return {"status": status, "model": f"{experiment}-model"}

    def publish(self, model: str) -> dict[str, Any]:
        """Give a model an address."""
        return {"url": f"{self.url}/models/{model}"}


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Service

    def do_GET(self) -> None:
        """Read a run."""
        run_id = self.path.removeprefix("/runs/")
        if run_id in self.server.runs:
            self._answer(self.server.read(run_id))
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        """Submit a run, or publish a model."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/runs":
            self._answer(self.server.submit(body["experiment"]))
        elif self.path == "/endpoints":
            self._answer(self.server.publish(body["model"]))
        else:
            self.send_error(404)

    def _answer(self, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the library's name)
        """Say nothing for each request."""


if __name__ == "__main__":
    service = Service(int(sys.argv[1]) if len(sys.argv) > 1 else 8099)
    sys.stdout.write(f"Listening on {service.url}\n")
    sys.stdout.flush()
    service.serve_forever()
