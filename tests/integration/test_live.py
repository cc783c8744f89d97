"""The stream of hints over real HTTP: it lasts as long as the login, and nobody has more than a few."""

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import timedelta

import httpx
import pytest
from litestar import Litestar

from services.accounts.logins import Login, log_in
from services.accounts.staff import reset_password, set_active
from services.models import Staff
from tests.clock import FakeClock
from tests.eventually import eventually
from tests.integration.conftest import CSRF_FIELD, PASSWORD
from webapp.auth import SESSION_COOKIE

live = sys.modules["webapp.controllers.live"]
"""The module, which its package hides behind the handler of the same name."""

PATIENCE = 15
"""Less than it takes until a stream looks by itself whether its login still holds."""


@pytest.fixture
async def login(server: str, app: Litestar, anna: Staff) -> Login:
    async with app.state.workplace.work() as work:
        login = await log_in(work, "Anna", PASSWORD, lasting=timedelta(hours=1))
    assert login
    return login


@pytest.fixture
async def browser(server: str, login: Login) -> AsyncGenerator[httpx.AsyncClient]:
    cookies = {SESSION_COOKIE: login.token}
    async with httpx.AsyncClient(
        base_url=server, cookies=cookies, timeout=PATIENCE, trust_env=False
    ) as client:
        yield client


async def connected(answer: httpx.Response) -> AsyncIterator[str]:
    """Wait for the stream's first event; return its further lines."""
    lines = answer.aiter_lines()
    async for line in lines:
        if line == "event: connected":
            return lines
    raise AssertionError("the stream ended")


async def ends(lines: AsyncIterator[str]) -> None:
    async with asyncio.timeout(PATIENCE):
        async for _ in lines:
            pass


async def test_logging_out_ends_the_streams_of_that_login_at_once(browser: httpx.AsyncClient):
    async with browser.stream("GET", "/live") as answer:
        lines = await connected(answer)
        token = CSRF_FIELD.search((await browser.get("/system")).text)
        assert token
        assert (await browser.post("/logout", data={"_csrf_token": token[1]})).status_code == 303
        await ends(lines)


async def test_closing_an_account_ends_its_streams_at_once(
    browser: httpx.AsyncClient, app: Litestar, anna: Staff
):
    async with browser.stream("GET", "/live") as answer:
        lines = await connected(answer)
        async with app.state.workplace.work() as work:
            await set_active(work, anna.id, False)
        await ends(lines)


async def test_another_password_ends_them_too(browser: httpx.AsyncClient, app: Litestar):
    async with browser.stream("GET", "/live") as answer:
        lines = await connected(answer)
        async with app.state.workplace.work() as work:
            await reset_password(work, "Anna", "another password")
        await ends(lines)


async def test_a_stream_of_a_login_that_has_run_out_ends_when_it_looks(
    browser: httpx.AsyncClient, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live, "QUIET_SECONDS", 0.05)
    async with browser.stream("GET", "/live") as answer:
        lines = await connected(answer)
        assert "event: alive" in [await anext(lines) for _ in range(6)]
        clock.advance(hours=2)
        await ends(lines)


async def test_a_person_has_a_few_streams_and_a_closed_one_makes_room(
    browser: httpx.AsyncClient, app: Litestar, login: Login, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live, "STREAMS_EACH", 2)
    async with browser.stream("GET", "/live") as first:
        open_lines = [await connected(first)]
        async with browser.stream("GET", "/live") as second:
            open_lines.append(await connected(second))
            refused = await browser.get("/live")
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
            del open_lines[1]

        async def one_is_closed() -> bool:
            return app.state.streams[login.staff_id] == 1

        await eventually(one_is_closed)
        async with browser.stream("GET", "/live") as third:
            await connected(third)
