"""The callers: the actions of a program's script, one after another, at any time.

The hours in the script are not looked at: an action may come at any moment after the one before
it. What is accepted is on its way, and arrives at any later moment.
"""

from durable.testing.programs.syntax import (
    CallerAction,
    Purge,
    RaiseEvent,
    Resume,
    Signal,
    Start,
    Suspend,
    Terminate,
)
from durable.testing.specification.hub_at_work import HubAtWork
from durable.testing.specification.hub_state import Execution, Instance
from durable.testing.specification.inputs import (
    EventArrived,
    Mail,
    Resumed,
    Suspended,
    Terminated,
)


def rule_of(action: CallerAction, target: Instance | None) -> str:
    """Name the rule by which an action is taken now (paper 4.3, StartNew-*; ours, decision 1)."""
    is_live = target is not None and target.is_live
    match action:
        case Start():
            return "StartNew-Conflict" if is_live else "StartNew-Fresh"
        case RaiseEvent():
            rule = "Caller-Raise"
        case _:
            rule = f"Caller-{type(action).__name__}"
    return rule if _is_accepted(action, target) else f"{rule}-Refused"


def act(hub: HubAtWork, action: CallerAction) -> None:
    """Let the callers do their next action.

    Paper 4.3, StartNew-Fresh and StartNew-Conflict, where a finished id counts as free (ours,
    decision 4). What is for nobody alive is refused (ours, decision 1), and a purge while there is
    no end (ours, decision 17).
    """
    hub.actions_done += 1
    if not _is_accepted(action, hub.instances.get(action.instance_id)):
        return
    match action:
        case Start():
            execution = Execution(action.orchestration, action.argument)
            hub.start(action.instance_id, execution)
        case Purge():
            hub.purge(action.instance_id)
        case Signal(entity, operation, argument):
            hub.signal(entity, operation, argument)
        case _:
            hub.post(action.instance_id, _mail_of(action))


def _is_accepted(action: CallerAction, target: Instance | None) -> bool:
    is_live = target is not None and target.is_live
    match action:
        case Start():
            return not is_live
        case Signal():
            return True
        case Purge():
            return target is not None and not target.is_live and not target.is_purged
        case _:
            return is_live


def _mail_of(action: RaiseEvent | Terminate | Suspend | Resume) -> Mail:
    match action:
        case RaiseEvent(_, name, data):
            return EventArrived(name, data)
        case Terminate():
            return Terminated(action.reason, action.is_recursive)
        case Suspend():
            return Suspended()
        case Resume():
            return Resumed()
