"""What settings must not be together: values that can't work, and in production those that are not safe."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shared.config.database_url import is_private
from shared.config.values import SERVICE_PORTS, ascii_domain
from shared.loopback import is_loopback

if TYPE_CHECKING:
    from shared.config.settings import Settings

DEVELOPMENT_SECRET = "development-only-secret-never-use-it-in-production"  # noqa: S105
SHORTEST_SECRET = 32

FEWEST_PAIRS = 20
"""Different pairs of neighbours in a secret: `1234567890` over and over has 10, 32 random digits some 27."""

MAIL_CATCHER_PORT = 1025

RESERVED_DOMAINS = ("example", "example.com", "example.net", "example.org", "test", "invalid", "localhost")
"""Domains that are nobody's (RFC 2606, RFC 6761)."""


def contradictions(settings: Settings) -> Iterator[str]:
    """Yield what can't work wherever it runs, each named with what would be right."""
    if settings.clock_offset_seconds and settings.app_env != "testing":
        yield "CLOCK_OFFSET_SECONDS: only APP_ENV=testing may shift the clock"
    if settings.database_direct_url and not settings.database_url:
        yield "DATABASE_URL: DATABASE_DIRECT_URL goes with the address of a pooler here"
    if bool(settings.smtp_username) != bool(settings.smtp_password):
        yield "SMTP_USERNAME, SMTP_PASSWORD: a login needs both"
    if settings.kafka_security_protocol.startswith("SASL") and not (
        settings.kafka_sasl_username and settings.kafka_sasl_password
    ):
        yield f"KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD: {settings.kafka_security_protocol} needs both"
    for service, port in SERVICE_PORTS.items():
        if not _is_web_address(settings.get_service_url(service)):
            yield f"{service.upper()}_SERVICE_URL: give an address, for example https://{service}:{port}"
    own = ascii_domain(settings.email_sender)
    if settings.sender_domains and own not in settings.sender_domains:
        yield f"EMAIL_SENDER_DOMAINS: EMAIL_SENDER is of another domain, add {own}"
    opening, closing = (datetime.combine(date.min, at) for at in settings.desk_hours)
    if (closing - opening).total_seconds() < 60 * settings.call_duration_minutes:
        yield "DESK_HOURS: no call of CALL_DURATION_MINUTES fits between opening and closing"


def dangers(settings: Settings) -> Iterator[str]:
    """Yield what is not safe in production, each named with what would be right."""
    allowed = settings.allow_insecure.split(",")
    yield from _identity_dangers(settings)
    for part, found in (
        ("smtp", _smtp_dangers(settings)),
        ("kafka", _kafka_dangers(settings)),
        ("therapists", _therapist_dangers(settings)),
        ("database", _database_dangers(settings)),
    ):
        if part not in allowed:
            yield from (f"{danger}; on a closed network say ALLOW_INSECURE={part}" for danger in found)


def _identity_dangers(settings: Settings) -> Iterator[str]:
    if not _is_random(settings.secret_key.get_secret_value()):
        yield f"SECRET_KEY: production needs a random value of at least {SHORTEST_SECRET} characters"
    if settings.trusted_proxies == "*":
        yield "TRUSTED_PROXIES: anybody could say where they come from, name the proxies or their network"
    domain = settings.email_sender.rpartition("@")[2].casefold()
    if any(domain == reserved or domain.endswith(f".{reserved}") for reserved in RESERVED_DOMAINS):
        yield "EMAIL_SENDER: this domain is nobody's, give the address that answers go to"


def _smtp_dangers(settings: Settings) -> Iterator[str]:
    smtp, here = settings.get_smtp_settings(), is_loopback(settings.smtp_host)
    if here and smtp["port"] == MAIL_CATCHER_PORT:
        yield "SMTP_HOST, SMTP_PORT: localhost:1025 is the demo's, name the mail server"
    if smtp["security"] == "none" and (smtp["username"] or not here):
        what = "the login" if smtp["username"] else "every e-mail"
        yield f"SMTP_USE_TLS: {what} can be read on the way, use starttls or tls"


def _kafka_dangers(settings: Settings) -> Iterator[str]:
    protocol = settings.kafka_security_protocol
    if protocol == "SASL_PLAINTEXT":
        yield "KAFKA_SECURITY_PROTOCOL: the password can be read on the way, use SASL_SSL"
    brokers = filter(None, settings.kafka_bootstrap_servers.split(","))
    if protocol == "PLAINTEXT" and not all(is_loopback(urlsplit(f"//{b}").hostname or "") for b in brokers):
        yield "KAFKA_SECURITY_PROTOCOL: anybody on the way can read and forge events, use SSL or SASL_SSL"


def _therapist_dangers(settings: Settings) -> Iterator[str]:
    address = urlsplit(settings.get_service_url("therapist"))
    if address.scheme != "https" and not is_loopback(address.hostname or ""):
        yield "THERAPIST_SERVICE_URL: anybody on the way can read and forge phone hours, use https"


def _database_dangers(settings: Settings) -> Iterator[str]:
    for name, url in (
        ("DATABASE_URL", settings.get_database_url()),
        ("DATABASE_DIRECT_URL", settings.get_direct_url()),
    ):
        if not is_private(url) and (name == "DATABASE_URL" or settings.database_direct_url):
            yield f"{name}: everything can be read on the way, add sslmode=verify-full (or require)"


def _is_random(secret: str) -> bool:
    """Whether a secret can be one: long, not the one everybody knows, not the same over and over."""
    different = len(set(pairwise(secret)))
    return len(secret) >= SHORTEST_SECRET and secret != DEVELOPMENT_SECRET and different >= FEWEST_PAIRS


def _is_web_address(url: str) -> bool:
    try:
        address = urlsplit(url)
        port = address.port
    except ValueError:
        return False
    return address.scheme in ("http", "https") and bool(address.hostname) and port != 0
