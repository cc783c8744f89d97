"""Each page, booking, insert, claim and relay step with 1, 10 and 100 times as much behind them.

`python -m benchmarks.growth [--quick] [--emails N] [--requests N]`. What has piled up grows: e-mails, closed
calls, therapists, published events. What is open stays the same: 50 calls today, 40 queued e-mails. Each size
has a database of its own and an application in this process, and they take turns, request by request: what
else the machine does meets all of them. Mail server and broker are processes of their own.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
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
from benchmarks.pages import ANSWERS, PageToMeasure, logged_in, pages
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
QUEUED, EVENTS = 500, 2_000
WARM_UP = 3
ROUNDS = 3
"""Of the worker's steps, whose numbers are large."""

COUNTING = (
    "Week",
    "E-mails, a word of all",
    "E-mails, the last page",
    "Statistics, 14 days",
    "Statistics, 90 days",
    "System",
)
"""Pages that count what grows, all of it or its part of a week, or skip so many: these may take longer."""

MOST = 1.5
NEWEST = f"""
    SELECT id FROM {SCHEMA}.emails WHERE status = 'SENT' AND NOT antwort_erhalten
    ORDER BY id DESC LIMIT {QUEUED}
"""
QUEUE = f"""
    UPDATE {SCHEMA}.emails SET status = 'QUEUED', naechster_versuch_at = now(), sent_at = NULL
    WHERE id IN ({NEWEST})
"""
OF_STATUS = text(
    f"SELECT count(*) FROM {SCHEMA}.emails WHERE status::text = :status AND NOT antwort_erhalten"
)
"""An answer to what is queued is another reason not to send it."""

PUBLISHED = f"UPDATE {SCHEMA}.event_outbox SET published_at = now() WHERE published_at IS NULL"

Step = Callable[[int], Awaitable[object]]
Table = dict[str, list[float]]
"""For every step its seconds with each size, the smallest first."""


@dataclass(frozen=True)
class Place:
    """A database of one size, and what is asked of it."""

    url: URL
    size: Size
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


async def opened(browser: httpx.AsyncClient, path: str, *, htmx: bool) -> None:
    answer = await browser.get(path, headers={"HX-Request": "true"} if htmx else {})
    if answer.status_code not in ANSWERS:
        raise RuntimeError(f"{path} answered {answer.status_code}")


async def posted(browser: httpx.AsyncClient, path: str, body: dict[str, Any], key: str) -> None:
    answer = await browser.post(path, json=body, headers={"Authorization": f"Bearer {key}"})
    if answer.status_code != 201:
        raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text}")


async def in_turns(steps: Sequence[Step], requests: int) -> list[float]:
    """Return the seconds half of each step's requests took at most, after some that don't count."""
    seconds: list[list[float]] = [[] for _ in steps]
    for number in range(requests + WARM_UP):
        for step, taken in zip(steps, seconds, strict=True):
            start = time.perf_counter()
            await step(number)
            taken.append(time.perf_counter() - start)
    return [median(taken[WARM_UP:]) for taken in seconds]


@dataclass(frozen=True)
class Open:
    """An application over one size, and whoever asks it."""

    size: Size
    key: str
    token: str
    pages: Sequence[PageToMeasure]
    browser: httpx.AsyncClient

    async def look_at(self, page: int) -> None:
        self.browser.cookies.set(SESSION_COOKIE, self.token)
        await opened(self.browser, self.pages[page].path, htmx=self.pages[page].htmx)

    async def insert(self) -> None:
        self.browser.cookies.clear()
        await posted(self.browser, "/api/emails", REQUEST | {"status": "DRAFT"}, self.key)

    async def book(self, number: int) -> None:
        self.browser.cookies.clear()
        of_all_week = {"therapist_id": 4 + number % self.size.therapists // 4 * 4}
        await posted(self.browser, "/api/phone-calls", of_all_week, self.key)


@asynccontextmanager
async def application(place: Place) -> AsyncGenerator[Open]:
    """Run the application over a place."""
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
        yield Open(place.size, key, token, pages(place.size, call_id, email_id), browser)


async def of_the_applications(places: Sequence[Place], requests: int) -> Table:
    """Return the seconds of pages, a booking and an e-mail's insert."""
    async with AsyncExitStack() as stack:
        apps = [await stack.enter_async_context(application(place)) for place in places]
        took: Table = {}
        for number, page in enumerate(apps[0].pages):
            took[page.name] = await in_turns(
                [lambda _, app=app, page=number: app.look_at(page) for app in apps], requests
            )
        took["Insert an e-mail"] = await in_turns([lambda _, app=app: app.insert() for app in apps], requests)
        took["Book a call"] = await in_turns([app.book for app in apps], requests)
        return took


async def claimed_and_sent(place: Place, sessions: SessionFactory) -> float:
    """Return the seconds one queued e-mail takes from the claim to the mark that it was sent."""
    async with sessions() as session, session.begin():
        await session.execute(text(QUEUE))
        queued: int = await session.scalar(OF_STATUS, {"status": "QUEUED"}) or 0
        failed = await session.scalar(OF_STATUS, {"status": "FAILED"})
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
    async with sessions() as session:
        if await session.scalar(OF_STATUS, {"status": "FAILED"}) != failed:
            raise RuntimeError("not all were sent")
    return seconds / queued


async def relayed(place: Place, sessions: SessionFactory) -> float:
    """Return the seconds one event takes from the outbox to the mark that it was published."""
    waiting = select(func.count()).where(OutboxEvent.published_at.is_(None))
    async with sessions() as session, session.begin():
        await session.execute(text(PUBLISHED))
    async with relay(place.settings(), "bench-growth"), sessions() as session:
        async with session.begin():
            await session.execute(FILL, {"topic": "bench-growth", "keys": EVENTS // 4, "events": EVENTS})
        start = time.perf_counter()
        while await session.scalar(waiting):
            await session.commit()
            await asyncio.sleep(0.01)
        return (time.perf_counter() - start) / EVENTS


async def of_the_workers(places: Sequence[Place]) -> Table:
    """Return the seconds of one e-mail and one event."""
    engines = [create_engine(place.settings(), application_name="bench") for place in places]
    took: Table = {}
    for name, step in (("Claim and send an e-mail", claimed_and_sent), ("Relay an event", relayed)):
        rounds = [
            [
                await step(place, create_session_factory(engine))
                for place, engine in zip(places, engines, strict=True)
            ]
            for _ in range(ROUNDS)
        ]
        took[name] = [median(of_one) for of_one in zip(*rounds, strict=True)]
    for engine in engines:
        await engine.dispose()
    return took


async def measured(places: Sequence[Place], requests: int) -> Table:
    """Return the seconds of every step, with each size behind it."""
    for place in places:
        print(f"{place.size.emails:,} e-mails and closed calls", flush=True)
        await fill(place.url, place.size)
    return await of_the_applications(places, requests) | await of_the_workers(places)


def show(table: Table) -> None:
    """Print the table and report what grew most."""
    print(f"{'':34}{''.join(f'{times:>9} x' for times in TIMES)}{'100 x beside 1 x':>20}")
    grown: dict[str, float] = {}
    for name, taken in table.items():
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
    with empty_database() as server, sink() as (port, _), broker(real=False) as kafka:
        migrate(server)
        places: list[Place] = []
        for times in TIMES:
            emails = chosen.emails * times
            size = Size(max(2 * OPEN_CALLS, emails // 50), emails, emails, OPEN_CALLS)
            places.append(Place(server.set(database=f"x{times}"), size, port, kafka))
            uvloop.run(copy(server, places[-1].url))
        configure_logging(places[0].settings())
        show(uvloop.run(measured(places, chosen.requests)))


if __name__ == "__main__":
    main()
