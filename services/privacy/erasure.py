"""Erases all about one therapist at their request (GDPR Art. 17), and keeps them from being fetched again.

What is open is settled first: nothing is sent or rung any more, and other services are told. The skeleton
stays (`columns`), and the therapist's row as a mark that they were erased.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from services.calls.planning import cancel
from services.emails.states import settle_as_sent
from services.events.types import EventType
from services.hints import CALLS, EMAILS, INCOMING
from services.models import (
    Base,
    CallStatus,
    CancelReason,
    Draft,
    Email,
    EmailStatus,
    Incoming,
    IncomingState,
    MailQueueState,
    PhoneCall,
    StopEntry,
    StopReason,
    Therapist,
)
from services.privacy.classes import WAITING
from services.privacy.columns import BLANK, blank
from services.privacy.holdings import Holdings, holdings_of
from services.scheduling.booking import lock_calendar
from services.work import Action, Transaction, Work

LOOKED_AFTER = timedelta(days=1)
AT_THE_SAME_TIME = timedelta(minutes=1)
"""What was asked for while a therapist was being erased is as old as that, at most."""

UNWANTED = and_(StopEntry.aufgehoben_at.is_(None), StopEntry.grund == StopReason.UNWANTED)

Row = TypeVar("Row", bound=Base)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What erasing a therapist did, or would do: how many rows of each kind.

    Attributes:
        emails: blanked, those not sent any more among them.
        not_sent: taken out of the queue or from a worker that had not begun to hand them over.
        canceled: calls that are not made any more.
        stop_entries: taken from the stop list.
        kept_stop_entries: that stay there: no mail is wanted at these addresses.
    """

    emails: int
    not_sent: int
    incoming: int
    calls: int
    canceled: int
    drafts: int
    stop_entries: int
    kept_stop_entries: int


async def erase_therapist(work: Work, therapist_id: int) -> Erasure:
    """Erase all about a therapist; again, for what has come since.

    An e-mail being handed over at this moment counts as sent.

    Raises:
        NothingHeld: nothing is held about them.
    """
    async with work.transaction() as tx:
        about = await holdings_of(tx, therapist_id)
        done = await _count(tx, about)
        await _erase(tx, about)
        await _mark(tx, therapist_id)
        tx.record_id(Action.THERAPIST_ERASED, Therapist, therapist_id)
    return done


async def preview_erasure(work: Work, therapist_id: int) -> Erasure:
    """Return what erasing a therapist would do; nothing is changed.

    Raises:
        NothingHeld: nothing is held about them.
    """
    async with work.transaction() as tx:
        return await _count(tx, await holdings_of(tx, therapist_id))


async def finish_erasures(work: Work) -> None:
    """Erase what was asked for at the same time as a therapist was lately erased, and not seen by that."""
    lately = Therapist.geloescht_at > work.now - LOOKED_AFTER
    async with work.transaction() as tx:
        erased = (await tx.session.execute(select(Therapist.id, Therapist.geloescht_at).where(lately))).all()
    for therapist_id, at in erased:
        assert at is not None
        async with work.transaction() as tx:
            left = await _left_over(tx, therapist_id, at + AT_THE_SAME_TIME)
            if left is not None:
                log.info("erasure_finished", therapist_id=therapist_id)
                await _erase(tx, left)


async def _erase(tx: Transaction, about: Holdings) -> None:
    """Settle and blank, locking in the order all keep: e-mails, messages, calls, calendar."""
    emails = await _locked(tx, Email, about.emails)
    incoming = await _locked(tx, Incoming, about.incoming)
    calls = await _locked(tx, PhoneCall, about.calls)
    await lock_calendar(tx)
    for email in emails:
        _settle_email(tx, email)
    for message in incoming:
        if message.zustand in WAITING:
            message.zustand = IncomingState.ASIDE
    for call in calls:
        call.klaerung_noetig, call.wieder_fragen_am = False, None
        if call.status == CallStatus.SCHEDULED:
            await cancel(tx, call, CancelReason.ERASED)
    await tx.session.flush()
    await blank(tx, Email, about.emails)
    await blank(tx, Incoming, about.incoming)
    await blank(tx, PhoneCall, about.calls)
    await tx.session.execute(delete(Draft).where(about.drafts))
    await _leave_stop_list(tx, about)
    quoting = update(MailQueueState).where(MailQueueState.refused_id.in_(about.emails))
    await tx.session.execute(quoting.values(reason=None))
    tx.wake(CALLS, EMAILS, INCOMING)


def _settle_email(tx: Transaction, email: Email) -> None:
    """Let a locked e-mail not be sent any more; one that may be on its way counts as sent."""
    email.nachverfolgung_erforderlich = False
    if email.status is EmailStatus.SENDING and email.uebergabe_begonnen_at is not None:
        email.anspruch_bis = None
        settle_as_sent(tx, email)
    elif email.status in (EmailStatus.QUEUED, EmailStatus.SENDING):
        email.status = EmailStatus.FAILED
        email.anspruch = email.anspruch_bis = email.naechster_versuch_at = None
        email.geloescht_at = tx.now
        tx.report(EventType.EMAIL_FAILED, email)


async def _leave_stop_list(tx: Transaction, about: Holdings) -> None:
    """Take dead addresses from the stop list; who wants no mail there is still not to get any."""
    await tx.session.execute(
        update(StopEntry)
        .where(about.stop_entries, ~UNWANTED)
        .values(adresse="", aufgehoben_at=func.coalesce(StopEntry.aufgehoben_at, tx.now))
    )


async def _mark(tx: Transaction, therapist_id: int) -> None:
    """Leave nothing of a therapist's row but that they were erased; make one where there is none."""
    values = BLANK[Therapist] | {"geloescht_at": tx.now, "abgerufen_at": tx.now}
    await tx.session.execute(
        insert(Therapist)
        .values(id=therapist_id, **values)
        .on_conflict_do_update(
            index_elements=[Therapist.id], set_={**values, "version": Therapist.version + 1}
        )
    )


async def _left_over(tx: Transaction, therapist_id: int, before: datetime) -> Holdings | None:
    emails = await tx.session.scalars(
        select(Email.id).where(
            Email.therapist_id == therapist_id, Email.geloescht_at.is_(None), Email.created_at < before
        )
    )
    calls = await tx.session.scalars(
        select(PhoneCall.id).where(
            PhoneCall.therapist_id == therapist_id,
            PhoneCall.status == CallStatus.SCHEDULED,
            PhoneCall.created_at < before,
        )
    )
    left = Holdings(
        therapist_id=therapist_id,
        known=True,
        addresses=[],
        emails=sorted(emails),
        incoming=[],
        calls=sorted(calls),
    )
    return left if left.emails or left.calls else None


async def _locked(tx: Transaction, model: type[Row], ids: Sequence[int]) -> Sequence[Row]:
    row_id = model.__table__.c.id
    rows = await tx.session.scalars(
        select(model)
        .where(row_id.in_(ids))
        .order_by(row_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def _count(tx: Transaction, about: Holdings) -> Erasure:
    async def count(model: type[Base], *which: ColumnElement[bool]) -> int:
        return await tx.session.scalar(select(func.count()).select_from(model).where(*which)) or 0

    under_way = and_(Email.status == EmailStatus.SENDING, Email.uebergabe_begonnen_at.is_(None))
    not_sent = or_(Email.status == EmailStatus.QUEUED, under_way)
    planned = PhoneCall.status == CallStatus.SCHEDULED
    return Erasure(
        emails=len(about.emails),
        not_sent=await count(Email, Email.id.in_(about.emails), not_sent),
        incoming=len(about.incoming),
        calls=len(about.calls),
        canceled=await count(PhoneCall, PhoneCall.id.in_(about.calls), planned),
        drafts=await count(Draft, about.drafts),
        stop_entries=await count(StopEntry, about.stop_entries, ~UNWANTED),
        kept_stop_entries=await count(StopEntry, about.stop_entries, UNWANTED),
    )
