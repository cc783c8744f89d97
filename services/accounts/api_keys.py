"""Keys of the services that call the JSON API. A key is shown once; only its SHA-256 is kept."""

import hashlib
import secrets
from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from services.checks import check_name, composed
from services.errors import Conflict, InvalidInput
from services.models import Activity, ApiKey
from services.work import OBJECTS, SYSTEM, Action, Work

KEY_PREFIX = "cd_"
SHOWN_CHARACTERS = 8

UNKNOWN = 0
"""What the activity calls a key that was never given out."""

REFUSALS_NOTED_EVERY = timedelta(minutes=1)
"""How often the activity says of one key that it is refused; the log says it each time."""

log = structlog.get_logger(__name__)


class KeyNameTaken(Conflict):
    """A key of this name exists already."""


async def create_key(work: Work, name: str) -> str:
    """Create a key and return it, the only time it can be seen.

    Raises:
        InvalidInput: the name is empty or too long.
        KeyNameTaken: the name is in use.
    """
    name = composed(name).strip()
    if problems := check_name(name):
        raise InvalidInput(*problems)
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    row = ApiKey(name=name, key_hash=_digest(key), prefix=key[:SHOWN_CHARACTERS], created_at=work.now)
    try:
        async with work.transaction() as tx:
            tx.session.add(row)
            await tx.session.flush()
            tx.record(Action.API_KEY_CREATED, row)
    except IntegrityError:
        raise KeyNameTaken from None
    return key


async def key_id(work: Work, key: str) -> int | None:
    """Return the id of a valid key, or None."""
    async with work.transaction() as tx:
        return await tx.session.scalar(
            select(ApiKey.id).where(ApiKey.key_hash == _digest(key), ApiKey.revoked_at.is_(None))
        )


async def note_refused(work: Work, key: str) -> None:
    """Note that a key which is not valid was used: one that is revoked, or none of ours."""
    async with work.transaction() as tx:
        row = await tx.session.scalar(select(ApiKey.id).where(ApiKey.key_hash == _digest(key)))
        which, reason = (row, "revoked") if row else (UNKNOWN, "unknown")
        log.warning("api_key_refused", key_id=row, reason=reason)
        noted = select(Activity.id).where(
            Activity.object_type == OBJECTS[ApiKey],
            Activity.object_id == which,
            Activity.action == Action.API_KEY_REFUSED,
            Activity.at > tx.now - REFUSALS_NOTED_EVERY,
        )
        if await tx.session.scalar(noted.limit(1)) is None:
            tx.by(SYSTEM).record_id(Action.API_KEY_REFUSED, ApiKey, which, reason=reason)


async def list_keys(work: Work) -> list[ApiKey]:
    """Return all keys, newest first."""
    async with work.transaction() as tx:
        return list(await tx.session.scalars(select(ApiKey).order_by(ApiKey.id.desc())))


async def revoke_key(work: Work, id_: int) -> None:
    """Make a key useless.

    Raises:
        NotFound: there is no such key.
    """
    async with work.transaction() as tx:
        row = await tx.locked(ApiKey, id_)
        row.revoked_at = row.revoked_at or tx.now
        tx.record(Action.API_KEY_REVOKED, row)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
