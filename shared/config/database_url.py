"""`DATABASE_URL`: a PostgreSQL address with libpq's names after the question mark.

Names and meaning are those of PostgreSQL's documentation, 34.1.2 Parameter Key Words.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast
from urllib.parse import parse_qsl

from pydantic import AfterValidator

from shared.config.files import require_certificates, require_key_pair
from shared.config.names import nearest
from shared.loopback import is_loopback

if TYPE_CHECKING:
    from sqlalchemy import URL

EXAMPLE = "postgresql://user:password@host:5432/name"
SCHEMES = ("postgresql://", "postgres://", "postgresql+asyncpg://")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
ENCRYPTED = SSL_MODES[3:]
VERIFIED = SSL_MODES[4:]
SYSTEM = "system"
"""As `sslrootcert`: the certificates the system trusts."""

POOLED = "pooled"
"""Stands in addresses of a pooler, in memory only: nobody writes it."""

PARAMETERS = (
    "application_name",
    "connect_timeout",
    "dbname",
    "host",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
)
LONGEST_TIMEOUT_SECONDS = 60
DEFAULT_ROOT = Path("~/.postgresql/root.crt")


def check_database_url(value: str) -> str | None:
    """Return the address if it can work, None for an empty one; no message quotes it, for its password.

    Raises:
        ValueError: it can't work, with what would be right.
    """
    if not value.strip():
        return None
    if not value.startswith(SCHEMES):
        raise ValueError(f"give a PostgreSQL address: {EXAMPLE}")
    before, _, query = value.partition("?")
    if "@" in query and "@" not in before:
        raise ValueError("write a question mark in the password as %3F")
    parameters = _parameters(query)
    _check_numbers(before, parameters)
    _check_tls(parameters)
    return value


DatabaseUrl = Annotated[str | None, AfterValidator(lambda value: value and check_database_url(value))]


def parameters_of(url: "URL") -> dict[str, str]:
    """Return what a checked address says after its question mark."""
    return cast(dict[str, str], dict(url.query))


def is_private(url: "URL") -> bool:
    """Whether nobody on the network can read along: a socket, this machine, or TLS insisted on."""
    parameters = parameters_of(url)
    host = parameters.get("host") or url.host or "localhost"
    return host.startswith("/") or is_loopback(host) or parameters.get("sslmode") in ENCRYPTED


def _parameters(query: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in PARAMETERS:
            likely = "sslmode" if name == "ssl" else nearest(name, PARAMETERS)
            meant = f"is {likely} meant?" if likely else f"these are: {', '.join(PARAMETERS)}"
            raise ValueError(f"{name} is not read; {meant}")
        if not value:
            raise ValueError(f"{name} is empty")
        if name in parameters:
            raise ValueError(f"{name} is given twice")
        parameters[name] = value
    return parameters


def _check_numbers(before: str, parameters: Mapping[str, str]) -> None:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        port = make_url(before).port
    except (ArgumentError, ValueError):
        raise ValueError(f"host and port can't be read, write one of each: {EXAMPLE}") from None
    written = parameters.get("port", str(5432 if port is None else port))
    if not written.isdecimal() or not 1 <= int(written) <= 65_535:
        raise ValueError("the port is a number from 1 to 65535")
    timeout = parameters.get("connect_timeout", "1")
    if not timeout.isdecimal() or not 1 <= int(timeout) <= LONGEST_TIMEOUT_SECONDS:
        raise ValueError(f"connect_timeout is a whole number of seconds from 1 to {LONGEST_TIMEOUT_SECONDS}")


def _check_tls(parameters: Mapping[str, str]) -> None:
    mode, root = parameters.get("sslmode"), parameters.get("sslrootcert")
    if mode is not None and mode not in SSL_MODES:
        raise ValueError(f"sslmode is one of {', '.join(SSL_MODES)}")
    if root == SYSTEM and mode != "verify-full":
        raise ValueError(f"sslrootcert={SYSTEM} goes with sslmode=verify-full only")
    if mode in VERIFIED and root is None and not DEFAULT_ROOT.expanduser().exists():
        raise ValueError(f"sslmode={mode} needs sslrootcert, a file or, for verify-full, {SYSTEM}")
    if root is not None and root != SYSTEM:
        require_certificates(Path(root))
    certificate, key = parameters.get("sslcert"), parameters.get("sslkey")
    if (certificate is None) != (key is None):
        raise ValueError("give sslcert and sslkey, or neither")
    if certificate is not None and key is not None:
        require_key_pair(Path(certificate), Path(key))
