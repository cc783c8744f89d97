import ssl

import asyncpg
import pytest
import structlog
from sqlalchemy.exc import IntegrityError, ProgrammingError

from shared.database_errors import is_outage
from shared.outage import REMIND_SECONDS, Outage
from shared.reasons import LONGEST, reason_of

SECRET = "praxis@example.org"


def wrapped(kind: type[Exception], cause: Exception) -> Exception:
    """Return what SQLAlchemy makes of asyncpg's error."""
    adapted = Exception(str(cause))
    adapted.__cause__ = cause
    return kind("INSERT", {"betreff": SECRET}, adapted)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            asyncpg.InvalidPasswordError('password authentication failed for user "desk"'),
            'InvalidPasswordError: password authentication failed for user "desk"',
        ),
        (
            wrapped(ProgrammingError, asyncpg.InsufficientPrivilegeError("permission denied for schema x")),
            "InsufficientPrivilegeError: permission denied for schema x",
        ),
        (
            ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed certificate"),
            "SSLCertVerificationError: certificate verify failed: self-signed certificate",
        ),
        (
            ConnectionRefusedError(111, "Connection refused"),
            "ConnectionRefusedError: [Errno 111] Connection refused",
        ),
        (TimeoutError(), "TimeoutError: no answer in time"),
        (RuntimeError("two\n  lines"), "RuntimeError: two lines"),
    ],
)
def test_a_reason_is_the_words_of_whoever_refused(error: Exception, reason: str):
    assert reason_of(error) == reason


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.PostgresSyntaxError(f'syntax error in tsquery: "{SECRET}"'),
        asyncpg.UniqueViolationError(f"Key (email)=({SECRET}) exists"),
        asyncpg.InvalidTextRepresentationError(f'invalid input syntax: "{SECRET}"'),
        wrapped(IntegrityError, asyncpg.CheckViolationError(f"Failing row contains ({SECRET})")),
        ValueError(f"bad value {SECRET}"),
        KeyError(SECRET),
        UnicodeEncodeError("ascii", SECRET, 0, 1, "no"),
    ],
)
def test_words_that_may_quote_data_are_left_out(error: Exception):
    reason = reason_of(error)
    assert SECRET not in reason
    assert reason.isidentifier()


def test_details_of_the_server_are_left_out_and_the_rest_is_bounded():
    error = asyncpg.InsufficientPrivilegeError("no " * 1000)
    error.detail = SECRET
    assert len(reason_of(error)) <= LONGEST + len("InsufficientPrivilegeError: ")
    assert SECRET not in reason_of(error)


def test_an_outage_is_one_line_until_it_is_over(monkeypatch: pytest.MonkeyPatch):
    now = 0.0
    monkeypatch.setattr("shared.outage.time.monotonic", lambda: now)
    outage = Outage("loop_waits", loop="hints")
    with structlog.testing.capture_logs() as lines:
        outage.over()
        for error in (ConnectionRefusedError(111, "Connection refused"), TimeoutError(), TimeoutError()):
            outage.note(error)
        now += REMIND_SECONDS + 1
        outage.note(TimeoutError())
        outage.over()
        outage.over()
    assert [(line["event"], line.get("reason"), line["loop"]) for line in lines] == [
        ("loop_waits", "ConnectionRefusedError: [Errno 111] Connection refused", "hints"),
        ("loop_waits", "TimeoutError: no answer in time", "hints"),
        ("loop_waits_over", None, "hints"),
    ]


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (ConnectionResetError(), True),
        (asyncpg.CannotConnectNowError("starting up"), True),
        (asyncpg.InvalidPasswordError("no"), True),
        (wrapped(ProgrammingError, asyncpg.UndefinedTableError("no table")), True),
        (wrapped(ProgrammingError, asyncpg.PostgresSyntaxError("at or near")), False),
        (ValueError(), False),
    ],
)
def test_a_defect_is_no_outage(error: Exception, outage: bool):
    assert is_outage(error) is outage
