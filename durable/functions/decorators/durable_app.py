"""`DFApp` and `Blueprint` under the module name of azure-functions-durable 1.7."""

from durable.functions.apps import Blueprint, DFApp

__all__ = ["Blueprint", "DFApp"]
