"""Logging that a replay does not repeat."""

from collections.abc import MutableMapping
from logging import Logger, LoggerAdapter, getLogger
from typing import Any

from durable.replay.surroundings import Surroundings

__all__ = ["Logger", "ReplaySafeLogger", "logger_of"]


class ReplaySafeLogger(LoggerAdapter[Logger]):
    """Logs what happens for the first time, with `instance_id` and `orchestrator` in each record.

    It is silent while the code is replayed, and once its execution is gone. What an episode logs
    is logged again if that episode is decided again, after a lost race or a crash.
    """

    def __init__(self, logger: Logger, surroundings: Surroundings) -> None:
        """Log to this logger."""
        super().__init__(logger, {})
        self._seen = surroundings

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  (logging's own name)
        """Say whether anybody would see it."""
        if self._seen.is_replaying or self._seen.is_dropped:
            return False
        return super().isEnabledFor(level)

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Add whose record it is to what the caller adds."""
        of_instance = {"instance_id": self._seen.instance_id, "orchestrator": self._seen.name}
        kwargs["extra"] = {**of_instance, **(kwargs.get("extra") or {})}
        return msg, kwargs


def logger_of(surroundings: Surroundings) -> ReplaySafeLogger:
    """Make the logger of an orchestration."""
    logger = getLogger(f"durable.orchestrator.{surroundings.name}")
    return ReplaySafeLogger(logger, surroundings)
