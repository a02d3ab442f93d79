"""`RequestMessage` of azure-functions-durable 1.7: there, and not served."""

from durable.functions.unserved import PROTOCOL, unserved

RequestMessage = unserved("RequestMessage", PROTOCOL)
