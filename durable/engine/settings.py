"""What an operator can set about the engine, validated once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Bounds of the engine. Times in seconds, sizes in bytes."""

    # Rule K: how long messages wait for a host with the right code before the instance is parked.
    hold_s_max: float = 600
    # Rule K: how long an invocation waits for storage to come back before it hands its message on.
    storage_patience_s: float = 120
    # 97 inputs, two brackets and the sentinel are the 100 rows of one transaction.
    batch_inputs_max: int = 97
    # host.json: maxEntityOperationBatchSize. How many operations of an entity one commit serves.
    entity_batch_max: int = 200
    warm_bytes_max: int = 256 * 1024 * 1024
    strict_arguments: bool = False
    # How long `call_http` waits between two looks where the answer does not say.
    http_polling_s: float = 30
    # host.json: defaultVersion, versionMatchStrategy (none, strict, currentorolder),
    # versionFailureStrategy (reject, fail).
    default_version: str | None = None
    version_match: str = "currentorolder"
    version_failure: str = "reject"
    # host.json, ours: nonDeterminism. "suspend" parks an instance whose code does something else
    # than its history, when patience is over; "fail" fails it.
    non_determinism: str = "suspend"
    sends_at_once_max: int = 32


LOST_RACES_MAX = 60
"""Attempts of one commit; beyond them something is wrong that waiting out helps better."""

POISONINGS_MAX = 2
"""How often the host may give a message up before the instance is parked."""
