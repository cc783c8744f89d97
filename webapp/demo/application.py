"""The application's own processes, as children of the demo."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from shared.backoff import Backoff

RESTART = Backoff.of_seconds(0.5, 30)
STABLE_SECONDS = 60
STOP_SECONDS = 10
HEALTH_SECONDS = 60
"""Loading the code is part of it: the servers are there before that is done."""


class Application:
    """One `calldesk` command (`serve`, `worker`) as a child process, its log in a file."""

    def __init__(self, command: str, log_file: Path, inherited: Sequence[int] = ()) -> None:
        self.command = command
        self.log_file = log_file
        self._inherited = tuple(inherited)
        self._settings: Mapping[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._failures = 1

    @property
    def process_id(self) -> int | None:
        """The process' id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def prepare(self) -> None:
        """Start the process; it loads its code and waits for `start`."""
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "webapp.demo.child", self.command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=self._inherited,
            )
        self._started_at = time.monotonic()

    def start(self, settings: Mapping[str, str]) -> None:
        """Let the process begin, with environment variables that go before its own."""
        if self._process is None:
            self.prepare()
        assert self._process is not None
        assert self._process.stdin is not None
        self._settings = settings
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(dict(settings)).encode() + b"\n")
            self._process.stdin.flush()

    def restart_when_ended(self) -> int | None:
        """Start the process again if it has ended, each time later; return the exit code it ended with."""
        if self._process is None or self._process.poll() is None:
            return None
        ended = self._process.returncode
        alive = time.monotonic() - self._started_at
        if alive > STABLE_SECONDS:
            self._failures = 1
        if alive < RESTART.seconds(self._failures):
            return None
        self._failures += 1
        self._close()
        self.start(self._settings)
        return ended

    def terminate(self) -> None:
        """Ask the process to end."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """End the process as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._close()

    def stop(self) -> None:
        """End the process, by force when it takes too long."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._close()

    def _close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.wait()
            assert process.stdin is not None
            process.stdin.close()


def wait_until_healthy(application: Application, base_url: str) -> bool:
    """Wait until the web process answers; False when it ended or took too long."""
    deadline = time.monotonic() + HEALTH_SECONDS
    while application.process_id is not None and time.monotonic() < deadline:
        if _is_healthy(base_url):
            return True
        time.sleep(0.05)
    return False


def _is_healthy(base_url: str) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(f"{base_url}/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
