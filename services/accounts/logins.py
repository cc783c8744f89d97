"""Logging in: by name and password, and where there is a second factor by a code as well.

Whoever fails learns nothing from how long it takes or what is said. Failures are logged and noted in the
activity, with ids only.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import delete, select

from services.accounts import passwords
from services.accounts.login_tries import TooManyTries, Visitor, forget_tries, take_code_try, take_try
from services.accounts.second_factor import accept_code
from services.accounts.sessions import digest, end_session, open_session
from services.accounts.staff import named
from services.calls.claims import release_all
from services.errors import DomainError
from services.models import PendingLogin, Staff
from services.work import SYSTEM, Action, Actor, Transaction, Work

NOBODY = 0
"""What the activity of logins calls a name that nobody has."""

CODE_WITHIN = timedelta(minutes=10)
"""How long after the password the code may come."""

log = structlog.get_logger(__name__)


class LoginTooOld(DomainError):
    """The login took too long. Begin again with name and password."""


@dataclass(frozen=True, slots=True)
class Login:
    """A session just opened; its token is nowhere else."""

    token: str
    staff_id: int
    name: str


@dataclass(frozen=True, slots=True)
class CodeNeeded:
    """The password was right; `ticket` goes on with the login, together with a code."""

    ticket: str


async def log_in(
    work: Work,
    name: str,
    password: str,
    *,
    lasting: timedelta,
    visitor: Visitor | None = None,
    replaces: str | None = None,
) -> Login | CodeNeeded | None:
    """Open a session, or return None when name and password don't belong together.

    Takes the same time, and says the same, for an unknown name, a wrong password, a one-time password that
    has run out and an account that has to wait.

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
    shown = staff.password_hash
    async with work.transaction() as tx:
        staff = await tx.locked(Staff, staff.id, key_share=True)
        if staff.aktiv and staff.password_hash == shown:
            if staff.has_second_factor:
                return CodeNeeded(await _ask_for_code(tx, staff))
            return await _open(tx, staff, lasting, visitor, replaces)
    await _note_failure(work, staff, "changed_meanwhile", visitor)
    return None


async def finish_login(
    work: Work,
    ticket: str,
    code: str,
    key: bytes,
    *,
    lasting: timedelta,
    visitor: Visitor | None = None,
    replaces: str | None = None,
) -> Login | None:
    """Open the session that a ticket and a code are for, or return None when the code is not taken.

    Args:
        work: who it is done by matters not.
        ticket: what `log_in` returned.
        code: of the second factor, or a recovery code.
        key: what the second factors' secrets are made with.
        lasting: how long the session lasts.
        visitor: where the try comes from.
        replaces: the token of a session of this browser, which ends with the new one.

    Raises:
        LoginTooOld: the ticket has run out.
    """
    visitor = visitor or Visitor()
    async with work.transaction() as tx:
        staff = await _of_ticket(tx, ticket)
        in_time = await take_code_try(tx, staff.id, visitor)
        if in_time and await accept_code(tx, staff, code, key):
            await tx.session.execute(delete(PendingLogin).where(PendingLogin.token_hash == digest(ticket)))
            return await _open(tx, staff, lasting, visitor, replaces)
    await _note_failure(work, staff, "wrong_code" if in_time else "code_paused", visitor)
    return None


async def _admitted(work: Work, name: str, visitor: Visitor) -> tuple[Staff | None, str | None]:
    """Count a try; return whose account it is for, and why it fails whatever the password.

    Raises:
        TooManyTries: this source has tried too often.
    """
    try:
        async with work.transaction() as tx:
            staff = await tx.session.scalar(named(name).where(Staff.aktiv))
            in_time = await take_try(tx, staff, visitor)
    except TooManyTries:
        log.warning("login_refused", reason="too_many_tries", source=visitor.source[:8])
        raise
    if staff is None:
        return None, "unknown_name"
    if not in_time:
        return staff, "account_paused"
    too_late = staff.einmalpasswort_bis is not None and staff.einmalpasswort_bis <= work.now
    return staff, "one_time_password_over" if too_late else None


async def _note_failure(work: Work, staff: Staff | None, reason: str, visitor: Visitor) -> None:
    staff_id = staff.id if staff else None
    known = staff_id in visitor.browsers
    log.warning(
        "login_failed", staff_id=staff_id, reason=reason, known_browser=known, source=visitor.source[:8]
    )
    async with work.transaction() as tx:
        tx.by(SYSTEM).record_id(Action.LOGIN_FAILED, Staff, staff_id or NOBODY, reason=reason)


async def _ask_for_code(tx: Transaction, staff: Staff) -> str:
    ticket = secrets.token_urlsafe(32)
    tx.session.add(
        PendingLogin(token_hash=digest(ticket), staff_id=staff.id, expires_at=tx.now + CODE_WITHIN)
    )
    return ticket


async def _of_ticket(tx: Transaction, ticket: str) -> Staff:
    staff = await tx.session.scalar(
        select(Staff)
        .join(PendingLogin, PendingLogin.staff_id == Staff.id)
        .where(PendingLogin.token_hash == digest(ticket), PendingLogin.expires_at > tx.now, Staff.aktiv)
        .with_for_update(of=Staff)
        .execution_options(populate_existing=True)
    )
    if staff is None:
        raise LoginTooOld
    return staff


async def _open(
    tx: Transaction, staff: Staff, lasting: timedelta, visitor: Visitor, replaces: str | None
) -> Login:
    if replaces:
        await _replace(tx, replaces, staff.id)
    token = await open_session(tx, staff.id, lasting=lasting, browser=visitor.browser_name)
    await forget_tries(tx, staff.id, visitor)
    tx.by(Actor("staff", staff.id)).record(Action.LOGGED_IN, staff)
    return Login(token, staff.id, staff.name)


async def _replace(tx: Transaction, token: str, staff_id: int) -> None:
    """End a browser's former session; where it was somebody else's, let go of their call."""
    former = await end_session(tx, token)
    if former is not None and former != staff_id:
        await release_all(tx, former)
