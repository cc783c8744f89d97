"""Staff accounts and their sessions. Only an argon2 hash of a password and a SHA-256 of a token are kept."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from services.accounts import passwords
from services.accounts.login_tries import TooManyTries, Visitor, forget_tries, free_all, take_try
from services.calls.claims import release_all
from services.checks import check_name, composed, spellings
from services.errors import Conflict, FieldError, InvalidInput, NotFound
from services.hints import LOGINS
from services.models import Staff, StaffSession
from services.work import SYSTEM, Action, Actor, Transaction, Work

LANGUAGES = ("de", "en")

NOBODY = 0
"""What the activity of logins calls a name that nobody has."""

log = structlog.get_logger(__name__)


class NameTaken(Conflict):
    """Somebody of this name has an account already."""


class NoSuchAccount(NotFound):
    """Nobody of this name has an account."""


@dataclass(frozen=True, slots=True)
class Login:
    """A session just opened; its token is nowhere else."""

    token: str
    staff_id: int
    name: str


async def add_staff(
    work: Work, name: str, password: str, *, admin: bool, language: str | None = None
) -> Staff:
    """Create an account.

    Raises:
        InvalidInput: the name is empty or too long, the password too short or too long.
        NameTaken: the name is in use, whatever its case.
    """
    name = composed(name).strip()
    if problems := [*check_name(name), *passwords.check_password(password)]:
        raise InvalidInput(*problems)
    password_hash = await passwords.hash_password(password)
    staff = Staff(name=name, password_hash=password_hash, admin=admin, sprache=language, created_at=work.now)
    try:
        async with work.transaction() as tx:
            tx.session.add(staff)
            await tx.session.flush()
            tx.record(Action.STAFF_ADDED, staff)
    except IntegrityError:
        raise NameTaken from None
    return staff


async def log_in(
    work: Work,
    name: str,
    password: str,
    *,
    lasting: timedelta,
    visitor: Visitor | None = None,
    replaces: str | None = None,
) -> Login | None:
    """Open a session, or return None when name and password don't belong together.

    Takes the same time, and says the same, for an unknown name, a wrong password and an account that has to
    wait. Failures are logged and leave an entry in the activity, with ids only.

    Args:
        work: who it is done by matters not.
        name: of the account, in any case and spelling.
        password: as typed.
        lasting: how long the session lasts.
        visitor: where the try comes from; by default nothing is known of it.
        replaces: the token of a session of this browser, which ends with the new one.

    Raises:
        TooManyTries: this source has tried too often.
        TooManyLogins: too many passwords are being looked at.
    """
    visitor = visitor or Visitor()
    with passwords.place(known=bool(visitor.browsers)):
        found, reason = await _admitted(work, name, visitor)
        staff = found if reason is None else None
        right = await passwords.matches(staff.password_hash if staff else None, password)
        if staff is None or not right:
            await _note_failure(work, found, reason or "wrong_password", visitor)
            return None
    token = secrets.token_urlsafe(32)
    login = StaffSession(
        token_hash=_digest(token), staff_id=staff.id, created_at=work.now, expires_at=work.now + lasting
    )
    async with work.transaction() as tx:
        if replaces:
            await _replace(tx, replaces, staff.id)
        tx.session.add(login)
        await forget_tries(tx, staff.id, visitor)
        tx.by(Actor("staff", staff.id)).record(Action.LOGGED_IN, staff)
    return Login(token, staff.id, staff.name)


async def _admitted(work: Work, name: str, visitor: Visitor) -> tuple[Staff | None, str | None]:
    """Count a try; return whose account it is for, and why it fails whatever the password.

    Raises:
        TooManyTries: this source has tried too often.
    """
    try:
        async with work.transaction() as tx:
            staff = await tx.session.scalar(_named(name).where(Staff.aktiv))
            in_time = await take_try(tx, staff, visitor)
    except TooManyTries:
        log.warning("login_refused", reason="too_many_tries", source=visitor.source[:8])
        raise
    return staff, "unknown_name" if staff is None else None if in_time else "account_paused"


async def _note_failure(work: Work, staff: Staff | None, reason: str, visitor: Visitor) -> None:
    staff_id = staff.id if staff else None
    known = staff_id in visitor.browsers
    log.warning(
        "login_failed", staff_id=staff_id, reason=reason, known_browser=known, source=visitor.source[:8]
    )
    async with work.transaction() as tx:
        tx.by(SYSTEM).record_id(Action.LOGIN_FAILED, Staff, staff_id or NOBODY, reason=reason)


async def _replace(tx: Transaction, token: str, staff_id: int) -> None:
    """End a browser's former session; where it was somebody else's, let go of their call."""
    former = await _end_session(tx, token)
    if former is not None and former != staff_id:
        await release_all(tx, former)


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
        staff_id = await _end_session(tx, token)
        if staff_id is not None:
            await release_all(tx, staff_id)


async def _end_session(tx: Transaction, token: str) -> int | None:
    """End a session and return whose it was."""
    tx.wake(LOGINS)
    return await tx.session.scalar(
        delete(StaffSession).where(StaffSession.token_hash == _digest(token)).returning(StaffSession.staff_id)
    )


async def unlock(work: Work, name: str) -> None:
    """Let an account be tried again at once, whatever strangers have done.

    Raises:
        NoSuchAccount: nobody has this name.
    """
    async with work.transaction() as tx:
        staff = await _of_name(tx, name)
        await free_all(tx, staff.id)
        tx.record(Action.STAFF_UNLOCKED, staff)


async def reset_password(work: Work, name: str, password: str) -> None:
    """Give an account another password, end its sessions and let it be tried at once.

    Raises:
        InvalidInput: the password is too short or too long.
        NoSuchAccount: nobody has this name.
    """
    if problems := passwords.check_password(password):
        raise InvalidInput(*problems)
    password_hash = await passwords.hash_password(password)
    async with work.transaction() as tx:
        staff = await _of_name(tx, name)
        staff.password_hash = password_hash
        await _end_all(tx, staff.id)
        await free_all(tx, staff.id)
        tx.record(Action.PASSWORD_RESET, staff)


async def _of_name(tx: Transaction, name: str) -> Staff:
    staff = await tx.session.scalar(_named(name).with_for_update())
    if staff is None:
        raise NoSuchAccount
    return staff


def _named(name: str) -> Select[Staff]:
    """Return the query of the account of a name, as typed or composed: older ones may be kept in parts."""
    typed, *others = (spelling.lower() for spelling in spellings(name.strip()))
    kept = func.lower(Staff.name)
    return select(Staff).where(kept.in_([typed, *others])).order_by((kept == typed).desc()).limit(1)


async def _end_all(tx: Transaction, staff_id: int) -> None:
    """End somebody's sessions and let go of their call."""
    await tx.session.execute(delete(StaffSession).where(StaffSession.staff_id == staff_id))
    await release_all(tx, staff_id)
    tx.wake(LOGINS)


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
            await _end_all(tx, staff_id)
        tx.record(Action.STAFF_OPENED if active else Action.STAFF_CLOSED, staff)


async def remove_expired_sessions(work: Work) -> int:
    """Delete sessions that have ended and return how many."""
    async with work.transaction() as tx:
        removed = await tx.session.execute(
            delete(StaffSession).where(StaffSession.expires_at <= tx.now).returning(StaffSession.staff_id)
        )
        return len(removed.all())


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
