"""The load itself: services, people and open streams, each at a steady rate."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Self
from uuid import uuid4

import httpx

from benchmarks.api_emails import REQUEST
from services.accounts.api_keys import KeyTerms, create_key
from services.accounts.logins import Login, log_in
from services.accounts.staff import add_staff
from services.models import MOST_PER_MINUTE
from shared.clock import system_clock
from shared.config import Settings
from shared.database import create_engine, create_session_factory
from tests.deployed.load import CSRF
from tests.work import work_of
from webapp.auth import SESSION_COOKIE

SERVICES_SECONDS, PEOPLE_SECONDS = 0.1, 0.25
"""How long apart two requests of all services, and two of all people, begin."""

MOST_SECONDS = 30
THERAPISTS = 40
PASSWORD = "correct horse battery"
PAGES = (
    "/",
    "/week",
    "/emails",
    "/emails?q=anfrage",
    "/emails?show=unanswered",
    "/therapists",
    "/therapists/7",
    "/statistics",
    "/my-day",
    "/inbox",
    "/system",
)
PART = {"HX-Request": "true"}


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in."""

    id: int
    token: str


@dataclass(frozen=True)
class Asked:
    """A request and how long it took."""

    name: str
    seconds: float


async def people(config: Settings, count: int) -> list[Person]:
    """Add so many members of staff and log them in."""
    engine = create_engine(config, application_name="bench")
    sessions = create_session_factory(engine)
    added: list[Person] = []
    for number in range(count):
        async with sessions() as session:
            name = f"Load {number}"
            member = await add_staff(work_of(session, now=system_clock()), name, PASSWORD, admin=number == 0)
            login = await log_in(
                work_of(session, now=system_clock()), name, PASSWORD, lasting=timedelta(days=1)
            )
        assert isinstance(login, Login)
        added.append(Person(member.id, login.token))
    await engine.dispose()
    return added


async def keys(config: Settings, count: int) -> list[str]:
    """Make so many keys of the API."""
    engine = create_engine(config, application_name="bench")
    terms = KeyTerms(requests_per_minute=MOST_PER_MINUTE)
    made: list[str] = []
    for number in range(count):
        async with create_session_factory(engine)() as session:
            made.append(await create_key(work_of(session, now=system_clock()), f"load {number}", terms))
    await engine.dispose()
    return made


@dataclass
class Traffic:
    """All that is asked while the block runs."""

    port: int
    staff: Sequence[Person]
    keys: Sequence[str]
    streams: int
    asked: list[Asked] = field(default_factory=list[Asked])
    errors: list[str] = field(default_factory=list[str])
    streams_open: int = 0

    async def __aenter__(self) -> Self:
        self._chance = random.Random(1)
        self._made: list[int] = []
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=50)
        self._client = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}",
            timeout=MOST_SECONDS,
            limits=limits,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )
        self._tokens = [await self._form_token(person) for person in self.staff]
        self._running = {
            asyncio.create_task(self._steadily(SERVICES_SECONDS, self._service)),
            asyncio.create_task(self._steadily(PEOPLE_SECONDS, self._person)),
            *(
                asyncio.create_task(self._listen(self.staff[n % len(self.staff)]))
                for n in range(self.streams)
            ),
        }
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._client.aclose()

    def most_frequent_errors(self) -> list[tuple[str, int]]:
        return Counter(self.errors).most_common(10)

    async def _form_token(self, person: Person) -> str:
        page = await self._client.get("/account", headers=_cookie(person))
        found = CSRF.search(page.text)
        assert found
        return found[1]

    async def _steadily(self, apart: float, begin: Callable[[int], Awaitable[None]]) -> None:
        """Begin one piece of work after the other at even times, whether the last has ended or not."""
        begun, under_way = time.monotonic(), set[asyncio.Task[None]]()
        try:
            for number in range(1_000_000):
                await asyncio.sleep(max(0.0, begun + number * apart - time.monotonic()))
                task = asyncio.ensure_future(begin(number))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
        finally:
            for task in under_way:
                task.cancel()

    async def _service(self, number: int) -> None:
        headers = {"Authorization": f"Bearer {self.keys[number % len(self.keys)]}"}
        match number % 5:
            case 0 | 1:
                body = REQUEST | {"therapist_id": 1 + number % THERAPISTS}
                once = headers | {"Idempotency-Key": str(uuid4())}
                answer = await self._ask("POST", "/api/emails", headers=once, json=body, expected=(201,))
                if answer is not None:
                    self._made.append(answer.json()["id"])
            case 2:
                wanted = {"therapist_id": 1 + number % THERAPISTS}
                await self._ask("POST", "/api/phone-calls", headers=headers, json=wanted, expected=(201, 422))
            case 3:
                await self._ask("GET", "/api/emails?limit=20", headers=headers)
            case _ if self._made:
                await self._ask("GET", f"/api/emails/{self._chance.choice(self._made)}", headers=headers)
            case _:
                await self._ask("GET", "/api/phone-calls?limit=20", headers=headers)

    async def _person(self, number: int) -> None:
        which = number % len(self.staff)
        headers = _cookie(self.staff[which])
        if number % 5 == 0:
            await self._ask("GET", "/", headers=headers | PART, name="GET / (its list)")
        elif number % 7 == 0:
            form = headers | PART | {"X-CSRFToken": self._tokens[which]}
            await self._ask("POST", "/calls/next", headers=form, expected=(200, 303, 404, 409))
        else:
            await self._ask("GET", PAGES[number % len(PAGES)], headers=headers)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        expected: Sequence[int] = (200,),
        name: str | None = None,
        **how: Any,
    ) -> httpx.Response | None:
        start = time.perf_counter()
        try:
            answer = await self._client.request(method, path, **how)
        except httpx.HTTPError as error:
            self.errors.append(f"{method} {path}: {error!r}")
            return None
        route = f"{method} {path.rstrip('0123456789')}" if path.startswith("/api/") else f"{method} {path}"
        self.asked.append(Asked(name or route, time.perf_counter() - start))
        if answer.status_code not in expected:
            self.errors.append(f"{name or route}: {answer.status_code}")
            return None
        return answer

    async def _listen(self, person: Person) -> None:
        """Keep a stream open; the server ends each after ten minutes, then a browser opens the next."""
        while True:
            try:
                async with self._client.stream("GET", "/live", headers=_cookie(person)) as stream:
                    if stream.status_code != 200:
                        self.errors.append(f"GET /live: {stream.status_code}")
                        return
                    self.streams_open += 1
                    try:
                        async for _ in stream.aiter_raw():
                            pass
                    finally:
                        self.streams_open -= 1
            except httpx.HTTPError as error:
                self.errors.append(f"GET /live: {error!r}")
                return


def _cookie(person: Person) -> dict[str, str]:
    return {"Cookie": f"{SESSION_COOKIE}={person.token}"}
