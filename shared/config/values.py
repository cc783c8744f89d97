"""Settings that are more than a word or a number: how they are written, and what is said otherwise."""

import re
import socket
from datetime import time
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

_HOST = re.compile(r"[a-z0-9_.-]+|[0-9a-f:]+")
_ORIGIN = re.compile(r"https?://(?:[a-z0-9_.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?")
_BROKER = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(?::(\d{1,5}))?")


_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_FULL_NAME = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)+(?!\d+$){_LABEL}")


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


DeskHours = Annotated[tuple[time, time], NoDecode, BeforeValidator(_read_desk_hours)]

HeloName = Annotated[str | None, AfterValidator(_read_helo_name)]

Brokers = Annotated[str, AfterValidator(_read_brokers)]
"""Kafka's bootstrap servers; without any there is no cluster."""

HostNames = Annotated[str, AfterValidator(_read_hosts)]
"""Names this service goes by; `*` is any."""

Origins = Annotated[str, AfterValidator(_read_origins)]
"""Sites whose pages may use the API."""
