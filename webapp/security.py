"""Headers that keep a page from doing anything we did not write, and cookies nobody else can set."""

import hashlib

from litestar import MediaType, Response
from litestar.datastructures import Cookie

from shared.config import Settings

PAGE_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)

SECURITY_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}

MAIL_PREVIEW_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'; sandbox"
    ),
    "X-Frame-Options": "SAMEORIGIN",
}
"""For an e-mail's own HTML in its frame: inline styles only, nothing fetched, nothing run."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""They change nothing (RFC 9110, 9.2.1)."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_secure(config: Settings) -> bool:
    """Whether browsers speak to us over TLS only."""
    return config.app_env == "production"


def cookie_name(name: str, config: Settings) -> str:
    """Return a cookie's name; over TLS with a prefix for which browsers take it over TLS only (RFC 6265bis).

    `__Host-` also keeps other hosts of the domain from setting it, and asks for a cookie of the whole host:
    below a path, where others may be at home beside us, it is `__Secure-`.
    """
    if not is_secure(config):
        return name
    return f"__Secure-{name}" if config.root_path else f"__Host-{name}"


def cookie(name: str, value: str, config: Settings, max_age: int | None = None) -> Cookie:
    """Return a cookie for this application alone; without `max_age` seconds it goes with the browser."""
    return Cookie(
        key=cookie_name(name, config),
        value=value,
        max_age=max_age,
        path=config.root_path or "/",
        secure=is_secure(config),
        httponly=True,
        samesite="lax",
    )


def csrf_cookie_name(secret: str) -> str:
    """Return the CSRF cookie's name: another for another secret, so that a new one locks nobody out."""
    return f"calldesk_csrf_{hashlib.sha256(secret.encode()).hexdigest()[:8]}"


PLAIN = "<!doctype html><style>body { font: 15px/1.5 sans-serif; margin: 16px; }</style>"
"""What comes before HTML that is no whole document, so that it looks as most mail programs show it."""


def framed_mail(html: str) -> Response[str]:
    """Answer a mail's HTML with headers under which nothing in it runs or is fetched."""
    whole = "<html" in html[:2000].lower()
    return Response(
        html if whole else PLAIN + html,
        media_type=MediaType.HTML,
        headers=MAIL_PREVIEW_HEADERS,
    )
