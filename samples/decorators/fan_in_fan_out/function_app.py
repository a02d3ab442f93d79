"""Fan out, fan in: cut a job into pieces, do all of them at once, put the results together."""

from collections.abc import Generator
from typing import Any

import azure.functions as func

import durable.functions as df

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)

PIECE = 2_500


@app.orchestration_trigger(context_name="context")
def count_primes(context: df.DurableOrchestrationContext) -> Generator[Any, Any, int]:
    """Count the primes below the input."""
    end = context.get_input()
    pieces = [
        context.call_activity("count_primes_between", [start, min(start + PIECE, end)])
        for start in range(2, end, PIECE)
    ]
    counts = yield context.task_all(pieces)
    return sum(counts)


@app.activity_trigger(input_name="bounds")
def count_primes_between(bounds: list[int]) -> int:
    """Count the primes from the first bound on, up to but not including the second."""
    start, end = bounds
    return sum(
        all(number % d for d in range(2, int(number**0.5) + 1)) for number in range(start, end)
    )


@app.route(route="primes/{end:int}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_counting(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Start to count the primes below the number in the route."""
    instance_id = await client.start_new("count_primes", client_input=int(req.route_params["end"]))
    return client.create_check_status_response(req, instance_id)
