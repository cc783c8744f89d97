"""A primary of the system's PostgreSQL and a standby that follows it, both on ports of this machine."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from tests.deployed.test_pgbouncer import execute
from tests.deployed.test_postgresql import VERSIONS
from tests.e2e.app_process import free_port
from tests.tcp_proxy import Peer, TcpProxy
from webapp.demo.servers.postgres import EmbeddedPostgres

NAME = "standby"
SYNCHRONOUS = f"""
    SELECT pid FROM pg_stat_replication WHERE application_name = '{NAME}' AND sync_state = 'sync'
"""


class Server(EmbeddedPostgres):
    """Answers on a port; `of` is the server it copies at its first start and follows from then on."""

    def __init__(self, folder: Path, of: "Server | None" = None) -> None:
        self.port = free_port()
        listening = {"fsync": "off", "listen_addresses": "127.0.0.1", "port": str(self.port)}
        super().__init__(folder, listening, VERSIONS[-1])
        self._of = of

    @property
    def address(self) -> URL:
        return URL.create("postgresql", "postgres", host="127.0.0.1", port=self.port, database="calldesk")

    def start(self) -> None:
        if self._of is not None and not (self._data / "PG_VERSION").exists():
            self._copy(self._of)
        super().start()

    def _copy(self, other: "Server") -> None:
        self._data.mkdir(parents=True)
        self._let_server_user_in()
        source = f"host=127.0.0.1 port={other.port} user=postgres application_name={NAME}"
        self._command("pg_basebackup", "-d", source, "-R", "-X", "stream", "-c", "fast")


class Address(TcpProxy):
    """The address that leads to the primary, whichever that is."""

    def pumps(self, client: Peer, server: Peer) -> tuple[Coroutine[Any, Any, None], ...]:
        return self._forward(client, server), self._forward(server, client)

    async def _forward(self, one: Peer, other: Peer) -> None:
        while some := await one.reader.read(65_536):
            other.writer.write(some)
            await other.writer.drain()
        raise EOFError


async def follows(primary: Server) -> bool:
    """Whether the standby holds all that the primary says is committed."""
    return bool(await execute(primary.address, SYNCHRONOUS))


async def wait_for_the_standby(primary: Server) -> None:
    """Have every commit on the primary wait for the standby from now on."""
    await execute(primary.address, f"ALTER SYSTEM SET synchronous_standby_names = '{NAME}'")
    await execute(primary.address, "SELECT pg_reload_conf()")
    async with asyncio.timeout(20):
        while not await follows(primary):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
