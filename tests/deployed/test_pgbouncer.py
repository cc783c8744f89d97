"""All processes as a role that may not change the schema, through a real PgBouncer in transaction mode.

Their sessions are fewer than their connections, so that one statement after another meets a session that was
somebody else's: what relied on one would fail here.
"""

import asyncio
import re
import shutil
from collections.abc import Generator

import asyncpg
import httpx
import pytest
from sqlalchemy import URL, make_url

from shared.config.settings import load_settings
from shared.database import create_engine, create_session_factory
from tests.crawl import Crawl
from tests.deployed.pooler import SESSIONS, PgBouncer, folder_for_servers
from tests.deployed.proxies import DEPLOY
from tests.e2e.app_process import RunningApp
from tests.eventually import eventually
from tests.integration.api.test_emails import NEW
from webapp.app import create_app
from webapp.demo.sample.staff import PASSWORD

CSRF = re.compile(r'name="_csrf_token" value="([0-9a-f]+)"')

POOLED_SESSIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name IN ('calldesk-web', 'calldesk-health')
       OR application_name LIKE 'calldesk-worker %'
"""


class PooledApp(RunningApp):
    """The application whose database is reached through PgBouncer."""

    def prepare_settings(self, settings: dict[str, str]) -> dict[str, str]:
        server = make_url(settings["DATABASE_URL"]).set(drivername="postgresql")
        asyncio.run(execute(server, "CREATE DATABASE calldesk"))
        self.server = server.set(database="calldesk")
        asyncio.run(execute(self.server, (DEPLOY / "postgresql/roles.sql").read_text()))
        self.pooler = PgBouncer(self.folder, self.server)
        self.pooler.__enter__()
        owner = self.server.set(username="calldesk_owner").render_as_string(hide_password=False)
        migrate(owner)
        direct = self.server.set(username="calldesk").render_as_string(hide_password=False)
        return settings | {"DATABASE_URL": self.pooler.url("calldesk"), "DATABASE_DIRECT_URL": direct}

    def stop(self) -> None:
        super().stop()
        self.pooler.__exit__()


def migrate(url: str) -> None:
    from migrations.upgrade import upgrade

    upgrade(load_settings(env_file=None, database_url=url))


async def execute(url: URL, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url.render_as_string(hide_password=False), statement_cache_size=0)
    try:
        if statement.lstrip().startswith("SELECT"):
            return await connection.fetch(statement)
        await connection.execute(statement)
        return []
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def app() -> Generator[PooledApp]:
    folder = folder_for_servers()
    app = PooledApp(folder)
    app.start()
    yield app
    app.stop()
    shutil.rmtree(folder, ignore_errors=True)


async def test_the_processes_role_may_change_rows_and_not_the_schema(app: PooledApp):
    for statement in (
        "CREATE TABLE communication_service.mine (id int)",
        "CREATE TABLE public.mine (id int)",
        "ALTER TABLE communication_service.emails ADD COLUMN mine int",
        "TRUNCATE communication_service.emails",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await execute(app.server.set(username="calldesk"), statement)


async def test_an_email_is_sent_and_its_events_are_published(app: PooledApp):
    async with app.api() as api:
        made = await api.post("/api/emails", json=NEW | {"betreff": "Durch PgBouncer"})
        assert made.status_code == 201, made.text
        key = f"email:{made.json()['id']}"

        async def arrived() -> bool:
            return any(mail["subject"] == "Durch PgBouncer" for mail in app.mails())

        async def published() -> bool:
            return {"communication.email_created", "communication.email_sent"} <= {
                event["eventType"] for event in await app.events(key)
            }

        await eventually(arrived)
        await eventually(published)


async def test_hints_reach_whoever_listens(app: PooledApp):
    async with app.api() as api, httpx.AsyncClient(base_url=app.base_url, timeout=20) as anna:
        await log_in(anna)
        async with anna.stream("GET", "/live") as stream:
            lines = stream.aiter_lines()
            while (await anext(lines)) != "event: connected":
                pass
            assert (await api.post("/api/emails", json=NEW)).status_code == 201
            while (await anext(lines)) != "event: changed":
                pass


async def test_many_at_once_on_few_sessions_see_each_their_own(app: PooledApp):
    async def write_and_read(number: int) -> None:
        made = await api.post("/api/emails", json=NEW | {"betreff": f"Anfrage {number}", "status": "DRAFT"})
        assert made.status_code == 201, made.text
        read = await api.get(f"/api/emails/{made.json()['id']}")
        assert read.json()["betreff"] == f"Anfrage {number}"
        assert (await api.get("/api/emails", params={"limit": 5})).status_code == 200

    async with app.api() as api:
        for first in range(0, 200, 25):
            await asyncio.gather(*(write_and_read(first + number) for number in range(25)))
    [row] = await execute(app.server, POOLED_SESSIONS)
    assert 1 <= row["count"] <= SESSIONS


async def test_every_page_answers(app: PooledApp):
    async with httpx.AsyncClient(base_url=app.base_url, timeout=30) as anna:
        await log_in(anna)
        crawl = Crawl(anna, create_app(load_settings(env_file=None)).routes)
        await crawl.walk()
    assert crawl.broken == {}
    assert len(crawl.answers) > 80


async def test_a_session_waits_for_locks_as_long_as_elsewhere(app: PooledApp):
    engine = create_engine(app.config, application_name="test")
    async with create_session_factory(engine)() as session, session.begin():
        connection = await session.connection()
        for name, value in (("lock_timeout", "10s"), ("TimeZone", "UTC"), ("jit", "off")):
            assert (await connection.exec_driver_sql(f"SHOW {name}")).scalar() == value
    await engine.dispose()


async def log_in(client: httpx.AsyncClient) -> None:
    token = CSRF.search((await client.get("/login")).text)
    assert token
    form = {"name": "Anna", "password": PASSWORD, "_csrf_token": token[1]}
    assert (await client.post("/login", data=form)).status_code == 303
