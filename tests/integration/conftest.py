"""The application over a real database, spoken to over ASGI, and the e-mail queue, on the test's clock."""

import asyncio
import re
import socket
from collections.abc import AsyncGenerator, Generator
from datetime import datetime, timedelta

import pytest
import uvicorn
from argon2 import PasswordHasher
from litestar import Litestar
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from services.accounts import passwords
from services.accounts.sessions import open_session
from services.models import Staff
from services.sending.ledger import Ledger
from services.sending.queue import EmailQueue
from shared.config import Settings
from shared.config.checks import DEVELOPMENT_SECRET
from shared.config.settings import load_settings
from shared.database import SessionFactory, create_engine
from shared.direct_connection import DirectConnection
from shared.notifications import Notifier
from tests.asgi_client import Client
from tests.clock import FakeClock
from tests.conftest import HINTS, KEPT
from tests.eventually import eventually
from tests.factories import make_staff
from tests.kept_connections import kept_connections
from tests.mail import LEASE
from tests.work import tx_of
from webapp.app import create_app
from webapp.auth import SessionCookie
from webapp.browsers import browser_cookie, new_browser
from webapp.csrf import bound_token
from webapp.security import cookie, csrf_cookie_name

PASSWORD = "correct horse battery"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
CHEAP_HASH = CHEAP.hash(PASSWORD)
"""Argon2 checks it as quickly as it was made; a hash at full cost takes longer than most tests."""

CSRF_COOKIE = csrf_cookie_name(DEVELOPMENT_SECRET)
CSRF_FIELD = re.compile(r'name="_csrf_token" value="([0-9a-f]+)"')


class Lasting(AsyncEngine):
    """An engine whose connections outlast the application that has opened them."""

    @classmethod
    def create(cls, config: Settings, *, application_name: str) -> "Lasting":
        return cls(create_engine(config, application_name=application_name).sync_engine)

    async def dispose(self, close: bool = True) -> None:
        """Close none."""


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Generator[None]:
    """Hashes that are made here are as cheap."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "HASHER", CHEAP)
        yield


@pytest.fixture(scope="session", autouse=True)
def lasting_connections(migrated_database: URL) -> Generator[None]:
    with kept_connections(migrated_database, frozenset({KEPT, HINTS})):
        yield


@pytest.fixture(scope="session")
def wired_app(migrated_database: URL) -> Litestar:
    """Wiring the routes takes longer than most tests, and none of it depends on the test."""
    url = migrated_database.render_as_string(hide_password=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("webapp.app.create_engine", Lasting.create)
        return create_app(load_settings(env_file=None, app_env="testing", database_url=url))


@pytest.fixture(scope="session")
def engine_of_tests(wired_app: Litestar) -> AsyncEngine:
    """The application's own: whoever opens a connection first, it knows the tables for the other."""
    return wired_app.state.engine


@pytest.fixture
def app(wired_app: Litestar, config: Settings, clock: FakeClock) -> Litestar:
    """The application over this test's settings and clock; what it opens, it opens anew for every client."""
    wired_app.state.update({"config": config, "clock": clock})
    return wired_app


@pytest.fixture
async def client(app: Litestar) -> AsyncGenerator[Client]:
    """A browser that nobody has logged in with."""
    async with Client(app) as client:
        client.headers["Accept-Language"] = "en"
        yield client


@pytest.fixture
async def server(app: Litestar) -> AsyncGenerator[str]:
    """The application behind a real socket, in this test's event loop."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    serving = asyncio.create_task(server.serve(sockets=[listening]))

    async def has_started() -> bool:
        return server.started

    await eventually(has_started)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    app.state.listener.end()
    server.should_exit = True
    await serving


@pytest.fixture
async def link(config: Settings) -> AsyncGenerator[DirectConnection]:
    link = DirectConnection(config.get_database_url(), application_name="test")
    yield link
    await link.close()


@pytest.fixture
def queue(link: DirectConnection) -> EmailQueue:
    return EmailQueue(link)


@pytest.fixture
async def ledger(link: DirectConnection, config: Settings, clock: FakeClock) -> AsyncGenerator[Ledger]:
    ledger = Ledger(link, link, Notifier(config.get_database_url()), clock, LEASE)
    running = asyncio.create_task(ledger.run())
    yield ledger
    running.cancel()
    await asyncio.wait([running])


@pytest.fixture
async def anna(sessions: SessionFactory) -> Staff:
    async with sessions() as session, session.begin():
        anna = make_staff(name="Anna", password_hash=CHEAP_HASH, admin=True)
        session.add(anna)
    return anna


async def csrf(client: Client, path: str = "/login") -> str:
    """Return the token that forms of the page at `path` carry."""
    match = CSRF_FIELD.search((await client.get(path)).text)
    assert match, f"{path} has no form"
    return match[1]


async def submit(
    client: Client,
    path: str,
    form: dict[str, object] | None = None,
    *,
    htmx: bool = False,
    page: str = "/login",
):
    """Send a form the way a browser does; redirects are not followed."""
    token = client.cookies.get(CSRF_COOKIE) or await csrf(client, page)
    headers = {"HX-Request": "true"} if htmx else {}
    return await client.post(
        path, data={**(form or {}), "_csrf_token": token}, headers=headers, follow_redirects=False
    )


async def let_in(client: Client, staff: Staff, sessions: SessionFactory, now: datetime) -> None:
    """Give a browser what a login leaves in it; logging in itself takes longer than most tests."""
    config: Settings = client.app.state.config
    lasting, browser = timedelta(hours=config.session_hours), new_browser()
    async with sessions.begin() as session:
        token = await open_session(tx_of(session, now=now), staff.id, lasting=lasting)
    for given in (
        SessionCookie(config).holding(token),
        browser_cookie(staff.id, browser, config),
        cookie(CSRF_COOKIE, bound_token(config, staff.id, browser), config),
    ):
        client.cookies.set(given.key, given.value or "", client.base_url.host, given.path)


@pytest.fixture
async def staff_client(client: Client, anna: Staff, sessions: SessionFactory, clock: FakeClock) -> Client:
    """Anna's browser after she has logged in."""
    await let_in(client, anna, sessions, clock())
    return client
