"""Every setting of the platform's services, read from the environment or `.env`."""

from datetime import time
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypedDict
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from email_validator import EmailNotValidError, validate_email
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url

from shared.config.values import Brokers, DeskHours, HeloName, HostNames, Origins

SERVICE_PORTS = {
    "patient": 8001,
    "therapist": 8002,
    "matching": 8003,
    "communication": 8004,
    "geocoding": 8005,
}
GERMAN_STATES = [
    "BW",
    "BY",
    "BE",
    "BB",
    "HB",
    "HH",
    "HE",
    "MV",
    "NI",
    "NW",
    "RP",
    "SL",
    "SN",
    "ST",
    "SH",
    "TH",
]
DEVELOPMENT_SECRET = "development-only-secret-never-use-it-in-production"  # noqa: S105

LONGEST_BEFORE_TOKEN = 39
"""Characters before the @ of an address that a token of 24 and a + are added to (RFC 5321: 64)."""

MailSecurity = Literal["none", "starttls", "tls"]
Port = Annotated[int, Field(ge=1, le=65535)]


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
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    timezone: str = "Europe/Berlin"
    data_dir: Path = Path(".data")
    clock_offset_seconds: int = 0

    database_url: str | None = None
    db_user: str = "postgres"
    db_password: SecretStr = SecretStr("")
    db_host: str = "localhost"
    db_port: Port = 5432
    db_name: str = "therapy_platform"
    db_pool_size: Annotated[int, Field(ge=2, le=200)] = 10

    smtp_host: str = "localhost"
    smtp_port: Port = 1025
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_use_tls: bool | MailSecurity = False
    smtp_ca_file: Path | None = None
    smtp_helo_name: HeloName = None
    smtp_utf8: bool = False
    smtp_connections: Annotated[int, Field(ge=1, le=50)] = 8
    smtp_messages_per_connection: Annotated[int, Field(ge=1)] = 100
    smtp_deadline_seconds: Annotated[float, Field(gt=0)] = 60
    email_sender: str = "kontakt@therapieplatz.example"
    email_sender_name: str = "Therapieplatz-Vermittlung"
    bounce_address: str = ""
    reply_to_address: str = ""
    email_lease_seconds: Annotated[float, Field(gt=0)] = 180
    email_retry_base_seconds: Annotated[float, Field(gt=0)] = 60
    email_retry_cap_seconds: Annotated[float, Field(gt=0)] = 14_400
    email_max_age_hours: Annotated[float, Field(gt=0)] = 48
    queue_pause_base_seconds: Annotated[float, Field(gt=0)] = 5
    queue_pause_cap_seconds: Annotated[float, Field(gt=0)] = 300
    worker_poll_seconds: Annotated[float, Field(gt=0)] = 2

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
    kafka_ssl_cafile: Path | None = None
    outbox_retention_days: Annotated[int, Field(ge=1)] = 14
    outbox_max_attempts: Annotated[int, Field(ge=1)] = 10

    patient_service_url: str | None = None
    therapist_service_url: str | None = None
    matching_service_url: str | None = None
    communication_service_url: str | None = None
    geocoding_service_url: str | None = None
    communication_service_host: str = "127.0.0.1"
    communication_service_port: Port = 8004
    allowed_hosts: HostNames = ""
    cors_origins: Origins = ""
    trusted_proxies: str = "127.0.0.1,::1"
    max_connections: Annotated[int, Field(ge=20, le=100_000)] = 800
    therapist_ttl_minutes: Annotated[int, Field(ge=1)] = 60
    therapist_deadline_seconds: Annotated[float, Field(gt=0)] = 3

    holiday_state: str = "BE"
    desk_lines: Annotated[int, Field(ge=1, le=100)] = 3
    desk_hours: DeskHours = (time(8), time(18))
    call_duration_minutes: Annotated[int, Field(ge=1, le=240)] = 5
    call_gap_minutes: Annotated[int, Field(ge=0, le=240)] = 5
    call_notice_minutes: Annotated[int, Field(ge=0, le=10_080)] = 30
    call_grid_minutes: Annotated[int, Field(ge=1, le=60)] = 5
    call_horizon_days: Annotated[int, Field(ge=1, le=365)] = 14
    call_max_attempts: Annotated[int, Field(ge=1, le=50)] = 5
    call_claim_minutes: Annotated[int, Field(ge=5, le=240)] = 10
    undo_seconds: Annotated[int, Field(ge=0, le=300)] = 15
    follow_up_after_days: Annotated[int, Field(ge=1, le=365)] = 7
    session_hours: Annotated[int, Field(ge=1, le=720)] = 12

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise ValueError("name a time zone of the IANA database, for example Europe/Berlin") from None
        return value

    @field_validator("holiday_state")
    @classmethod
    def _known_state(cls, value: str) -> str:
        if value not in GERMAN_STATES:
            raise ValueError(f"name a German state by its two letters: {', '.join(GERMAN_STATES)}")
        return value

    @field_validator("email_sender")
    @classmethod
    def _an_address(cls, value: str) -> str:
        wanted = "give a complete e-mail address, ASCII before the @, for example kontakt@example.de"
        try:
            address = validate_email(
                value,
                check_deliverability=False,
                allow_smtputf8=False,
                globally_deliverable=False,
                strict=True,
            )
        except EmailNotValidError:
            raise ValueError(wanted) from None
        if "." not in address.ascii_domain:
            raise ValueError(wanted)
        return address.normalized

    @field_validator("bounce_address", "reply_to_address")
    @classmethod
    def _takes_a_token(cls, value: str) -> str:
        if not value:
            return value
        address = cls._an_address(value)
        if len(address.rpartition("@")[0]) > LONGEST_BEFORE_TOKEN or "+" in address:
            raise ValueError(
                f"give an address with at most {LONGEST_BEFORE_TOKEN} characters before the @ and no +;"
                " what is sent to name+anything must reach it as well"
            )
        return address

    @field_validator("email_sender_name")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.strip() or not value.isprintable():
            raise ValueError("give a name of one line, for example Therapieplatz-Vermittlung")
        return value.strip()

    @field_validator("database_url")
    @classmethod
    def _postgresql_only(cls, value: str | None) -> str | None:
        if value and not value.startswith(("postgresql://", "postgres://", "postgresql+asyncpg://")):
            raise ValueError("give a PostgreSQL address: postgresql://user:password@host:5432/name")
        return value or None

    @model_validator(mode="after")
    def _safe_in_production(self) -> Self:
        secret = self.secret_key.get_secret_value()
        if self.app_env == "production" and (secret == DEVELOPMENT_SECRET or len(secret) < 32):
            raise ValueError("SECRET_KEY: production needs a random value of at least 32 characters")
        if self.clock_offset_seconds and self.app_env != "testing":
            raise ValueError("CLOCK_OFFSET_SECONDS: only APP_ENV=testing may shift the clock")
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

    def get_database_url(self) -> URL:
        """Return the address of the database for SQLAlchemy with asyncpg."""
        if self.database_url:
            return make_url(self.database_url).set(drivername="postgresql+asyncpg")
        return URL.create(
            "postgresql+asyncpg",
            username=self.db_user,
            password=self.db_password.get_secret_value() or None,
            host=self.db_host,
            port=self.db_port,
            database=self.db_name,
        )

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
        raise ConfigurationError("; ".join(_explain(e["loc"], e["msg"]) for e in error.errors())) from None


def _explain(location: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"{str(location[0]).upper()}: {text}" if location else text


@lru_cache(maxsize=1)
def get_config() -> Settings:
    """Return this process's settings, read once.

    Raises:
        ConfigurationError: a value can't work.
    """
    return load_settings()
