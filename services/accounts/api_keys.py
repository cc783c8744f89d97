"""Keys of the services that call the JSON API. A key is shown once; only its SHA-256 is kept."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from services.checks import check_name, composed
from services.errors import Conflict, FieldError, InvalidInput, NotFound
from services.models import MOST_PER_MINUTE, ApiKey, KeyScope
from services.rules import YEARS
from services.work import Action, Moment, Transaction, Work

KEY_PREFIX = "cd_"
SHOWN_CHARACTERS = 8
LAST_MINUTE = time(23, 59)

JSON_API = (KeyScope.EMAILS, KeyScope.CALLS, KeyScope.READ)
"""All of the JSON API."""

SOON = timedelta(days=14)
"""A key that expires within this time is marked, so that the service gets another one before."""

NOT_A_LIMIT = FieldError(
    "requests_per_minute", "Give a whole number from 0 to %(limit)s.", (("limit", MOST_PER_MINUTE),)
)


class KeyState(StrEnum):
    """How a key fares."""

    VALID = "valid"
    EXPIRES_SOON = "expires_soon"
    EXPIRED = "expired"
    REVOKED = "revoked"


class KeyNameTaken(Conflict):
    """A key of this name exists already."""


class NoKeyOfThisName(NotFound):
    """There is no key of this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyTerms:
    """What a new key may.

    Attributes:
        scopes: what it is for, names of `KeyScope`.
        expires_at: when it ends; None never.
        requests_per_minute: instead of API_RATE_LIMIT_PER_MINUTE; 0 is no limit.
    """

    scopes: Collection[str] = JSON_API
    expires_at: datetime | None = None
    requests_per_minute: int | None = None


async def create_key(work: Work, name: str, terms: KeyTerms | None = None) -> str:
    """Create a key and return it, the only time it can be seen. Without terms it opens all of the JSON API.

    Raises:
        InvalidInput: the name is empty or too long, or the terms can't be.
        KeyNameTaken: the name is in use.
    """
    name, terms = composed(name).strip(), terms or KeyTerms()
    if problems := [*check_name(name), *_check_terms(terms, work.now)]:
        raise InvalidInput(*problems)
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    row = ApiKey(
        name=name,
        key_hash=digest(key),
        prefix=key[:SHOWN_CHARACTERS],
        scopes=[scope.value for scope in KeyScope if scope in terms.scopes],
        expires_at=terms.expires_at,
        requests_per_minute=terms.requests_per_minute,
        created_at=work.now,
    )
    try:
        async with work.transaction() as tx:
            tx.session.add(row)
            await tx.session.flush()
            tx.record(Action.API_KEY_CREATED, row, scopes=row.scopes)
    except IntegrityError:
        raise KeyNameTaken from None
    return key


async def list_keys(work: Work) -> list[ApiKey]:
    """Return all keys, newest first."""
    async with work.transaction() as tx:
        return await read_keys(tx)


async def read_keys(tx: Transaction) -> list[ApiKey]:
    """Return the same in a transaction that has begun."""
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


async def revoke_key_named(work: Work, name: str) -> None:
    """Make the key of this name useless.

    Raises:
        NoKeyOfThisName: there is none.
    """
    async with work.transaction() as tx:
        key_id = await tx.session.scalar(select(ApiKey.id).where(ApiKey.name == composed(name).strip()))
    if key_id is None:
        raise NoKeyOfThisName
    await revoke_key(work, key_id)


def read_expiry(moment: Moment, text: str) -> datetime | None:
    """Return when a key ends; of a day alone its last minute, by the practices' clock; None for no text.

    Raises:
        InvalidInput: it is neither a day nor a day with a time.
    """
    if not text.strip():
        return None
    try:
        end = datetime.fromisoformat(text.strip())
    except ValueError:
        end = None
    if end is None or end.year not in YEARS:
        raise InvalidInput(FieldError("expires_at", "Give a day such as 2027-01-31."))
    if len(text.strip()) == len("2027-01-31"):
        return moment.rules.instant(end.date(), LAST_MINUTE)
    return moment.rules.aware(end)


def state_of(key: ApiKey, now: datetime) -> KeyState:
    """Return how a key fares."""
    if key.revoked_at is not None:
        return KeyState.REVOKED
    if key.expires_at is None or key.expires_at > now + SOON:
        return KeyState.VALID
    return KeyState.EXPIRES_SOON if key.expires_at > now else KeyState.EXPIRED


def digest(key: str) -> bytes:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode()).digest()


def _check_terms(terms: KeyTerms, now: datetime) -> list[FieldError]:
    errors: list[FieldError] = []
    if not terms.scopes:
        errors.append(FieldError("scopes", "Choose at least one."))
    if not set(terms.scopes) <= set(KeyScope):
        known = ", ".join(KeyScope)
        errors.append(FieldError("scopes", "Only these are possible: %(known)s.", (("known", known),)))
    if terms.expires_at is not None and terms.expires_at <= now:
        errors.append(FieldError("expires_at", "This is over already."))
    if terms.requests_per_minute is not None and not 0 <= terms.requests_per_minute <= MOST_PER_MINUTE:
        errors.append(NOT_A_LIMIT)
    return errors
