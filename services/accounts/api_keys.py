"""Keys of the services that call the JSON API. A key is shown once; only its SHA-256 is kept."""

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.checks import check_name
from services.errors import Conflict, InvalidInput, NotFound
from services.models import ApiKey
from services.work import SYSTEM, Actor, record

KEY_PREFIX = "cd_"
SHOWN_CHARACTERS = 8


class KeyNameTaken(Conflict):
    """A key of this name exists already."""


async def create_key(session: AsyncSession, name: str, *, now: datetime, actor: Actor = SYSTEM) -> str:
    """Create a key and return it, the only time it can be seen.

    Raises:
        InvalidInput: the name is empty or too long.
        KeyNameTaken: the name is in use.
    """
    name = name.strip()
    if problems := check_name(name):
        raise InvalidInput(*problems)
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    row = ApiKey(name=name, key_hash=_digest(key), prefix=key[:SHOWN_CHARACTERS], created_at=now)
    try:
        async with session.begin():
            session.add(row)
            await session.flush()
            record(session, actor, "api_key_created", "api_key", row.id, now=now)
    except IntegrityError:
        raise KeyNameTaken from None
    return key


async def key_id(session: AsyncSession, key: str) -> int | None:
    """Return the id of a valid key, or None."""
    async with session.begin():
        return await session.scalar(
            select(ApiKey.id).where(ApiKey.key_hash == _digest(key), ApiKey.revoked_at.is_(None))
        )


async def list_keys(session: AsyncSession) -> list[ApiKey]:
    """Return all keys, newest first."""
    async with session.begin():
        return list(await session.scalars(select(ApiKey).order_by(ApiKey.id.desc())))


async def revoke_key(session: AsyncSession, id_: int, *, now: datetime, actor: Actor) -> None:
    """Make a key useless.

    Raises:
        NotFound: there is no such key.
    """
    async with session.begin():
        row = await session.get(ApiKey, id_, with_for_update=True)
        if row is None:
            raise NotFound
        row.revoked_at = row.revoked_at or now
        record(session, actor, "api_key_revoked", "api_key", id_, now=now)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
