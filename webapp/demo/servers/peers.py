"""What the application talks to, as one child: PostgreSQL, mail server, Kafka broker, Therapist Service."""

import asyncio
import json
import select
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

OPEN = {
    "SMTP_USE_TLS": "false",
    "SMTP_USERNAME": "",
    "SMTP_PASSWORD": "",
    "SMTP_CA_FILE": "",
    "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
    "KAFKA_SSL_CAFILE": "",
}
"""How the peers are spoken to, whatever the environment says about others: without TLS and login."""

START_SECONDS = 60
STOP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the peers answer."""

    database_url: str
    smtp_port: int
    imap_port: int
    imap_username: str
    imap_password: str
    kafka_bootstrap_servers: str
    therapist_service_url: str

    def settings(self) -> dict[str, str]:
        """Return the addresses as environment variables of the application."""
        return OPEN | {
            "DATABASE_URL": self.database_url,
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(self.smtp_port),
            "IMAP_HOST": "127.0.0.1",
            "IMAP_PORT": str(self.imap_port),
            "IMAP_USE_TLS": "none",
            "IMAP_USERNAME": self.imap_username,
            "IMAP_PASSWORD": self.imap_password,
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka_bootstrap_servers,
            "THERAPIST_SERVICE_URL": self.therapist_service_url,
        }


class Peers:
    """The peers as a child process of this one; data and log in `data_dir`."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._process: subprocess.Popen[str] | None = None

    def start(
        self,
        *,
        around: datetime | None,
        smtp_port: int = 1025,
        inherited: Sequence[int] = (),
        disposable: bool = False,
    ) -> None:
        """Begin to start; `addresses` waits until they answer.

        Args:
            around: local time to lay the fictional phone hours around.
            smtp_port: where mail is taken, or any other port when something answers there.
            inherited: file descriptors the process keeps open.
            disposable: for tests: any free ports, a database that need not survive a power cut, and practices
                that answer no mail.
        """
        self._data_dir.mkdir(parents=True, exist_ok=True)
        arguments = {
            "data_dir": str(self._data_dir),
            "around": around.isoformat() if around else None,
            "smtp_port": 0 if disposable else _free_port(smtp_port),
            "practices_answer": not disposable,
            "therapist_port": 0 if disposable else _free_port(8002),
            "postgres": {"fsync": "off", "full_page_writes": "off"} if disposable else {},
        }
        with (self._data_dir / "peers.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "webapp.demo.servers.peers", json.dumps(arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                pass_fds=tuple(inherited),
            )

    def addresses(self) -> Addresses:
        """Wait for the peers and return where they answer.

        Raises:
            RuntimeError: they did not start.
        """
        assert self._process is not None
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            raise RuntimeError(f"the embedded servers did not start; see {self._data_dir / 'peers.log'}")
        return Addresses(**json.loads(line))

    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End all peers cleanly; by force when that takes too long."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _free_port(preferred: int) -> int:
    """Return `preferred`, or 0 (any) when something answers there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            return 0
    return preferred


async def serve(
    data_dir: Path,
    around: datetime | None,
    smtp_port: int,
    therapist_port: int,
    practices_answer: bool,
    postgres_settings: dict[str, str],
) -> None:
    """Run the peers until SIGTERM; print their addresses as one line of JSON once they answer."""
    from webapp.demo.servers.kafka import EmbeddedKafka
    from webapp.demo.servers.postgres import EmbeddedPostgres

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    postgres, kafka = EmbeddedPostgres(data_dir / "postgres", postgres_settings), EmbeddedKafka()
    starting = asyncio.gather(asyncio.to_thread(postgres.start), asyncio.to_thread(kafka.start))
    await asyncio.sleep(0)  # both are at it
    try:
        async with (
            _mail(data_dir / "mails", smtp_port, practices_answer) as mail,
            _therapists(around, therapist_port) as therapists_answer_at,
        ):
            await starting
            addresses = Addresses(
                database_url=postgres.address(),
                kafka_bootstrap_servers=kafka.bootstrap_servers,
                therapist_service_url=f"http://127.0.0.1:{therapists_answer_at}",
                **mail,
            )
            print(json.dumps(asdict(addresses)), flush=True)
            await stop.wait()
    finally:
        await asyncio.wait([starting])
        await asyncio.gather(asyncio.to_thread(kafka.stop), asyncio.to_thread(postgres.stop))


@asynccontextmanager
async def _mail(folder: Path, smtp_port: int, practices_answer: bool) -> AsyncGenerator[dict[str, Any]]:
    """Take mail and keep a mailbox; give where."""
    from webapp.demo.servers.imap import PASSWORD, USERNAME, EmbeddedMailbox
    from webapp.demo.servers.mail import start_mail_catcher
    from webapp.demo.servers.practices import Practices

    mailbox = EmbeddedMailbox()
    practices = Practices(mailbox)
    await mailbox.start()
    catcher = await start_mail_catcher(folder, smtp_port, practices.receive if practices_answer else None)
    try:
        yield {
            "smtp_port": catcher.sockets[0].getsockname()[1],
            "imap_port": mailbox.port,
            "imap_username": USERNAME,
            "imap_password": PASSWORD,
        }
    finally:
        catcher.close()
        practices.stop()
        mailbox.stop()


@asynccontextmanager
async def _therapists(around: datetime | None, port: int) -> AsyncGenerator[int]:
    """Be the Therapist Service; give the port."""
    import uvicorn

    from webapp.demo.sample.therapists import fictional_therapists
    from webapp.demo.servers.therapists import create_therapist_service

    application = create_therapist_service(fictional_therapists(around))
    listening = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await serving


def main() -> None:
    """Read the arguments `Peers.start` gave, serve, and end with the parent."""
    from webapp.demo.parent_watch import end_with_parent

    end_with_parent()
    arguments = json.loads(sys.argv[1])
    around = datetime.fromisoformat(arguments["around"]) if arguments["around"] else None
    asyncio.run(
        serve(
            Path(arguments["data_dir"]),
            around,
            arguments["smtp_port"],
            arguments["therapist_port"],
            arguments["practices_answer"],
            arguments["postgres"],
        )
    )


if __name__ == "__main__":
    main()
