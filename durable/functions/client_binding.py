"""What the durable client binding gives a function, from which a client is made.

`Starter` is the JSON text that the Durable extension would give, so that a classic app may read it
and `df.DurableOrchestrationClient(starter)` takes it; with it travels the open task hub, which the
client works on. A text without a hub (a unit test's, another program's) makes links, nothing else.
"""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from durable.client.durable_client import DurableClient
from durable.functions.constants import DEFAULT_LOCAL_HOST
from durable.management.payloads import TREE, LinkBase
from durable.model.environment import Environment
from durable.replay.surroundings import FunctionContext

LOOPBACK = ("localhost", "127.0.0.1", "[::1]", "::1")
INSTANCE_ID_PLACEHOLDER = "INSTANCEID"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHub:
    """A task hub that is there, from a caller's side.

    `orchestrators` are the names that may be started, `entities` those of entities, in lower case;
    `None` where another app has the functions.
    """

    client: DurableClient
    link_base: LinkBase
    environment: Environment
    orchestrators: Collection[str] | None
    entities: Collection[str] | None = None


Reach = Callable[[str | None, str | None], Awaitable[OpenHub]]


class Starter(str):  # noqa: SLOT000  (it carries the hub)
    """The client binding's JSON, with the hub that it is about."""

    hub: OpenHub
    reach: Reach
    origin: str

    @classmethod
    def of(cls, hub: OpenHub, reach: Reach, *, origin: str) -> "Starter":
        """Describe this hub; `reach` opens another one; `origin` is this app's own address."""
        starter = cls(json.dumps(_binding_json(hub.link_base, origin)))
        starter.hub, starter.reach, starter.origin = hub, reach, origin
        return starter


class DurableOrchestrationBindings:
    """The client binding, read. The constructor's names are the JSON's, as in 1.7."""

    def __init__(
        self,
        taskHubName: str,  # noqa: N803
        creationUrls: dict[str, str],  # noqa: N803
        managementUrls: dict[str, str],  # noqa: N803
        rpcBaseUrl: str | None = None,  # noqa: N803
        **others: Any,
    ) -> None:
        """Take the members of the JSON; unknown ones go to `client_data`."""
        self._task_hub_name = taskHubName
        self._creation_urls = creationUrls
        self._management_urls = managementUrls
        self._rpc_base_url = rpcBaseUrl
        self._client_data = FunctionContext(**others)

    @classmethod
    def from_json(cls, json_string: str) -> "DurableOrchestrationBindings":
        """Read the binding's text; raises `ValueError`, `TypeError` for anything else."""
        return cls(**json.loads(json_string))

    @property
    def task_hub_name(self) -> str:
        """The name of the task hub."""
        return self._task_hub_name

    @property
    def creation_urls(self) -> dict[str, str]:
        """Templates of the URLs that start orchestrations."""
        return self._creation_urls

    @property
    def management_urls(self) -> dict[str, str]:
        """Templates of the URLs that watch and steer an instance; `id` is their placeholder."""
        return self._management_urls

    @property
    def rpc_base_url(self) -> str | None:
        """The base of the management tree."""
        return self._rpc_base_url

    @property
    def client_data(self) -> FunctionContext:
        """What else the binding said."""
        return self._client_data


def _binding_json(base: LinkBase, origin: str) -> Mapping[str, Any]:
    links = base.links(origin, INSTANCE_ID_PLACEHOLDER)
    tree = "/".join(filter(None, (origin.rstrip("/"), base.route_prefix.strip("/"), TREE)))
    required = links["statusQueryGetUri"].partition("?")[2]
    create = f"{tree}/orchestrators/{{functionName}}[/{{instanceId}}]"
    waiting = "timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}"
    return {
        "taskHubName": base.task_hub,
        "creationUrls": {
            "createNewInstancePostUri": f"{create}?{required}",
            "createAndWaitOnNewInstancePostUri": f"{create}?{waiting}&{required}",
        },
        "managementUrls": links,
        "rpcBaseUrl": f"{tree}/",
        "baseUrl": tree,
        "requiredQueryStringParameters": required,
    }


def own_origin(environment: Mapping[str, str]) -> str:
    """Tell where this app is reached: `WEBSITE_HOSTNAME`, over TLS unless it is this machine."""
    host = environment.get("WEBSITE_HOSTNAME") or DEFAULT_LOCAL_HOST
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return f"{'http' if name in LOOPBACK else 'https'}://{host}"
