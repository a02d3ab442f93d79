"""Builder lists that know who reads them.

`app.register_functions(blueprint)` of azure.functions does one thing: it extends the app's list of
function builders by the blueprint's. There is no hook, so the list itself is the hook: iterating it
leaves out orchestrators, activities and entities, which the host must not see, and brings the hub's
own functions, the first time that an app reads any blueprint's list. Which app is reading is found
in the caller's frame; where it can't be found, the process counts as one app.
"""

import sys
from collections.abc import Callable, Iterator
from types import FrameType

from azure.functions.decorators.function_app import FunctionBuilder, FunctionRegister

from durable.functions.app_hub import AppHub, hub_of
from durable.functions.triggers import DurableFunctionBuilder

FRAMES_MAX = 3
PROCESS_HUB = AppHub(None)


class AppBuilders(list[FunctionBuilder]):
    """The functions of a `DFApp`: its own, and always the hub's."""

    def __init__(self, hub: AppHub) -> None:
        """Begin empty."""
        super().__init__()
        self._hub = hub
        hub.is_brought = True
        hub.adopt(self)

    def __iter__(self) -> Iterator[FunctionBuilder]:
        """List what the host is to see."""
        # The hub's come first: its gate looks at the app before the others are built.
        yield from self._hub.builders
        yield from _for_host(self)


class BlueprintBuilders(list[FunctionBuilder]):
    """The functions of a `Blueprint`; `on_registered` learns the hub of the app that takes them."""

    def __init__(self, on_registered: Callable[[AppHub], None]) -> None:
        """Begin empty."""
        super().__init__()
        self._on_registered = on_registered

    def __iter__(self) -> Iterator[FunctionBuilder]:
        """List what the app that reads is to take over."""
        app = _reading_app(sys._getframe(1))  # noqa: SLF001  (what this module is about)
        hub = hub_of(app) if app is not None else PROCESS_HUB
        hub.adopt(self)
        self._on_registered(hub)
        taken = _for_host(self)
        if not hub.is_brought:
            taken = [*hub.builders, *taken]
            hub.is_brought = True
        return iter(taken)


def _for_host(builders: list[FunctionBuilder]) -> list[FunctionBuilder]:
    listed = list.__iter__(builders)
    return [builder for builder in listed if not isinstance(builder, DurableFunctionBuilder)]


def _reading_app(frame: FrameType | None) -> FunctionRegister | None:
    for _ in range(FRAMES_MAX):
        if frame is None:
            return None
        reader = frame.f_locals.get("self")
        if isinstance(reader, FunctionRegister):
            return reader
        frame = frame.f_back
    return None
