"""Which host this is: the id that all instances of one app share in storage.

Source: ScriptHostIdProvider.cs of the Functions host. Timer status and singleton locks lie under
it, so two apps with one id would take each other's timers.
"""

import hashlib
import re
import socket
from collections.abc import Mapping
from pathlib import Path

# Where the host keeps what is its own, in the account of AzureWebJobsStorage.
HOST_CONTAINER = "azure-webjobs-hosts"
_CHARS_MAX = 32
_SETTING = "AzureFunctionsWebHost__hostid"


def host_id(app_dir: Path, environment: Mapping[str, str]) -> str:
    """Name the host: the setting `AzureFunctionsWebHost__hostid`, else by site or by directory.

    Two instances that run one directory on one machine get the same id, as they have to.
    """
    given = environment.get(_SETTING)
    if given:
        return given.lower()
    site = environment.get("WEBSITE_SITE_NAME")
    if site:
        return site.lower()[:_CHARS_MAX].strip("-")
    machine = re.sub(r"[^a-z0-9]", "", socket.gethostname().lower())[:20]
    directory = hashlib.sha256(str(app_dir).encode()).hexdigest()[:10]
    return f"{machine}-{directory}".strip("-")


def timer_name(function_name: str) -> str:
    """Name a function as the host's blobs do."""
    return f"Host.Functions.{function_name}"
