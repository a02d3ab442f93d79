"""The names of `azure.durable_functions.models.actions`, 1.7: a protocol with the extension.

They can be imported. All but `ActionType` say, when they are used, that it is not spoken here.
"""

from durable.functions.models.actions.Action import Action
from durable.functions.models.actions.ActionType import ActionType
from durable.functions.models.actions.CallActivityAction import CallActivityAction
from durable.functions.models.actions.CallActivityWithRetryAction import CallActivityWithRetryAction
from durable.functions.models.actions.CallHttpAction import CallHttpAction
from durable.functions.models.actions.CallSubOrchestratorAction import CallSubOrchestratorAction
from durable.functions.models.actions.CreateTimerAction import CreateTimerAction
from durable.functions.models.actions.WaitForExternalEventAction import WaitForExternalEventAction
from durable.functions.models.actions.WhenAllAction import WhenAllAction
from durable.functions.models.actions.WhenAnyAction import WhenAnyAction

__all__ = [
    "Action",
    "ActionType",
    "CallActivityAction",
    "CallActivityWithRetryAction",
    "CallHttpAction",
    "CallSubOrchestratorAction",
    "CreateTimerAction",
    "WaitForExternalEventAction",
    "WhenAllAction",
    "WhenAnyAction",
]
