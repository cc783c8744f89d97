"""What callers see while PostgreSQL is away, and that nothing needs a restart afterwards."""

import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from litestar.testing import AsyncTestClient

from shared.config.settings import load_settings
from tests.clock import FakeClock
from tests.conftest import migrate
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


async def test_without_the_database_everything_answers_503_and_recovers(
    own_postgres: EmbeddedPostgres, clock: FakeClock
):
    config = load_settings(
        env_file=None,
        app_env="development",
        database_url=own_postgres.url().render_as_string(hide_password=False),
    )
    async with AsyncTestClient(create_app(config, clock=clock), base_url="http://127.0.0.1") as client:
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
