"""Actors: who makes storage calls, and who dies, freezes or is killed at one."""

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass


class ActorDied(BaseException):
    """The actor was killed at this call; nothing of it goes on."""


@dataclass(slots=True, eq=False)
class Actor:
    """A host or a caller. `frozen_until` is in the loop's seconds."""

    name: str
    is_dead: bool = False
    frozen_until: float = 0.0

    def is_frozen(self) -> bool:
        """Whether nothing of it moves now."""
        return self.frozen_until > asyncio.get_running_loop().time()

    def kill(self) -> None:
        """Let nothing of it go on: raises `ActorDied` here, and at its every other call."""
        self.is_dead = True
        raise ActorDied(self.name)

    def raise_if_dead(self) -> None:
        """Raise `ActorDied` if it was killed."""
        if self.is_dead:
            raise ActorDied(self.name)


# The task of the invocation that the present code belongs to, its child tasks included.
INVOCATION: ContextVar["asyncio.Task[None] | None"] = ContextVar("INVOCATION", default=None)


async def kill_invocation(actor: Actor) -> None:
    """Cancel the invocation that makes this call; without one the actor dies."""
    invocation = INVOCATION.get()
    if invocation is None:
        actor.kill()
        return
    invocation.cancel()
    await asyncio.get_running_loop().create_future()  # the cancellation comes here
