"""How long a queued e-mail takes with the queue idle: from its commit to the sink's acceptance.

`python -m benchmarks.mail_latency [--quick] [--emails N]`.

The e-mail is committed here, with the wake-up the services send;
the worker is a process of its own, and so is the sink. One e-mail at a time, with a pause between.
"""

import asyncio
import logging
import multiprocessing
import random
import time
from typing import IO

import structlog
import uvloop

from benchmarks.harness import migrated_database, percentiles, read_arguments
from benchmarks.mail_setting import email, mail_settings, sink
from services.email_sender import EmailSender
from services.subjects import EMAIL_QUEUE
from shared.clock import system_clock
from shared.database import create_engine, create_session_factory, transaction, wake
from shared.notifications import Listener, Notifier

PAUSE_SECONDS = (0.03, 0.07)
WARM_UP = 20


def work(database_url: str, port: int) -> None:
    """Be the worker process."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    config = mail_settings(database_url, port)
    url = config.get_database_url()

    async def run() -> None:
        listener, notifier = Listener(url), Notifier(url)
        sender = EmailSender(
            config=config, clock=system_clock, listener=listener, notifier=notifier, identity="bench"
        )
        await asyncio.gather(listener.run(), notifier.run(), sender.run())

    asyncio.run(run())


async def measure(database_url: str, port: int, accepted: IO[str], count: int) -> list[float]:
    """Return the seconds from commit to acceptance of `count` e-mails, sent one after the other."""
    config = mail_settings(database_url, port)
    notifier = Notifier(config.get_database_url())
    notifying = asyncio.create_task(notifier.run())
    engine = create_engine(config, application_name="bench")
    sessions = create_session_factory(engine, notifier)
    taken: list[float] = []
    for _ in range(WARM_UP + count):
        await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
        item = email()
        async with transaction(sessions) as session:
            session.add(item)
            wake(session, EMAIL_QUEUE)
        committed = time.monotonic_ns()
        message_id, at = (await asyncio.to_thread(accepted.readline)).split()
        assert message_id == item.message_id
        taken.append((int(at) - committed) / 1e9)
    notifying.cancel()
    await engine.dispose()
    return taken[WARM_UP:]


def main(count: int) -> None:
    context = multiprocessing.get_context("spawn")
    with migrated_database() as database_url, sink("--report") as (port, process):
        assert process.stdout is not None
        worker = context.Process(target=work, args=(database_url, port), daemon=True)
        worker.start()
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                taken = runner.run(measure(database_url, port, process.stdout, count))
        finally:
            worker.terminate()
            worker.join(10)
    print(
        f"{count} e-mails, one at a time, commit to acceptance: {percentiles(taken, 50, 99)},"
        f" max {max(taken) * 1e3:.1f} ms"
    )


if __name__ == "__main__":
    main(read_arguments(__doc__, emails=(300, 50)).emails)
