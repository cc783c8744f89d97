"""A sender in a process of its own that can be killed, and the counting of what it did."""

import asyncio
import logging
import multiprocessing
import random
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from uuid import uuid4

import structlog
import uvloop

from services.sending.sender import EmailSender
from shared.clock import system_clock
from shared.config.settings import load_settings
from shared.notifications import Listener, Notifier

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.chaos.mail_worker", "tests.chaos.mailbox_worker"])


def send_for_ever(database_url: str, port: int) -> None:
    """Be a worker: fresh identity, short lease, everything else as in production."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    config = load_settings(
        env_file=None,
        app_env="testing",
        database_url=database_url,
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_deadline_seconds=10,
        email_lease_seconds=3,
        worker_poll_seconds=0.2,
        queue_pause_base_seconds=0.1,
        queue_pause_cap_seconds=0.5,
        email_retry_base_seconds=0.2,
    )

    async def run() -> None:
        url = config.get_database_url()
        listener, notifier = Listener(url), Notifier(url)
        sender = EmailSender(
            config=config, clock=system_clock, listener=listener, notifier=notifier, identity=uuid4().hex[:8]
        )
        await asyncio.gather(listener.run(), notifier.run(), sender.run())

    uvloop.run(run())


class Workers:
    """Two workers; the one that is killed is replaced at once."""

    def __init__(self, database_url: str, port: int, chance: random.Random) -> None:
        self._arguments = (database_url, port)
        self._chance = chance
        self._running = [self._start() for _ in range(2)]
        self.kills = 0

    def _start(self) -> ForkServerProcess:
        process = CONTEXT.Process(target=send_for_ever, args=self._arguments, daemon=True)
        process.start()
        return process

    def kill_one(self) -> None:
        """End one of them as a power cut would."""
        place = self._chance.randrange(len(self._running))
        self._end(self._running[place])
        self.kills += 1
        self._running[place] = self._start()

    def stop(self) -> None:
        for process in self._running:
            self._end(process)

    @staticmethod
    def _end(process: ForkServerProcess) -> None:
        assert process.is_alive(), "a worker ended by itself"
        process.kill()
        process.join(10)


@contextmanager
def workers(database_url: str, port: int, chance: random.Random) -> Generator[Workers]:
    running = Workers(database_url, port, chance)
    try:
        yield running
    finally:
        running.stop()
