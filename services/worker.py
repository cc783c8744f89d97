"""The worker process: sends and reads mail, makes follow-up calls, publishes events.

Any number run side by side.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from uuid import uuid4

import httpx
import structlog
import uvloop
from sqlalchemy.ext.asyncio import AsyncEngine

from services.calls.wishes import CallsInVain
from services.events.relay import EventRelay
from services.follow_ups.automatic import FollowUps
from services.housekeeping import Housekeeping
from services.privacy.classes import retention_of
from services.privacy.retention import Retention
from services.reach.patterns import PatternLearning
from services.receiving.reader import MailReader
from services.rules import DeskRules
from services.sending.sender import EmailSender
from services.therapists.client import create_client
from services.therapists.directory import TherapistDirectory
from services.therapists.refresh import DirectoryRefresh
from services.work import Workplace
from shared import tracing
from shared.clock import get_clock
from shared.config import Settings
from shared.database import create_engine, create_session_factory
from shared.heartbeat import Heartbeats
from shared.kafka.robust_producer import RobustKafkaProducer
from shared.notifications import Listener, Notifier
from shared.postgresql import refuse_old_server
from shared.reasons import reason_of
from shared.supervision import Loop, run_until

SERVICE = "communication-service"

GRACE_SECONDS = 15
"""How long what is under way, such as a message being handed over, may take to finish after SIGTERM."""

CLOSE_SECONDS = 8

log = structlog.get_logger(__name__)


Status = Callable[[Settings, Heartbeats, AsyncEngine], Loop]
"""Makes the loop that answers how the worker is."""


def run_worker(config: Settings, status: Status | None = None) -> None:
    """Work until SIGTERM or SIGINT; what hangs then is left behind, its leases expire by themselves.

    Args:
        config: how, and with `WORKER_HEALTH_PORT` where to ask how it is.
        status: answers there.

    Raises:
        DatabaseTooOld: with this server it can't work.
        ConfigurationError: it can't be asked where it should be.
    """
    identity = uuid4().hex[:8]
    structlog.contextvars.bind_contextvars(worker=identity)
    tracing.start(SERVICE)
    try:
        uvloop.run(_work(config, identity, status))
    finally:
        tracing.stop()


async def _work(config: Settings, identity: str, status: Status | None) -> None:
    heartbeats = Heartbeats()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await refuse_old_server(config.get_database_url())
    engine = create_engine(config, application_name=f"calldesk-worker {identity}")
    asked = status and config.worker_health_port
    beside = {"status": status(config, heartbeats, engine)} if status and asked else {}
    client = create_client(config)
    producer = RobustKafkaProducer(service_name=SERVICE, config=config)
    log.info("worker_started")
    loops = _loops(config, identity, engine, client, producer) | beside
    hanging = await run_until(stop, loops, heartbeats=heartbeats, grace_seconds=GRACE_SECONDS)
    closers = {"kafka": producer.close, "http": client.aclose}
    hanging += await _close(closers | {"database": engine.dispose})
    log.info("worker_stopped", left_behind=hanging)
    if hanging:
        sys.stderr.flush()
        os._exit(0)


def _loops(
    config: Settings,
    identity: str,
    engine: AsyncEngine,
    client: httpx.AsyncClient,
    producer: RobustKafkaProducer,
) -> dict[str, Loop]:
    url = config.get_direct_url()
    clock, rules = get_clock(config), DeskRules.from_settings(config)
    notifier, listener = Notifier(url), Listener(url)
    workplace = Workplace(sessions=create_session_factory(engine, notifier), clock=clock, rules=rules)
    directory = TherapistDirectory(config, client)
    return {
        "notifier": notifier,
        "listener": listener,
        "email_sender": EmailSender(
            config=config, clock=clock, listener=listener, notifier=notifier, identity=identity
        ),
        "mail_reader": MailReader(workplace, config),
        "event_relay": EventRelay(
            config=config, clock=clock, listener=listener, producer=producer, identity=identity
        ),
        "follow_ups": FollowUps(workplace, directory),
        "directory_refresh": DirectoryRefresh(workplace, directory),
        "calls_in_vain": CallsInVain(workplace),
        "pattern_learning": PatternLearning(workplace),
        "housekeeping": Housekeeping(workplace),
        "retention": Retention(workplace, retention_of(config)),
    }


async def _close(closers: Mapping[str, Callable[[], Awaitable[None]]]) -> list[str]:
    """Close all at once and return the names of those that don't come to an end."""
    tasks = {name: asyncio.ensure_future(close()) for name, close in closers.items()}
    await asyncio.wait(tasks.values(), timeout=CLOSE_SECONDS)
    for name, task in tasks.items():
        if task.done() and (error := task.exception()) is not None:
            log.warning("not_closed", name=name, reason=reason_of(error))
    return [name for name, task in tasks.items() if not task.done()]
