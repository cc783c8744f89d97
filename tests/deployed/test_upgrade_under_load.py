"""The version before the newest migration, from Git's history, serves while `calldesk migrate` runs.

Each statement of the migration that changes the schema is held up until some requests more were answered,
unless the migration holds a lock by then that writers wait for: requests do fall inside it, on any machine.
"""

import asyncio
import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Generator
from pathlib import Path

import asyncpg
import httpx
import pytest

from migrations.revision import newest_revision
from tests.deployed.load import Load
from tests.deployed.pooler import folder_for_servers
from tests.deployed.proxies import DEPLOY, wait_for
from tests.e2e.app_process import free_port
from webapp.demo.servers.postgres import EmbeddedPostgres

ROOT = DEPLOY.parent
FILLED = """
import asyncio, os, sys
import asyncpg

async def fill():
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    await connection.execute(sys.argv[1])

asyncio.run(fill())
"""
SAMPLE_DAY = """
import asyncio
from shared.config import get_config
from webapp.demo.sample.day import load_sample_day
asyncio.run(load_sample_day(get_config()))
"""
FILL = """
    INSERT INTO communication_service.emails (therapist_id, betreff, body_html, body_text, empfaenger_email,
        empfaenger_name, absender_email, absender_name, message_id, status, sent_at)
    SELECT n % 40 + 1, 'Anfrage', 'x', 'x', 'praxis@example.org', 'Praxis', 'a@example.org', 'A',
        'old-' || n, 'SENT', now() FROM generate_series(1, 50000) AS n
"""

GATE = 4711
HOLD = f"""
    CREATE FUNCTION public.hold() RETURNS event_trigger LANGUAGE plpgsql SET lock_timeout = 0 AS $$
    BEGIN PERFORM pg_advisory_lock({GATE}); PERFORM pg_advisory_unlock({GATE}); END $$;
    CREATE EVENT TRIGGER hold ON ddl_command_start EXECUTE FUNCTION public.hold();
    SELECT pg_advisory_lock({GATE});
"""
LET_ONE_PASS = f"SELECT pg_advisory_unlock({GATE}); SELECT pg_advisory_lock({GATE})"
AT_THE_GATE = f"""
    SELECT EXISTS (
        SELECT FROM pg_locks held JOIN pg_class c ON c.oid = held.relation
        WHERE held.pid = waiting.pid AND held.granted
            AND held.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
            AND c.relnamespace = 'communication_service'::regnamespace
    ) AS in_the_way
    FROM pg_locks waiting WHERE locktype = 'advisory' AND NOT granted AND objid = {GATE}
"""
REQUESTS_A_STEP = 40
BETWEEN_LOOKS_SECONDS = 0.05


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", ROOT, *arguments], check=True, capture_output=True).stdout


class VersionBefore:
    """The code of the commit before the newest migration, in a folder of its own."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        [migration] = (ROOT / "migrations/versions").glob(f"{newest_revision()}_*.py")
        added = git("log", "--diff-filter=A", "--format=%H", "-1", "--", str(migration)).decode().strip()
        assert added, f"{migration.name} is not in Git's history"
        with tarfile.open(fileobj=io.BytesIO(git("archive", f"{added}^"))) as archive:
            archive.extractall(folder, filter="data")
        self._folder = folder
        self._environment = os.environ | settings

    def run(self, *command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def serve(self, port: int) -> subprocess.Popen[bytes]:
        log = self._folder / "web.log"
        with log.open("wb") as written:
            process = subprocess.Popen(
                [sys.executable, "-m", "webapp.cli", "serve", "--port", str(port)],
                cwd=self._folder,
                env=self._environment,
                stdout=written,
                stderr=written,
            )
        wait_for(port, process, log)
        return process


@pytest.fixture
def settings() -> Generator[dict[str, str]]:
    folder = folder_for_servers()
    server = EmbeddedPostgres(folder / "pg", {"fsync": "off"})
    server.start()
    url = server.url().set(drivername="postgresql").render_as_string(hide_password=False)
    yield {"DATABASE_URL": url, "APP_ENV": "testing", "LOG_LEVEL": "WARNING"}
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(300)
async def test_the_version_before_goes_on_serving(settings: dict[str, str], tmp_path: Path):
    before = VersionBefore(tmp_path, settings)
    before.run("-m", "webapp.cli", "migrate")
    before.run("-c", SAMPLE_DAY)
    before.run("-c", FILLED, FILL)
    key = before.run("-m", "webapp.cli", "api-key", "create", "load")
    port = free_port()
    process = before.serve(port)
    try:
        load = Load(lambda: httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30), key)
        async with load:
            await load.until(100)
            answers, made = load.answers.total(), set(load.made)
            steps = await migrate_step_by_step(settings, load)
            answers, made = load.answers.total() - answers, load.made - made
            await load.until(300)
    finally:
        process.terminate()
        process.wait()
    print(
        f"{load.answers.total()} answers {dict(load.answers)}, failed: {load.failed};"
        f" {answers} of them and {len(made)} e-mails written inside the migration, at {steps} steps of it"
    )
    assert load.failed == []
    assert answers >= REQUESTS_A_STEP
    assert made


async def migrate_step_by_step(settings: dict[str, str], load: Load) -> int:
    """Run `calldesk migrate`; return how many of its steps had requests answered before them."""
    gate = await asyncpg.connect(settings["DATABASE_URL"])
    await gate.execute(HOLD)
    migrating = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "webapp.cli", "migrate", cwd=ROOT, env=os.environ | settings
    )
    ended = asyncio.create_task(migrating.wait())
    steps = 0
    while not ended.done():
        waiting = await gate.fetchrow(AT_THE_GATE)
        if waiting is None:
            await asyncio.wait([ended], timeout=BETWEEN_LOOKS_SECONDS)
            continue
        if not waiting["in_the_way"]:
            await load.until(REQUESTS_A_STEP)
            steps += 1
        await gate.execute(LET_ONE_PASS)
    await gate.close()
    assert ended.result() == 0
    return steps
