"""The callers: the actions of a program's script, one after another, at any time.

The hours in the script are not looked at: an action may come at any moment after the one before
it. What is accepted is on its way, and arrives at any later moment.
"""

from durable.testing.programs.syntax import CallerAction, RaiseEvent, Start
from durable.testing.specification.hub_at_work import HubAtWork
from durable.testing.specification.hub_state import Execution
from durable.testing.specification.inputs import EventArrived, Terminated


def rule_of(action: CallerAction, *, target_is_live: bool) -> str:
    """Name the rule by which an action is taken now (paper 4.3, StartNew-*; ours, decision 1)."""
    if isinstance(action, Start):
        return "StartNew-Conflict" if target_is_live else "StartNew-Fresh"
    what = "Raise" if isinstance(action, RaiseEvent) else "Terminate"
    return f"Caller-{what}" if target_is_live else f"Caller-{what}-Refused"


def act(hub: HubAtWork, action: CallerAction) -> None:
    """Let the callers do their next action.

    Paper 4.3, StartNew-Fresh and StartNew-Conflict, where a finished id counts as free (ours,
    decision 4). Events and terminates for nobody alive are refused (ours, decision 1).
    """
    hub.actions_done += 1
    is_live = hub.is_live(action.instance_id)
    match action:
        case Start() if not is_live:
            execution = Execution(action.orchestration, action.argument)
            hub.start(action.instance_id, execution, None)
        case RaiseEvent() if is_live:
            hub.post(action.instance_id, EventArrived(action.name, action.data))
        case _ if is_live and not isinstance(action, Start | RaiseEvent):
            hub.post(action.instance_id, Terminated(action.reason))
        case _:
            pass
