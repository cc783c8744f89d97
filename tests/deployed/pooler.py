"""PgBouncer with the configuration of `deploy/`, before a PostgreSQL on a Unix socket."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from sqlalchemy import URL

from tests.deployed.proxies import DEPLOY, program, wait_for
from tests.e2e.app_process import free_port
from webapp.demo.servers.postgres import SERVER_USER, ensure_user_exists

SESSIONS = 3
"""Fewer than there are clients, so that every session serves many of them."""


def folder_for_servers() -> Path:
    """Return a new folder that the servers' user may enter, whoever runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="calldesk-"))
    if os.geteuid() == 0:
        ensure_user_exists(SERVER_USER)
        shutil.chown(folder, SERVER_USER)
    return folder


class PgBouncer:
    """Takes `calldesk` and `calldesk_owner` without a password; runs as the embedded server's user."""

    def __init__(self, folder: Path, server: URL) -> None:
        self.folder = folder
        self.port = free_port()
        self._server = server
        settings = (DEPLOY / "pgbouncer/pgbouncer.ini").read_text()
        where = f"host={server.query['host']} dbname={server.database}"
        settings = settings.replace("host=127.0.0.1 port=5432 dbname=calldesk", where)
        settings = settings.replace("= 6432", f"= {self.port}").replace("scram-sha-256", "trust")
        settings = settings.replace("/etc/pgbouncer", str(folder))
        settings = re.sub(r"default_pool_size = \d+", f"default_pool_size = {SESSIONS}", settings)
        settings += "unix_socket_dir =\n"
        (folder / "pgbouncer.ini").write_text(settings)
        (folder / "userlist.txt").write_text('"calldesk" ""\n"calldesk_owner" ""\n')

    def url(self, user: str) -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/calldesk"

    def __enter__(self) -> Self:
        log = self.folder / "pgbouncer.log"
        user = {"user": SERVER_USER} if os.geteuid() == 0 else {}
        with log.open("wb") as written:
            self._process = subprocess.Popen(
                [program("pgbouncer"), str(self.folder / "pgbouncer.ini")],
                stdout=written,
                stderr=written,
                **user,
            )
        wait_for(self.port, self._process, log)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
