"""HTTP calls to the .NET extension: there, and not served."""

from durable.functions.unserved import INTERNAL, unserved

delete_async_request = unserved("delete_async_request", INTERNAL)
get_async_request = unserved("get_async_request", INTERNAL)
post_async_request = unserved("post_async_request", INTERNAL)
