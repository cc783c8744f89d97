"""The version before the newest migration, from Git's history, serves while `calldesk migrate` runs."""

import asyncio
import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Generator
from pathlib import Path

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
            migrating = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "webapp.cli", "migrate", cwd=ROOT, env=os.environ | settings
            )
            assert await migrating.wait() == 0
            await load.until(300)
    finally:
        process.terminate()
        process.wait()
    print(f"{load.answers.total()} answers {dict(load.answers)}, failed: {load.failed}")
    assert load.failed == []
