"""Whether a key that is shown opens something, and why not: what is refused is logged and in the activity."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

import structlog
from sqlalchemy import select

from services.accounts.api_keys import digest
from services.errors import DomainError
from services.models import Activity, ApiKey
from services.work import OBJECTS, SYSTEM, Action, Transaction, Work

UNKNOWN = 0
"""What the activity calls a key that was never given out."""

REFUSALS_NOTED_EVERY = timedelta(minutes=1)
"""How often the activity says of one key that it is refused; the log says it each time."""

log = structlog.get_logger(__name__)


class KeyRefused(DomainError):
    """This API key is not valid."""

    reason = "unknown"


class KeyRevoked(KeyRefused):
    """This API key was revoked."""

    reason = "revoked"


class KeyExpired(KeyRefused):
    """This API key expired at %(expired_at)s. Ask for a new one."""

    reason = "expired"


class ScopeMissing(DomainError):
    """This needs an API key with the scope %(scopes)s."""

    reason = "scope"


@dataclass(frozen=True, slots=True)
class ValidKey:
    """A key that opens something, as it was when it was looked at."""

    id: int
    scopes: frozenset[str]
    expires_at: datetime | None
    requests_per_minute: int | None

    def has_ended(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now

    def opens(self, needed: frozenset[str]) -> bool:
        """Whether it has one of the scopes in `needed`; every key opens what needs none."""
        return not needed or not needed.isdisjoint(self.scopes)


async def check_key(work: Work, key: str) -> ValidKey:
    """Return what a key may.

    Raises:
        KeyRefused: nothing; it says why.
    """
    async with work.transaction() as tx:
        row = await tx.session.scalar(select(ApiKey).where(ApiKey.key_hash == digest(key)))
        refusal = _refusal(row, tx.now)
        if refusal is not None:
            await _note(tx, row.id if row else UNKNOWN, refusal.reason)
    if row is None or refusal is not None:
        raise refusal or KeyRefused
    return ValidKey(row.id, frozenset(row.scopes), row.expires_at, row.requests_per_minute)


async def refuse_scope(work: Work, key: ValidKey, needed: frozenset[str]) -> NoReturn:
    """Turn away a key that does not open what needs one of some scopes.

    Raises:
        ScopeMissing: names them.
    """
    async with work.transaction() as tx:
        await _note(tx, key.id, ScopeMissing.reason)
    raise ScopeMissing(scopes=" or ".join(sorted(needed)))


def _refusal(row: ApiKey | None, now: datetime) -> KeyRefused | None:
    if row is None:
        return KeyRefused()
    if row.revoked_at is not None:
        return KeyRevoked()
    if row.expires_at is not None and row.expires_at <= now:
        return KeyExpired(expired_at=f"{row.expires_at:%Y-%m-%dT%H:%M:%SZ}")
    return None


async def _note(tx: Transaction, key_id: int, reason: str) -> None:
    log.warning("api_key_refused", key_id=key_id or None, reason=reason)
    noted = select(Activity.id).where(
        Activity.object_type == OBJECTS[ApiKey],
        Activity.object_id == key_id,
        Activity.action == Action.API_KEY_REFUSED,
        Activity.at > tx.now - REFUSALS_NOTED_EVERY,
    )
    if await tx.session.scalar(noted.limit(1)) is None:
        tx.by(SYSTEM).record_id(Action.API_KEY_REFUSED, ApiKey, key_id, reason=reason)
