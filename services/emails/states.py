"""The states of an e-mail and the ways between them that a person may take.

```
DRAFT -> QUEUED -> SENDING -> SENT
  ^         |  ^       |-> FAILED -> QUEUED (a person or PUT)
  +---------+  +-- resend --- unclear -- was sent, or somebody answered -> SENT
```
A QUEUED e-mail that somebody answers has FAILED as "answered before it was sent", unless an earlier attempt
was unclear: then it is SENT. One that has not been sent before its `expires_at` has FAILED as well.
Every change of state is guarded by the state it leaves and raises `version` by one. What the worker does
with a message it has claimed is in `services.sending.queue`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select, true, tuple_, update
from sqlalchemy.orm import defer

from services.emails.lists import BODIES, FAILED, conditions
from services.emails.schedule import first_attempt_at, keep_from_expired, not_expired
from services.emails.senders import has_possible_sender, refuse_other_sender
from services.emails.stop_list import NOT_STOPPED, keep_from_stopped
from services.errors import Conflict, NotFound
from services.events.types import EventType
from services.hints import EMAIL_QUEUE, EMAILS
from services.models import AttemptOutcome, Email, EmailStatus, EmailVersuch, Unsent
from services.work import Action, Transaction, Work

Decision = Literal["resend", "was_sent"]
"""What a person may decide about an e-mail whose delivery is unclear."""

_ACTION_FROM = {
    EmailStatus.DRAFT: Action.EMAIL_QUEUED,
    EmailStatus.QUEUED: Action.EMAIL_CANCELED,
    EmailStatus.FAILED: Action.EMAIL_RETRIED,
}


class NoSuchEmail(NotFound):
    """There is no such e-mail."""


class NotInThisState(Conflict):
    """This is not possible while the e-mail is %(status)s."""


class NotToBeSent(Conflict):
    """This e-mail has been answered, so it is not sent any more."""


class TextErased(Conflict):
    """The text of this e-mail has been deleted, so it can't be sent any more."""


class DeliveryIsClear(Conflict):
    """Whether this e-mail was delivered is not in doubt."""


async def existing_email(tx: Transaction, email_id: int) -> Email:
    """Return an e-mail.

    Raises:
        NoSuchEmail: there is none.
    """
    return await tx.existing(Email, email_id, missing=NoSuchEmail)


async def locked_email(tx: Transaction, email_id: int, version: int | None = None) -> Email:
    """Lock an e-mail's row and return it as it is now.

    Whoever needs rows of calls as well locks them after this, never before. Inserting a row that refers to
    the e-mail does not wait for this lock.

    Raises:
        NoSuchEmail: there is none.
        StaleVersion: it is not the version the caller has seen.
    """
    return await tx.locked(Email, email_id, version=version, key_share=True, missing=NoSuchEmail)


async def queue_email(work: Work, email_id: int, *, version: int | None = None) -> Email:
    """Queue a draft.

    Raises:
        NotInThisState: it is no draft.
        InvalidInput: its sender is of another domain than may send.
        Stopped: its recipient is on the stop list.
        Expired: the time to send it is over.
    """
    return await _change(work, email_id, EmailStatus.DRAFT, EmailStatus.QUEUED, version)


async def cancel_email(work: Work, email_id: int, *, version: int | None = None) -> Email:
    """Turn a queued e-mail back into a draft; a worker that has claimed it wins.

    Raises:
        NotInThisState: it is not queued any more.
    """
    return await _change(work, email_id, EmailStatus.QUEUED, EmailStatus.DRAFT, version)


async def retry_email(work: Work, email_id: int, *, version: int | None = None) -> Email:
    """Queue a failed e-mail again, with all its attempts before it.

    Raises:
        NotInThisState: it has not failed.
        InvalidInput: its sender is of another domain than may send.
        NotToBeSent: somebody has answered it.
        Stopped: its recipient is on the stop list.
        Expired: the time to send it is over.
    """
    return await _change(work, email_id, EmailStatus.FAILED, EmailStatus.QUEUED, version)


async def retry_failed(work: Work, ids: Sequence[int] | None = None) -> int:
    """Queue again what has failed, nobody has answered and nothing is in the way of; return how many.

    Of `ids`, or of all.
    """
    failed = update(Email).where(
        *conditions(FAILED),
        NOT_STOPPED,
        has_possible_sender(work.rules),
        not_expired(work.now),
        Email.geloescht_at.is_(None),
    )
    if ids is not None:
        failed = failed.where(Email.id.in_(ids))
    first_attempt = func.greatest(work.now, Email.send_at)
    values = {**queued(work.now), "naechster_versuch_at": first_attempt, "version": Email.version + 1}
    async with work.transaction() as tx:
        changed = (await tx.session.scalars(failed.values(values).returning(Email.id))).all()
        for email_id in changed:
            tx.record_id(Action.EMAIL_RETRIED, Email, email_id)
        tx.wake(EMAILS, EMAIL_QUEUE)
    return len(changed)


async def decide_unclear(
    work: Work, email_id: int, decision: Decision, *, version: int | None = None
) -> Email:
    """Record a person's decision about an e-mail that may have been delivered.

    Resending keeps the Message-ID, so that a mailbox can tell the second copy; where the time to send it is
    over, it fails for that.

    Raises:
        DeliveryIsClear: there is nothing to decide (any more).
        Stopped: it is to be resent, and its recipient is on the stop list.
    """
    async with work.transaction() as tx:
        email = await locked_email(tx, email_id, version)
        if not email.zustellung_unklar:
            raise DeliveryIsClear
        if decision == "resend":
            await keep_from_stopped(tx, email)
        _decide(tx, email, decision)
    return email


async def decide_all_unclear(work: Work, seen: Mapping[int, int], decision: Decision) -> int:
    """Record one decision about e-mails that may have been delivered; return how many.

    Left out is what is not unclear any more, or has changed since the version somebody has `seen` of it, and
    of what is to be resent whose recipient is on the stop list.
    """
    async with work.transaction() as tx:
        emails = await tx.session.scalars(
            select(Email)
            .where(tuple_(Email.id, Email.version).in_(list(seen.items())), Email.zustellung_unklar)
            .where(NOT_STOPPED if decision == "resend" else true())
            .order_by(Email.id)
            .options(*(defer(body) for body in BODIES))
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        unclear = emails.all()
        for email in unclear:
            _decide(tx, email, decision)
    return len(unclear)


def _decide(tx: Transaction, email: Email, decision: Decision) -> None:
    if decision == "resend":
        _set(email, anspruch=None, **queued(tx.now, email.send_at))
        tx.record(Action.EMAIL_RESENT, email)
    else:
        settle_as_sent(tx, email)
    finish_change(tx, email)


def settle_as_sent(tx: Transaction, email: Email) -> None:
    """Count a locked, unclear e-mail as sent at the instant its hand-over began; report and note it."""
    sent_at = email.uebergabe_begonnen_at
    _set(email, status=EmailStatus.SENT, sent_at=sent_at, fehlermeldung=None, anspruch=None)
    email.naechster_versuch_at = None
    tx.report(EventType.EMAIL_SENT, email)
    tx.record(Action.EMAIL_WAS_SENT, email)


async def take_out_of_queue(tx: Transaction, email: Email) -> None:
    """Settle a locked, queued e-mail that somebody has answered, so that it is not sent (again).

    It counts as sent where an earlier attempt was unclear, for the answer proves that one; else it has
    FAILED: it never left the house, and a person sees why.
    """
    handed_over = await tx.session.scalar(
        select(EmailVersuch.begonnen_at)
        .where(EmailVersuch.email_id == email.id, EmailVersuch.ergebnis == AttemptOutcome.UNCLEAR)
        .order_by(EmailVersuch.nummer.desc())
        .limit(1)
    )
    if handed_over is None:
        _set(email, status=EmailStatus.FAILED, fehlermeldung=Unsent.ANSWERED, naechster_versuch_at=None)
    else:
        email.uebergabe_begonnen_at = handed_over
        settle_as_sent(tx, email)


def change_status(email: Email, status: EmailStatus, *, now: datetime) -> None:
    """Move a locked e-mail to another state as a person may.

    Raises:
        NotInThisState: no way leads there from its state.
        NotToBeSent: somebody has answered it.
        TextErased: there is nothing left to send.
        Expired: the time to send it is over.
    """
    match email.status, status:
        case ((EmailStatus.DRAFT | EmailStatus.FAILED), EmailStatus.QUEUED):
            if email.geloescht_at is not None:
                raise TextErased
            if email.antwort_erhalten:
                raise NotToBeSent
            keep_from_expired(email, now)
            _set(email, **queued(now, email.send_at))
        case EmailStatus.QUEUED, EmailStatus.DRAFT:
            _set(email, **draft())
        case _:
            raise NotInThisState(status=email.status.value)


def finish_change(tx: Transaction, email: Email) -> None:
    """Count a change of a locked e-mail and wake who waits for it."""
    email.version += 1
    email.updated_at = tx.now
    wake_readers(tx, email)


async def _change(
    work: Work, email_id: int, before: EmailStatus, after: EmailStatus, version: int | None
) -> Email:
    async with work.transaction() as tx:
        email = await locked_email(tx, email_id, version)
        if email.status is not before:
            raise NotInThisState(status=email.status.value)
        if after is EmailStatus.QUEUED:
            refuse_other_sender(email, tx.rules)
            await keep_from_stopped(tx, email)
        change_status(email, after, now=tx.now)
        finish_change(tx, email)
        tx.record(_ACTION_FROM[before], email)
    return email


def queued(now: datetime, send_at: datetime | None = None) -> dict[str, Any]:
    """Return the columns of an e-mail whose delivery is to start afresh, at once or when it is to be sent."""
    return {
        "status": EmailStatus.QUEUED,
        "queued_at": now,
        "naechster_versuch_at": first_attempt_at(now, send_at),
        "wiederholungsanzahl": 0,
        "uebergabe_begonnen_at": None,
        "fehlermeldung": None,
    }


def draft() -> dict[str, Any]:
    """Return the columns of an e-mail nobody is to send yet."""
    return {
        "status": EmailStatus.DRAFT,
        "queued_at": None,
        "naechster_versuch_at": None,
        "wiederholungsanzahl": 0,
        "fehlermeldung": None,
    }


def _set(email: Email, **values: Any) -> None:
    for column, value in values.items():
        setattr(email, column, value)


def wake_readers(tx: Transaction, email: Email) -> None:
    """Wake open pages, and the senders where there is something to send."""
    tx.wake(EMAILS)
    if email.status is EmailStatus.QUEUED:
        tx.wake(EMAIL_QUEUE)
