"""Forms carry a token that other sites can't know (OWASP, "CSRF Prevention").

Whoever is logged in has one that is bound to their account and browser, so that it outlasts a session that
is renewed while a page is open, and is worth nothing to anybody else. Before that it is a random one, which
form and cookie have to agree on.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Any, cast

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, Headers
from litestar.exceptions import PermissionDeniedException
from litestar.types import ASGIApp, Receive, Scope, Send

from shared.config import Settings
from webapp.auth import is_service_path
from webapp.browsers import known_browsers
from webapp.masking import masked, unmasked
from webapp.security import SAFE_METHODS, cookie, cookie_name, csrf_cookie_name
from webapp.whose_page import OthersPage, refuse_others_page

FIELD = "_csrf_token"
TOKEN = re.compile("[0-9a-f]{64}")

_GIVEN = "calldesk_csrf_token"
"""Where a request's scope holds the token its answer carries."""

AnyConnection = ASGIConnection[Any, Any, Any, Any]


def refuse_foreign_forms(app: ASGIApp) -> ASGIApp:
    """Middleware, after authentication: refuse others' pages, and changes that lack their token."""

    async def check(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_service_path(scope["path"]):
            refuse_others_page(Headers.from_scope(scope), scope.get("user"))
            if scope["method"] not in SAFE_METHODS:
                request = scope["litestar_app"].request_class(scope, receive=receive)
                await _check(request)
        await app(scope, receive, send)

    return check


def token_for_forms(context: Mapping[str, Any]) -> str:
    """Return the token for a form of the page that is being rendered, masked."""
    request: AnyConnection = context["request"]
    notes = _notes(request.scope)
    if _GIVEN not in notes:
        notes[_GIVEN] = _expected(request) or secrets.token_hex(32)
    return masked(notes[_GIVEN])


def new_token(request: AnyConnection, staff_id: int | None, browser: str = "") -> None:
    """Let the answer carry the token of who has just logged in, or out."""
    config: Settings = request.app.state.config
    token = secrets.token_hex(32) if staff_id is None else bound_token(config, staff_id, browser)
    _notes(request.scope)[_GIVEN] = token


def cookie_to_set(scope: Scope) -> Cookie | None:
    """Return the cookie an answer needs so that its forms are accepted, if the browser lacks it."""
    token = _notes(scope).get(_GIVEN)
    config: Settings = scope["litestar_app"].state.config
    if token is None or ASGIConnection[Any, Any, Any, Any](scope).cookies.get(_cookie(config)) == token:
        return None
    return cookie(csrf_cookie_name(config.secret_key.get_secret_value()), token, config)


async def _check(request: Request[Any, Any, Any]) -> None:
    sent = request.headers.get("x-csrftoken") or (await request.form()).get(FIELD)
    expected = _expected(request)
    if not expected or not isinstance(sent, str):
        raise PermissionDeniedException("the form's token is missing")
    if not _same(sent, expected):
        if _is_others(request, sent):
            raise OthersPage(name=request.user.name)
        raise PermissionDeniedException("the form's token is another's")


def _is_others(request: AnyConnection, sent: str) -> bool:
    """Whether a token is that of somebody else who has logged in with this browser."""
    config: Settings = request.app.state.config
    known = known_browsers(request.cookies, config) if request.scope.get("user") else {}
    return any(_same(sent, bound_token(config, staff_id, browser)) for staff_id, browser in known.items())


def _same(sent: str, expected: str) -> bool:
    return hmac.compare_digest(unmasked(sent, len(expected)).encode(), expected.encode())


def _expected(request: AnyConnection) -> str | None:
    config: Settings = request.app.state.config
    member = request.scope.get("user")
    if member is not None:
        return bound_token(config, member.id, known_browsers(request.cookies, config).get(member.id, ""))
    token = request.cookies.get(_cookie(config), "")
    return token if TOKEN.fullmatch(token) else None


def bound_token(config: Settings, staff_id: int, browser: str) -> str:
    """Return the token of an account in a browser that it is known by."""
    secret = config.secret_key.get_secret_value().encode()
    return hmac.new(secret, f"csrf:{staff_id}:{browser}".encode(), hashlib.sha256).hexdigest()


def _cookie(config: Settings) -> str:
    return cookie_name(csrf_cookie_name(config.secret_key.get_secret_value()), config)


def _notes(scope: Scope) -> dict[str, Any]:
    """Return the scope as what it is: a dictionary that middleware may add to."""
    return cast("dict[str, Any]", scope)
