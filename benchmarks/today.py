"""Today beside a bare handler for the same rows, and Today with 2,000 open calls beside 200.

`python -m benchmarks.today [--quick] [--emails N] [--requests N] [--rounds N]`.

All applications run in this process over one PostgreSQL, each over a database of its own, a copy of the
first but for the calls that are open today; they take turns. Sizes are what goes over the wire, compressed.
"""

import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from statistics import median

import asyncpg
import httpx
import uvloop
from litestar import Litestar
from sqlalchemy import URL

from benchmarks.bare_today import bare_app
from benchmarks.busy_desk import NOW, Size, fill, open_calls
from benchmarks.harness import bench_settings, migrated_database, percentiles, read_arguments
from benchmarks.pages import logged_in
from benchmarks.verdict import report
from shared.postgresql import connect, connect_arguments
from webapp.app import create_app
from webapp.auth import SESSION_COOKIE
from webapp.logs import configure_logging

FEW, USUAL, MANY = 200, 500, 2_000
TOKEN = re.compile('name="_csrf_token" value="([0-9a-f]+)"')
ROW = re.compile('data-row="([0-9]+)')
VERSION = re.compile('name="version" value="([0-9]+)"')
PART = {"HX-Request": "true"}

Ask = Callable[[], Awaitable[httpx.Response]]


@dataclass
class Side:
    """One of two that are compared: how to ask, and what came of it."""

    name: str
    ask: Ask
    seconds: list[float] = field(default_factory=list[float])
    kilobytes: float = 0.0

    async def take_turn(self, requests: int) -> None:
        """Ask some times."""
        for _ in range(requests):
            await self.ask_once()

    async def ask_once(self) -> None:
        """Ask, and note how long that took."""
        start = time.perf_counter()
        answer = await self.ask()
        self.seconds.append(time.perf_counter() - start)
        if answer.status_code != 200:
            raise RuntimeError(f"{self.name} answered {answer.status_code}")
        self.kilobytes = int(answer.headers["content-length"]) / 1024


class OutcomeSaved(Side):
    """Saves that a call was not answered, which plans the next attempt; takes it back, untimed."""

    def __init__(self, browser: httpx.AsyncClient, call_id: str) -> None:
        super().__init__("An outcome saved", self._save)
        self._browser, self._path, self._version = browser, f"/calls/{call_id}", ""

    async def ask_once(self) -> None:
        taken = await self._browser.post(f"{self._path}/claim", headers=PART)
        self._version = VERSION.findall(taken.text)[0]
        await super().ask_once()
        for way_back in ("undo", "release"):
            (await self._browser.post(f"{self._path}/{way_back}", headers=PART)).raise_for_status()

    async def _save(self) -> httpx.Response:
        said = {"version": self._version, "ergebnis_art": "nicht_erreicht"}
        return await self._browser.post(f"{self._path}/outcome", headers=PART, data=said)


@dataclass(frozen=True)
class Comparison:
    """Something measured beside something else, and how many times as long it may take, if that was said."""

    beside_what: str
    this: Side
    beside: Side
    aim: float | None

    async def run(self, rounds: int, requests: int) -> None:
        """Let both take turns and print what came of it."""
        sides = (self.this, self.beside)
        for number in range(rounds + 1):
            for side in sides:
                await side.take_turn(requests)
                if number == 0:
                    side.seconds.clear()
        for side in sides:
            print(f"  {side.name:34} {percentiles(side.seconds, 50, 95)}, {side.kilobytes:.1f} KB")
        ratio = median(self.this.seconds) / median(self.beside.seconds)
        if self.aim is None:
            print(f"{self.this.name} {self.beside_what}: {ratio:.2f} x")
        else:
            report(f"{self.this.name} {self.beside_what}", ratio, at_most=self.aim)


@asynccontextmanager
async def visited(app: Litestar) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield a browser that has opened an application."""
    transport = httpx.ASGITransport(app)  # pyright: ignore[reportArgumentType]
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://desk") as browser:
        yield browser


@asynccontextmanager
async def desk(url: URL) -> AsyncGenerator[httpx.AsyncClient]:
    """Yield the browser of somebody who works at the desk over a database, with no call in hand."""
    config = bench_settings(url.render_as_string(hide_password=False))
    configure_logging(config)
    app = create_app(config, clock=lambda: NOW)
    async with visited(app) as browser:
        token, call_id = await logged_in(app.state.sessions, app.state.rules)
        browser.cookies.set(SESSION_COOKIE, token)
        page = await browser.get("/")
        browser.headers["X-CSRFToken"] = TOKEN.findall(page.text)[0]
        await browser.post(f"/calls/{call_id}/release", headers=PART)
        yield browser


async def copies(first: URL, size: Size, numbers: Sequence[int]) -> dict[int, URL]:
    """Copy a database for each number of calls open today."""
    found: dict[int, URL] = {}
    connection = await connect(
        first.set(database="template1"), application_name="bench", command_seconds=None
    )
    for number in numbers:
        found[number] = first.set(database=f"desk_{number}")
        await connection.execute(
            f"CREATE DATABASE desk_{number} TEMPLATE {first.database} STRATEGY FILE_COPY"
        )
        await open_calls(found[number], replace(size, calls_today=number))
    await connection.close()
    return found


async def run(first: URL, size: Size, requests: int, rounds: int) -> None:
    await fill(first, size)
    few, usual, many = numbers = [number * size.therapists // MANY for number in (FEW, USUAL, MANY)]
    urls = await copies(first, size, numbers)
    print(f"{size.emails:,} e-mails, {size.closed_calls:,} closed calls, {size.therapists:,} therapists")
    async with AsyncExitStack() as stack:
        at = {number: await stack.enter_async_context(desk(urls[number])) for number in numbers}
        pool = await stack.enter_async_context(
            asyncpg.create_pool(min_size=1, max_size=1, **connect_arguments(urls[usual], {}))
        )
        page = await at[usual].get("/")
        shown = page.text.count("data-row=")
        bare = await stack.enter_async_context(visited(bare_app(pool, shown=shown)))
        print(f"{usual} open calls, {shown} rows are shown")

        def beside() -> Side:
            return Side("  a bare handler", lambda: bare.get("/"))

        release, heaviest = "/calls/1/release", 0.0
        for compared in (
            Comparison("beside a bare handler", Side("Today", lambda: at[usual].get("/")), beside(), 2.0),
            Comparison(
                "beside a bare handler",
                Side("Today's list", lambda: at[usual].get("/", headers=PART)),
                beside(),
                1.5,
            ),
            Comparison(
                "beside a bare handler",
                Side("An answer to an action", lambda: at[usual].post(release, headers=PART)),
                beside(),
                1.5,
            ),
            Comparison(
                "beside a bare handler",
                OutcomeSaved(at[usual], ROW.findall(page.text)[0]),
                beside(),
                None,
            ),
            Comparison(
                f"beside {few}",
                Side(f"Today with {many:,} open calls", lambda: at[many].get("/")),
                Side(f"  with {few}", lambda: at[few].get("/")),
                2.0,
            ),
        ):
            await compared.run(rounds, requests)
            heaviest = max(heaviest, compared.this.kilobytes)
    report("Today, its list, an answer: the heaviest on the wire", heaviest, at_most=40, unit=" KB")


def main() -> None:
    chosen = read_arguments(__doc__, emails=(100_000, 10_000), requests=(10, 5), rounds=(6, 2))
    with migrated_database() as url:
        address = bench_settings(url).get_database_url()
        uvloop.run(run(address, Size.of(chosen.emails), chosen.requests, chosen.rounds))


if __name__ == "__main__":
    main()
