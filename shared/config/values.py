"""Settings that are more than a word or a number: how they are written, and what is said otherwise."""

import re
import socket
from datetime import time
from ipaddress import ip_address, ip_network
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

SERVICE_PORTS = {
    "patient": 8001,
    "therapist": 8002,
    "matching": 8003,
    "communication": 8004,
    "geocoding": 8005,
}
"""The platform's services and where each listens."""

INSECURE_PARTS = ("smtp", "kafka", "therapists", "database")
"""What `ALLOW_INSECURE` can name."""

GERMAN_STATES = (
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
)
WEEK_SECONDS = 7 * 24 * 3600

_ONE_HOST = re.compile(r"[^\s/:@?#\[\]]+")
_HOST = re.compile(r"[a-z0-9_.-]+|[0-9a-f:]+")
_ORIGIN = re.compile(r"https?://(?:[a-z0-9_.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?")
_PATH = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
_BROKER = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(?::(\d{1,5}))?")


_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_FULL_NAME = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+(?!\d+$){_LABEL}")

LONGEST_BEFORE_TOKEN = 39
"""Characters before the @ of an address that a token of 24 and a + are added to (RFC 5321: 64)."""


def is_full_name(text: str) -> bool:
    """Whether a text is a host's name with its domain, in ASCII."""
    return _FULL_NAME.fullmatch(text) is not None


def address_literal(address: str) -> str:
    """Return an IP address as SMTP writes it in place of a name (RFC 5321, 4.1.3)."""
    return f"[IPv6:{address.partition('%')[0]}]" if ":" in address else f"[{address}]"


def _read_helo_name(value: str | None) -> str | None:
    """Return a full name or an address literal (RFC 5321, 4.1.1.1); nothing where nothing is given."""
    name = (value or "").strip()
    if not name or is_full_name(name):
        return name or None
    inner = name.removeprefix("[").removesuffix("]").removeprefix("IPv6:")
    family = socket.AF_INET6 if ":" in inner else socket.AF_INET
    try:
        socket.inet_pton(family, inner)
    except OSError:
        inner = ""
    if not inner or name != address_literal(inner):
        raise ValueError("give a full name or an address: mail.example.de, [192.0.2.1] or [IPv6:2001:db8::1]")
    return name


def _read_desk_hours(value: object) -> object:
    """Turn `08:00-18:00` into two times; `24:00` means the day's last minute."""
    if not isinstance(value, str):
        return value
    start, _, end = value.partition("-")
    try:
        opening = _read_minute(start)
        closing = time.max if end.strip() == "24:00" else _read_minute(end)
    except ValueError:
        raise ValueError("write opening and closing time as HH:MM-HH:MM, for example 08:00-18:00") from None
    if opening >= closing:
        raise ValueError("the opening time must be before the closing time, for example 08:00-18:00")
    return opening, closing


def _read_minute(text: str) -> time:
    at = time.fromisoformat(text.strip())
    if at != time(at.hour, at.minute):
        raise ValueError("seconds and time zones are not meant")
    return at


def _read_brokers(value: str) -> str:
    """Return brokers separated by commas and nothing else."""
    brokers = [broker for part in value.split(",") if (broker := part.strip())]
    for broker in brokers:
        match = _BROKER.fullmatch(broker)
        if match is None or not 1 <= int(match[1] or 1) <= 65_535:
            raise ValueError("name brokers as host:port, separated by commas, for example kafka:9092")
    return ",".join(brokers)


def _read_hosts(value: str) -> str:
    """Return host names separated by commas, in lower case."""
    hosts = [host.lower() for part in value.split(",") if (host := part.strip())]
    if not all(host == "*" or _HOST.fullmatch(host) for host in hosts):
        raise ValueError("name hosts without scheme and port, separated by commas: desk.example.de,desk")
    return ",".join(hosts)


def _read_origins(value: str) -> str:
    """Return origins (RFC 6454) separated by commas, in lower case."""
    origins = [origin.lower() for part in value.split(",") if (origin := part.strip())]
    if not all(_ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("name origins in full, separated by commas, for example https://desk.example.de")
    return ",".join(origins)


def _read_proxies(value: str) -> str:
    """Return addresses and networks separated by commas; `*` is everybody."""
    proxies = [proxy for part in value.split(",") if (proxy := part.strip())]
    if proxies == ["*"]:
        return "*"
    try:
        for proxy in proxies:
            ip_network(proxy)
    except ValueError:
        raise ValueError(
            "name addresses or networks (CIDR), separated by commas, for example 10.0.0.5,172.16.0.0/12"
        ) from None
    return ",".join(proxies)


def _read_root_path(value: str) -> str:
    """Return a path that begins and does not end with a slash; nothing at the root of the host."""
    path = value.strip().strip("/")
    if path and not _PATH.fullmatch(path):
        raise ValueError("give the path the application stands below, in plain letters, for example /pult")
    return f"/{path}" if path else ""


def _known_timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError("name a time zone of the IANA database, for example Europe/Berlin") from None
    return value


def _known_state(value: str) -> str:
    if value not in GERMAN_STATES:
        raise ValueError(f"name a German state by its two letters: {', '.join(GERMAN_STATES)}")
    return value


def _sender(value: str) -> str:
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


def _read_sender_domains(value: str) -> str:
    """Return domains separated by commas as DNS knows them: in lower case, as A-labels (RFC 5890)."""
    return ",".join(_sender_domain(domain) for part in value.split(",") if (domain := part.strip()))


def _sender_domain(domain: str) -> str:
    try:
        return ascii_domain(_sender(f"kontakt@{domain}"))
    except ValueError:
        raise ValueError("name domains without @, separated by commas: example.de,mail.example.de") from None


def ascii_domain(address: str) -> str:
    """Return the domain of a valid address as DNS knows it, in lower case."""
    parsed = validate_email(address, check_deliverability=False, globally_deliverable=False)
    return parsed.ascii_domain.lower()


def _takes_a_token(value: str) -> str:
    if not value:
        return value
    address = _sender(value)
    if len(address.rpartition("@")[0]) > LONGEST_BEFORE_TOKEN or "+" in address:
        raise ValueError(
            f"give an address with at most {LONGEST_BEFORE_TOKEN} characters before the @ and no +;"
            " what is sent to name+anything must reach it as well"
        )
    return address


def _sender_name(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("give a name of one line, for example Therapieplatz-Vermittlung")
    return value.strip()


def _host(value: str) -> str:
    host = value.strip().removeprefix("[").removesuffix("]")
    try:
        ip_address(host)
    except ValueError:
        if not _ONE_HOST.fullmatch(host):
            raise ValueError(
                "name the host alone, without scheme or port, for example mail.example.de"
            ) from None
    return host


def _insecure_parts(value: str) -> str:
    parts = [part for written in value.split(",") if (part := written.strip().lower())]
    if not set(parts) <= set(INSECURE_PARTS):
        raise ValueError(f"name what may be readable on the way: {', '.join(INSECURE_PARTS)}")
    return ",".join(parts)


DeskHours = Annotated[tuple[time, time], NoDecode, BeforeValidator(_read_desk_hours)]

HeloName = Annotated[str | None, AfterValidator(_read_helo_name)]

Brokers = Annotated[str, AfterValidator(_read_brokers)]
"""Kafka's bootstrap servers; without any there is no cluster."""

HostNames = Annotated[str, AfterValidator(_read_hosts)]
"""Names this service goes by; `*` is any."""

Origins = Annotated[str, AfterValidator(_read_origins)]
"""Sites whose pages may use the API."""

Proxies = Annotated[str, AfterValidator(_read_proxies)]
"""Whose word on where a request came from is taken."""

RootPath = Annotated[str, AfterValidator(_read_root_path)]
"""The path of a host that the application stands below."""

TimeZone = Annotated[str, AfterValidator(_known_timezone)]
"""A name of the IANA time zone database."""

State = Annotated[str, AfterValidator(_known_state)]
"""A German state by its two letters."""

Sender = Annotated[str, AfterValidator(_sender)]
TokenAddress = Annotated[str, AfterValidator(_takes_a_token)]
"""An address that a token is put into behind a +, or none."""

SenderDomains = Annotated[str, AfterValidator(_read_sender_domains)]
"""Domains an e-mail may be sent from; without any, it may be from each."""

SenderName = Annotated[str, AfterValidator(_sender_name)]

Host = Annotated[str, AfterValidator(_host)]
"""A host name or address, an IPv6 one without its brackets."""

HostOrFolder = Annotated[str, AfterValidator(lambda value: value if value.startswith("/") else _host(value))]
"""A host, or the folder of a database's socket."""

MailSecurity = Literal["none", "starttls", "tls"]
"""How the way to a mail server or mailbox is encrypted."""

Port = Annotated[int, Field(ge=1, le=65_535)]
Seconds = Annotated[float, Field(gt=0, le=WEEK_SECONDS, allow_inf_nan=False)]
Months = Annotated[int, Field(ge=0, le=600)]

InsecureParts = Annotated[str, AfterValidator(_insecure_parts)]
"""What production may do in the clear, separated by commas."""
