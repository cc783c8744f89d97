"""Drains a queue of e-mails through the worker, beside bare aiosmtplib without a database.

`python -m benchmarks.mail_drain [--quick] [--emails N] [--rounds N] [--connections N]`.

Both send the same messages, built by the
same function, over the same number of connections into a sink that is a process of its own, on uvloop. The
processor time is this process's; PostgreSQL's comes on top for the worker.
"""

import asyncio
import logging
import time
from contextlib import suppress
from statistics import median

import aiosmtplib
import asyncpg
import structlog
import uvloop
from sqlalchemy import URL, text

from benchmarks.harness import migrated_database, read_arguments
from benchmarks.mail_setting import email, mail_settings, sink
from benchmarks.verdict import report
from services.models import SCHEMA, Email
from services.sending.message import build_message
from services.sending.sender import EmailSender
from shared.clock import system_clock
from shared.config import Settings
from shared.database import SessionFactory, create_engine, create_session_factory
from shared.notifications import Listener, Notifier

UNSENT = f"SELECT EXISTS (SELECT FROM {SCHEMA}.emails WHERE status IN ('QUEUED', 'SENDING'))"


class Stopwatch:
    """Wall-clock and processor seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()
        self.wall = self.processor = 0.0

    def stop(self) -> "Stopwatch":
        self.wall = time.perf_counter() - self._wall
        self.processor = time.process_time() - self._processor
        return self

    def show(self, count: int) -> str:
        return f"{count / self.wall:6.0f}/s ({self.processor / count * 1e6:5.0f} µs of processor each)"


async def bare(config: Settings, emails: list[Email]) -> Stopwatch:
    """Push the messages through aiosmtplib's own `sendmail`."""
    waiting = iter(emails)

    async def lane() -> None:
        smtp = aiosmtplib.SMTP(hostname=config.smtp_host, port=config.smtp_port, start_tls=False)
        await smtp.connect()
        for item in waiting:
            message = build_message(item, date=system_clock())
            await smtp.sendmail(message.sender, [message.recipient], message.content)
        await smtp.quit()

    watch = Stopwatch()
    await asyncio.gather(*(lane() for _ in range(config.smtp_connections)))
    return watch.stop()


async def all_sent(url: URL) -> None:
    """Wait until no e-mail is queued or under way; looking costs next to nothing."""
    connection = await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        while await connection.fetchval(UNSENT):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    finally:
        await connection.close()


async def drain(config: Settings, sessions: SessionFactory, emails: list[Email]) -> Stopwatch:
    """Send the stored e-mails through `EmailSender`, until the last is marked as sent."""
    async with sessions() as session, session.begin():
        await session.execute(text(f"TRUNCATE {SCHEMA}.emails, {SCHEMA}.event_outbox CASCADE"))
        session.add_all(emails)
    url = config.get_database_url()
    listener, notifier = Listener(url), Notifier(url)
    sender = EmailSender(
        config=config, clock=system_clock, listener=listener, notifier=notifier, identity="bench"
    )
    watch = Stopwatch()
    tasks = [asyncio.create_task(part.run()) for part in (listener, notifier, sender)]
    await all_sent(url)
    watch.stop()
    for task in reversed(tasks):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return watch


async def main(count: int, rounds: int, connections: int, database_url: str, port: int) -> None:
    config = mail_settings(database_url, port, smtp_connections=connections)
    engine = create_engine(config, application_name="bench")
    sessions = create_session_factory(engine)
    ratios: list[float] = []
    for number in range(rounds):
        alone = await bare(config, [email() for _ in range(count)])
        worker = await drain(config, sessions, [email() for _ in range(count)])
        ratios.append(alone.wall / worker.wall)
        print(
            f"round {number + 1}: aiosmtplib alone {alone.show(count)}, worker {worker.show(count)}", end=""
        )
        print(f": {ratios[-1]:.0%}")
    sample = email()
    start = time.perf_counter()
    for _ in range(200):
        build_message(sample, date=system_clock())
    build = (time.perf_counter() - start) / 200
    size = len(build_message(sample, date=system_clock()).content)
    report(
        f"queue drain beside bare aiosmtplib, {config.smtp_connections} connections",
        median(ratios),
        at_least=0.9,
    )
    print(f"building one message of {size} bytes: {build * 1e6:.0f} µs, in both")
    await engine.dispose()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    chosen = read_arguments(__doc__, emails=(5_000, 500), rounds=(3, 1), connections=(8, 8))
    with (
        migrated_database() as url,
        sink() as (port, _),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(main(chosen.emails, chosen.rounds, chosen.connections, url, port))
