"""Who is asking: staff by a server-side session, services by an API key. Everything else is refused.

What a key opens is said in `webapp.service_keys`. A route is open to all only with `opt={"public": True}`,
and to staff who have something to do with their account first only with `opt={"before_duties": True}`. What
pages ask for by themselves, with the header `UNASKED` or on a route with `opt={"unasked": True}`, keeps no
session alive.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, State
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from services.accounts.duties import Duty, duty_of
from services.accounts.rate_limits import Allowance, KeyRateExceeded
from services.accounts.sessions import staff_of_session
from services.errors import DomainError
from services.models import Staff
from services.work import Actor
from shared.config import Settings
from shared.loopback import is_loopback
from webapp.request_ids import origin_of
from webapp.security import cookie, cookie_name
from webapp.service_keys import ServiceKeys

SESSION_COOKIE = "calldesk_session"
API_PREFIX = "/api/"
METRICS_PATH = "/metrics"
DOCS_PATH = "/api/docs"
SEND_A_KEY = "send an API key: Authorization: Bearer <key>"
CHALLENGE = {"WWW-Authenticate": "Bearer"}
"""How a service is asked for a key (RFC 6750, 3)."""

UNASKED = "x-unasked"
"""Says that nobody did anything: the page brings itself up to date (`static/js/unasked.js`)."""

DUTY = "duty"
"""Where a request's scope holds what somebody has to do first, if anything."""

ALLOWANCE = "allowance"
"""Where a request's scope holds where its key stands in this minute, if it has a limit."""

Connection = ASGIConnection[BaseRouteHandler, Staff | None, Actor | None, State]


class DutyFirst(DomainError):
    """There is something to do with your account first. Nothing was done."""

    def __init__(self, duty: Duty) -> None:
        self.duty = duty
        super().__init__()


class Authentication(AbstractAuthenticationMiddleware):
    """Sets `request.user` (Staff or None) and `request.auth` (Actor or None)."""

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        """Find out who asks.

        Raises:
            NotAuthorizedException: nobody known does, and the route isn't public.
            KeyRefused: a service shows a key that is not valid.
            KeyRateExceeded: its key has made all its requests of this minute.
            ScopeMissing: its key is not for this route.
            DutyFirst: somebody has something else to do before this.
        """
        public = bool(connection.route_handler.opt.get("public"))
        if is_service_path(connection.scope["path"]):
            key_id = None if public else await self._service(connection)
            service = Actor("api", key_id=key_id, origin=origin_of(connection.scope))
            return AuthenticationResult(user=None, auth=service)
        member = await self._member(connection)
        if member is None and not public:
            raise NotAuthorizedException("log in first")
        if member is not None:
            _look_for_duties(connection, member)
        actor = Actor("staff", member.id, origin=origin_of(connection.scope)) if member else None
        return AuthenticationResult(user=member, auth=actor)

    async def _service(self, connection: Connection) -> int | None:
        """Return the id of the key a service shows; None where it needs none."""
        scheme, _, key = connection.headers.get("authorization", "").partition(" ")
        if not key:
            if is_open_api(connection.app.state.config):
                return None
            raise NotAuthorizedException(SEND_A_KEY, headers=CHALLENGE)
        if scheme.lower() != "bearer":
            raise NotAuthorizedException(SEND_A_KEY, headers=CHALLENGE)
        keys: ServiceKeys = connection.app.state.service_keys
        valid = await keys.check(key.strip())
        allowance = await keys.spend(valid)
        cast("dict[str, Any]", connection.scope)[ALLOWANCE] = allowance
        if allowance is not None and not allowance.granted:
            raise KeyRateExceeded(allowance)
        await keys.require(valid, connection.route_handler)
        return valid.id

    async def _member(self, connection: Connection) -> Staff | None:
        token = session_token(connection)
        if not token:
            return None
        unasked = UNASKED in connection.headers or bool(connection.route_handler.opt.get("unasked"))
        state = connection.app.state
        return await staff_of_session(state.statements, state.workplace.moment(), token, used=not unasked)


def _look_for_duties(connection: Connection, member: Staff) -> None:
    duty = duty_of(member, connection.app.state.config.require_totp)
    cast("dict[str, Any]", connection.scope)[DUTY] = duty
    opt = connection.route_handler.opt
    if duty is not None and not (opt.get("public") or opt.get("before_duties")):
        raise DutyFirst(duty)


def session_token(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """Return the token of the session a browser says it has."""
    return connection.cookies.get(cookie_name(SESSION_COOKIE, connection.app.state.config))


def allowance_of(scope: Mapping[str, Any]) -> Allowance | None:
    """Return where a request's key stands in this minute; None without a limit."""
    return scope.get(ALLOWANCE)


def totp_key(config: Settings) -> bytes:
    """Return what the second factors' secrets are made with."""
    return config.key_for("totp")


def is_service_path(path: str) -> bool:
    """Whether services, not people, are at home at this address."""
    return path.startswith(API_PREFIX) or path == METRICS_PATH


def is_open_api(config: Settings) -> bool:
    """Whether the API answers without a key: in development only, and to this machine alone."""
    return config.app_env == "development" and is_loopback(config.communication_service_host)


def admins_only(
    connection: ASGIConnection[BaseRouteHandler, Staff, Actor, State], _: BaseRouteHandler
) -> None:
    """Guard: refuse everybody but administrators."""
    if not connection.user.admin:
        raise PermissionDeniedException("administrators only")


@dataclass(frozen=True, slots=True)
class SessionCookie:
    """Makes the session's cookie as the settings want it."""

    config: Settings

    def holding(self, token: str) -> Cookie:
        """Return the cookie that carries a session's token."""
        return self._cookie(token, self.config.session_hours * 3600)

    def removed(self) -> Cookie:
        """Return the cookie that makes the browser forget its session."""
        return self._cookie("", 0)

    def _cookie(self, value: str, max_age: int) -> Cookie:
        return cookie(SESSION_COOKIE, value, self.config, max_age)
