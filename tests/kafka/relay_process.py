"""Relays as processes of their own, to be killed: forked from one that has imported everything already.

`python -m tests.kafka.relay_process DATABASE_URL BOOTSTRAP_SERVERS` starts a relay for every line of input.
It prints `started PID` for each, and `sent PID` whenever a batch is acknowledged but not yet marked.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Self

from services.events.relay import EventRelay
from shared.clock import system_clock
from shared.config import Settings
from shared.config.settings import load_settings
from shared.kafka.robust_producer import EventNotSent, OutgoingEvent, RobustKafkaProducer
from shared.notifications import Listener

BATCH = 25
PAUSE_BEFORE_MARKING_SECONDS = 0.02


class RelayProcesses:
    """Starts relays and kills them with -9."""

    def __init__(self, config: Settings) -> None:
        self._arguments = [
            config.get_database_url().render_as_string(hide_password=False),
            config.kafka_bootstrap_servers,
        ]

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.kafka.relay_process",
            *self._arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self

    async def __aexit__(self, *_error: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def start(self) -> int:
        """Start a relay and return its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        return int((await self._next("started")).partition(" ")[2])

    async def sent(self, pid: int) -> None:
        """Wait until this relay has had a batch acknowledged."""
        await self._next(f"sent {pid}")

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    async def _next(self, start: str) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            while not (line := (await self._process.stdout.readline()).decode().strip()).startswith(start):
                assert line, "the relays' parent has ended"
        return line


class ReportingProducer(RobustKafkaProducer):
    """Says when a batch is acknowledged, and leaves time to be killed before it is marked."""

    async def send_many(self, outgoing: Sequence[OutgoingEvent]) -> list[EventNotSent | None]:
        answers = await super().send_many(outgoing)
        report("sent")
        await asyncio.sleep(PAUSE_BEFORE_MARKING_SECONDS)
        return answers


def report(what: str) -> None:
    os.write(1, f"{what} {os.getpid()}\n".encode())


async def relay(config: Settings) -> None:
    listener = Listener(config.get_database_url())
    relay = EventRelay(
        config=config,
        clock=system_clock,
        listener=listener,
        producer=ReportingProducer("communication-service", config=config),
        identity=str(os.getpid()),
        batch_size=BATCH,
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listener.run())
        tasks.create_task(relay.run())


def main() -> None:
    database_url, bootstrap_servers = sys.argv[1:]
    config = load_settings(
        env_file=None,
        app_env="testing",
        database_url=database_url,
        kafka_bootstrap_servers=bootstrap_servers,
        worker_poll_seconds=0.5,
    )
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        if os.fork() == 0:
            report("started")
            asyncio.run(relay(config))


if __name__ == "__main__":
    main()
