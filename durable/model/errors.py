"""What users may catch.

DurableError(Exception)
├── InvalidInstanceIdError(ValueError)
├── InvalidTaskHubError(ValueError)
├── InvalidNameError(ValueError)         a name, a version or a reason that no row could hold
├── InvalidPayloadError(ValueError)      a value has no JSON form, or is too large
├── InvalidTokenError(ValueError)        a continuation token that no list has given
├── MalformedMessageError(ValueError)    a queue message or a stored row that is not ours
├── PayloadLostError                     a blob that an instance names is gone
    ├── ForeignInstanceError                 an instance that another engine wrote
├── InstanceExistsError                  start of an id that is in use
├── InstanceNotFoundError
├── InstanceEndedError                   the orchestration has ended already
├── InstanceNotEndedError                the orchestration has not ended yet
├── LockingRulesViolationError(RuntimeError)  an orchestrator broke a rule of critical sections
├── EntityInUseError                     an entity that is not empty and idle can't be purged
├── LockNotHeldError                     the lock that was meant is not, or no longer, held
└── TaskFailedError                      an activity failed (in failures.py, beside its data)
"""


class DurableError(Exception):
    """Something that the caller can be told in a sentence."""


class InvalidInstanceIdError(DurableError, ValueError):
    """An instance id that no store could hold."""


class InvalidTaskHubError(DurableError, ValueError):
    """A task hub name that no storage account would take."""


class InvalidNameError(DurableError, ValueError):
    """A name, a version or a reason that rows and messages can't hold, or nobody could read."""


class InvalidPayloadError(DurableError, ValueError):
    """A value that has no JSON form, or is larger than its place allows."""


class InvalidTokenError(DurableError, ValueError):
    """A continuation token that no list has given."""


class MalformedMessageError(DurableError, ValueError):
    """A queue message or a stored row that this engine can't read."""


class PayloadLostError(DurableError):
    """A blob that an instance names is gone: somebody deleted it from outside."""


class ForeignInstanceError(DurableError):
    """An instance whose rows another engine wrote: this one must not run it."""


class InstanceExistsError(DurableError):
    """An instance with this id exists and may not be replaced."""


class InstanceNotFoundError(DurableError):
    """No instance has this id."""


class InstanceEndedError(DurableError):
    """The orchestration has ended; nothing more can reach it."""


class InstanceNotEndedError(DurableError):
    """The orchestration has not ended; what was asked for is only for one that has."""


class EntityInUseError(DurableError):
    """The entity has a state, a lock, or operations that wait; only an empty one is purged."""


class LockNotHeldError(DurableError):
    """The lock of an entity that was meant is not, or no longer, held."""


class LockingRulesViolationError(DurableError, RuntimeError):
    """An orchestrator broke a rule of critical sections; nothing came of what it asked for.

    Named after LockingRulesViolationException of Durable Functions for .NET.
    """


class InstanceNotRewindableError(DurableError):
    """The instance failed in a way that can't be undone: inside a critical section."""
