"""Staff accounts and their sessions. Only an argon2 hash of a password and a SHA-256 of a token are kept."""

import asyncio
import hashlib
import secrets
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.claims import release_all
from services.checks import check_name
from services.errors import Conflict, FieldError, InvalidInput, NotFound
from services.models import Staff, StaffSession
from services.work import SYSTEM, Actor, record

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200
LANGUAGES = ("de", "en")

FREE_TRIES = 5
PAUSE = timedelta(minutes=1)
"""How long each further try has to wait, so that nobody guesses a password by trying."""

_hasher = PasswordHasher()


class NameTaken(Conflict):
    """Somebody of this name has an account already."""


async def add_staff(
    session: AsyncSession,
    name: str,
    password: str,
    *,
    admin: bool,
    now: datetime,
    actor: Actor = SYSTEM,
    language: str | None = None,
) -> Staff:
    """Create an account.

    Raises:
        InvalidInput: the name is empty or too long, the password too short or too long.
        NameTaken: the name is in use, whatever its case.
    """
    name = name.strip()
    problems = check_name(name)
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        problems.append(FieldError("password", "A password has 10 to 200 characters."))
    if problems:
        raise InvalidInput(*problems)
    password_hash = await asyncio.to_thread(_hasher.hash, password)
    staff = Staff(name=name, password_hash=password_hash, admin=admin, sprache=language, created_at=now)
    try:
        async with session.begin():
            session.add(staff)
            await session.flush()
            record(session, actor, "staff_added", "staff", staff.id, now=now)
    except IntegrityError:
        raise NameTaken from None
    return staff


async def log_in(
    session: AsyncSession, name: str, password: str, *, now: datetime, lasting: timedelta
) -> str | None:
    """Return the token of a new session, or None when name and password don't belong together.

    After `FREE_TRIES` failures in a row a try counts only when the last one is a `PAUSE` ago. Takes the same
    time, and says the same, for an unknown name, a wrong password and a try that comes too soon.
    """
    staff = await _take_try(session, name, now)
    if not await asyncio.to_thread(_matches, staff, password) or staff is None:
        return None
    token = secrets.token_urlsafe(32)
    login = StaffSession(
        token_hash=_digest(token), staff_id=staff.id, created_at=now, expires_at=now + lasting
    )
    async with session.begin():
        session.add(login)
        await session.execute(
            update(Staff).where(Staff.id == staff.id).values(anmeldeversuche=0, anmeldung_ab=None)
        )
        record(session, Actor("staff", staff.id), "logged_in", "staff", staff.id, now=now)
    return token


async def _take_try(session: AsyncSession, name: str, now: datetime) -> Staff | None:
    """Count a try before its password is looked at; return whose account it is if it may be tried now."""
    tries = Staff.anmeldeversuche + 1
    async with session.begin():
        return await session.scalar(
            update(Staff)
            .where(
                func.lower(Staff.name) == name.strip().lower(),
                Staff.aktiv,
                or_(Staff.anmeldung_ab.is_(None), Staff.anmeldung_ab <= now),
            )
            .values(anmeldeversuche=tries, anmeldung_ab=case((tries >= FREE_TRIES, now + PAUSE), else_=None))
            .returning(Staff)
        )


async def staff_of_session(session: AsyncSession, token: str, *, now: datetime) -> Staff | None:
    """Return who a session belongs to, or None when it has ended or the account is closed."""
    async with session.begin():
        return await session.scalar(
            select(Staff)
            .join(StaffSession, StaffSession.staff_id == Staff.id)
            .where(StaffSession.token_hash == _digest(token), StaffSession.expires_at > now, Staff.aktiv)
        )


async def log_out(session: AsyncSession, token: str) -> None:
    """End a session and let go of the call in hand; ending an unknown one does nothing."""
    async with session.begin():
        staff_id = await session.scalar(
            delete(StaffSession)
            .where(StaffSession.token_hash == _digest(token))
            .returning(StaffSession.staff_id)
        )
        if staff_id is not None:
            await release_all(session, staff_id)


async def list_staff(session: AsyncSession) -> list[Staff]:
    """Return all accounts by name."""
    async with session.begin():
        return list(await session.scalars(select(Staff).order_by(func.lower(Staff.name))))


async def change_settings(
    session: AsyncSession, staff_id: int, *, language: str | None = None, shortcuts: bool | None = None
) -> None:
    """Change somebody's own language or keyboard shortcuts.

    Raises:
        InvalidInput: there is no such language.
    """
    if language is not None and language not in LANGUAGES:
        raise InvalidInput(FieldError("sprache", "Choose German or English."))
    values: dict[str, object] = {}
    if language is not None:
        values["sprache"] = language
    if shortcuts is not None:
        values["tastenkuerzel"] = shortcuts
    if not values:
        return
    async with session.begin():
        await session.execute(update(Staff).where(Staff.id == staff_id).values(values))


async def set_active(
    session: AsyncSession, staff_id: int, active: bool, *, now: datetime, actor: Actor
) -> None:
    """Open or close an account; closing it ends its sessions and lets go of its call at once.

    Raises:
        NotFound: there is no such account.
    """
    async with session.begin():
        staff = await session.get(Staff, staff_id, with_for_update=True)
        if staff is None:
            raise NotFound
        staff.aktiv = active
        if not active:
            await session.execute(delete(StaffSession).where(StaffSession.staff_id == staff_id))
            await release_all(session, staff_id)
        record(session, actor, "staff_opened" if active else "staff_closed", "staff", staff_id, now=now)


async def remove_expired_sessions(session: AsyncSession, *, now: datetime) -> int:
    """Delete sessions that have ended and return how many."""
    async with session.begin():
        removed = await session.execute(
            delete(StaffSession).where(StaffSession.expires_at <= now).returning(StaffSession.staff_id)
        )
        return len(removed.all())


def _matches(staff: Staff | None, password: str) -> bool:
    try:
        return _hasher.verify(staff.password_hash if staff else _hash_of_nobody(), password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hash_of_nobody() -> str:
    return _hasher.hash(secrets.token_hex())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
