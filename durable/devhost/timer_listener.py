"""The loop that runs one timer function.

Source: TimerListener.cs of azure-webjobs-sdk-extensions, inside SingletonListener.cs.

Rule 1. Only the host that holds the timer's lease listens. Losing it ends the listening, not an
        invocation that is running.
Rule 2. Invocations of one timer never overlap. The next due time counts from the start of the
        last one, and one that has passed meanwhile is run at once.
Rule 3. A run that was missed while no host listened is made up for once, with IsPastDue. A timer
        that is due more than once a minute keeps no status, and is never past due.
Rule 4. Whatever the function does, the schedule goes on.
"""

import asyncio
import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta

from durable.devhost.datum import Datum
from durable.devhost.index import IndexedFunction, TimerTrigger
from durable.devhost.invoke import CALLED_BY_API, Invoker
from durable.devhost.timer_clock import Clock
from durable.devhost.timer_lease import TimerLease
from durable.devhost.timer_schedule import ConstantSchedule, TimerSchedule
from durable.devhost.timer_status import (
    NEVER,
    ScheduleStatus,
    StatusStore,
    first_status,
    next_due,
    revised_status,
)

logger = logging.getLogger(__name__)


class TimerListener:
    """Runs one timer until it is stopped."""

    def __init__(
        self,
        function: IndexedFunction,
        invoker: Invoker,
        *,
        schedule: TimerSchedule,
        store: StatusStore,
        lease: TimerLease,
        clock: Clock,
        retry_s: float,
    ) -> None:
        """`retry_s`: how long a host without the lease waits before it asks again."""
        assert isinstance(function.trigger, TimerTrigger)
        self._function = function
        self._trigger = function.trigger
        self._invoker = invoker
        self._schedule = schedule
        self._store = (
            store if self._trigger.use_monitor and not schedule.is_below_a_minute else None
        )
        self._lease = lease
        self._clock = clock
        self._retry_s = retry_s
        self._stopping = False
        # Set by a stop and by a lost lease: either ends a wait.
        self._interrupted = asyncio.Event()

    def stop(self) -> None:
        """Run nothing more; `run` returns when the invocation on its way is over."""
        self._stopping = True
        self._interrupted.set()

    async def run(self) -> None:
        """Compete for the lease and listen while it lasts, until stopped."""
        while not self._stopping:
            self._interrupted.clear()
            if await self._lease.take():
                await self._listen_while_held()
            if not self._stopping:
                await self._clock.wait_until(
                    self._clock.now() + timedelta(seconds=self._retry_s),
                    interrupted=self._interrupted,
                )

    async def invoke_by_hand(self) -> None:
        """Run it once, whoever holds the lease; the schedule takes no notice."""
        status = await self._store.load() if self._store is not None else None
        await self._invoke(
            status,
            is_past_due=False,
            reason=CALLED_BY_API,
        )

    async def _listen_while_held(self) -> None:
        keeping = asyncio.create_task(self._lease.keep())
        keeping.add_done_callback(lambda _: self._interrupted.set())
        try:
            await self._listen()
        except Exception:
            # Reading the status failed, say: give the lease back and come again.
            logger.exception("Timer '%s': its listener broke", self._function.name)
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])
            await self._lease.give_back()

    async def _listen(self) -> None:
        now = self._clock.now()
        status, is_past_due = await self._status_at_start(now)
        logger.info(
            "Timer '%s' (%s) is next due at %s",
            self._function.name,
            self._schedule.text,
            status.next,
        )
        if self._interrupted.is_set():
            return
        if is_past_due:
            reason = f"Timer fired at {now.isoformat()}, past due since {status.next.isoformat()}"
            status = await self._fire(status, unscheduled=True, is_past_due=True, reason=reason)
        elif self._trigger.run_on_startup:
            reason = f"Timer fired at {now.isoformat()}, RunOnStartup"
            status = await self._fire(status, unscheduled=True, is_past_due=False, reason=reason)
        while not self._interrupted.is_set():
            await self._clock.wait_until(status.next, interrupted=self._interrupted)
            if self._interrupted.is_set():
                return
            reason = f"Timer fired at {self._clock.now().isoformat()}"
            status = await self._fire(status, unscheduled=False, is_past_due=False, reason=reason)

    async def _status_at_start(self, now: datetime) -> tuple[ScheduleStatus, bool]:
        fresh = replace(first_status(self._schedule, now), last_updated=NEVER)
        if self._store is None:
            return fresh, False
        recorded = await self._store.load()
        if recorded is None:
            # Written before the first run: if no host lives to see it, the next one will know.
            await self._store.store(first_status(self._schedule, now))
            return fresh, False
        status = revised_status(recorded, self._schedule, now)
        if status != recorded:
            await self._store.store(status)
        return status, now > status.next

    async def _fire(
        self, status: ScheduleStatus, *, unscheduled: bool, is_past_due: bool, reason: str
    ) -> ScheduleStatus:
        started = self._clock.now()
        shown = status if self._store is not None else None
        await self._invoke(shown, is_past_due=is_past_due, reason=reason)
        # A clock that was a little early must not give the same due time again.
        ran = started if unscheduled else max(started, status.next)
        status = ScheduleStatus(last=ran, next=next_due(self._schedule, ran), last_updated=ran)
        if self._store is not None:
            await self._store.store(status)
        return status

    async def _invoke(
        self, status: ScheduleStatus | None, *, is_past_due: bool, reason: str
    ) -> None:
        information = {
            "Schedule": {"AdjustForDST": not isinstance(self._schedule, ConstantSchedule)},
            "ScheduleStatus": status.as_json() if status is not None else None,
            "IsPastDue": is_past_due,
        }
        now = self._clock.now().strftime("%m/%d/%Y %H:%M:%S")
        await self._invoker.invoke(
            self._function,
            Datum(json.dumps(information), "json"),
            metadata={"TimerTrigger": Datum(now, "string")},
            reason=reason,
        )
