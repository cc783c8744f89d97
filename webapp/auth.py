"""Who is asking: staff by a server-side session, services by an API key. Everything else is refused.

A route is open to all only with `opt={"public": True}`.
"""

import time
from dataclasses import dataclass
from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, State
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from services.accounts import api_keys, staff
from services.models import Staff
from services.work import API, Actor
from shared.config import Settings
from shared.loopback import is_loopback
from webapp.security import cookie_name, is_secure

SESSION_COOKIE = "calldesk_session"
API_PREFIX = "/api/"
METRICS_PATH = "/metrics"
KEY_MEMORY_SECONDS = 15
"""How long a checked API key is trusted without asking the database, so how long a revoked one may live."""

Connection = ASGIConnection[BaseRouteHandler, Staff | None, Actor | None, State]


class Authentication(AbstractAuthenticationMiddleware):
    """Sets `request.user` (Staff or None) and `request.auth` (Actor or None)."""

    _known_keys: dict[str, tuple[int, float]] = {}  # noqa: RUF012

    async def authenticate_request(self, connection: Connection) -> AuthenticationResult:
        """Find out who asks.

        Raises:
            NotAuthorizedException: nobody known does, and the route isn't public.
        """
        public = bool(connection.route_handler.opt.get("public"))
        if is_service_path(connection.scope["path"]):
            return AuthenticationResult(user=None, auth=API if public else await self._service(connection))
        member = await self._member(connection)
        if member is None and not public:
            raise NotAuthorizedException("log in first")
        return AuthenticationResult(user=member, auth=Actor("staff", member.id) if member else None)

    async def _service(self, connection: Connection) -> Actor:
        scheme, _, key = connection.headers.get("authorization", "").partition(" ")
        if not key:
            if is_open_api(connection.app.state.config):
                return API
            raise NotAuthorizedException("send an API key: Authorization: Bearer <key>")
        key_id = await self._key_id(connection, key.strip()) if scheme.lower() == "bearer" else None
        if key_id is None:
            raise NotAuthorizedException("this API key is not valid")
        return Actor("api", key_id=key_id)

    async def _key_id(self, connection: Connection, key: str) -> int | None:
        now = time.monotonic()
        key_id, until = self._known_keys.get(key, (None, 0.0))
        if until > now:
            return key_id
        async with connection.app.state.workplace.work() as work:
            key_id = await api_keys.key_id(work, key)
        if key_id is not None:
            self._known_keys[key] = key_id, now + KEY_MEMORY_SECONDS
        else:
            self._known_keys.pop(key, None)
        return key_id

    async def _member(self, connection: Connection) -> Staff | None:
        token = session_token(connection)
        if not token:
            return None
        async with connection.app.state.workplace.work() as work:
            return await staff.staff_of_session(work, token)


def session_token(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """Return the token of the session a browser says it has."""
    return connection.cookies.get(cookie_name(SESSION_COOKIE, connection.app.state.config))


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
        return Cookie(
            key=cookie_name(SESSION_COOKIE, self.config),
            value=value,
            max_age=max_age,
            path="/",
            secure=is_secure(self.config),
            httponly=True,
            samesite="lax",
        )
