import subprocess
import sys

import pytest
from sqlalchemy import URL


def calldesk(*arguments: str, database: URL, stdin: str = "", **environment: str):
    return subprocess.run(
        [sys.executable, "-m", "webapp.cli", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={
            "APP_ENV": "testing",
            "DATABASE_URL": database.render_as_string(hide_password=False),
            "PATH": "",
            **environment,
        },
    )


def test_staff_are_added_once(database: URL):
    first = calldesk("staff", "add", "Ben", "--password-stdin", database=database, stdin="long enough 1\n")
    assert (first.returncode, first.stdout) == (0, "Ben can log in now.\n")
    again = calldesk("staff", "add", "ben", "--password-stdin", database=database, stdin="long enough 1\n")
    assert again.returncode == 1
    assert again.stderr == "calldesk: Somebody of this name has an account already.\n"


def test_an_operator_unlocks_an_account_and_gives_it_another_password(database: URL):
    calldesk("staff", "add", "Ben", "--password-stdin", database=database, stdin="long enough 1\n")
    unlocked = calldesk("staff", "unlock", "BEN", database=database)
    assert (unlocked.returncode, unlocked.stdout) == (0, "BEN can try again.\n")
    reset = calldesk("staff", "reset", "ben", "--password-stdin", database=database, stdin="long enough 2\n")
    assert (reset.returncode, reset.stdout) == (0, "ben can log in with the new password.\n")
    short = calldesk("staff", "reset", "ben", "--password-stdin", database=database, stdin="short\n")
    assert (short.returncode, short.stderr.partition(":")[2].strip()[:8]) == (2, "password")
    nobody = calldesk("staff", "unlock", "Nobody", database=database)
    assert (nobody.returncode, nobody.stderr) == (1, "calldesk: Nobody of this name has an account.\n")


def test_a_short_password_is_a_usage_error(database: URL):
    result = calldesk("staff", "add", "Ben", "--password-stdin", database=database, stdin="short\n")
    assert result.returncode == 2
    assert result.stderr.startswith("calldesk: password: ")


def test_the_queue_is_held_and_released(database: URL):
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


def test_an_endless_reason_is_a_usage_error(database: URL):
    result = calldesk("queue", "hold", "--reason", "x" * 201, database=database)
    assert result.returncode == 2
    assert result.stderr.startswith("calldesk: reason: ")


def test_an_api_key_is_printed_once(database: URL):
    result = calldesk("api-key", "create", "matching", database=database)
    assert result.returncode == 0
    assert result.stdout.startswith("cd_")
    assert calldesk("api-key", "create", "matching", database=database).returncode == 1


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
def test_a_bad_setting_is_named_with_what_would_be_right(database: URL, name: str, value: str, hint: str):
    result = calldesk("migrate", database=database, **{name: value})
    assert result.returncode == 2
    assert name in result.stderr
    assert hint in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unreachable_database_is_one_line():
    nowhere = URL.create("postgresql", host="127.0.0.1", port=1, database="x", username="x")
    result = calldesk("migrate", database=nowhere)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1


def test_help_lists_every_command(database: URL):
    text = calldesk("--help", database=database).stdout
    for command in ("api-key", "demo", "events", "migrate", "queue", "serve", "staff", "worker"):
        assert command in text
