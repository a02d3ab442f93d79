"""Composition: settings → store → worker and client. The only place that knows them all.

One process has one for each app; making it touches no network.
"""

from collections.abc import Mapping
from typing import Protocol

from durable.client.durable_client import DurableClient
from durable.engine.environment import SystemEnvironment
from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.engine.worker import TaskHubWorker
from durable.functions.client import DurableOrchestrationClient
from durable.functions.client_binding import OpenHub, Starter, own_origin
from durable.functions.host_settings import HostSettings, resolve_setting
from durable.functions.startup import Preparation
from durable.management.api import ManagementApi, storage_is_away
from durable.management.exchange import Request, Response
from durable.management.payloads import LinkBase
from durable.storage.azure.hub import open_store
from durable.storage.port import StorageFault, TaskHubStore


class StoreOpener(Protocol):
    """Opens a task hub from app settings, without touching the network."""

    def __call__(
        self,
        settings: Mapping[str, str],
        *,
        task_hub: str,
        partition_count: int,
        connection_name: str,
    ) -> TaskHubStore:
        """Open it, or raise a `DurableError` naming the setting to change."""
        ...


OPEN_STORE: StoreOpener = open_store


def engine_settings(settings: HostSettings) -> EngineSettings:
    """Say what host.json says to the engine. At a desk, changed arguments are no warning."""
    return EngineSettings(
        hold_s_max=settings.hold_s,
        strict_arguments=settings.is_development,
        http_polling_s=settings.http_polling_s,
        default_version=settings.default_version,
        version_match=settings.version_match,
        version_failure=settings.version_failure,
        non_determinism=settings.non_determinism,
        entity_batch_max=settings.entity_batch_max,
    )


class Composition:
    """What the functions of one app work with."""

    def __init__(
        self,
        settings: HostSettings,
        registry: Registry,
        app_settings: Mapping[str, str],
        *,
        opener: StoreOpener = OPEN_STORE,
    ) -> None:
        """Put the parts together, or raise a `DurableError` naming the setting to change."""
        self.environment = SystemEnvironment()
        self._settings = settings
        self._registry = registry
        self._app_settings = app_settings
        self._opener = opener
        self._opened: dict[tuple[str, str], tuple[TaskHubStore, Preparation]] = {}
        store, self._preparation = self._open(settings.task_hub, settings.connection_name)
        self._worker = TaskHubWorker(
            store,
            registry,
            self.environment,
            engine_settings(settings),
        )

    def begin(self) -> None:
        """Create the hub's resources in the background; needs a running event loop."""
        self._preparation.begin()

    async def worker(self) -> TaskHubWorker:
        """Return the worker once the hub is there, or raise `StorageFault`."""
        await self._preparation.management_key()
        return self._worker

    async def client(
        self, task_hub: str | None = None, connection_name: str | None = None
    ) -> DurableOrchestrationClient:
        """Make a client of this hub, or of the one that is named, once it is there."""
        return DurableOrchestrationClient(await self.starter(task_hub, connection_name))

    async def starter(
        self, task_hub: str | None = None, connection_name: str | None = None
    ) -> Starter:
        """Make what a client is made from: the binding's text, with the hub that it is about."""
        hub = await self._reach(task_hub, connection_name)
        return Starter.of(hub, self._reach, origin=own_origin(self._app_settings))

    async def answer(self, request: Request) -> Response:
        """Answer a management request."""
        try:
            key = await self._preparation.management_key()
        except StorageFault:
            return storage_is_away()
        store, _ = self._open(self._settings.task_hub, self._settings.connection_name)
        served = ManagementApi(
            self._client(store, is_own=True),
            task_hub=store.task_hub,
            key=key,
            route_prefix=self._settings.route_prefix,
            connection_name=self._settings.connection_name,
            orchestrators=self._registry.orchestrators.keys(),
            entities=self._registry.entities.keys(),
        )
        return await served.answer(request)

    async def close(self) -> None:
        """Let go of connections."""
        for store, _ in self._opened.values():
            await store.close()

    async def _reach(self, task_hub: str | None, connection_name: str | None) -> OpenHub:
        name = resolve_setting(task_hub or self._settings.task_hub, self._app_settings)
        connection = connection_name or self._settings.connection_name
        store, preparation = self._open(name, connection)
        key = await preparation.management_key()
        is_own = (name, connection) == (self._settings.task_hub, self._settings.connection_name)
        return OpenHub(
            client=self._client(store, is_own=is_own),
            link_base=LinkBase(
                route_prefix=self._settings.route_prefix,
                task_hub=store.task_hub,
                connection_name=connection,
                key=key,
            ),
            environment=self.environment,
            orchestrators=self._registry.orchestrators.keys() if is_own else None,
            entities=self._registry.entities.keys() if is_own else None,
        )

    def _client(self, store: TaskHubStore, *, is_own: bool) -> DurableClient:
        """Make a client. Versions are an app's: another one's hub is not told ours."""
        return DurableClient(
            store,
            self.environment,
            converter=self._registry.converter,
            default_version=self._settings.default_version if is_own else None,
            replaceable=self._settings.replaceable,
        )

    def _open(self, task_hub: str, connection_name: str) -> tuple[TaskHubStore, Preparation]:
        opened = self._opened.get((task_hub, connection_name))
        if opened is None:
            store = self._opener(
                self._app_settings,
                task_hub=task_hub,
                partition_count=self._settings.partition_count,
                connection_name=connection_name,
            )
            opened = store, Preparation(store, self.environment)
            self._opened[task_hub, connection_name] = opened
        return opened
