"""Each page, booking, insert, claim and relay step with 1, 10 and 100 times as much behind them.

`python -m benchmarks.growth [--quick] [--emails N] [--requests N]`. What has piled up grows: e-mails, closed
calls, therapists, published events. What is open stays the same: 50 calls today, 40 queued e-mails. Each size
has a database of its own; the application runs in this process, mail server and broker in others.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import httpx
import uvloop
from sqlalchemy import URL, func, select, text

from benchmarks.api_emails import REQUEST
from benchmarks.busy_desk import NOW, Size, fill
from benchmarks.harness import bench_settings, copy, empty_database, migrate, read_arguments
from benchmarks.http_load import new_key
from benchmarks.mail_drain import all_sent
from benchmarks.mail_setting import sink
from benchmarks.pages import logged_in, pages
from benchmarks.relay import FILL, broker, relay
from benchmarks.verdict import report
from services.models import SCHEMA, OutboxEvent
from services.sending.sender import EmailSender
from shared.clock import system_clock
from shared.config import Settings
from shared.database import SessionFactory, create_engine, create_session_factory
from shared.notifications import Listener, Notifier
from webapp.app import create_app
from webapp.auth import SESSION_COOKIE
from webapp.logs import configure_logging

TIMES = (1, 10, 100)
OPEN_CALLS = 50
QUEUED, EVENTS = 200, 400
COUNTING = ("E-mails, a word of all", "Statistics, 14 days", "Statistics, 90 days", "E-mails, page 1,000")
"""Pages that count something, or skip so many: these may take longer the more there is."""

MOST = 1.5
QUEUE = f"""
    UPDATE {SCHEMA}.emails SET status = 'QUEUED', naechster_versuch_at = now(), sent_at = NULL
    WHERE id IN (SELECT id FROM {SCHEMA}.emails WHERE status = 'SENT' ORDER BY id DESC LIMIT {QUEUED})
"""

Step = Callable[[int], Awaitable[object]]


@dataclass(frozen=True)
class Place:
    """A database of one size, and what is asked of it."""

    url: URL
    smtp_port: int
    kafka: str

    def settings(self) -> Settings:
        return bench_settings(
            self.url.render_as_string(hide_password=False),
            smtp_host="127.0.0.1",
            smtp_port=self.smtp_port,
            kafka_bootstrap_servers=self.kafka,
            log_level="ERROR",
        )


async def half(step: Step, requests: int) -> float:
    """Return the seconds half of the requests took at most, after three that don't count."""
    seconds: list[float] = []
    for number in range(requests + 3):
        start = time.perf_counter()
        await step(number)
        seconds.append(time.perf_counter() - start)
    return median(seconds[3:])


async def opened(browser: httpx.AsyncClient, path: str, *, htmx: bool) -> None:
    answer = await browser.get(path, headers={"HX-Request": "true"} if htmx else {})
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}")


async def posted(browser: httpx.AsyncClient, path: str, body: dict[str, Any], key: str) -> None:
    answer = await browser.post(path, json=body, headers={"Authorization": f"Bearer {key}"})
    if answer.status_code != 201:
        raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text}")


async def of_the_application(place: Place, size: Size, requests: int) -> dict[str, float]:
    """Return the seconds of pages, a booking and an e-mail's insert."""
    config = place.settings()
    key = await new_key(config)
    app = create_app(config, clock=lambda: NOW)
    transport = httpx.ASGITransport(app)  # pyright: ignore[reportArgumentType]
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://desk") as browser:
        token, call_id = await logged_in(app.state.sessions, app.state.rules)
        async with app.state.sessions() as session:
            email_id: int = await session.scalar(
                text(f"SELECT max(id) FROM {SCHEMA}.emails WHERE antwort_erhalten")
            )
        took: dict[str, float] = {}
        for page in pages(call_id, email_id):
            browser.cookies.set(SESSION_COOKIE, token)
            took[page.name] = await half(
                lambda _, page=page: opened(browser, page.path, htmx=page.htmx), requests
            )
        browser.cookies.clear()
        took["Insert an e-mail"] = await half(
            lambda _: posted(browser, "/api/emails", REQUEST | {"status": "DRAFT"}, key), requests
        )
        took["Book a call"] = await half(
            lambda number: posted(
                browser, "/api/phone-calls", {"therapist_id": 4 + number % size.therapists // 4 * 4}, key
            ),
            requests,
        )
    return took


async def claimed_and_sent(place: Place, sessions: SessionFactory) -> float:
    """Return the seconds one queued e-mail takes from the claim to the mark that it was sent."""
    async with sessions() as session, session.begin():
        await session.execute(text(QUEUE))
    config = place.settings()
    listener, notifier = Listener(place.url), Notifier(place.url)
    sender = EmailSender(
        config=config, clock=system_clock, listener=listener, notifier=notifier, identity="bench"
    )
    start = time.perf_counter()
    tasks = [asyncio.create_task(part.run()) for part in (listener, notifier, sender)]
    await all_sent(place.url)
    seconds = time.perf_counter() - start
    for task in reversed(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return seconds / QUEUED


async def relayed(place: Place, sessions: SessionFactory) -> float:
    """Return the seconds one event takes from the outbox to the mark that it was published."""
    config = place.settings()
    waiting = select(func.count()).where(OutboxEvent.published_at.is_(None))
    async with relay(config, "bench-growth"), sessions() as session:
        async with session.begin():
            await session.execute(FILL, {"topic": "bench-growth", "keys": EVENTS // 4, "events": EVENTS})
        start = time.perf_counter()
        while await session.scalar(waiting):
            await session.commit()
            await asyncio.sleep(0.01)
        return (time.perf_counter() - start) / EVENTS


async def of_the_worker(place: Place) -> dict[str, float]:
    engine = create_engine(place.settings(), application_name="bench")
    sessions = create_session_factory(engine)
    async with sessions() as session, session.begin():
        await session.execute(text(f"UPDATE {SCHEMA}.event_outbox SET published_at = now()"))
    took = {
        "Claim and send an e-mail": median([await claimed_and_sent(place, sessions) for _ in range(3)]),
        "Relay an event": median([await relayed(place, sessions) for _ in range(3)]),
    }
    await engine.dispose()
    return took


async def measured(place: Place, size: Size, requests: int) -> dict[str, float]:
    """Return the seconds of every step with one size behind it."""
    await fill(place.url, size)
    return await of_the_application(place, size, requests) | await of_the_worker(place)


def show(columns: Sequence[dict[str, float]]) -> None:
    """Print the table and report what grew most."""
    print(f"{'':34}{''.join(f'{times:>9} x' for times in TIMES)}{'100 x beside 1 x':>20}")
    grown: dict[str, float] = {}
    for name in columns[0]:
        taken = [column[name] for column in columns]
        grown[name] = taken[-1] / taken[0]
        print(f"{name:34}{''.join(f'{one * 1e3:8.2f} ms' for one in taken)}{grown[name]:18.2f}")
    steps = ("Insert an e-mail", "Book a call", "Claim and send an e-mail", "Relay an event")
    for name in steps:
        report(f"{name}, 100 x the data beside 1 x", grown.pop(name), at_most=MOST)
    for name in COUNTING:
        grown.pop(name)
    most = max(grown, key=lambda name: grown[name])
    report(f"the page that grows most, {most}, 100 x beside 1 x", grown[most], at_most=MOST)


def main() -> None:
    chosen = read_arguments(__doc__, emails=(1_000, 100), requests=(20, 3))
    columns: list[dict[str, float]] = []
    with empty_database() as server, sink() as (port, _), broker(real=False) as kafka:
        migrate(server)
        for times in TIMES:
            emails = chosen.emails * times
            print(f"{emails:,} e-mails and closed calls", flush=True)
            place = Place(server.set(database=f"x{times}"), port, kafka)
            uvloop.run(copy(server, place.url))
            size = Size(max(2 * OPEN_CALLS, emails // 50), emails, emails, OPEN_CALLS)
            configure_logging(place.settings())
            columns.append(uvloop.run(measured(place, size, chosen.requests)))
    show(columns)


if __name__ == "__main__":
    main()
