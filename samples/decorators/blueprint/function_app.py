"""An app that gets its functions from blueprints."""

import azure.functions as func
from greetings import greetings

import durable.functions as df

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
app.register_functions(greetings)


@app.route(route="ping", methods=["GET"])
def ping(req: func.HttpRequest) -> func.HttpResponse:
    """Say that the app is there. It can have functions of its own, durable or not."""
    return func.HttpResponse("pong")
