"""`orchestrator_generator_wrapper`, the unit-test idiom of azure-functions-durable 1.7."""

from durable.replay.generators import orchestrator_generator_wrapper

__all__ = ["orchestrator_generator_wrapper"]
