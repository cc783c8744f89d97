"""What callers see while PostgreSQL is away, and that nothing needs a restart afterwards."""

import tempfile
from collections.abc import Generator
from datetime import datetime
from pathlib import Path

import asyncpg
import pytest

from services.accounts.api_keys import KeyTerms, create_key
from shared.config.settings import Settings, load_settings
from shared.database import create_engine, create_session_factory
from tests.asgi_client import Client
from tests.clock import FakeClock
from tests.conftest import migrate
from tests.eventually import eventually
from tests.work import work_of
from webapp.app import create_app
from webapp.demo.servers.postgres import EmbeddedPostgres


@pytest.fixture
def own_postgres() -> Generator[EmbeddedPostgres]:
    """A server that a test may end: its commits are in the log before they are answered."""
    with tempfile.TemporaryDirectory(prefix="calldesk-test-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder) / "pg", {"fsync": "off"})
        server.start()
        migrate(server.url())
        yield server
        server.stop()


def config_of(server: EmbeddedPostgres) -> Settings:
    url = server.url().render_as_string(hide_password=False)
    return load_settings(env_file=None, app_env="development", database_url=url)


async def test_without_the_database_everything_answers_503_and_recovers(
    own_postgres: EmbeddedPostgres, clock: FakeClock
):
    app = create_app(config_of(own_postgres), clock=clock)
    async with Client(app, base_url="http://127.0.0.1") as client:
        assert (await client.get("/api/emails")).status_code == 200
        own_postgres.kill()
        down = await client.get("/api/emails")
        assert down.status_code == 503
        assert down.headers["retry-after"] == "5"
        assert down.headers["content-type"].startswith("application/problem+json")
        assert (await client.get("/health")).status_code == 503
        assert (await client.get("/login")).status_code == 200
        client.cookies.set("calldesk_session", "some-token")
        page = await client.get("/week", headers={"Accept-Language": "en"})
        assert page.status_code == 503
        assert "The database can&#39;t be reached right now." in page.text
        own_postgres.start()
        assert (await client.get("/api/emails")).status_code == 200
        assert (await client.get("/health")).status_code == 200


async def test_a_start_does_not_fail_without_the_database(own_postgres: EmbeddedPostgres, clock: FakeClock):
    own_postgres.kill()
    app = create_app(config_of(own_postgres), clock=clock, warm=True)
    async with Client(app, base_url="http://127.0.0.1") as client:
        await app.state.warm_up
        assert (await client.get("/login")).status_code == 200
        assert (await client.get("/health")).status_code == 503
        own_postgres.start()
        assert (await client.get("/health")).status_code == 200


async def make_key(server: EmbeddedPostgres, clock: FakeClock) -> dict[str, str]:
    engine = create_engine(config_of(server), application_name="test")
    async with create_session_factory(engine)() as session:
        unlimited = KeyTerms(requests_per_minute=0)
        key = await create_key(work_of(session, now=clock()), "matching", unlimited)
    await engine.dispose()
    return {"Authorization": f"Bearer {key}"}


async def last_use(server: EmbeddedPostgres) -> datetime | None:
    connection = await asyncpg.connect(
        server.url().set(drivername="postgresql").render_as_string(hide_password=False)
    )
    try:
        return await connection.fetchval("SELECT last_used_at FROM communication_service.api_keys")
    finally:
        await connection.close()


async def test_the_last_use_of_a_key_fails_no_request_and_is_written_when_the_database_is_back(
    own_postgres: EmbeddedPostgres, clock: FakeClock
):
    async def noted() -> bool:
        return await last_use(own_postgres) == clock()

    key = await make_key(own_postgres, clock)
    app = create_app(config_of(own_postgres), clock=clock)
    async with Client(app, base_url="http://127.0.0.1") as client:
        assert (await client.get("/api/email-templates", headers=key)).status_code == 200
        await eventually(noted)
        own_postgres.kill()
        clock.advance(minutes=1)
        answers = [await client.get("/api/email-templates", headers=key) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        own_postgres.start()
        await eventually(noted)
