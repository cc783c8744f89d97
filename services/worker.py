"""The worker process: sends mail, makes follow-up calls, publishes events. Any number run side by side."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from uuid import uuid4

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from services.housekeeping import Housekeeping
from services.supervision import Loop, run_until
from shared.clock import get_clock
from shared.config import Settings
from shared.database import create_engine, create_session_factory
from shared.notifications import Listener, Notifier

GRACE_SECONDS = 15
"""How long what is under way, such as a message being handed over, may take to finish after SIGTERM."""

DISPOSE_SECONDS = 3

log = structlog.get_logger(__name__)


def run_worker(config: Settings) -> None:
    """Work until SIGTERM or SIGINT; what hangs then is left behind, its leases expire by themselves."""
    structlog.contextvars.bind_contextvars(worker=uuid4().hex[:8])
    asyncio.run(_work(config))


async def _work(config: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    engine = create_engine(config, application_name="calldesk-worker")
    log.info("worker_started")
    hanging = await run_until(stop, _loops(config, engine), grace_seconds=GRACE_SECONDS)
    if hanging:
        log.warning("worker_stopped", left_behind=hanging)
        sys.stderr.flush()
        os._exit(0)
    with suppress(TimeoutError):
        async with asyncio.timeout(DISPOSE_SECONDS):
            await engine.dispose()
    log.info("worker_stopped")


def _loops(config: Settings, engine: AsyncEngine) -> dict[str, Loop]:
    url = config.get_database_url()
    notifier, listener = Notifier(url), Listener(url)
    sessions = create_session_factory(engine, notifier)
    clock = get_clock(config)
    return {
        "notifier": notifier,
        "listener": listener,
        "housekeeping": Housekeeping(sessions, clock),
    }
