"""Every setting of the platform's services, read from the environment or `.env`."""

import hmac
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypedDict
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import ValidationError, model_validator

from shared.config.checks import contradictions, dangers
from shared.config.database_url import POOLED
from shared.config.names import misspelt
from shared.config.sections import (
    Calls,
    Database,
    Kafka,
    Logins,
    Mailbox,
    MailServer,
    Process,
    Retention,
    Sending,
    Services,
    Web,
)
from shared.config.values import SERVICE_PORTS, MailSecurity

if TYPE_CHECKING:
    from sqlalchemy import URL


class ConfigurationError(Exception):
    """A setting has a value that can't work; the message names it and what would be right."""


class SmtpSettings(TypedDict):
    """How to reach the mail server."""

    host: str
    port: int
    username: str | None
    password: str | None
    use_tls: bool
    security: MailSecurity
    utf8: bool
    sender: str
    sender_name: str


class Settings(
    Process, Web, Logins, Database, Kafka, Services, MailServer, Sending, Mailbox, Calls, Retention
):
    """The configuration of one process; field names in capitals are the environment's names."""

    @model_validator(mode="after")
    def _can_work(self) -> Self:
        found = [*contradictions(self), *(dangers(self) if self.app_env == "production" else ())]
        if found:
            raise ValueError("\n".join(found))
        return self

    @property
    def tz(self) -> ZoneInfo:
        """The practices' time zone."""
        return ZoneInfo(self.timezone)

    @property
    def hosts(self) -> list[str]:
        """The names other than the platform's own that this service goes by."""
        return [host for host in self.allowed_hosts.split(",") if host]

    @property
    def origins(self) -> list[str]:
        """The sites whose pages may use the API."""
        return [origin for origin in self.cors_origins.split(",") if origin]

    @property
    def sender_domains(self) -> list[str]:
        """The domains an e-mail may be sent from, as DNS knows them; none: from each."""
        return [domain for domain in self.email_sender_domains.split(",") if domain]

    def key_for(self, purpose: str) -> bytes:
        """Return a key of 32 bytes made of SECRET_KEY; for another purpose it is another."""
        return hmac.digest(self.secret_key.get_secret_value().encode(), purpose.encode(), "sha256")

    def get_database_url(self) -> "URL":
        """Return the address of the database for SQLAlchemy with asyncpg.

        With `DATABASE_DIRECT_URL` it is that of a pooler which parts sessions after each transaction, and
        says so: see `shared.postgresql.is_pooled`.
        """
        from sqlalchemy import URL, make_url

        if self.database_url:
            url = make_url(self.database_url).set(drivername="postgresql+asyncpg")
            return url.update_query_dict({POOLED: "transaction"}) if self.database_direct_url else url
        socket = self.db_host.startswith("/")
        return URL.create(
            "postgresql+asyncpg",
            username=self.db_user,
            password=self.db_password.get_secret_value() or None,
            host=None if socket else self.db_host,
            port=self.db_port,
            database=self.db_name,
            query={"host": self.db_host, "port": str(self.db_port)} if socket else {},
        )

    def get_direct_url(self) -> "URL":
        """Return the database's own address: for what needs a session, as LISTEN and locks held long."""
        from sqlalchemy import make_url

        if self.database_direct_url:
            return make_url(self.database_direct_url).set(drivername="postgresql+asyncpg")
        return self.get_database_url()

    def get_smtp_settings(self) -> SmtpSettings:
        """Return how to reach the mail server; `security` says which kind of TLS, never opportunistic."""
        security: MailSecurity
        if isinstance(self.smtp_use_tls, str):
            security = self.smtp_use_tls
        elif self.smtp_use_tls:
            security = "tls" if self.smtp_port == 465 else "starttls"
        else:
            security = "none"
        return SmtpSettings(
            host=self.smtp_host,
            port=self.smtp_port,
            username=self.smtp_username or None,
            password=self.smtp_password.get_secret_value() if self.smtp_password else None,
            use_tls=security != "none",
            security=security,
            utf8=self.smtp_utf8,
            sender=self.email_sender,
            sender_name=self.email_sender_name,
        )

    def get_service_url(self, service: str, *, internal: bool = True) -> str:
        """Return a platform service's base address without a trailing slash.

        Args:
            service: patient, therapist, matching, communication or geocoding.
            internal: the name inside the platform's network, else localhost.

        Raises:
            ConfigurationError: the platform has no such service.
        """
        if service not in SERVICE_PORTS:
            raise ConfigurationError(f"unknown service {service!r}: use one of {', '.join(SERVICE_PORTS)}")
        override: str | None = getattr(self, f"{service}_service_url")
        if override:
            return override.rstrip("/")
        port = self.communication_service_port if service == "communication" else SERVICE_PORTS[service]
        return f"http://{f'{service}-service' if internal else 'localhost'}:{port}"


def load_settings(env_file: Path | str | None = ".env", **values: Any) -> Settings:
    """Read the settings afresh.

    Raises:
        ConfigurationError: one line per bad value, named as in the environment.
    """
    try:
        return Settings(_env_file=env_file, **values)  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        raise ConfigurationError("\n".join(_explain(e["loc"], e["msg"]) for e in error.errors())) from None


def _explain(location: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"{str(location[0]).upper()}: {text}" if location else text


def misspelt_settings(env_file: Path | str | None = ".env") -> dict[str, str]:
    """Return names in the environment or `env_file` that are no setting, each with the one it may mean."""
    return misspelt(
        (name.upper() for name in Settings.model_fields),
        in_file=dotenv_values(env_file) if env_file else (),
        environment=os.environ,
    )


@lru_cache(maxsize=1)
def get_config() -> Settings:
    """Return this process's settings, read once.

    Raises:
        ConfigurationError: a value can't work.
    """
    return load_settings()
