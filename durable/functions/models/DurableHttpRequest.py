"""`DurableHttpRequest` under the module name of azure-functions-durable 1.7."""

from durable.functions.http_requests import DurableHttpRequest

__all__ = ["DurableHttpRequest"]
