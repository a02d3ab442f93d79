"""The versions of the replay protocol between azure-functions-durable and the .NET extension."""

from enum import Enum


class ReplaySchema(Enum):
    """A version of that protocol. Nothing here speaks it; names of it may still be compared."""

    V1 = 0
    V2 = 1
    V3 = 2
