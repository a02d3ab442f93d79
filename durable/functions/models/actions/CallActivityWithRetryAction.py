"""`CallActivityWithRetryAction` of azure-functions-durable 1.7: there, and not served."""

from durable.functions.unserved import PROTOCOL, unserved

CallActivityWithRetryAction = unserved("CallActivityWithRetryAction", PROTOCOL)
