"""Keeps background loops running: one that fails is started again, later each time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn, Protocol

import structlog

from shared.backoff import Backoff
from shared.database_errors import is_outage
from shared.heartbeat import TURN_SECONDS, Heartbeats, Pulse, carry, turned
from shared.outage import Outage
from shared.reasons import reason_of

RESTART = Backoff.of_seconds(0.5, 30)
STABLE_SECONDS = 60
"""A loop that ran this long before it failed starts again without delay building up."""

log = structlog.get_logger(__name__)


class Loop(Protocol):
    """A part of the worker."""

    async def run(self) -> None:
        """Work until cancelled; on cancellation let go of what is held, in bounded time."""
        ...


async def take_turns(
    turn: Callable[[], Awaitable[object]], *, rest_seconds: float, turn_seconds: float = TURN_SECONDS
) -> NoReturn:
    """Take turns until cancelled, with a rest after each; one that takes longer than it may hangs."""
    while True:
        turned(turn_seconds)
        await turn()
        turned(rest_seconds + turn_seconds)
        await asyncio.sleep(rest_seconds)


async def keep_running(
    name: str, loop: Loop, restart: Backoff = RESTART, *, pulse: Pulse | None = None
) -> None:
    """Run a loop until cancelled, whatever it raises; its turns are noted in `pulse`."""
    failures, outage = 0, Outage("loop_waits", loop=name)
    pulse = pulse or Heartbeats().of(name)
    carry(pulse)
    while True:
        started = time.monotonic()
        pulse.begin(TURN_SECONDS)
        try:
            await loop.run()
            log.error("loop_ended", loop=name)
        except Exception as error:  # a loop's failure must not end the others; it is logged and tried again
            if time.monotonic() - started > STABLE_SECONDS:
                failures, outage = 0, Outage("loop_waits", loop=name)
            if is_outage(error):
                outage.note(error)
            else:
                log.exception("loop_failed", loop=name, reason=reason_of(error))
        failures += 1
        rest = restart.seconds(failures)
        pulse.begin(rest + TURN_SECONDS)
        await asyncio.sleep(rest)


async def run_until(
    stop: asyncio.Event, loops: dict[str, Loop], *, heartbeats: Heartbeats, grace_seconds: float
) -> list[str]:
    """Keep loops running until `stop` is set, then cancel them all.

    Returns:
        The names of the loops that have not ended within `grace_seconds`; they are left behind.
    """
    tasks = {
        name: asyncio.create_task(keep_running(name, loop, pulse=heartbeats.of(name)), name=name)
        for name, loop in loops.items()
    }
    try:
        await stop.wait()
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.wait(tasks.values(), timeout=grace_seconds)
    return [name for name, task in tasks.items() if not task.done()]
