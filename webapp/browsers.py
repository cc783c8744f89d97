"""Where a request comes from, as far as logging in has to know: the source, and browsers used before."""

import hmac
import ipaddress
import re
import secrets
from collections.abc import Mapping
from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from services.accounts.login_tries import Visitor
from shared.config import Settings
from webapp.security import cookie

YEAR_SECONDS = 31_536_000
COOKIE = re.compile(r"(?:__(?:Host|Secure)-)?calldesk_browser_(\d{1,10})")
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
"""Signs in a User-Agent in the order in which they tell: each browser also names those it came from."""

SHARED_PREFIX = 64
"""What one network has of an IPv6 address (RFC 4291, 2.5.4): whoever has one address there has them all."""


def visitor_of(connection: ASGIConnection[Any, Any, Any, Any], config: Settings) -> Visitor:
    """Return who tries to log in."""
    source = source_mark(connection.client.host if connection.client else "", config)
    name = browser_name(connection.headers.get("user-agent", ""))
    return Visitor(source, known_browsers(connection.cookies, config), name)


def source_mark(host: str, config: Settings) -> str:
    """Return what stands for a network address, which is itself kept nowhere; empty without one."""
    return _signature(config, "source", _network(host))[:32] if host else ""


def browser_name(agent: str) -> str:
    """Return what people call a browser and its system, such as `Firefox, Windows`; empty if nobody knows."""
    names = (next((name for sign, name in known if sign in agent), "") for known in (BROWSERS, SYSTEMS))
    return ", ".join(name for name in names if name)


def known_browsers(cookies: Mapping[str, str], config: Settings) -> dict[int, str]:
    """Return the ids this browser was given at logins, by account; what we have not signed is left out."""
    found: dict[int, str] = {}
    for name, value in cookies.items():
        match = COOKIE.fullmatch(name)
        browser, _, signature = value.partition(".")
        if match and hmac.compare_digest(
            _signature(config, "browser", match[1], browser).encode(), signature.encode()
        ):
            found[int(match[1])] = browser
    return found


def new_browser() -> str:
    """Return the id a browser gets at its first login to an account."""
    return secrets.token_hex(16)


def browser_cookie(staff_id: int, browser: str, config: Settings) -> Cookie:
    """Return the cookie by which a browser is known for an account, for a year after each login."""
    signed = f"{browser}.{_signature(config, 'browser', str(staff_id), browser)}"
    return cookie(f"calldesk_browser_{staff_id}", signed, config, YEAR_SECONDS)


def _network(host: str) -> str:
    if ":" not in host:
        return host
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address.packed, SHARED_PREFIX), strict=False))
    return host


def _signature(config: Settings, *parts: str) -> str:
    secret = config.secret_key.get_secret_value().encode()
    return hmac.digest(secret, ":".join(parts).encode(), "sha256").hex()
