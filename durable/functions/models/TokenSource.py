"""`TokenSource` under the module name of azure-functions-durable 1.7."""

from durable.functions.http_requests import ManagedIdentityTokenSource, TokenSource

__all__ = ["ManagedIdentityTokenSource", "TokenSource"]
