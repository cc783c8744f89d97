"""Keeps other sites out: pages of foreign origin, and names that only pretend to be this host.

Without it a page anywhere could use the development API, which asks for no key, through a visitor's browser:
directly, or after its own name was made to lead to this machine (DNS rebinding).
"""

from urllib.parse import urlsplit

import structlog
from litestar.datastructures import Headers
from litestar.types import ASGIApp, Receive, Scope, Send

from services.errors import DomainError
from shared.config import Settings
from webapp.auth import DOCS_PATH, is_open_api, is_service_path
from webapp.security import LOOPBACK, SAFE_METHODS

HEALTH_PATHS = ("/health", "/health/live", "/health/ready")
"""Load balancers ask here by whatever name or number."""

OURS = {"same-origin", "none"}
"""What `Sec-Fetch-Site` says of a request by one of our pages, or by somebody's own hand."""

log = structlog.get_logger(__name__)


class ForeignHost(DomainError):
    """This service is not known by this host name; ALLOWED_HOSTS lists those it answers to."""


class ForeignSite(DomainError):
    """Pages of other sites may not ask this; CORS_ORIGINS lists those that may."""


def refuse_foreigners(app: ASGIApp) -> ASGIApp:
    """Middleware: refuse hosts that are not ours, and other sites' requests to the API or for a change."""

    async def check(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            config: Settings = scope["litestar_app"].state.config
            headers = Headers.from_scope(scope)
            if scope["path"] not in HEALTH_PATHS and not is_known_host(headers.get("host", ""), config):
                log.warning("host_refused", host=headers.get("host", "")[:100], setting="ALLOWED_HOSTS")
                raise ForeignHost
            if is_foreign(headers, scope["path"], scope["method"], config):
                log.warning("site_refused", path=scope["path"], setting="CORS_ORIGINS")
                raise ForeignSite
        await app(scope, receive, send)

    return check


def is_known_host(host: str, config: Settings) -> bool:
    """Whether a `Host` header names this service.

    Loopback names and the platform's own name always do. Beside those, `ALLOWED_HOSTS`; where that is empty
    any other as well, unless the API is open.
    """
    if not config.hosts and not is_open_api(config):
        return True
    name = _host_name(host)
    own = _host_name(urlsplit(config.get_service_url("communication")).netloc)
    return "*" in config.hosts or name in {*LOOPBACK, own, *config.hosts}


def is_foreign(headers: Headers, path: str, method: str, config: Settings) -> bool:
    """Whether a page of another site sent this, where it may not: to the API, or to change something."""
    to_service = is_service_path(path) and path != DOCS_PATH
    if not to_service and method in SAFE_METHODS:
        return False
    origin = headers.get("origin")
    if origin is not None and to_service and origin.lower() in config.origins:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site.lower() not in OURS
    return to_service and origin is not None and not _is_own(origin, headers)


def _is_own(origin: str, headers: Headers) -> bool:
    return origin.lower().partition("://")[2] == headers.get("host", "").lower()


def _host_name(host: str) -> str:
    """Return the name in a `Host` header, without port, brackets or a closing dot."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
    return name.rstrip(".").lower()
