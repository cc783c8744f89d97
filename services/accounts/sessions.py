"""Sessions: one browser's login, until it is ended, goes unused for too long, or is too old.

Only the SHA-256 of a session's token is kept.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, DateTime, LargeBinary, bindparam, delete, select, update

from services.calls.claims import release_all
from services.hints import LOGINS
from services.models import PendingLogin, Staff, StaffSession
from services.work import Action, Moment, Transaction, Work
from shared.direct_connection import DirectPool
from shared.plain_rows import PlainQuery

NOTED_EVERY = timedelta(minutes=1)
"""How exactly the last use of a session is kept; more would be a write with every page."""

LONGEST_BROWSER = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSession:
    """A session as its owner sees it; `this` is the one that asks."""

    id: int
    browser: str
    created_at: datetime
    zuletzt_at: datetime
    this: bool


def digest(token: str) -> bytes:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


async def open_session(tx: Transaction, staff_id: int, *, lasting: timedelta, browser: str = "") -> str:
    """Open a session and return its token, which is nowhere else."""
    token = secrets.token_urlsafe(32)
    tx.session.add(
        StaffSession(
            token_hash=digest(token),
            staff_id=staff_id,
            created_at=tx.now,
            expires_at=tx.now + lasting,
            zuletzt_at=tx.now,
            browser=browser[:LONGEST_BROWSER],
        )
    )
    return token


WHOSE = PlainQuery(
    select(StaffSession.zuletzt_at, *Staff.__table__.c)
    .join(StaffSession, StaffSession.staff_id == Staff.id)
    .where(
        StaffSession.token_hash == bindparam("token", type_=LargeBinary),
        StaffSession.expires_at > bindparam("now", type_=DateTime(timezone=True)),
        StaffSession.zuletzt_at > bindparam("unused_since", type_=DateTime(timezone=True)),
        Staff.aktiv,
    )
)


USED = PlainQuery(
    update(StaffSession)
    .where(StaffSession.token_hash == bindparam("token", type_=LargeBinary))
    .values(zuletzt_at=bindparam("now", type_=DateTime(timezone=True)))
)


async def staff_of_session(
    statements: DirectPool, moment: Moment, token: str, *, used: bool = False
) -> Staff | None:
    """Return who a session belongs to, to look at; None when it has ended or the account is closed.

    Args:
        statements: where to ask, for every request does.
        moment: at which instant.
        token: of the session.
        used: somebody does something with it; what a page asks for by itself is no use.
    """
    whose = {"token": digest(token), "now": moment.now}
    unused_since = moment.now - moment.rules.session_idle
    found = await statements.fetch(*WHOSE.asked(**whose, unused_since=unused_since))
    if not found:
        return None
    used_at, *columns = found[0]
    if used and used_at <= moment.now - NOTED_EVERY:
        await statements.fetch(*USED.asked(**whose))
    return Staff(**dict(zip(Staff.__table__.c.keys(), columns, strict=True)))


async def own_sessions(work: Work, token: str) -> list[OwnSession]:
    """Return somebody's sessions, that of `token` first, then the one used last."""
    async with work.transaction() as tx:
        found = await tx.session.scalars(
            select(StaffSession).where(StaffSession.staff_id == tx.staff_id, *_holds(tx))
        )
        sessions = [
            OwnSession(
                id=session.id,
                browser=session.browser,
                created_at=session.created_at,
                zuletzt_at=session.zuletzt_at,
                this=session.token_hash == digest(token),
            )
            for session in found
        ]
    return sorted(sessions, key=lambda session: (session.this, session.zuletzt_at), reverse=True)


async def end_own_session(work: Work, session_id: int) -> None:
    """End one of somebody's own sessions; another's, or one that has ended, stays as it is."""
    async with work.transaction() as tx:
        ended = await tx.session.scalar(
            delete(StaffSession)
            .where(StaffSession.id == session_id, StaffSession.staff_id == tx.staff_id)
            .returning(StaffSession.id)
        )
        if ended is not None:
            tx.wake(LOGINS)
            tx.record_id(Action.SESSIONS_ENDED, Staff, tx.staff_id)


async def log_out(work: Work, token: str) -> None:
    """End a session and let go of the call in hand; ending an unknown one does nothing."""
    async with work.transaction() as tx:
        staff_id = await end_session(tx, token)
        if staff_id is not None:
            await release_all(tx, staff_id)


async def log_out_everywhere(work: Work) -> None:
    """End all of somebody's sessions, this one too, and let go of their call."""
    async with work.transaction() as tx:
        await end_all(tx, tx.staff_id)
        tx.record_id(Action.SESSIONS_ENDED, Staff, tx.staff_id)


async def end_session(tx: Transaction, token: str) -> int | None:
    """End a session and return whose it was."""
    tx.wake(LOGINS)
    return await tx.session.scalar(
        delete(StaffSession).where(StaffSession.token_hash == digest(token)).returning(StaffSession.staff_id)
    )


async def end_others(tx: Transaction, staff_id: int, token: str) -> None:
    """End somebody's sessions except that of `token`, and logins under way."""
    await _end(tx, staff_id, StaffSession.token_hash != digest(token))


async def end_all(tx: Transaction, staff_id: int) -> None:
    """End somebody's sessions and logins under way, and let go of their call."""
    await _end(tx, staff_id)
    await release_all(tx, staff_id)


async def _end(tx: Transaction, staff_id: int, *which: ColumnElement[bool]) -> None:
    await tx.session.execute(delete(StaffSession).where(StaffSession.staff_id == staff_id, *which))
    await tx.session.execute(delete(PendingLogin).where(PendingLogin.staff_id == staff_id))
    tx.wake(LOGINS)


async def remove_expired_sessions(work: Work) -> int:
    """Delete sessions and logins that have ended and return how many sessions."""
    idle = StaffSession.zuletzt_at <= work.now - work.rules.session_idle
    async with work.transaction() as tx:
        await tx.session.execute(delete(PendingLogin).where(PendingLogin.expires_at <= tx.now))
        removed = await tx.session.execute(
            delete(StaffSession)
            .where((StaffSession.expires_at <= tx.now) | idle)
            .returning(StaffSession.staff_id)
        )
        return len(removed.all())


def _holds(moment: Moment) -> tuple[ColumnElement[bool], ...]:
    return (
        StaffSession.expires_at > moment.now,
        StaffSession.zuletzt_at > moment.now - moment.rules.session_idle,
    )
