"""The names of `azure.durable_functions.models.entities`, 1.7: a protocol with the extension.

They can be imported, and say when they are used that this protocol is not spoken.
"""

from durable.functions.models.entities.EntityState import EntityState
from durable.functions.models.entities.OperationResult import OperationResult
from durable.functions.models.entities.RequestMessage import RequestMessage
from durable.functions.models.entities.Signal import Signal

__all__ = ["EntityState", "OperationResult", "RequestMessage", "Signal"]
