"""How long an answer takes from its arrival in the mailbox until open pages are told, and how many a minute.

`python -m benchmarks.incoming [--quick] [--emails N] [--stream N]`.

The worker is a process of its own as in production, the mailbox (pymap) lives in this one. First one message
at a time while the worker waits in IDLE; then a stream of 500 a minute. An answer counts as seen when
the hint that makes open pages fetch has arrived and its row is there.
"""

import asyncio
import logging
import multiprocessing
import time
from statistics import median

import structlog
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.harness import bench_settings, migrated_database, percentiles, read_arguments
from benchmarks.verdict import report
from services.hints import INCOMING
from services.models import Email, EmailStatus, Incoming
from services.worker import run_worker
from shared.clock import system_clock
from shared.config import Settings
from shared.database import create_engine
from shared.notifications import Listener, Subscription
from webapp.demo.servers.imap import PASSWORD, USERNAME, EmbeddedMailbox

ADDRESS = "kontakt@therapieplatz.example"
PRACTICE = "praxis@example.org"
SEEN_SECONDS = 60
APART_SECONDS = 60 / 500
WORDS = "Vielen Dank für Ihre Anfrage. Ab Januar ist ein Platz frei, bitte rufen Sie mich an.\r\n" * 10


def work(config: Settings) -> None:
    """Be the worker process."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    run_worker(config)


def our_id(number: int) -> str:
    return f"<{number}@therapieplatz.example>"


def answer(number: int) -> bytes:
    return (
        f"From: Praxis <{PRACTICE}>\r\nTo: {ADDRESS}\r\nSubject: AW: Anfrage\r\n"
        f"Message-ID: <{number}@example.org>\r\n"
        f"In-Reply-To: {our_id(number)}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{WORDS}"
    ).encode()


async def add_sent_emails(engine: AsyncEngine, count: int) -> None:
    now = system_clock()
    common = {
        "betreff": "Anfrage",
        "body_html": "<p>Guten Tag</p>",
        "body_text": "Guten Tag",
        "empfaenger_email": PRACTICE,
        "empfaenger_name": "Praxis",
        "absender_email": ADDRESS,
        "absender_name": "Vermittlung",
        "status": EmailStatus.SENT,
        "sent_at": now,
        "created_at": now,
    }
    rows = [common | {"therapist_id": number, "message_id": our_id(number)} for number in range(1, count + 1)]
    async with engine.begin() as connection:
        await connection.execute(insert(Email), rows)


async def seen(engine: AsyncEngine, hints: Subscription, count: int) -> None:
    """Wait until so many answers are there and their hint has come."""
    async with asyncio.timeout(SEEN_SECONDS):
        while True:
            await hints.next(SEEN_SECONDS)
            async with engine.connect() as connection:
                if (await connection.scalar(select(func.count(Incoming.id))) or 0) >= count:
                    return


async def measure(config: Settings, mailbox: EmbeddedMailbox, emails: int, stream: int) -> None:
    engine = create_engine(config, application_name="bench")
    await add_sent_emails(engine, 1 + emails + stream)
    listener = Listener(config.get_database_url())
    hints = listener.subscribe(INCOMING)
    listening = asyncio.create_task(listener.run())
    await mailbox.deliver(answer(1))
    await seen(engine, hints, 1)
    waits: list[float] = []
    for number in range(2, 2 + emails):
        await asyncio.sleep(0.2)
        arrived = time.monotonic()
        await mailbox.deliver(answer(number))
        await seen(engine, hints, number)
        waits.append(time.monotonic() - arrived)
    print(f"{emails} answers, one at a time: arrival to seen {percentiles(waits, 50, 99)}")
    begun = time.monotonic()
    for number in range(stream):
        await asyncio.sleep(max(0.0, begun + number * APART_SECONDS - time.monotonic()))
        await mailbox.deliver(answer(2 + emails + number))
    streamed = time.monotonic()
    await seen(engine, hints, 1 + emails + stream)
    behind = time.monotonic() - streamed
    print(f"{stream} answers in {streamed - begun:.0f} s")
    report("an answer's arrival until open pages are told, p50", median(waits) * 1e3, at_most=100, unit=" ms")
    report("the last of 500 answers a minute seen after", behind, at_most=1, unit=" s")
    listening.cancel()
    await engine.dispose()


async def run(database_url: str, emails: int, stream: int) -> None:
    mailbox = EmbeddedMailbox()
    await mailbox.start()
    config = bench_settings(
        database_url,
        imap_host="127.0.0.1",
        imap_port=mailbox.port,
        imap_use_tls="none",
        imap_username=USERNAME,
        imap_password=PASSWORD,
    )
    worker = multiprocessing.get_context("spawn").Process(target=work, args=(config,), daemon=True)
    worker.start()
    try:
        await measure(config, mailbox, emails, stream)
    finally:
        worker.terminate()
        worker.join(10)
        mailbox.stop()


def main(emails: int, stream: int) -> None:
    with migrated_database() as database_url:
        asyncio.run(run(database_url, emails, stream))


if __name__ == "__main__":
    chosen = read_arguments(__doc__, emails=(100, 10), stream=(500, 50))
    main(chosen.emails, chosen.stream)
