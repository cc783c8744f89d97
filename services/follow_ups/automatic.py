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
from typing import Any, NamedTuple

import structlog
from sqlalchemy import (
    ARRAY,
    Date,
    DateTime,
    Integer,
    Interval,
    Select,
    any_,
    bindparam,
    exists,
    select,
    update,
)

from services.calls.linked_emails import join, open_follow_up
from services.calls.locking import lock_follow_ups, try_follow_ups
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
from shared.plain_rows import PlainQuery

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


class Due(NamedTuple):
    """An e-mail that was due when it was looked for."""

    id: int
    therapist_id: int
    request_id: str | None


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

    Each e-mail has a transaction of its own, opened after its therapist has been fetched. Where somebody else
    is at a therapist's follow-ups, mostly a worker that looks as well, theirs come last if still due.
    """
    async with work.transaction() as tx:
        due = [Due(*row) for row in await tx.rows(OLDEST, limit=limit, **_times(tx))]
        fresh = await directory.fresh(tx, {email.therapist_id for email in due})

    async def follow_up(email: Due, *, wait: bool) -> bool:
        turned(within=TURN_SECONDS)
        asked = None if email.therapist_id in fresh else directory
        with structlog.contextvars.bound_contextvars(email_id=email.id, request_id=email.request_id):
            return await _follow_up(work, asked, email, wait=wait)

    held = [email for email in due if not await follow_up(email, wait=False)]
    if held:
        async with work.transaction() as tx:
            rows = await tx.rows(DUE, some=[email.id for email in held], **_times(tx))
        for row in rows:
            await follow_up(Due(*row), wait=True)
    return len(due)


async def _follow_up(work: Work, directory: TherapistDirectory | None, due: Due, *, wait: bool) -> bool:
    """Follow up an e-mail; False if that means to `wait` for who is at the therapist's follow-ups.

    The directory is asked for the therapist unless what is known of them is fresh.
    """
    try:
        if directory is not None:
            await directory.get(work, due.therapist_id)
        async with work.transaction() as tx:
            if wait:
                await lock_follow_ups(tx, due.therapist_id)
            elif not await try_follow_ups(tx, due.therapist_id):
                return False
            email = await _lock_due(tx, due.id)
            if email is not None:
                await _join_or_make(tx, email)
    except TemporarilyUnavailable as error:
        log.info("follow_up_put_off", error=type(error).__name__)
        await _put_off(work, due.id, work.now + OUTAGE_PAUSE, None)
    except tuple(OBSTACLES) as error:
        log.info("follow_up_obstacle", error=type(error).__name__)
        pause = FULL_PAUSE if isinstance(error, NoFreeSlot) else work.rules.follow_up_after
        await _put_off(work, due.id, work.now + pause, OBSTACLES[type(error)])
    return True


async def _join_or_make(tx: Transaction, email: Email) -> None:
    call = await open_follow_up(tx, email.therapist_id)
    therapist = await tx.session.get(Therapist, email.therapist_id, populate_existing=True)
    if therapist is None:
        raise UnknownTherapist
    if call is not None:
        if not may_be_called(therapist):
            raise NotToBeCalled
        await join(tx.by(SYSTEM), call, [email.id], automatic=True)
    else:
        origin = Origin.of(email).columns
        call = await book_next(tx, therapist, email_id=email.id, grund=CallReason.NO_REPLY, **origin)
        announce(tx.by(SYSTEM), call, Action.CALL_SCHEDULED)
    await tx.session.execute(FOLLOWED_UP, {"followed_up": email.id})
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
    return _due(**_times(moment))


def _times(moment: Moment) -> dict[str, Any]:
    return {"now": moment.now, "after": moment.rules.follow_up_after, "today": moment.today}


def _due(now: Any, after: Any, today: Any) -> Select[int, int]:
    absent = exists().where(Therapist.id == Email.therapist_id, Therapist.wieder_da_am > today)
    return (
        select(Email.id, Email.therapist_id)
        .where(Email.follow_up_due(now, after), ~followed_up(), ~absent)
        .order_by(Email.sent_at, Email.id)
    )


EVERY = _due(
    bindparam("now", type_=DateTime(timezone=True)),
    bindparam("after", type_=Interval),
    bindparam("today", type_=Date),
).add_columns(Email.anfrage_id)
OLDEST = PlainQuery(EVERY.limit(bindparam("limit", type_=Integer)))
DUE = PlainQuery(EVERY.where(Email.id == any_(bindparam("some", type_=ARRAY(Integer)))))
FOLLOWED_UP = (
    update(Email)
    .where(Email.id == bindparam("followed_up"))
    .values(nachgefasst=True, nachverfolgung_hindernis=None, updated_at=Email.updated_at)
    .execution_options(synchronize_session=False)
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
    return email if await tx.rows(DUE, some=[email_id], **_times(tx)) else None
