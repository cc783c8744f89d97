"""What the demo keeps is its user's alone, and it changes nothing above its folder."""

import asyncio
import shutil
import smtplib
import stat
import tempfile
from pathlib import Path

import asyncpg
import pytest

from webapp.demo.runner import _write_env_file
from webapp.demo.servers import postgres as servers
from webapp.demo.servers.mail import start_mail_catcher
from webapp.demo.servers.postgres import EmbeddedPostgres


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("installed_in_the_open", [True, False])
def test_postgresql_runs_below_a_closed_folder_and_leaves_it_closed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    installed_in_the_open: bool,
    request: pytest.FixtureRequest,
):
    copies = Path(tempfile.mkdtemp(prefix="calldesk-test-"))
    request.addfinalizer(lambda: shutil.rmtree(copies))
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "data").mkdir(mode=0o700)
    monkeypatch.setattr(servers, "COPIES", copies)
    if not installed_in_the_open:
        monkeypatch.setattr(servers, "_is_open", lambda _program: False)
    before = {folder: mode(folder) for folder in (closed / "data", closed, *closed.parents)}
    server = EmbeddedPostgres(closed / "data" / "postgres", {"fsync": "off"})
    for _ in range(2):
        server.start()
        try:
            assert asyncio.run(_ask(server)) == 1
        finally:
            server.stop()
    assert {folder: mode(folder) for folder in before} == before
    assert mode(closed / "data" / "postgres") == 0o700


async def _ask(server: EmbeddedPostgres) -> int:
    dsn = server.url().set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval("SELECT 1")
    finally:
        await connection.close()


async def test_mails_are_kept_for_this_user_only(tmp_path: Path):
    folder = tmp_path / "mails"
    folder.mkdir(mode=0o755)
    catcher = await start_mail_catcher(folder, 0)
    port = catcher.sockets[0].getsockname()[1]

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", port) as smtp:
            smtp.sendmail("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nx")

    await asyncio.to_thread(send)
    catcher.close()
    [mail] = folder.glob("*.eml")
    assert (mode(folder), mode(mail)) == (0o700, 0o600)


def test_the_settings_of_the_demo_are_for_this_user_only_also_where_they_were_not(tmp_path: Path):
    path = tmp_path / "demo.env"
    path.write_text("old")
    path.chmod(0o644)
    _write_env_file(path, {"A": "b"})
    assert (path.read_text(), mode(path)) == ("A='b'\n", 0o600)
