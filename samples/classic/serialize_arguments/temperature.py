"""A class of the app's own, which goes through client, orchestrator and activity as an object."""

from dataclasses import dataclass
from typing import Any


@dataclass
class Temperature:
    """A temperature and its unit, "C" or "F".

    `to_json` and `from_json` are what makes its objects travel: the first gives plain JSON, the
    second makes an object of it again. Both are static, as azure-functions-durable wants them.
    """

    degrees: float
    unit: str

    @staticmethod
    def to_json(temperature: "Temperature") -> dict[str, Any]:
        """Say what is kept."""
        return {"degrees": temperature.degrees, "unit": temperature.unit}

    @staticmethod
    def from_json(kept: dict[str, Any]) -> "Temperature":
        """Make the object again."""
        return Temperature(kept["degrees"], kept["unit"])
