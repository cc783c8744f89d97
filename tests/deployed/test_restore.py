"""A backup taken while mail was in flight, restored into an empty database by `deploy/rehearse-restore`."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import URL

from services.models import EmailStatus
from shared.config.settings import load_settings
from shared.database import create_engine, create_session_factory
from tests.conftest import migrate
from tests.deployed.pooler import folder_for_servers
from tests.deployed.proxies import DEPLOY
from tests.deployed.test_pgbouncer import execute
from tests.deployed.test_postgresql import VERSIONS
from tests.factories import NOW, make_email
from webapp.demo.servers.postgres import EmbeddedPostgres

PROGRAMS = VERSIONS[-1]
IN_FLIGHT = (
    {"status": EmailStatus.QUEUED},
    {"status": EmailStatus.QUEUED},
    {"status": EmailStatus.SENDING, "anspruch": uuid4(), "anspruch_bis": NOW + timedelta(minutes=3)},
    {
        "status": EmailStatus.SENDING,
        "anspruch": uuid4(),
        "anspruch_bis": NOW + timedelta(minutes=3),
        "uebergabe_begonnen_at": NOW,
    },
    {"status": EmailStatus.SENDING, "uebergabe_begonnen_at": NOW},
    {"status": EmailStatus.SENT, "sent_at": NOW},
    {"status": EmailStatus.DRAFT},
)


@pytest.fixture
def server() -> Generator[EmbeddedPostgres]:
    folder = folder_for_servers()
    server = EmbeddedPostgres(folder / "pg", {"fsync": "off"}, PROGRAMS)
    server.start()
    for name in ("production", "rehearsal"):
        asyncio.run(execute(plain(server.url()), f"CREATE DATABASE {name}"))
    migrate(server.url("production"))
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def plain(url: URL) -> URL:
    return url.set(drivername="postgresql")


async def fill(url: URL) -> None:
    config = load_settings(env_file=None, database_url=plain(url).render_as_string(hide_password=False))
    engine = create_engine(config, application_name="test")
    async with create_session_factory(engine)() as session, session.begin():
        session.add_all([make_email(**state) for state in IN_FLIGHT])
    await engine.dispose()


def rehearse(server: EmbeddedPostgres, backup: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "DATABASE_URL": plain(server.url("rehearsal")).render_as_string(hide_password=False),
        "PATH": f"{PROGRAMS}:{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return subprocess.run(
        [DEPLOY / "rehearse-restore", backup], env=environment, capture_output=True, text=True, timeout=200
    )


@pytest.mark.timeout(300)
def test_what_was_in_flight_waits_for_a_person_and_nothing_is_sent_twice(
    server: EmbeddedPostgres, tmp_path: Path
):
    asyncio.run(fill(server.url("production")))
    backup = tmp_path / "backup.dump"
    dump = [PROGRAMS / "pg_dump", "-Fc", "-n", "communication_service", "-f", backup]
    url = plain(server.url("production")).render_as_string(hide_password=False)
    subprocess.run([*dump, url], check=True, timeout=60)

    done = rehearse(server, backup)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stderr
    before, after = done.stdout.split("5. ")
    assert [line.split()[-1] for line in before.splitlines() if line.startswith("     waiting")] == ["2"]
    assert "     being handed over                          1" in before
    assert "     unclear: a person decides                  1" in before
    assert "     unclear: a person decides                  5" in after
    assert "waiting" not in after
    held = "SELECT held_at IS NOT NULL AS held FROM communication_service.mail_queue_state"
    assert (await_rows(server, held))[0]["held"]

    again = rehearse(server, backup)
    assert (again.returncode, "the database is not empty" in again.stderr) == (1, True)


def await_rows(server: EmbeddedPostgres, statement: str):
    return asyncio.run(execute(plain(server.url("rehearsal")), statement))
