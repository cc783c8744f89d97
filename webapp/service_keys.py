"""The keys that services show: which are known, what a route wants of them, how much is left of their minute.

What a route wants stands in its `security`, as the OpenAPI document says it: one of these scopes opens it.
A route that names none is open to every key.
"""

import time

from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.openapi.spec import SecurityRequirement

from services.accounts.key_check import ValidKey, check_key, refuse_scope
from services.accounts.key_use import KeyUse
from services.accounts.rate_limits import Allowance, RateLimits
from services.models import KeyScope
from services.work import Workplace
from shared.direct_connection import DirectPool

SCHEME = "key"
"""What the OpenAPI document calls a key."""

EMAILS: list[SecurityRequirement] = [{SCHEME: [KeyScope.EMAILS.value]}]
CALLS: list[SecurityRequirement] = [{SCHEME: [KeyScope.CALLS.value]}]
METRICS: list[SecurityRequirement] = [{SCHEME: [KeyScope.METRICS.value]}]
READ: list[SecurityRequirement] = [{SCHEME: [KeyScope.READ.value]}]
"""Beside its controller's, for whatever changes nothing."""

KEY_MEMORY_SECONDS = 15
"""How long a checked API key is trusted without asking the database, so how long a revoked one may live."""


def scopes_of(handler: BaseRouteHandler) -> frozenset[str]:
    """Return the scopes of which a key needs one; none where every key will do."""
    if not isinstance(handler, HTTPRouteHandler):
        return frozenset()
    return frozenset(scope for one in handler.resolve_security() for scope in one.get(SCHEME, ()))


class ServiceKeys:
    """A process's knowledge of the keys it is shown."""

    def __init__(self, workplace: Workplace, statements: DirectPool, *, requests_per_minute: int) -> None:
        self._workplace = workplace
        self._limits = RateLimits(statements)
        self._requests_per_minute = requests_per_minute
        self._known: dict[str, tuple[ValidKey, float]] = {}
        self.use = KeyUse(statements)

    async def check(self, shown: str) -> ValidKey:
        """Return what a key may.

        Raises:
            KeyRefused: it is not valid.
        """
        key, until = self._known.get(shown, (None, 0.0))
        if key is None or until <= time.monotonic() or key.has_ended(self._workplace.clock()):
            self._known.pop(shown, None)
            async with self._workplace.work() as work:
                key = await check_key(work, shown)
            self._known[shown] = key, time.monotonic() + KEY_MEMORY_SECONDS
        self.use.note(key.id, self._workplace.clock())
        return key

    async def spend(self, key: ValidKey) -> Allowance | None:
        """Count a request; None where the key has no limit."""
        own = key.requests_per_minute
        limit = self._requests_per_minute if own is None else own
        return await self._limits.spend(key.id, limit, self._workplace.clock()) if limit else None

    async def require(self, key: ValidKey, handler: BaseRouteHandler) -> None:
        """Let pass a key that a route is open to.

        Raises:
            ScopeMissing: it is not.
        """
        needed = scopes_of(handler)
        if not key.opens(needed):
            async with self._workplace.work() as work:
                await refuse_scope(work, key, needed)


def limit_headers(allowance: Allowance) -> list[tuple[bytes, bytes]]:
    """Return where a key stands in its minute (draft-ietf-httpapi-ratelimit-headers-06, as gateways do)."""
    figures = {
        "ratelimit-limit": allowance.limit,
        "ratelimit-remaining": allowance.remaining,
        "ratelimit-reset": allowance.reset_seconds,
    }
    return [(name.encode(), str(figure).encode()) for name, figure in figures.items()]
