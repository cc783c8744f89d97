"""Follows up what nobody has answered by a call: each e-mail once, however many workers look.

A therapist has one open follow-up call at most: what becomes due joins it, whichever attempt it is, and only
where there is none a call is made.

Due is a SENT e-mail without an answer, `rules.follow_up_after` after it was sent or, where an out-of-office
note or an earlier look moved it, from `nachverfolgung_ab` on; never while the therapist is absent. Failed,
undeliverable, unclear and answered e-mails are not, nor are those a call already is or was about.

An e-mail whose therapist can't be called is flagged `nachverfolgung_erforderlich` with the reason in
`nachverfolgung_hindernis`, and looked at again after `rules.follow_up_after`: it neither vanishes nor is
tried all the time.
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

import structlog
from sqlalchemy import Select, exists, select, update

from services.calls.linked_emails import join, open_follow_up
from services.calls.locking import lock_follow_ups
from services.calls.planning import announce
from services.errors import DomainError, TemporarilyUnavailable
from services.follow_ups.pending import followed_up
from services.hints import EMAILS
from services.models import CallReason, Email, FollowUpObstacle, PhoneCall, Therapist
from services.models.therapists import may_be_called
from services.origins import Origin
from services.rules import DeskRules
from services.scheduling.booking import NotToBeCalled, book_next
from services.scheduling.calendar import HoursTooShort, NoFreeSlot, NoWindow, UnreadableHours
from services.therapists.directory import ErasedTherapist, TherapistDirectory, UnknownTherapist
from services.work import SYSTEM, Action, Moment, Transaction, Work, Workplace
from shared.heartbeat import TURN_SECONDS, turned

EVERY_SECONDS = 30.0
AT_ONCE = 100
OUTAGE_PAUSE = timedelta(minutes=15)
FULL_PAUSE = timedelta(days=1)
OBSTACLES: dict[type[DomainError], FollowUpObstacle] = {
    NotToBeCalled: FollowUpObstacle.NOT_TO_BE_CALLED,
    NoWindow: FollowUpObstacle.NO_WINDOW,
    HoursTooShort: FollowUpObstacle.HOURS_TOO_SHORT,
    UnreadableHours: FollowUpObstacle.UNREADABLE_HOURS,
    NoFreeSlot: FollowUpObstacle.NO_FREE_SLOT,
    UnknownTherapist: FollowUpObstacle.UNKNOWN_THERAPIST,
    ErasedTherapist: FollowUpObstacle.UNKNOWN_THERAPIST,
}

log = structlog.get_logger(__name__)


class FollowUps:
    """Looks for due follow-ups at intervals."""

    def __init__(
        self,
        workplace: Workplace,
        directory: TherapistDirectory,
        *,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._workplace = workplace
        self._directory = directory
        self._every = every_seconds

    async def run(self) -> None:
        """Make due calls until cancelled."""
        while True:
            turned(within=TURN_SECONDS)
            async with self._workplace.work() as work:
                looked_at = await create_due(work, self._directory, limit=AT_ONCE)
            if looked_at < AT_ONCE:
                turned(within=self._every + TURN_SECONDS)
                await asyncio.sleep(self._every)


async def create_due(work: Work, directory: TherapistDirectory, *, limit: int = AT_ONCE) -> int:
    """Make the calls that are due, oldest e-mail first; return how many e-mails were looked at.

    Each e-mail has a transaction of its own, opened after its therapist has been fetched.
    """
    async with work.transaction() as tx:
        query = due_follow_ups(tx).add_columns(Email.anfrage_id).limit(limit)
        due = (await tx.session.execute(query)).all()
    for email_id, therapist_id, request_id in due:
        turned(within=TURN_SECONDS)
        with structlog.contextvars.bound_contextvars(email_id=email_id, request_id=request_id):
            await _follow_up(work, directory, email_id, therapist_id)
    return len(due)


async def _follow_up(work: Work, directory: TherapistDirectory, email_id: int, therapist_id: int) -> None:
    try:
        therapist = await directory.get(work, therapist_id)
        async with work.transaction() as tx:
            await lock_follow_ups(tx, therapist_id)
            email = await _lock_due(tx, email_id)
            if email is not None:
                await _join_or_make(tx, email, therapist)
    except TemporarilyUnavailable as error:
        log.info("follow_up_put_off", error=type(error).__name__)
        await _put_off(work, email_id, work.now + OUTAGE_PAUSE, None)
    except tuple(OBSTACLES) as error:
        log.info("follow_up_obstacle", error=type(error).__name__)
        pause = FULL_PAUSE if isinstance(error, NoFreeSlot) else work.rules.follow_up_after
        await _put_off(work, email_id, work.now + pause, OBSTACLES[type(error)])


async def _join_or_make(tx: Transaction, email: Email, therapist: Therapist) -> None:
    call = await open_follow_up(tx, therapist.id)
    if call is not None:
        known = await tx.session.get(Therapist, therapist.id, populate_existing=True) or therapist
        if not may_be_called(known):
            raise NotToBeCalled
        await join(tx.by(SYSTEM), call, [email.id], automatic=True)
    else:
        origin = Origin.of(email).columns
        call = await book_next(tx, therapist, email_id=email.id, grund=CallReason.NO_REPLY, **origin)
        announce(tx.by(SYSTEM), call, Action.CALL_SCHEDULED)
    await tx.session.execute(
        update(Email)
        .where(Email.id == email.id)
        .values(nachgefasst=True, nachverfolgung_hindernis=None, updated_at=Email.updated_at)
    )
    log.info("follow_up_planned", call_id=call.id)


async def _put_off(work: Work, email_id: int, until: datetime, obstacle: FollowUpObstacle | None) -> None:
    """Look at an e-mail again later; with an obstacle, ask a person to look at it now."""
    async with work.transaction() as tx:
        email = await _lock_due(tx, email_id)
        if email is None:
            return
        email.nachverfolgung_ab = until
        known = email.nachverfolgung_erforderlich and email.nachverfolgung_hindernis == obstacle
        if obstacle is None or known:
            return
        email.nachverfolgung_erforderlich = True
        email.nachverfolgung_hindernis = obstacle
        email.version += 1
        tx.record(Action.FOLLOW_UP_OBSTACLE, email)
        tx.wake(EMAILS)


def due_follow_ups(moment: Moment) -> Select[int, int]:
    """Return the query for the ids of due e-mails and of their therapists, oldest e-mail first."""
    absent = exists().where(Therapist.id == Email.therapist_id, Therapist.wieder_da_am > moment.today)
    return (
        select(Email.id, Email.therapist_id)
        .where(Email.follow_up_due(moment.now, moment.rules.follow_up_after), ~followed_up(), ~absent)
        .order_by(Email.sent_at, Email.id)
    )


def follow_up_at(
    email: Email,
    calls: Iterable[tuple[PhoneCall, bool]],
    rules: DeskRules,
    *,
    back_on: date | None = None,
) -> datetime | None:
    """Return when `due_follow_ups` finds an e-mail, given all calls about it; None if never.

    Each call comes with whether it is the e-mail's automatic one. `back_on` is the first day back of the
    therapist's absence.
    """
    at = email.follow_up_at(rules.follow_up_after)
    if at is None or any(call.stands_for_follow_up(automatisch) for call, automatisch in calls):
        return None
    return max(at, rules.instant(back_on, time.min).astimezone(UTC)) if back_on else at


async def _lock_due(tx: Transaction, email_id: int) -> Email | None:
    """Return an e-mail, locked, if it is still due and nobody else is at it.

    Whether it is due is asked again after the lock is held: only then is what others did visible.
    """
    email = await tx.session.scalar(
        select(Email)
        .where(Email.id == email_id)
        .with_for_update(key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if email is None:
        return None
    still_due = await tx.session.execute(due_follow_ups(tx).where(Email.id == email_id))
    return email if still_due.first() is not None else None
