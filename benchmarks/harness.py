"""What the benchmarks share: arguments, a durable database, servers in their own processes, figures."""

import argparse
import multiprocessing
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import URL

from shared.config import Settings
from shared.config.settings import load_settings
from shared.postgresql import connect
from webapp.demo.servers.postgres import EmbeddedPostgres
from webapp.server import serve

START_SECONDS = 60
CLOCK_TICKS = 100


def read_arguments(description: str | None, *flags: str, **sizes: tuple[int, int]) -> argparse.Namespace:
    """Return what the command line says; from now on SIGTERM ends the servers as well.

    Args:
        description: what `--help` says.
        flags: names of switches.
        sizes: for every size its default, and its default with `--quick`.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="small sizes: whether it runs")
    for flag in flags:
        parser.add_argument(f"--{flag}", action="store_true")
    for name, (full, quick) in sizes.items():
        parser.add_argument(f"--{name}", type=int, metavar="N", help=f"{full}, with --quick {quick}")
    chosen = parser.parse_args()
    for name, (full, quick) in sizes.items():
        if getattr(chosen, name) is None:
            setattr(chosen, name, quick if chosen.quick else full)
    return chosen


@contextmanager
def empty_database() -> Generator[URL]:
    """Run a PostgreSQL with its default durability (fsync on); yields its address."""
    with tempfile.TemporaryDirectory(prefix="calldesk-bench-", ignore_cleanup_errors=True) as folder:
        server = EmbeddedPostgres(Path(folder) / "pg")
        server.start()
        try:
            yield server.url()
        finally:
            server.stop()


def migrate(url: URL, revision: str = "head") -> None:
    """Bring a database to a schema."""
    alembic = Config("alembic.ini")
    alembic.attributes["url"] = url
    command.upgrade(alembic, revision)


async def copy(first: URL, second: URL) -> None:
    """Make a second database of the same server, like the first."""
    connection = await connect(
        first.set(database="template1"), application_name="bench", command_seconds=None
    )
    try:
        await connection.execute(
            f'CREATE DATABASE "{second.database}" TEMPLATE "{first.database}" STRATEGY FILE_COPY'
        )
    finally:
        await connection.close()


@contextmanager
def migrated_database() -> Generator[str]:
    """Run a PostgreSQL with its default durability and the current schema; yields its address."""
    with empty_database() as url:
        migrate(url)
        yield url.render_as_string(hide_password=False)


def bench_settings(database_url: str, **values: Any) -> Settings:
    """Return settings that nothing on this machine changes; the JSON API asks for a key."""
    return load_settings(
        env_file=None, database_url=database_url, **({"app_env": "testing", "log_level": "WARNING"} | values)
    )


@dataclass(frozen=True)
class ServerProcess:
    """A server in a process of its own."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Return the processor time it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


@contextmanager
def running(serve: Callable[..., object], *arguments: object) -> Generator[ServerProcess]:
    """Call `serve(*arguments, port)` in a process of its own; yields it once it accepts connections."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(*arguments, port), daemon=True)
    process.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _accepts(port):
            if time.monotonic() > deadline or not process.is_alive():
                raise RuntimeError(f"{serve.__name__} did not start")
            time.sleep(0.05)
        yield ServerProcess(port, process.pid or 0)
    finally:
        process.terminate()
        process.join(10)


def serve_api(config: Settings, port: int) -> None:
    """Be the web process."""
    serve(config, host="127.0.0.1", port=port)


def percentiles(seconds: Sequence[float], *wanted: int) -> str:
    """Return percentiles in words: `p50 1.2 ms, p99 3.4 ms`."""
    cuts = quantiles(seconds, n=100, method="inclusive")
    return ", ".join(f"p{number} {cuts[number - 1] * 1e3:.1f} ms" for number in wanted)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
