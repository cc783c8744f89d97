"""`calldesk doctor` on an installation that is well, and on one where each thing is wrong once."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from zoneinfo import TZPATH

import asyncpg
import pytest
from confluent_kafka.admin import AdminClient
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncSession

from services.events.types import TOPIC
from services.sending.hold import hold_queue
from shared.clock import system_clock
from shared.config import Settings
from tests.command_line import started
from tests.smtp_server import Drop, Say, ScriptedSmtp, Stall, scripted_smtp
from tests.work import work_of
from webapp.demo.servers.imap import PASSWORD, USERNAME, EmbeddedMailbox
from webapp.demo.servers.kafka import EmbeddedKafka
from webapp.doctor import PROBES, Finding, findings, look_into
from webapp.doctor.findings import LATE

SECRETS = {"smtp_password": "smtp-Geheimnis", "secret_key": "Schluessel-Geheimnis-0123456789abcdef"}


@pytest.fixture
async def installation(config: Settings) -> AsyncGenerator["Installation"]:
    async with AsyncExitStack() as servers:
        smtp = await servers.enter_async_context(scripted_smtp(auth=True))
        mailbox = EmbeddedMailbox()
        await mailbox.start()
        servers.callback(mailbox.stop)
        directory = await asyncio.start_server(_therapists, "127.0.0.1", 0)
        await servers.enter_async_context(directory)
        yield Installation(config, smtp, mailbox, directory.sockets[0].getsockname()[1])


@pytest.fixture(scope="module")
def kafka():
    kafka = EmbeddedKafka()
    kafka.start()
    AdminClient({"bootstrap.servers": kafka.bootstrap_servers}).list_topics(TOPIC, timeout=20)
    yield kafka
    kafka.stop()


async def _therapists(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    body = b'{"data": [], "page": 1, "limit": 1, "total": 0}'
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body) + body
    )
    await writer.drain()
    writer.close()


class Installation:
    def __init__(
        self, config: Settings, smtp: ScriptedSmtp, mailbox: EmbeddedMailbox, directory_port: int
    ) -> None:
        self.smtp = smtp
        self.config = config.model_copy(
            update={
                "smtp_host": "127.0.0.1",
                "smtp_port": smtp.port,
                "imap_host": "127.0.0.1",
                "imap_port": mailbox.port,
                "imap_use_tls": "none",
                "imap_username": USERNAME,
                "therapist_service_url": f"http://127.0.0.1:{directory_port}",
            }
        )
        self.config = self.config.model_copy(update={"imap_password": type(config.secret_key)(PASSWORD)})

    async def found(self, probe: str, **settings: object) -> Finding:
        config = self.config.model_copy(update=settings)
        [finding] = await look_into(config, {probe: PROBES[probe]})
        return finding


def nowhere() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


async def test_all_is_well(installation: Installation, kafka: EmbeddedKafka):
    config = installation.config.model_copy(update={"kafka_bootstrap_servers": kafka.bootstrap_servers})
    found = await look_into(config, PROBES)
    assert [finding for finding in found if not finding.ok] == []
    assert [finding.probe for finding in found] == list(PROBES)
    assert installation.smtp.messages == []
    assert installation.smtp.commands["MAIL"] == 0


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (lambda smtp: smtp.on("banner", Say("554 5.7.1 not you")), "554 5.7.1 not you"),
        (lambda smtp: smtp.on("banner", Drop()), "connect: connection lost"),
        (lambda smtp: smtp.on("ehlo", Drop()), "connect: connection lost"),
    ],
)
async def test_a_mail_server_that_lets_nobody_in(
    installation: Installation, script: Callable[[ScriptedSmtp], None], words: str
):
    script(installation.smtp)
    finding = await installation.found("mail server")
    assert not finding.ok
    assert words in finding.found
    assert "SMTP_HOST" in finding.todo


async def test_a_refused_login_names_the_settings_and_tells_no_password(installation: Installation):
    password = type(installation.config.secret_key)(SECRETS["smtp_password"])
    installation.smtp.on("auth", Say("535 5.7.8 bad credentials"))
    finding = await installation.found("mail server", smtp_username="desk", smtp_password=password)
    assert (finding.ok, finding.found) == (False, "535 5.7.8 bad credentials")
    assert finding.todo.startswith("SMTP_USERNAME, SMTP_PASSWORD")
    assert SECRETS["smtp_password"] not in finding.line


async def test_a_mail_server_without_the_tls_asked_for(installation: Installation):
    finding = await installation.found("mail server", smtp_use_tls="starttls")
    assert not finding.ok
    assert "SMTP_USE_TLS" in finding.todo


async def test_who_never_answers_is_late(installation: Installation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(findings, "DEADLINE_SECONDS", 0.05)
    installation.smtp.on("banner", Stall())
    finding = await installation.found("mail server")
    assert (finding.ok, finding.found) == (False, LATE)


@pytest.mark.parametrize(
    ("probe", "settings", "named"),
    [
        ("database", {"database_url": "postgresql://nobody@127.0.0.1:1/none"}, "DATABASE_URL"),
        ("mailbox", {"imap_username": "somebody-else"}, "IMAP_USERNAME"),
        ("mailbox", {"imap_folder": "Nowhere"}, "IMAP_FOLDER"),
        ("Therapist Service", {"therapist_service_url": "http://127.0.0.1:1"}, "THERAPIST_SERVICE_URL"),
        ("Kafka", {"kafka_bootstrap_servers": "127.0.0.1:1"}, "KAFKA_"),
    ],
)
async def test_what_is_not_there_is_named_with_its_settings(
    installation: Installation, probe: str, settings: dict[str, object], named: str
):
    finding = await installation.found(probe, **settings)
    assert not finding.ok
    assert named in finding.todo


async def test_another_service_is_no_therapist_service(installation: Installation):
    finding = await installation.found(
        "Therapist Service", therapist_service_url=f"http://127.0.0.1:{installation.smtp.port}"
    )
    assert not finding.ok


async def test_a_cluster_without_the_topic(installation: Installation):
    empty = EmbeddedKafka()
    empty.start()
    try:
        finding = await installation.found("Kafka", kafka_bootstrap_servers=empty.bootstrap_servers)
    finally:
        empty.stop()
    assert (finding.ok, finding.found.split(",")[0]) == (False, f"there is no topic {TOPIC}")


async def test_a_held_queue_and_late_events_are_told(
    installation: Installation, session: AsyncSession, database: URL
):
    await hold_queue(work_of(session, now=system_clock()), None)
    finding = await installation.found("sending")
    assert finding.found.startswith("held since ")
    assert finding.todo.startswith("calldesk queue release")

    late = system_clock() - timedelta(hours=1)
    await _run(
        database,
        "INSERT INTO communication_service.event_outbox"
        " (event_id, event_type, topic, key, payload, created_at, available_at)"
        f" VALUES (gen_random_uuid(), 'x', 'x', 'x', '{{}}', '{late.isoformat()}', '{late.isoformat()}')",
    )
    finding = await installation.found("outbox")
    assert not finding.ok
    assert "the oldest for 3" in finding.found


HOUR_LATE = """
    CREATE SCHEMA late;
    CREATE FUNCTION late.clock_timestamp() RETURNS timestamptz LANGUAGE sql
        AS $$SELECT pg_catalog.clock_timestamp() - interval '1 hour'$$;
    CREATE ROLE late LOGIN SUPERUSER;
    ALTER ROLE late SET search_path = late, pg_catalog
"""


async def test_a_database_whose_clock_is_an_hour_late(installation: Installation, database: URL):
    await _run(database, HOUR_LATE)
    try:
        late = database.set(username="late").render_as_string(hide_password=False)
        finding = await installation.found("clock", database_url=late)
        assert (finding.ok, finding.todo) == (False, "set both machines' clocks by NTP")
        assert float(finding.found.split()[0]) == pytest.approx(3600, abs=60)
    finally:
        await _run(database, "DROP SCHEMA late CASCADE; DROP ROLE late")


ALWAYS_UTC = b"TZif" + bytes(16) + struct.pack(">6l", 0, 0, 0, 0, 1, 4) + bytes(6) + b"UTC\0"
"""RFC 9636, version 1: no transitions, one type."""


def test_a_machine_with_other_rules_for_the_time_zone(database: URL, tmp_path: Path):
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe/Berlin").write_bytes(ALWAYS_UTC)
    told = started("doctor", database=database, PYTHONTZPATH=":".join([str(tmp_path), *TZPATH])).stdout
    assert "WRONG  time zone           Europe/Berlin is another here than in the database" in told


async def test_an_older_schema_and_none(installation: Installation, database: URL):
    table = "communication_service.alembic_version"
    try:
        await _run(database, f"ALTER TABLE {table} RENAME TO elsewhere")
        assert (await installation.found("schema")).todo == "run calldesk migrate"
        await _run(database, f"CREATE TABLE {table} AS SELECT '0001' AS version_num")
        assert (await installation.found("schema")).found.startswith("at 0001, and ")
    finally:
        await _run(database, f"DROP TABLE IF EXISTS {table}")
        await _run(database, "ALTER TABLE communication_service.elsewhere RENAME TO alembic_version")


async def test_a_role_without_rights(installation: Installation, database: URL):
    await _run(database, "CREATE ROLE poor LOGIN")
    poor = database.set(username="poor").render_as_string(hide_password=False)
    try:
        finding = await installation.found("database rights", database_url=poor)
        assert "may not use the schema" in finding.found
        await _run(
            database,
            "GRANT USAGE ON SCHEMA communication_service TO poor;"
            " GRANT SELECT ON ALL TABLES IN SCHEMA communication_service TO poor",
        )
        finding = await installation.found("database rights", database_url=poor)
        assert (finding.ok, "emails" in finding.found) == (False, True)
        assert "UPDATE" in finding.todo
    finally:
        await _run(database, "DROP OWNED BY poor; DROP ROLE poor")


async def test_a_full_disk(installation: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setattr("webapp.doctor.surroundings.LEAST_FREE", 2**80)
    finding = await installation.found("data folder", data_dir=tmp_path)
    assert (finding.ok, finding.todo) == (False, "make room")


async def test_a_misspelt_setting(installation: Installation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SMTP_HOTS", "x")
    finding = await installation.found("settings")
    assert finding.found == "SMTP_HOTS is no setting, is SMTP_HOST meant?"


def test_the_command_says_it_in_lines_and_in_json_and_ends_with_one(database: URL):
    broken = {"SMTP_PORT": str(nowhere()), "THERAPIST_SERVICE_URL": "http://127.0.0.1:1"}
    lines = started("doctor", database=database, **broken)
    assert lines.returncode == 1
    assert "ok     database            PostgreSQL " in lines.stdout
    assert "WRONG  mail server         connect: connection lost" in lines.stdout
    assert len(lines.stdout.splitlines()) == len(PROBES)
    told = json.loads(started("doctor", "--json", database=database, **broken).stdout)
    assert told["ok"] is False
    assert {each["probe"] for each in told["findings"] if not each["ok"]} == {
        "mail server",
        "Therapist Service",
    }


def test_settings_that_production_refuses_are_told_one_by_one(database: URL):
    told = started("doctor", database=database, APP_ENV="production", SECRET_KEY="short-Geheimnis")
    assert told.returncode == 1
    assert "SECRET_KEY: production needs a random value" in told.stdout
    assert "short-Geheimnis" not in told.stdout + told.stderr


async def _run(database: URL, statement: str) -> None:
    dsn = database.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
