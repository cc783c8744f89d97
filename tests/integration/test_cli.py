import asyncio
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from subprocess import CompletedProcess

import asyncpg
import pytest
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncSession

from tests.command_line import CommandLine
from tests.factories import NOW, make_email, make_staff, make_therapist
from tests.tls_front import serve_old_postgresql

PLAIN_ROLE = """
    CREATE ROLE plain LOGIN;
    GRANT USAGE ON SCHEMA communication_service TO plain;
    GRANT SELECT ON ALL TABLES IN SCHEMA communication_service TO plain
"""

Calldesk = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def calldesk() -> Generator[Calldesk]:
    with CommandLine() as command_line:
        yield command_line.run


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_staff_are_added_once(calldesk: Calldesk, database: URL):
    first = calldesk("staff", "add", "Ben", "--password-stdin", database=database, stdin="long enough 1\n")
    assert (first.returncode, first.stdout) == (0, "Ben can log in now.\n")
    again = calldesk("staff", "add", "ben", "--password-stdin", database=database, stdin="long enough 1\n")
    assert again.returncode == 1
    assert again.stderr == "calldesk: Somebody of this name has an account already.\n"


def test_an_operator_unlocks_an_account_and_gives_it_another_password(calldesk: Calldesk, database: URL):
    calldesk("staff", "add", "Ben", "--password-stdin", database=database, stdin="long enough 1\n")
    unlocked = calldesk("staff", "unlock", "BEN", database=database)
    assert (unlocked.returncode, unlocked.stdout) == (0, "BEN can try again.\n")
    reset = calldesk("staff", "reset", "ben", "--password-stdin", database=database, stdin="long enough 2\n")
    assert (reset.returncode, reset.stdout) == (0, "ben can log in with the new password.\n")
    short = calldesk("staff", "reset", "ben", "--password-stdin", database=database, stdin="short\n")
    assert (short.returncode, short.stderr.partition(":")[2].strip()[:8]) == (2, "password")
    nobody = calldesk("staff", "unlock", "Nobody", database=database)
    assert (nobody.returncode, nobody.stderr) == (1, "calldesk: Nobody of this name has an account.\n")


def test_an_operator_helps_who_has_lost_password_or_phone(calldesk: Calldesk, database: URL):
    calldesk("staff", "add", "Ben", "--password-stdin", database=database, stdin="long enough 1\n")
    reset = calldesk("staff", "reset", "Ben", database=database)
    assert re.fullmatch(r"(?:[a-z2-9]{4}-){3}[a-z2-9]{4}\n", reset.stdout)
    nothing = calldesk("staff", "remove-totp", "Ben", database=database)
    assert (nothing.returncode, nothing.stderr) == (1, "calldesk: There is no second factor.\n")
    nobody = calldesk("staff", "remove-totp", "Nobody", database=database)
    assert nobody.stderr == "calldesk: Nobody of this name has an account.\n"


async def test_an_operator_takes_a_second_factor_away(
    calldesk: Calldesk, database: URL, session: AsyncSession
):
    async with session.begin():
        session.add(make_staff(name="Ben", totp_salz=b"x" * 16, totp_seit=NOW))
    done = await asyncio.to_thread(calldesk, "staff", "remove-totp", "ben", database=database)
    assert (done.returncode, done.stdout) == (0, "ben can log in with the password alone.\n")


def test_a_short_password_is_a_usage_error(calldesk: Calldesk, database: URL):
    result = calldesk("staff", "add", "Ben", "--password-stdin", database=database, stdin="short\n")
    assert result.returncode == 2
    assert result.stderr.startswith("calldesk: password: ")


def test_the_queue_is_held_and_released(calldesk: Calldesk, database: URL):
    held = calldesk("queue", "hold", "--reason", "Falscher Anhang", database=database)
    assert (held.returncode, held.stdout) == (
        0,
        "The queue is held. E-mails still being handed over: 0.\n",
    )
    again = calldesk("queue", "hold", "--restored", database=database)
    assert again.stdout.endswith("E-mails to decide on, on the page E-mails under Unclear: 0.\n")
    released = calldesk("queue", "release", database=database)
    assert (released.returncode, released.stdout) == (0, "The queue is released.\n")
    nothing = calldesk("queue", "release", database=database)
    assert (nothing.returncode, nothing.stderr) == (1, "calldesk: the queue is not held\n")


def test_an_endless_reason_is_a_usage_error(calldesk: Calldesk, database: URL):
    result = calldesk("queue", "hold", "--reason", "x" * 201, database=database)
    assert result.returncode == 2
    assert result.stderr.startswith("calldesk: reason: ")


def test_an_api_key_is_printed_once(calldesk: Calldesk, database: URL):
    result = calldesk("api-key", "create", "matching", database=database)
    assert result.returncode == 0
    assert result.stdout.startswith("cd_")
    assert calldesk("api-key", "create", "matching", database=database).returncode == 1


def test_an_operator_sees_what_keys_may_and_revokes_one(calldesk: Calldesk, database: URL):
    terms = ("--scopes", "read, metrics", "--expires", "2999-01-31", "--limit", "0")
    made = calldesk("api-key", "create", "reporting", *terms, database=database)
    assert made.stdout.startswith("cd_")
    calldesk("api-key", "create", "matching", database=database)
    revoked = calldesk("api-key", "revoke", "matching", database=database)
    assert (revoked.returncode, revoked.stdout) == (0, "The key matching is revoked.\n")
    columns, *keys = calldesk("api-key", "list", database=database).stdout.splitlines()
    assert columns.startswith("NAME")
    assert [re.split("  +", line)[2:] for line in keys] == [
        ["emails,calls,read", "6000", "no end", "never", "revoked"],
        ["read,metrics", "none", "2999-01-31 23:59", "never", "valid"],
    ]
    nobody = calldesk("api-key", "revoke", "nobody", database=database)
    assert (nobody.returncode, nobody.stderr) == (1, "calldesk: There is no key of this name.\n")


@pytest.mark.parametrize(
    ("option", "value", "field"), [("--scopes", "all", "scopes"), ("--expires", "2020-01-01", "expires_at")]
)
def test_a_key_that_cannot_be_is_a_usage_error(
    calldesk: Calldesk, database: URL, option: str, value: str, field: str
):
    result = calldesk("api-key", "create", "matching", option, value, database=database)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"calldesk: {field}: ")


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("DESK_HOURS", "8 bis 18", "HH:MM-HH:MM"),
        ("HOLIDAY_STATE", "Berlin", "BE"),
        ("TIMEZONE", "Berlin", "Europe/Berlin"),
        ("COMMUNICATION_SERVICE_PORT", "0", "COMMUNICATION_SERVICE_PORT"),
        ("DATABASE_URL", "mysql://x", "postgresql://"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka:abc", "kafka:9092"),
    ],
)
def test_a_bad_setting_is_named_with_what_would_be_right(
    calldesk: Calldesk, database: URL, name: str, value: str, hint: str
):
    result = calldesk("migrate", database=database, **{name: value})
    assert result.returncode == 2
    assert name in result.stderr
    assert hint in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unreachable_database_is_one_line(calldesk: Calldesk):
    nowhere = URL.create("postgresql", host="127.0.0.1", port=1, database="x", username="x")
    result = calldesk("migrate", database=nowhere)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "Connect call failed ('127.0.0.1', 1)" in result.stderr


def test_a_missing_database_is_named_in_the_servers_words(calldesk: Calldesk, database: URL):
    result = calldesk("api-key", "create", "matching", database=database.set(database="nil"))
    assert result.returncode == 1
    assert 'database "nil" does not exist' in result.stderr
    assert result.stderr.count("\n") == 1


async def test_migrating_needs_no_right_on_the_database_where_the_schema_is_there(
    calldesk: Calldesk, database: URL
):
    dsn = database.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(dsn)
    await connection.execute(PLAIN_ROLE)
    try:
        result = calldesk("migrate", database=database.set(username="plain"))
        assert (result.returncode, result.stdout) == (0, "The schema is up to date.\n")
        empty = calldesk("migrate", database=database.set(username="plain", database="postgres"))
        assert empty.returncode == 1
        assert "permission denied for database postgres" in empty.stderr
        assert empty.stderr.count("\n") == 1
    finally:
        await connection.execute("DROP OWNED BY plain; DROP ROLE plain")
        await connection.close()


async def test_a_server_that_is_too_old_is_refused_in_words(calldesk: Calldesk):
    server = await serve_old_postgresql()
    old = URL.create("postgresql", host="127.0.0.1", port=server.sockets[0].getsockname()[1], username="x")
    for command in ("migrate", "worker", "serve"):
        result = await asyncio.to_thread(calldesk, command, database=old)
        assert result.returncode == 1
        assert "this is PostgreSQL 13, 14 or newer is needed" in result.stderr
        assert "Traceback" not in result.stderr
    server.close()


def test_a_misspelt_setting_is_named_and_does_no_harm(calldesk: Calldesk, database: URL, tmp_path: Path):
    (tmp_path / "some.env").write_text("SMTP_USER=desk\nSOMETHING_ELSE=x\n")
    result = calldesk("--env-file", str(tmp_path / "some.env"), "migrate", database=database, SMTP_HOTS="x")
    assert result.returncode == 0
    assert sorted(result.stderr.splitlines()) == [
        "calldesk: SMTP_HOTS is no setting; is SMTP_HOST meant?",
        "calldesk: SMTP_USER is no setting; is SMTP_USERNAME meant?",
    ]


def test_without_the_extra_the_demo_says_which_is_missing():
    program = (
        "import sys; sys.modules['aiosmtpd'] = None; sys.argv = ['calldesk', 'demo'];"
        "from webapp.cli import main; main()"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert result.stderr == (
        "calldesk: the demo needs the extra 'embedded': "
        "pip install 'calldesk[embedded]' (aiosmtpd is missing)\n"
    )


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_who_is_asked_to_end_ends_with_zero(database: URL, command: str):
    process = subprocess.Popen(
        [sys.executable, "-m", "webapp.cli", command],
        stderr=subprocess.PIPE,
        text=True,
        env={
            "APP_ENV": "testing",
            "COMMUNICATION_SERVICE_PORT": str(free_port()),
            "DATABASE_URL": database.render_as_string(hide_password=False),
        },
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "worker_started" in line or "startup complete" in line:
            break
    process.send_signal(signal.SIGTERM)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in rest


async def test_skipped_ids_are_not_given_out(calldesk: Calldesk, database: URL, session: AsyncSession):
    async def next_id() -> int:
        async with session.begin():
            session.add(email := make_email())
        return email.id

    before = await next_id()
    result = calldesk("ids", "skip", "1000", database=database)
    assert result.returncode == 0
    assert f"emails_id_seq: goes on after {before + 1000}\n" in result.stdout
    assert await next_id() == before + 1001
    too_many = calldesk("ids", "skip", str(2**31 - 1), database=database)
    assert too_many.returncode == 1
    assert "So many ids are not left" in too_many.stderr
    assert await next_id() == before + 1002


def test_help_lists_every_command():
    command = [sys.executable, "-m", "webapp.cli", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    for command in ("api-key", "demo", "events", "ids", "migrate", "queue", "serve", "staff", "worker"):
        assert command in text


async def test_an_operator_answers_a_therapist_and_sees_what_would_go(
    calldesk: Calldesk, session: AsyncSession, database: URL
):
    async with session.begin():
        session.add_all([make_therapist(), make_email(status="SENT", sent_at=NOW, nachgefasst=True)])
    exported = calldesk("therapist", "export", "1", database=database)
    assert json.loads(exported.stdout)["emails"][0]["betreff"] == "Anfrage für drei Patientinnen"
    would = calldesk("therapist", "erase", "1", "--dry-run", database=database)
    assert would.stdout.startswith("Would be erased:\n  emails: 1\n")
    months = {"RETENTION_EMAILS_MONTHS": "1", "CLOCK_OFFSET_SECONDS": str(90 * 24 * 3600)}
    due = calldesk("retention", "--dry-run", database=database, **months)
    assert due.stdout.splitlines()[:2] == ["emails: 1 older than 1 months, 0 needed", "drafts: kept for ever"]
    assert "Blanked: 1." in calldesk("retention", database=database, **months).stdout
    erased = calldesk("therapist", "erase", "1", database=database)
    assert erased.stdout.startswith("Erased:\n  emails: 1\n")
    assert (
        json.loads(calldesk("therapist", "export", "1", database=database).stdout)["emails"][0]["betreff"]
        == ""
    )
    nobody = calldesk("therapist", "erase", "99", database=database)
    assert (nobody.returncode, nobody.stderr) == (1, "calldesk: Nothing is held about this therapist.\n")
