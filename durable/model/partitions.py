"""Instance id → the control queue that carries its messages, by DTFx's own hash."""

from durable.model.ids import InstanceId

FNV_OFFSET = 2166136261
FNV_PRIME = 16777619


def partition_of(instance_id: InstanceId, partition_count: int) -> int:
    """Hash the id (FNV-1a, 32 bits, of its UTF-8 bytes) onto one of the partitions."""
    digest = FNV_OFFSET
    for byte in instance_id.encode():
        digest = ((digest ^ byte) * FNV_PRIME) & 0xFFFFFFFF
    return digest % partition_count
