"""The app that the host contract suite looks at. It runs on any host of Azure Functions.

Everything that a function saw becomes a blob `<case>/<time>` in the container `<prefix>-reports`,
where the case is what the message or the request names. The settings CONTRACT_PREFIX and
CONTRACT_SCHEDULE are in local.settings.json; a deployed app needs them as app settings.
"""

import asyncio
import contextlib
import json
import os
import time
import uuid
from typing import Any

import azure.functions as func
from azure.core.exceptions import ResourceExistsError
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

PREFIX = os.environ["CONTRACT_PREFIX"]
STORAGE = "AzureWebJobsStorage"
AZURITE = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
)

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def service(kind: Any, name: str) -> Any:
    """Open blobs or queues of the app's storage, in each form that the host understands."""
    text = os.environ.get(STORAGE)
    if text:
        text = AZURITE if text.strip() == "UseDevelopmentStorage=true" else text
        return kind.from_connection_string(text)
    account = os.environ.get(f"{STORAGE}__accountName")
    url = os.environ.get(f"{STORAGE}__{name}ServiceUri")
    return kind(url or f"https://{account}.{name}.core.windows.net", DefaultAzureCredential())


def report(case: str, **facts: object) -> None:
    """Keep what was seen for the test of this case."""
    container = service(BlobServiceClient, "blob").get_container_client(f"{PREFIX}-reports")
    with contextlib.suppress(ResourceExistsError):
        container.create_container()
    name = f"{case}/{time.time_ns():020d}-{uuid.uuid4().hex}"
    container.upload_blob(name, json.dumps({"at": time.time(), "process": os.getpid(), **facts}))


def described(msg: func.QueueMessage) -> dict[str, object]:
    """Describe a queue message with its metadata."""
    times = {
        "inserted": msg.insertion_time,
        "expires": msg.expiration_time,
        "visible": msg.time_next_visible,
    }
    return {
        "body": msg.get_body().decode(),
        "id": msg.id,
        "dequeue_count": msg.dequeue_count,
        "pop_receipt": msg.pop_receipt,
        **{name: moment.isoformat() if moment else None for name, moment in times.items()},
    }


def on_queue(queue: str) -> Any:
    """Trigger on a queue of this app."""
    name = f"%CONTRACT_PREFIX%-{queue}"
    return app.queue_trigger(arg_name="msg", queue_name=name, connection=STORAGE)


def to_queue(queue: str, arg_name: str = "out") -> Any:
    """Write to a queue of this app."""
    name = f"%CONTRACT_PREFIX%-{queue}"
    return app.queue_output(arg_name=arg_name, queue_name=name, connection=STORAGE)


# Queues: a message is `<case>` or `<case> <what to do>`.


@on_queue("plain")
def queue_plain(msg: func.QueueMessage) -> None:
    """Report the message; then do as it says."""
    facts = described(msg)
    case, _, wish = str(facts["body"]).partition(" ")
    report(case, **facts)
    if wish == "raise":
        raise ValueError("as the message asked")


@on_queue("second-try")
def queue_second_try(msg: func.QueueMessage) -> None:
    """Fail at the first attempt only."""
    facts = described(msg)
    report(str(facts["body"]), **facts)
    if msg.dequeue_count == 1:
        raise ValueError("not yet")


@on_queue("json")
def queue_json(msg: func.QueueMessage) -> None:
    """Report a message whose body is a JSON object with its case."""
    facts = described(msg)
    report(json.loads(str(facts["body"]))["case"], **facts)


@on_queue("returns")
def queue_returns(msg: func.QueueMessage) -> str:
    """Return a value that no binding takes."""
    report(msg.get_body().decode(), **described(msg))
    return "a value"


@on_queue("text")
def queue_text(msg: str) -> None:
    """Take the body only."""
    report(msg, type=type(msg).__name__)


@on_queue("slow")
async def queue_slow(msg: func.QueueMessage) -> None:
    """Take a while; tell when it began and ended."""
    case = msg.get_body().decode()
    began = time.time()
    await asyncio.sleep(0.5)
    await asyncio.to_thread(report, case, began=began, ended=time.time())


@on_queue("own")
def queue_own(msg: func.QueueMessage) -> None:
    """Settle the own message through its receipt: delete it, or hide it for a second."""
    facts = described(msg)
    case, _, wish = str(facts["body"]).partition(" ")
    report(case, **facts)
    queue = service(QueueServiceClient, "queue").get_queue_client(f"{PREFIX}-own")
    if wish == "delete":
        queue.delete_message(msg.id, msg.pop_receipt)
    elif msg.dequeue_count == 1:
        queue.update_message(msg.id, msg.pop_receipt, visibility_timeout=1)


@on_queue("absent")
def queue_absent(msg: func.QueueMessage) -> None:
    """Trigger on a queue that nobody created."""
    report(msg.get_body().decode(), **described(msg))


# Output bindings.


@app.route(route="put/{queue}", methods=["POST"])
@to_queue("made")
def put(req: func.HttpRequest, out: func.Out[func.QueueMessage]) -> str:
    """Write the body in the form that the path names."""
    form, text = req.route_params["queue"], req.get_body().decode()
    forms: dict[str, Any] = {
        "str": text,
        "list": [text, text],
        "message": func.QueueMessage(body=text),
        "fail": text,
    }
    out.set(forms[form])
    if form == "fail":
        raise ValueError("after the output was set")
    return "put"


def ringing(number: int) -> None:
    """Register a bell: an HTTP function whose output triggers a queue function."""

    def ring(req: func.HttpRequest, out: func.Out[str]) -> str:
        out.set(req.params["case"])
        return str(time.time())

    def rung(msg: func.QueueMessage) -> None:
        now = time.time()
        report(msg.get_body().decode(), started=now)

    app.function_name(f"ring_{number}")(
        app.route(route=f"ring/{number}", methods=["POST"])(to_queue(f"bell-{number}")(ring))
    )
    app.function_name(f"rung_{number}")(on_queue(f"bell-{number}")(rung))


for bell in range(4):
    ringing(bell)


@on_queue("relay")
@to_queue("made", "$return")
def relay(msg: func.QueueMessage) -> str:
    """Hand a message on as the return value."""
    return msg.get_body().decode()


# Timers.


def report_run(case: str, timer: Any) -> None:
    """Keep what a timer's request told (func.TimerRequest declares less than it holds)."""
    report(case, past_due=timer.past_due, status=timer.schedule_status, schedule=timer.schedule)


@app.timer_trigger(arg_name="timer", schedule="%CONTRACT_SCHEDULE%")
def timer_often(timer: func.TimerRequest) -> None:
    """Report the runs of the last minute; old ones go."""
    container = service(BlobServiceClient, "blob").get_container_client(f"{PREFIX}-reports")
    now = time.time()
    report_run("timer", timer)
    for blob in container.list_blobs(name_starts_with="timer/"):
        if now - int(blob.name.split("/")[1].split("-")[0]) / 1e9 > 60:
            container.delete_blob(blob.name)


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
def timer_yearly(timer: func.TimerRequest) -> None:
    """Report a run that somebody asked for."""
    report_run("yearly", timer)


# HTTP.


@app.route(route="echo/{name}/{number:int?}")
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    """Answer with everything that came in."""
    facts = {
        "method": req.method,
        "params": dict(req.params),
        "route": dict(req.route_params),
        "headers": dict(req.headers),
        "body": req.get_body().hex(),
    }
    return func.HttpResponse(
        json.dumps(facts),
        status_code=202,
        mimetype="application/json",
        headers={"X-Contract": "yes", "Location": "http://elsewhere/"},
    )


@app.route(route="only-post", methods=["POST"])
def only_post(req: func.HttpRequest) -> str:
    """Answer one method."""
    return "posted"


@app.route(route="rest/{*path}", methods=["GET"])
def rest(req: func.HttpRequest) -> str:
    """Answer with the rest of the path."""
    return req.route_params.get("path", "nothing")


@app.route(route="raise", methods=["GET"])
def raises(req: func.HttpRequest) -> str:
    """Fail."""
    raise ValueError("as always")


@app.route(route="object", methods=["GET"])
def response_object(req: func.HttpRequest) -> str:
    """Return text that is a JSON object with a `body`."""
    return json.dumps({"body": "inside", "status": 203})


@app.route(route="order/{*rest}", methods=["GET"])
def a_first(req: func.HttpRequest) -> str:
    """Come first by name."""
    return "first by name"


@app.route(route="order/literal", methods=["GET"])
def b_second(req: func.HttpRequest) -> str:
    """Come second by name, however literal."""
    return "most literal"
