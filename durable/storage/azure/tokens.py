"""Tokens of Microsoft Entra ID for requests to other services, by the identity of this app.

Here because nothing else may name azure.identity.
"""

import asyncio

from azure.identity.aio import DefaultAzureCredential


class IdentityTokens:
    """Gets tokens on the event loop that asks; the credential keeps those that are still good."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._opened: tuple[asyncio.AbstractEventLoop, DefaultAzureCredential] | None = None

    async def token(self, resource: str) -> str:
        """Return an access token for a resource, such as `https://management.azure.com`."""
        loop = asyncio.get_running_loop()
        if self._opened is None or self._opened[0] is not loop:
            self._opened = loop, DefaultAzureCredential()
        # Exact: a managed identity is asked for the resource as it was written, slash included.
        scope = resource if resource.endswith("/.default") else f"{resource}/.default"
        return (await self._opened[1].get_token(scope)).token

    async def close(self) -> None:
        """Let go of connections."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened[1].close()
