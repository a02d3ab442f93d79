"""Durable execution for Azure Functions in pure Python, by record-replay.

This root imports nothing of Azure, so that orchestrators can be tested anywhere. A function app
says `import durable.functions as df`.
"""

from importlib.util import find_spec

if find_spec("durable.lang") is not None:
    # `durable-rules` installs a package of this very name. Two distributions in one folder give a
    # mixture that half works; a sentence at import is kinder than an AttributeError at night.
    raise ImportError(
        "The folder of the package 'durable' also holds 'durable/lang.py' of the distribution "
        "'durable-rules'. The two can't share an environment: uninstall one, then reinstall "
        "'durable-azure-functions'."
    )

__version__ = "0.1.0"
