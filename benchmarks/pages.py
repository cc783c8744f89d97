"""Server time and number of SQL statements of every page, for a desk with a lot to show.

`python -m benchmarks.pages [--quick] [--emails N] [--requests N]`.

The application runs in this process over a PostgreSQL of its own; a
request goes through all of it (middleware, session, services, template), but over no socket. A page that
needs more statements than it says here ends the benchmark.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Any

import httpx
import uvloop
from litestar import Litestar
from litestar.types import Receive, Scope, Send
from sqlalchemy import text

from benchmarks.busy_desk import NOW, Size, fill
from benchmarks.harness import bench_settings, migrated_database, percentiles, read_arguments
from benchmarks.verdict import report
from services.accounts.logins import Login, log_in
from services.accounts.staff import add_staff
from services.calls.claims import claim_next
from services.follow_ups.automatic import AT_ONCE, due_follow_ups
from services.models import SCHEMA
from services.rules import DeskRules
from services.work import Actor
from shared.config import Settings
from shared.database import SessionFactory
from tests.statements import noting
from tests.work import a_moment, work_of
from webapp.app import create_app
from webapp.auth import SESSION_COOKIE
from webapp.controllers.pages.emails import ROWS
from webapp.logs import configure_logging

PASSWORD = "correct horse battery"
SLOW_SECONDS = 0.1
ANSWERS = (200, 303)
"""A number that is one person's leads there."""


@dataclass(frozen=True)
class PageToMeasure:
    """A page and the SQL statements it may need, the login included.

    Where it says when a call could be, the search takes one statement to five, by how full the calendar is;
    that for the next attempt is up to three, where another hour may be better.
    """

    name: str
    path: str
    statements: int
    htmx: bool = False


def pages(size: Size, call_id: int, email_id: int) -> list[PageToMeasure]:
    """Return the pages; the number and the rare word stand once in each size."""
    return [
        PageToMeasure("Today", "/", 44),
        PageToMeasure("Today, its list alone", "/", 8, htmx=True),
        PageToMeasure("Call beside the list", f"/calls/{call_id}", 44),
        PageToMeasure("Call, what changed elsewhere", f"/calls/{call_id}/state?version=1", 7),
        PageToMeasure("Search by number", "/search?q=0301000077", 7),
        PageToMeasure("Week", "/week", 5),
        PageToMeasure("E-mails", "/emails", 7),
        PageToMeasure("E-mails, the last page", f"/emails?page={size.emails // ROWS}", 7),
        PageToMeasure("E-mails, unanswered", "/emails?show=unanswered", 7),
        PageToMeasure("E-mails, failed", "/emails?show=failed", 7),
        PageToMeasure("E-mails, a rare word", f"/emails?q={7 * size.emails // 9}", 8),
        PageToMeasure("E-mails, a word of all", "/emails?q=anfrage", 8),
        PageToMeasure("E-mails, two weeks", "/emails?von=2026-09-01&bis=2026-09-14", 7),
        PageToMeasure("E-mail", f"/emails/{email_id}", 14),
        PageToMeasure("Therapists", "/therapists", 6),
        PageToMeasure("Therapists, search", "/therapists?q=Muster+77", 5),
        PageToMeasure("Therapist", "/therapists/77", 15),
        PageToMeasure("Statistics, 14 days", "/statistics?days=14", 5),
        PageToMeasure("Statistics, 90 days", "/statistics?days=90", 5),
        PageToMeasure("System", "/system", 13),
    ]


class Meter:
    """The application with a stopwatch around it and a counter in its database engine."""

    def __init__(self, app: Litestar) -> None:
        self._app = app
        self.statements = 0
        self.seconds: list[float] = []

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        wanted: Scope = scope
        with noting(self._app.state.engine, self._count):
            start = time.perf_counter()
            await self._app(wanted, receive, send)
            self.seconds.append(time.perf_counter() - start)

    def _count(self, *_: object) -> None:
        self.statements += 1


@dataclass(frozen=True)
class Measured:
    """What came of a page: half of its requests were at least so fast; what is wrong with it, if anything."""

    name: str
    seconds: float
    problem: str | None


async def measure(meter: Meter, browser: httpx.AsyncClient, page: PageToMeasure, requests: int) -> Measured:
    """Print a page's figures and return them."""
    headers = {"HX-Request": "true"} if page.htmx else {}
    for number in range(requests + 3):
        if number == 3:
            meter.seconds.clear()
            meter.statements = 0
        answer = await browser.get(page.path, headers=headers)
        if answer.status_code not in ANSWERS:
            raise RuntimeError(f"{page.path} answered {answer.status_code}")
    statements = meter.statements // requests
    half = median(meter.seconds)
    slow = "  <- slow" if half > SLOW_SECONDS else ""
    size = len(answer.content) / 1024
    print(
        f"{page.name:30} {percentiles(meter.seconds, 50, 95):24} {statements:3} statements"
        f" (at most {page.statements}) {size:6.0f} KB{slow}"
    )
    problem = None
    if meter.statements % requests:
        problem = "not always the same number of statements"
    elif statements > page.statements:
        problem = f"{statements} statements"
    return Measured(page.name, half, problem)


async def logged_in(sessions: SessionFactory, rules: DeskRules) -> tuple[str, int]:
    """Return a member of staff's token, and the call they have in hand."""
    async with sessions() as session:
        member = await add_staff(work_of(session, now=NOW), "Anna", PASSWORD, admin=True)
        call = (
            await claim_next(work_of(session, now=NOW, rules=rules, actor=Actor("staff", member.id)))
        ).call
        login = await log_in(work_of(session, now=NOW), "Anna", PASSWORD, lasting=timedelta(days=1))
    assert isinstance(login, Login)
    return login.token, call.id


async def background(sessions: SessionFactory, rules: DeskRules, requests: int) -> None:
    """Print how long the worker looks for due follow-ups, which it does twice a minute."""
    taken: list[float] = []
    for _ in range(requests):
        async with sessions() as session, session.begin():
            start = time.perf_counter()
            due = (await session.execute(due_follow_ups(a_moment(now=NOW, rules=rules)).limit(AT_ONCE))).all()
            taken.append(time.perf_counter() - start)
    print(
        f"{'Looking for due follow-ups':30} {percentiles(taken, 50, 95):24}   1 statement, {len(due)} found"
    )


async def run(config: Settings, size: Size, requests: int) -> None:
    configure_logging(config)
    await fill(config.get_database_url(), size)
    app = create_app(config, clock=lambda: NOW)
    async with app.lifespan():
        sessions: SessionFactory = app.state.sessions
        rules: DeskRules = app.state.rules
        token, call_id = await logged_in(sessions, rules)
        async with sessions() as session:
            email_id = await session.scalar(
                text(f"SELECT max(id) FROM {SCHEMA}.emails WHERE antwort_erhalten")
            )
        meter = Meter(app)
        print(
            f"{size.calls_today} open calls today, {size.emails:,} e-mails,"
            f" {size.closed_calls:,} closed calls, {size.therapists:,} therapists; {requests} requests each"
        )
        transport = httpx.ASGITransport(meter)  # pyright: ignore[reportArgumentType]
        async with httpx.AsyncClient(
            transport=transport, base_url="http://desk", cookies={SESSION_COOKIE: token}
        ) as browser:
            measured = [
                await measure(meter, browser, page, requests) for page in pages(size, call_id, email_id)
            ]
        await background(sessions, rules, requests)
    judge(measured)


def judge(measured: Sequence[Measured]) -> None:
    """Report the slowest page; a page that needs more statements than it says ends the benchmark."""
    slowest = max(measured, key=lambda page: page.seconds)
    report(f"the slowest page, {slowest.name}, p50", slowest.seconds * 1e3, at_most=100, unit=" ms")
    problems = [f"{page.name}: {page.problem}" for page in measured if page.problem is not None]
    report("pages that need more statements than they say", len(problems), at_most=0, unit="")
    if problems:
        raise SystemExit("\n".join(problems))


def main() -> None:
    chosen = read_arguments(__doc__, emails=(100_000, 10_000), requests=(30, 10))
    with migrated_database() as url:
        uvloop.run(run(bench_settings(url), Size.of(chosen.emails), chosen.requests))


if __name__ == "__main__":
    main()
