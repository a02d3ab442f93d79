"""Back up a folder: copy all its files to Blob Storage at once, then add up what was copied."""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import azure.functions as func
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient

import durable.functions as df

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

FOLDER = Path(__file__).resolve().parent / "documents"
CONTAINER = "backups"


@app.orchestration_trigger(context_name="context")
def back_up(context: df.DurableOrchestrationContext) -> Generator[Any, Any, dict[str, int]]:
    """Copy every file, as many at a time as there are hosts and threads for."""
    files = yield context.call_activity("list_files")
    copies = [
        context.call_activity("copy_file", {"file": file, "to": f"{context.instance_id}/{file}"})
        for file in files
    ]
    sizes = yield context.task_all(copies)
    return {"files": len(files), "bytes": sum(sizes)}


@app.activity_trigger(input_name="nothing")
def list_files(nothing: None) -> list[str]:
    """List the files of the folder."""
    return sorted(path.name for path in FOLDER.iterdir())


@app.activity_trigger(input_name="copy")
def copy_file(copy: dict[str, str]) -> int:
    """Copy one file; tells its size in bytes. It may run twice, so it overwrites."""
    content = (FOLDER / Path(copy["file"]).name).read_bytes()
    with BlobServiceClient.from_connection_string(os.environ["AzureWebJobsStorage"]) as service:
        container = service.get_container_client(CONTAINER)
        with contextlib.suppress(ResourceExistsError):
            container.create_container()
        container.upload_blob(copy["to"], content, overwrite=True)
    return len(content)


@app.route(route="backups", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_backup(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start a backup."""
    instance_id = await client.start_new("back_up")
    return client.create_check_status_response(req, instance_id)
