"""The system's own PostgreSQL, another version than the embedded one, with the two roles of `deploy/`."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
from litestar.testing import AsyncTestClient
from sqlalchemy import URL

from migrations.upgrade import upgrade
from shared.config import Settings
from shared.config.settings import load_settings
from tests.crawl import Crawl
from tests.deployed.pooler import folder_for_servers
from tests.deployed.proxies import DEPLOY
from tests.deployed.test_pgbouncer import execute, log_in
from tests.integration.conftest import Client
from webapp.app import create_app
from webapp.demo.sample.day import load_sample_day
from webapp.demo.servers.postgres import EmbeddedPostgres

VERSIONS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))


@pytest.fixture(params=VERSIONS, ids=lambda path: path.parent.name)
def database(request: pytest.FixtureRequest) -> Generator[URL]:
    folder = folder_for_servers()
    server = EmbeddedPostgres(folder / "pg", {"fsync": "off"}, request.param)
    server.start()
    admin = server.url().set(drivername="postgresql")
    asyncio.run(execute(admin, "CREATE DATABASE calldesk"))
    asyncio.run(execute(admin.set(database="calldesk"), (DEPLOY / "postgresql/roles.sql").read_text()))
    yield admin.set(database="calldesk")
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def settings(database: URL, role: str) -> Settings:
    url = database.set(username=role).render_as_string(hide_password=False)
    return load_settings(env_file=None, app_env="testing", database_url=url)


@pytest.fixture
async def anna(database: URL) -> AsyncGenerator[Client]:
    await asyncio.to_thread(upgrade, settings(database, "calldesk_owner"))
    config = settings(database, "calldesk")
    await load_sample_day(config)
    async with AsyncTestClient(create_app(config)) as client:
        client.follow_redirects = False
        await log_in(client)
        yield client


async def test_every_page_answers_to_a_role_that_may_not_change_the_schema(anna: Client):
    assert (await anna.get("/health")).status_code == 200
    crawl = Crawl(anna, anna.app.routes)
    await crawl.walk()
    assert crawl.broken == {}
    assert len(crawl.answers) > 80
