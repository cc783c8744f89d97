"""Makes the automatic call about an e-mail nobody has answered: exactly one, however many workers look.

Due is a SENT e-mail without an answer, `rules.follow_up_after` after it was sent or, where an out-of-office
note or an earlier look moved it, from `nachverfolgung_ab` on. Failed, unclear and answered e-mails are not,
nor are those a call was already made about.

An e-mail whose therapist can't be called is flagged `nachverfolgung_erforderlich` with the reason in its
notes, and looked at again after `rules.follow_up_after`: it neither vanishes nor is tried all the time.
"""

import asyncio
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Select, exists, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.planning import announce
from services.errors import DomainError, TemporarilyUnavailable
from services.hints import EMAILS
from services.models import CallReason, CallStatus, Email, EmailStatus, PhoneCall, Therapist
from services.rules import DeskRules
from services.scheduling.booking import NotToBeCalled, book_next
from services.scheduling.calendar import NoFreeSlot, NoWindow
from services.therapists.directory import TherapistDirectory, UnknownTherapist
from services.work import SYSTEM, record
from shared.clock import Clock
from shared.database import SessionFactory, wake

EVERY_SECONDS = 30.0
AT_ONCE = 100
OUTAGE_PAUSE = timedelta(minutes=15)
FULL_PAUSE = timedelta(days=1)
OBSTACLES: dict[type[DomainError], str] = {
    NotToBeCalled: "Kein automatischer Anruf: gesperrt, inaktiv oder nicht anrufen.",
    NoWindow: "Kein automatischer Anruf: keine nutzbaren Telefonzeiten.",
    NoFreeSlot: "Kein automatischer Anruf: in den Telefonzeiten ist keine Zeit frei.",
    UnknownTherapist: "Kein automatischer Anruf: Therapeut unbekannt.",
}
"""What the staff read in the e-mail's notes."""

log = structlog.get_logger(__name__)


class FollowUps:
    """Looks for due follow-ups at intervals."""

    def __init__(
        self,
        sessions: SessionFactory,
        directory: TherapistDirectory,
        clock: Clock,
        rules: DeskRules,
        *,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._sessions = sessions
        self._directory = directory
        self._clock = clock
        self._rules = rules
        self._every = every_seconds

    async def run(self) -> None:
        """Make due calls until cancelled."""
        while True:
            looked_at = await create_due(
                self._sessions, self._directory, now=self._clock(), rules=self._rules, limit=AT_ONCE
            )
            if looked_at < AT_ONCE:
                await asyncio.sleep(self._every)


async def create_due(
    sessions: SessionFactory,
    directory: TherapistDirectory,
    *,
    now: datetime,
    rules: DeskRules,
    limit: int = AT_ONCE,
) -> int:
    """Make the calls that are due, oldest e-mail first; return how many e-mails were looked at.

    Each e-mail has a transaction of its own, opened after its therapist has been fetched.
    """
    async with sessions() as session:
        async with session.begin():
            due = (await session.execute(due_follow_ups(now, rules).limit(limit))).all()
        for email_id, therapist_id in due:
            await _follow_up(session, directory, email_id, therapist_id, now=now, rules=rules)
    return len(due)


async def _follow_up(
    session: AsyncSession,
    directory: TherapistDirectory,
    email_id: int,
    therapist_id: int,
    *,
    now: datetime,
    rules: DeskRules,
) -> None:
    try:
        therapist = await directory.get(session, therapist_id, now=now)
        async with session.begin():
            if await _lock_due(session, email_id, now, rules) is not None:
                await _make_call(session, email_id, therapist, now=now, rules=rules)
    except TemporarilyUnavailable as error:
        log.info("follow_up_put_off", email_id=email_id, error=type(error).__name__)
        await _put_off(session, email_id, now + OUTAGE_PAUSE, None, now=now, rules=rules)
    except tuple(OBSTACLES) as error:
        log.info("follow_up_obstacle", email_id=email_id, error=type(error).__name__)
        pause = FULL_PAUSE if isinstance(error, NoFreeSlot) else rules.follow_up_after
        await _put_off(session, email_id, now + pause, OBSTACLES[type(error)], now=now, rules=rules)


async def _make_call(
    session: AsyncSession, email_id: int, therapist: Therapist, *, now: datetime, rules: DeskRules
) -> None:
    call = await book_next(
        session, therapist, now=now, rules=rules, email_id=email_id, grund=CallReason.NO_REPLY
    )
    await session.execute(
        update(Email).where(Email.id == email_id).values(nachgefasst=True, updated_at=Email.updated_at)
    )
    announce(session, call, "call_scheduled", now=now, actor=SYSTEM)
    log.info("follow_up_planned", email_id=email_id, call_id=call.id)


async def _put_off(
    session: AsyncSession,
    email_id: int,
    until: datetime,
    note: str | None,
    *,
    now: datetime,
    rules: DeskRules,
) -> None:
    """Look at an e-mail again later; with a note, ask a person to look at it now."""
    async with session.begin():
        email = await _lock_due(session, email_id, now, rules)
        if email is None:
            return
        email.nachverfolgung_ab = until
        notes = email.nachverfolgung_notizen or ""
        if note is None or (email.nachverfolgung_erforderlich and note in notes):
            return
        email.nachverfolgung_erforderlich = True
        if note not in notes:
            email.nachverfolgung_notizen = f"{notes}\n{note}".strip()
        email.version += 1
        record(session, SYSTEM, "follow_up_obstacle", "email", email_id, now=now)
        wake(session, EMAILS)


def due_follow_ups(now: datetime, rules: DeskRules) -> Select[int, int]:
    """Return the query for the ids of due e-mails and of their therapists, oldest e-mail first."""
    followed_up = exists().where(
        PhoneCall.email_id == Email.id,
        or_(PhoneCall.grund == CallReason.NO_REPLY, PhoneCall.status != CallStatus.CANCELED),
    )
    return (
        select(Email.id, Email.therapist_id)
        .where(
            Email.status == EmailStatus.SENT,
            ~Email.antwort_erhalten,
            ~Email.nachgefasst,
            Email.sent_at <= now - rules.follow_up_after,
            or_(Email.nachverfolgung_ab.is_(None), Email.nachverfolgung_ab <= now),
            ~followed_up,
        )
        .order_by(Email.sent_at, Email.id)
    )


async def _lock_due(session: AsyncSession, email_id: int, now: datetime, rules: DeskRules) -> Email | None:
    """Return an e-mail, locked, if it is still due and nobody else is at it.

    Whether it is due is asked again after the lock is held: only then is what others did visible.
    """
    email = await session.scalar(
        select(Email)
        .where(Email.id == email_id)
        .with_for_update(key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if email is None:
        return None
    still_due = await session.execute(due_follow_ups(now, rules).where(Email.id == email_id))
    return email if still_due.first() is not None else None
