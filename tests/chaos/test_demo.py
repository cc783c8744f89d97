"""The demo's process tree from outside: started, interrupted, killed, started again."""

import os
import signal
import smtplib
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from webapp.demo.data_dir import DemoError, only_demo_over

ELSEWHERE = {
    "APP_ENV": "production",
    "SMTP_USERNAME": "somebody",
    "SMTP_PASSWORD": "secret",
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "http_proxy": "http://127.0.0.1:1",
}
"""What the surroundings may say about other servers than the demo's own."""

START_SECONDS = 90
STOP_SECONDS = 30

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]


class Demo:
    """`calldesk demo` in a process group of its own, as a terminal would start it."""

    def __init__(self, folder: Path, port: int, smtp_port: int) -> None:
        self.folder = folder
        self.port = port
        self.smtp_port = smtp_port
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "webapp.cli", "demo", "--data-dir", str(self.folder)],
            env=os.environ
            | ELSEWHERE
            | {"COMMUNICATION_SERVICE_PORT": str(self.port), "SMTP_PORT": str(self.smtp_port)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if "Ctrl-C" in line:
                return
        raise AssertionError(f"it did not start: {self.lines} {self.process.communicate()}")

    def end(self, how: signal.Signals) -> tuple[int, str]:
        assert self.process is not None
        self.process.send_signal(how)
        _, errors = self.process.communicate(timeout=STOP_SECONDS)
        return self.process.returncode, errors

    def answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health", timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def left_over(self) -> list[str]:
        """Return the processes that still mention the data directory or hold its lock."""
        found: list[str] = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
                opened = [str(file.readlink()) for file in (process / "fd").iterdir()]
            except OSError:
                continue
            if int(process.name) != os.getpid() and (
                str(self.folder).encode() in command or any(str(self.folder) in file for file in opened)
            ):
                found.append(f"{process.name}: {command!r}")
        return found


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    with socket.socket() as web, socket.socket() as smtp:
        for probe in (web, smtp):
            probe.bind(("127.0.0.1", 0))
        ports = web.getsockname()[1], smtp.getsockname()[1]
    return Demo(tmp_path / "data", *ports)


def test_it_starts_stops_cleanly_survives_a_kill_and_keeps_its_data(demo: Demo):
    demo.start()
    assert demo.answers()
    assert any(f"http://127.0.0.1:{demo.port}" in line for line in demo.lines)
    with smtplib.SMTP("127.0.0.1", demo.smtp_port) as smtp:
        assert smtp.noop()[0] == 250
    assert "DATABASE_URL=" in (demo.folder / "demo.env").read_text()

    assert demo.process is not None
    demo.process.kill()
    demo.process.communicate(timeout=STOP_SECONDS)
    demo.start()
    assert demo.answers()

    code, errors = demo.end(signal.SIGINT)
    assert (code, errors) == (0, "")
    assert demo.left_over() == []
    assert not demo.answers()


def test_a_process_whose_parent_is_gone_does_not_load_to_the_end():
    command = [sys.executable, "-m", "webapp.demo.child", "worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"{}\n")
        process.stdin.close()
        assert process.wait(STOP_SECONDS) == -signal.SIGTERM


def test_a_taken_port_is_one_clear_line(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = subprocess.run(
            [sys.executable, "-m", "webapp.cli", "demo", "--data-dir", str(tmp_path), "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert f"port {port} is taken" in answer.stderr


def test_two_demos_cannot_share_a_data_directory(tmp_path: Path):
    with (
        only_demo_over(tmp_path),
        pytest.raises(DemoError, match="already running"),
        only_demo_over(tmp_path),
    ):
        raise AssertionError("both hold it")
    with only_demo_over(tmp_path):
        pass
