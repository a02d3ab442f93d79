"""DurableHttpRequest and the sources of its tokens, as values (1.7's names)."""

from abc import ABC
from collections.abc import Mapping
from typing import Any


class TokenSource(ABC):  # noqa: B024  (1.7's base: what is a source and what is none)
    """Where `call_http` gets a token from."""


class ManagedIdentityTokenSource(TokenSource):
    """The identity that the app runs under. `resource` is whose API is called, as a URI."""

    def __init__(self, resource: str) -> None:
        """Ask for tokens for this resource."""
        self._resource = resource

    @property
    def resource(self) -> str:
        """The resource that tokens are for."""
        return self._resource

    def to_json(self) -> dict[str, Any]:
        """Print as the Durable extension has it."""
        return {"resource": self._resource, "kind": "AzureManagedIdentity"}


class DurableHttpRequest:
    """An HTTP request that an orchestrator makes."""

    def __init__(
        self,
        method: str,
        uri: str,
        content: str | None = None,
        headers: Mapping[str, str] | None = None,
        token_source: ManagedIdentityTokenSource | None = None,
    ) -> None:
        """Describe the request."""
        self._method = method
        self._uri = uri
        self._content = content
        self._headers = headers
        self._token_source = token_source

    @property
    def method(self) -> str:
        """The method."""
        return self._method

    @property
    def uri(self) -> str:
        """The address."""
        return self._uri

    @property
    def content(self) -> str | None:
        """The body."""
        return self._content

    @property
    def headers(self) -> Mapping[str, str] | None:
        """The headers."""
        return self._headers

    @property
    def token_source(self) -> ManagedIdentityTokenSource | None:
        """Where its token comes from."""
        return self._token_source

    def to_json(self) -> dict[str, Any]:
        """Print what is there, as the Durable extension has it."""
        source = self._token_source
        members = {
            "method": self._method,
            "uri": self._uri,
            "content": self._content,
            "headers": dict(self._headers) if self._headers is not None else None,
            "tokenSource": source.to_json() if source is not None else None,
        }
        return {name: value for name, value in members.items() if value is not None}
