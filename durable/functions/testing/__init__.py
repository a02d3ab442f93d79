"""The names of `azure.durable_functions.testing`, 1.7: unit tests of function apps import them.

Who may live here: modules with the names of 1.7's. `durable.testing` has more for a user's tests.
"""

from durable.functions.testing.OrchestratorGeneratorWrapper import orchestrator_generator_wrapper

__all__ = ["orchestrator_generator_wrapper"]
