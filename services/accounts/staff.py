"""Staff accounts and their sessions. Only an argon2 hash of a password and a SHA-256 of a token are kept."""

import asyncio
import hashlib
import secrets
from datetime import timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import case, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from services.calls.claims import release_all
from services.checks import check_name
from services.errors import Conflict, FieldError, InvalidInput
from services.models import Staff, StaffSession
from services.work import Action, Actor, Work

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
    work: Work, name: str, password: str, *, admin: bool, language: str | None = None
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
    staff = Staff(name=name, password_hash=password_hash, admin=admin, sprache=language, created_at=work.now)
    try:
        async with work.transaction() as tx:
            tx.session.add(staff)
            await tx.session.flush()
            tx.record(Action.STAFF_ADDED, staff)
    except IntegrityError:
        raise NameTaken from None
    return staff


async def log_in(work: Work, name: str, password: str, *, lasting: timedelta) -> str | None:
    """Return the token of a new session, or None when name and password don't belong together.

    After `FREE_TRIES` failures in a row a try counts only when the last one is a `PAUSE` ago. Takes the same
    time, and says the same, for an unknown name, a wrong password and a try that comes too soon.
    """
    staff = await _take_try(work, name)
    if not await asyncio.to_thread(_matches, staff, password) or staff is None:
        return None
    token = secrets.token_urlsafe(32)
    login = StaffSession(
        token_hash=_digest(token), staff_id=staff.id, created_at=work.now, expires_at=work.now + lasting
    )
    async with work.transaction() as tx:
        tx.session.add(login)
        await tx.session.execute(
            update(Staff).where(Staff.id == staff.id).values(anmeldeversuche=0, anmeldung_ab=None)
        )
        tx.by(Actor("staff", staff.id)).record(Action.LOGGED_IN, staff)
    return token


async def _take_try(work: Work, name: str) -> Staff | None:
    """Count a try before its password is looked at; return whose account it is if it may be tried now."""
    tries = Staff.anmeldeversuche + 1
    async with work.transaction() as tx:
        return await tx.session.scalar(
            update(Staff)
            .where(
                func.lower(Staff.name) == name.strip().lower(),
                Staff.aktiv,
                or_(Staff.anmeldung_ab.is_(None), Staff.anmeldung_ab <= tx.now),
            )
            .values(
                anmeldeversuche=tries, anmeldung_ab=case((tries >= FREE_TRIES, tx.now + PAUSE), else_=None)
            )
            .returning(Staff)
        )


async def staff_of_session(work: Work, token: str) -> Staff | None:
    """Return who a session belongs to, or None when it has ended or the account is closed."""
    async with work.transaction() as tx:
        return await tx.session.scalar(
            select(Staff)
            .join(StaffSession, StaffSession.staff_id == Staff.id)
            .where(StaffSession.token_hash == _digest(token), StaffSession.expires_at > tx.now, Staff.aktiv)
        )


async def log_out(work: Work, token: str) -> None:
    """End a session and let go of the call in hand; ending an unknown one does nothing."""
    async with work.transaction() as tx:
        staff_id = await tx.session.scalar(
            delete(StaffSession)
            .where(StaffSession.token_hash == _digest(token))
            .returning(StaffSession.staff_id)
        )
        if staff_id is not None:
            await release_all(tx, staff_id)


async def list_staff(work: Work) -> list[Staff]:
    """Return all accounts by name."""
    async with work.transaction() as tx:
        return list(await tx.session.scalars(select(Staff).order_by(func.lower(Staff.name))))


async def change_settings(
    work: Work, staff_id: int, *, language: str | None = None, shortcuts: bool | None = None
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
    async with work.transaction() as tx:
        await tx.session.execute(update(Staff).where(Staff.id == staff_id).values(values))


async def set_active(work: Work, staff_id: int, active: bool) -> None:
    """Open or close an account; closing it ends its sessions and lets go of its call at once.

    Raises:
        NotFound: there is no such account.
    """
    async with work.transaction() as tx:
        staff = await tx.locked(Staff, staff_id)
        staff.aktiv = active
        if not active:
            await tx.session.execute(delete(StaffSession).where(StaffSession.staff_id == staff_id))
            await release_all(tx, staff_id)
        tx.record(Action.STAFF_OPENED if active else Action.STAFF_CLOSED, staff)


async def remove_expired_sessions(work: Work) -> int:
    """Delete sessions that have ended and return how many."""
    async with work.transaction() as tx:
        removed = await tx.session.execute(
            delete(StaffSession).where(StaffSession.expires_at <= tx.now).returning(StaffSession.staff_id)
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
