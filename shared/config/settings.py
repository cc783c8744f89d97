"""Every setting of the platform's services, read from the environment or `.env`."""

import hmac
import os
from datetime import time
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypedDict
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url

from shared.config.checks import DEVELOPMENT_SECRET, contradictions, dangers
from shared.config.database_url import POOLED, DatabaseUrl
from shared.config.files import CertificateFile
from shared.config.names import misspelt
from shared.config.values import (
    SERVICE_PORTS,
    Brokers,
    DeskHours,
    HeloName,
    Host,
    HostNames,
    HostOrFolder,
    InsecureParts,
    Months,
    Origins,
    Port,
    Proxies,
    RootPath,
    Seconds,
    Sender,
    SenderDomains,
    SenderName,
    State,
    TimeZone,
    TokenAddress,
)

MailSecurity = Literal["none", "starttls", "tls"]
FARTHEST_OFFSET = 10 * 365 * 24 * 3600


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


class Settings(BaseSettings):
    """The configuration of one process; field names in capitals are the environment's names."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True)

    app_env: Literal["development", "testing", "production"] = "development"
    secret_key: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    allow_insecure: InsecureParts = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    timezone: TimeZone = "Europe/Berlin"
    data_dir: Path = Path(".data")
    clock_offset_seconds: Annotated[int, Field(ge=-FARTHEST_OFFSET, le=FARTHEST_OFFSET)] = 0

    database_url: DatabaseUrl = None
    database_direct_url: DatabaseUrl = None
    db_user: str = "postgres"
    db_password: SecretStr = SecretStr("")
    db_host: HostOrFolder = "localhost"
    db_port: Port = 5432
    db_name: str = "therapy_platform"
    db_pool_size: Annotated[int, Field(ge=2, le=200)] = 10

    smtp_host: Host = "localhost"
    smtp_port: Port = 1025
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_use_tls: bool | MailSecurity = False
    smtp_ca_file: CertificateFile = None
    smtp_helo_name: HeloName = None
    smtp_utf8: bool = False
    smtp_connections: Annotated[int, Field(ge=1, le=50)] = 8
    smtp_messages_per_connection: Annotated[int, Field(ge=1, le=100_000)] = 100
    smtp_deadline_seconds: Seconds = 60
    email_sender: Sender = "kontakt@therapieplatz.example"
    email_sender_name: SenderName = "Therapieplatz-Vermittlung"
    email_sender_domains: SenderDomains = ""
    bounce_address: TokenAddress = ""
    reply_to_address: TokenAddress = ""
    email_lease_seconds: Seconds = 180
    email_retry_base_seconds: Seconds = 60
    email_retry_cap_seconds: Seconds = 14_400
    email_max_age_hours: Annotated[float, Field(gt=0, le=8_760, allow_inf_nan=False)] = 48
    queue_pause_base_seconds: Seconds = 5
    queue_pause_cap_seconds: Seconds = 300
    worker_poll_seconds: Seconds = 2
    worker_health_host: Host = "127.0.0.1"
    worker_health_port: Annotated[Port | None, BeforeValidator(lambda value: value or None)] = None

    imap_host: str = ""
    imap_port: Port = 993
    imap_use_tls: MailSecurity = "tls"
    imap_ca_file: Path | None = None
    imap_username: str = ""
    imap_password: SecretStr = SecretStr("")
    imap_folder: str = "INBOX"
    imap_poll_seconds: Annotated[float, Field(gt=0, le=1_200)] = 30

    kafka_bootstrap_servers: Brokers = ""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_ssl_cafile: CertificateFile = None
    outbox_retention_days: Annotated[int, Field(ge=1, le=3_650)] = 14
    outbox_max_attempts: Annotated[int, Field(ge=1, le=1_000)] = 10

    patient_service_url: str | None = None
    therapist_service_url: str | None = None
    matching_service_url: str | None = None
    communication_service_url: str | None = None
    geocoding_service_url: str | None = None
    communication_service_host: Host = "127.0.0.1"
    communication_service_port: Port = 8004
    allowed_hosts: HostNames = ""
    cors_origins: Origins = ""
    root_path: RootPath = ""
    trusted_proxies: Proxies = "127.0.0.1,::1"
    access_log: bool = True
    max_connections: Annotated[int, Field(ge=20, le=100_000)] = 800
    api_rate_limit_per_minute: Annotated[int, Field(ge=0, le=1_000_000)] = 6_000
    therapist_ttl_minutes: Annotated[int, Field(ge=1, le=525_600)] = 60
    therapist_deadline_seconds: Seconds = 3

    holiday_state: State = "BE"
    desk_lines: Annotated[int, Field(ge=1, le=100)] = 3
    desk_hours: DeskHours = (time(8), time(18))
    call_duration_minutes: Annotated[int, Field(ge=1, le=240)] = 5
    call_gap_minutes: Annotated[int, Field(ge=0, le=240)] = 5
    call_notice_minutes: Annotated[int, Field(ge=0, le=10_080)] = 30
    call_grid_minutes: Annotated[int, Field(ge=1, le=60)] = 5
    call_horizon_days: Annotated[int, Field(ge=1, le=365)] = 14
    call_max_attempts: Annotated[int, Field(ge=1, le=50)] = 5
    call_wait_days: Annotated[int, Field(ge=0, le=14)] = 4
    call_claim_minutes: Annotated[int, Field(ge=5, le=240)] = 10
    undo_seconds: Annotated[int, Field(ge=0, le=300)] = 15
    follow_up_after_days: Annotated[int, Field(ge=1, le=365)] = 7
    session_hours: Annotated[int, Field(ge=1, le=720)] = 12
    session_idle_minutes: Annotated[int, Field(ge=5, le=43_200)] = 60
    require_totp: bool | Literal["everybody"] = False
    retention_emails_months: Months = 0
    retention_drafts_months: Months = 0
    retention_incoming_months: Months = 0
    retention_calls_months: Months = 0
    retention_activity_months: Months = 0

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

    def get_database_url(self) -> URL:
        """Return the address of the database for SQLAlchemy with asyncpg.

        With `DATABASE_DIRECT_URL` it is that of a pooler which parts sessions after each transaction, and
        says so: see `shared.postgresql.is_pooled`.
        """
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

    def get_direct_url(self) -> URL:
        """Return the database's own address: for what needs a session, as LISTEN and locks held long."""
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
