"""AppHub: the task hub of one function app, from the app's side.

It collects the orchestrators, activities and entities of the app and of its blueprints, brings the
hub's own functions, checks the app when it is indexed, and composes the rest at the first
invocation.

Rule 1. However many blueprints an app registers, it has one AppHub, and the hub's functions once.
Rule 2. Indexing may be repeated, touches no network, and fails for a fault in the code only.
"""

import asyncio
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path

from azure.functions import AuthLevel
from azure.functions.decorators.function_app import Function, FunctionBuilder, FunctionRegister

from durable.engine.registry import Registry
from durable.functions.composition import OPEN_STORE, Composition, StoreOpener
from durable.functions.host_settings import HostSettings, read_host_settings
from durable.functions.http_activity import register_built_ins
from durable.functions.hub_functions import hub_function_builders
from durable.functions.refusals import refuse_durable_extension_bindings
from durable.functions.triggers import DurableFunctionBuilder
from durable.model.converters import Converter
from durable.model.errors import DurableError

logger = logging.getLogger("durable")

ATTRIBUTE = "_durable_app_hub"
# Fast for orchestrations and gentle to other queue functions.
RECOMMENDED_QUEUES = {
    "maxPollingInterval": "00:00:00.5",
    "visibilityTimeout": "00:00:05",
    "batchSize": 16,
    "newBatchThreshold": 16,
    "maxDequeueCount": 10,
}


class _IndexingGate(FunctionBuilder):
    """The first of the hub's functions: it is built whenever its app is indexed."""

    def __init__(self, builder: FunctionBuilder, on_indexing: Callable[[], None]) -> None:
        self._function = builder._function  # noqa: SLF001  (the library has no other way in)
        self._on_indexing = on_indexing

    def build(self, auth_level: AuthLevel | None = None) -> Function:
        self._on_indexing()
        return super().build(auth_level)


class AppHub:
    """The hub of an app, or of the whole process where the app is not known (`app` is None)."""

    def __init__(
        self,
        app: FunctionRegister | None,
        *,
        opener: StoreOpener = OPEN_STORE,
        converter: Converter | None = None,
    ) -> None:
        """Read nothing yet."""
        self.opener = opener
        self.is_brought = False
        self._app = app
        self._sources: list[list[FunctionBuilder]] = []
        self._registry = Registry(converter)
        self._settings: HostSettings | None = None
        self._builders: list[FunctionBuilder] | None = None
        self._composition: Composition | None = None
        self._is_announced = False

    def adopt(self, source: list[FunctionBuilder]) -> None:
        """Serve the orchestrators, activities and entities of this list, later ones included."""
        if not any(known is source for known in self._sources):
            self._sources.append(source)

    @property
    def settings(self) -> HostSettings:
        """What host.json and the app settings say; raises a `DurableError` naming the line."""
        if self._settings is None:
            self._settings = read_host_settings(os.environ, working_directory=Path.cwd())
        return self._settings

    @property
    def builders(self) -> list[FunctionBuilder]:
        """The hub's own functions; the same ones every time."""
        if self._builders is None:
            first, *others = hub_function_builders(self.settings, self.compose)
            self._builders = [_IndexingGate(first, self._on_indexing), *others]
        return self._builders

    def compose(self) -> Composition:
        """Return the app's composition, made at the first call."""
        if self._composition is None:
            self._collect()
            self._composition = Composition(
                self.settings, self._registry, os.environ, opener=self.opener
            )
        return self._composition

    def _on_indexing(self) -> None:
        if self._app is not None:
            # The library remembers names from one indexing to the next and refuses the second.
            self._app.functions_bindings = None
            refuse_durable_extension_bindings(_bound_for_host(self._app))
        self._collect()
        self._announce()
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return  # the first invocation begins
        try:
            self.compose().begin()
        except DurableError as error:
            # The host's own listeners will say it too; indexing is not the place to fail for it.
            logger.error("The task hub '%s' can't be opened: %s", self.settings.task_hub, error)

    def _collect(self) -> None:
        registry = Registry()
        for source in self._sources:
            for builder in list.__iter__(source):
                if isinstance(builder, DurableFunctionBuilder):
                    builder.refuse_what_is_not_served()
                    builder.enter(registry)
        self._registry.include(registry)
        register_built_ins(self._registry)

    def _announce(self) -> None:
        if self._is_announced:
            return
        self._is_announced = True
        if not self.settings.has_queues_section:
            block = json.dumps({"extensions": {"queues": RECOMMENDED_QUEUES}})
            logger.warning(
                "host.json has no section 'extensions.queues': orchestrations will wait for up to "
                "a minute between two steps. Recommended: %s",
                block,
            )


def hub_of(app: FunctionRegister, *, converter: Converter | None = None) -> AppHub:
    """Find the hub of an app, or give it one, with this converter."""
    hub = vars(app).get(ATTRIBUTE)
    if hub is None:
        hub = AppHub(app, converter=converter)
        vars(app)[ATTRIBUTE] = hub
    assert isinstance(hub, AppHub)
    return hub


def _bound_for_host(app: FunctionRegister) -> list[FunctionBuilder]:
    listed = list.__iter__(app._function_builders)  # noqa: SLF001
    return [one for one in listed if not isinstance(one, DurableFunctionBuilder)]
