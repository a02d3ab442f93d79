"""A world under observation: all oracles watch it, from its first storage call to its rest."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from durable.testing.oracles.entity_refinement import EntityRefinement
from durable.testing.oracles.hub_view import HubView
from durable.testing.oracles.invariants import Invariants
from durable.testing.oracles.models import Model
from durable.testing.oracles.refinement import Refinement
from durable.testing.oracles.rest import (
    check_collected,
    check_rest,
    check_silence,
    check_unchanged,
    check_unsent,
    standing,
)
from durable.testing.world.faults import Call, FaultKind
from durable.testing.world.world import World


@dataclass(frozen=True, slots=True)
class Sighting:
    """What an experiment without a violation came to.

    `calls`: the storage calls before everything was delivered again; faults belong there.
    `is_compared`: the outcome was looked up among those that the specification allows.
    """

    calls: tuple[Call, ...]
    hits: tuple[tuple[Call, FaultKind], ...]
    calls_in_all: int
    commits: int
    checks: int
    view: HubView
    refinement: Refinement
    is_compared: bool = False


def observe(
    world: World,
    drive: Callable[[World], Awaitable[None]],
    model: Model,
) -> Sighting:
    """Drive the world to rest, deliver every message once more, and raise the first `Violation`."""
    view = HubView(world.store)
    invariants = Invariants(view, world.store, skew_s=max(map(abs, world.skews_s)))
    refinement = Refinement(view, world.store, model)
    entities = EntityRefinement(view, world.store, model, skew_s=invariants.skew_s)
    world.journal.watchers += [invariants.watch, refinement.watch, entities.watch]
    world.about_to_run.append(invariants.before_run)

    async def main() -> int:
        await drive(world)
        await world.settle()
        check_rest(view, world.store)
        driven = len(world.gate.calls)
        before = standing(view)
        # Old messages of lives that are collected come again from here on, on purpose.
        world.about_to_run.remove(invariants.before_run)
        sent = await world.deliver_everything_again()
        if not world.gate.hits:
            check_silence(
                sent,
                clocks_agree=not any(world.skews_s),
                nothing_flagged=not view.parcels.has_flagged,
            )
        await world.deliver_with_duty()
        check_rest(view, world.store)
        check_unchanged(before, standing(view))
        check_unsent(view)
        if not world.gate.hits:
            check_collected(view, world.store)
        return driven

    driven = world.run(main())
    return Sighting(
        calls=tuple(world.gate.calls[:driven]),
        hits=tuple(world.gate.hits),
        calls_in_all=len(world.gate.calls),
        commits=refinement.commits + entities.commits,
        checks=invariants.checked,
        view=view,
        refinement=refinement,
    )
