"""Work items: one activity for each, and its result as a message to its instance."""

from durable.engine.activities import failed, run_activity
from durable.engine.holding import Held, is_patience_over
from durable.engine.orchestrations import Orchestrations
from durable.engine.patience import Patience
from durable.engine.registry import Registry
from durable.engine.settings import EngineSettings
from durable.model.environment import Environment
from durable.model.errors import MalformedMessageError
from durable.model.history import TaskCompleted, TaskFailed, TaskScheduled
from durable.model.messages import TaskMessage
from durable.storage.payloads import fetch_payloads
from durable.storage.port import BlobMissing, BlobStore


class WorkItems:
    """Runs the activities of one task hub in this process."""

    def __init__(
        self,
        store: BlobStore,
        registry: Registry,
        environment: Environment,
        settings: EngineSettings,
        *,
        orchestrations: Orchestrations,
        patiently: Patience,
    ) -> None:
        """Ask these orchestrations which tasks are open."""
        self._store = store
        self._registry = registry
        self._environment = environment
        self._settings = settings
        self._orchestrations = orchestrations
        self._patiently = patiently

    async def run(self, message: TaskMessage, *, duty: bool) -> TaskMessage | None:
        """Run one activity and return its result, or `None` if nobody waits for it any more.

        With the duty the instance is asked first: the task may be over. Raises `Held` while this
        host has not the activity's code, `MalformedMessageError` for what is no work item.
        """
        task = message.event
        if not isinstance(task, TaskScheduled) or message.execution_id is None:
            raise MalformedMessageError(f"{type(task).__name__} is no work item.")
        if duty and not await self._is_open(message):
            return None
        try:
            answer = await self._answer(message, task)
        except BlobMissing as missing:
            # The row owns the input's blob: where that is gone, so should the execution be.
            if not await self._is_open(message):
                return None
            lost = LookupError(f"The input of the activity is gone: blob {missing}.")
            answer = failed(task, lost, self._environment)
        return TaskMessage(
            instance_id=message.instance_id,
            execution_id=message.execution_id,
            event=answer,
            again=duty,
        )

    async def _is_open(self, message: TaskMessage) -> bool:
        return await self._patiently(lambda _: self._orchestrations.is_open(message), duty=True)

    async def _answer(
        self, message: TaskMessage, task: TaskScheduled
    ) -> TaskCompleted | TaskFailed:
        filled = await self._patiently(
            lambda _: fetch_payloads(self._store, task, message.blobs), duty=False
        )
        assert isinstance(filled, TaskScheduled)
        try:
            return await run_activity(
                self._registry,
                self._environment,
                filled,
                instance_id=message.instance_id,
                execution_id=message.execution_id,
            )
        except Held as held:
            now, hold_s_max = self._environment.now(), self._settings.hold_s_max
            if not is_patience_over(message, now, hold_s_max=hold_s_max):
                raise
            return failed(task, LookupError(held.reason), self._environment)
