"""`calldesk demo`: everything in one process tree, on embedded servers, over one data directory."""

import os
import signal
import socket
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

from shared.config import Settings
from shared.config.settings import load_settings
from webapp.demo.application import Application, wait_until_healthy
from webapp.demo.data_dir import DemoError, only_demo_over
from webapp.demo.sample.staff import PASSWORD, STAFF
from webapp.demo.servers.peers import OPEN, Peers

ITS_OWN = OPEN | {
    "APP_ENV": "development",
    "DATABASE_URL": "",
    "KAFKA_BOOTSTRAP_SERVERS": "",
    "THERAPIST_SERVICE_URL": "",
}
"""What the demo brings itself, so that nobody else's settings matter."""

ROUND_THE_CLOCK = "00:00-24:00"
LOOK_SECONDS = 0.5
EARLY_MINUTES = 30
LATE_MINUTES = 150


def run_demo(port: int | None, data_dir: Path | None, sample_data: bool) -> int:
    """Run until Ctrl-C, SIGTERM or SIGHUP; return the exit code, with one line about what went wrong.

    Args:
        port: of the web pages and the API; `COMMUNICATION_SERVICE_PORT` when not given.
        data_dir: where database, mails and logs stay for the next run; `DATA_DIR` when not given.
        sample_data: load a believable day into an empty database.

    What it keeps there is for this user only.

    Raises:
        ConfigurationError: a setting can't work.
    """
    os.umask(0o077)
    try:
        _run(port, data_dir, sample_data)
    except DemoError as error:
        print(f"calldesk: {error}", file=sys.stderr)
        return 1
    return 0


def _run(port: int | None, data_dir: Path | None, sample_data: bool) -> None:
    config = _config(port)
    data_dir = data_dir or config.data_dir
    now = datetime.now(config.tz)
    with ExitStack() as stack:
        stack.enter_context(_interruptible())
        inherited = stack.enter_context(only_demo_over(data_dir))
        _require_free(config.communication_service_port, "--port")
        if "smtp_port" in config.model_fields_set:
            _require_free(config.smtp_port, "SMTP_PORT")
        print("Starting ...", flush=True)
        peers = Peers(data_dir)
        web, worker = (
            Application(command, data_dir / f"{name}.log", [inherited])
            for command, name in (("serve", "web"), ("worker", "worker"))
        )
        for part in (peers, web, worker):
            stack.callback(part.stop)
        for part in (web, worker):
            stack.callback(part.terminate)
        is_new = not (data_dir / "postgres").exists()
        peers.start(around=now, smtp_port=config.smtp_port, inherited=[inherited])
        web.prepare()
        from webapp.demo.database import load_code, prepare_database  # while the others start

        if is_new:
            load_code()
        settings = _settings(config, data_dir, now) | _peer_settings(peers)
        prepare_database(settings, sample_data=sample_data)
        _write_env_file(data_dir / "demo.env", settings)
        web.start(settings)
        worker.start(settings)
        address = f"http://127.0.0.1:{config.communication_service_port}"
        if not wait_until_healthy(web, address):
            raise DemoError(f"the web process did not start; see {web.log_file}")
        _welcome(address, settings, data_dir, now, config)
        _watch(peers, [web, worker])


def _config(port: int | None) -> Settings:
    values: dict[str, Any] = {name.lower(): value for name, value in ITS_OWN.items()}
    if port is not None:
        values["communication_service_port"] = port
    return load_settings(**values)


def _require_free(port: int, setting: str) -> None:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        raise DemoError(
            f"port {port} is taken: end what answers there, or choose another with {setting}"
        ) from None


@contextmanager
def _interruptible() -> Generator[None]:
    """End the block quietly on SIGINT, SIGTERM and SIGHUP; the way out can't be interrupted."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        _ignore_signals()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        print("\rStopped; the data stays.", flush=True)


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _settings(config: Settings, data_dir: Path, now: datetime) -> dict[str, str]:
    settings = {
        "APP_ENV": "development",
        "DATA_DIR": str(data_dir.resolve()),
        "COMMUNICATION_SERVICE_HOST": "127.0.0.1",
        "COMMUNICATION_SERVICE_PORT": str(config.communication_service_port),
    }
    if _outside_desk_hours(config, now):
        settings["DESK_HOURS"] = ROUND_THE_CLOCK
    return settings


def _peer_settings(peers: Peers) -> dict[str, str]:
    try:
        return peers.addresses().settings()
    except RuntimeError as error:
        raise DemoError(str(error)) from None


def _outside_desk_hours(config: Settings, now: datetime) -> bool:
    opening, closing = (at.hour * 60 + at.minute for at in config.desk_hours)
    minute = now.hour * 60 + now.minute
    return now.weekday() >= 5 or not opening + EARLY_MINUTES <= minute <= closing - LATE_MINUTES


def _write_env_file(path: Path, settings: Mapping[str, str]) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text("".join(f"{name}='{value}'\n" for name, value in settings.items()))


def _welcome(
    address: str, settings: Mapping[str, str], data_dir: Path, now: datetime, config: Settings
) -> None:
    names = " or ".join(f"{name}{' (administrator)' if admin else ''}" for name, admin in STAFF)
    lines = [
        f"Call desk  {address}",
        f"Log in     {names}, password {PASSWORD}",
        f"Mails      {data_dir / 'mails'}, sent to 127.0.0.1:{settings['SMTP_PORT']}",
        f"Events     calldesk --env-file {data_dir / 'demo.env'} events tail",
        f"Logs       {data_dir / 'web.log'}, worker.log, peers.log",
    ]
    import holidays

    holiday = holidays.country_holidays("DE", subdiv=config.holiday_state, language="de").get(now.date())
    if holiday:
        lines.append(f"Today      is {holiday}: nobody is rung on a public holiday, so the day looks quiet.")
    elif "DESK_HOURS" in settings:
        lines.append(f"It is {now:%A %H:%M}: the demo's desk is open and practices answer all the same.")
    print("\n".join([*lines, "", "Stop with Ctrl-C; the data stays for the next run."]), flush=True)


def _watch(peers: Peers, applications: list[Application]) -> None:
    while peers.is_running():
        for application in applications:
            exit_code = application.restart_when_ended()
            if exit_code is not None:
                print(
                    f"{application.command} ended ({exit_code}) and is started again; "
                    f"see {application.log_file}",
                    file=sys.stderr,
                    flush=True,
                )
        time.sleep(LOOK_SECONDS)
    raise DemoError("the embedded servers ended; see peers.log and start again")
