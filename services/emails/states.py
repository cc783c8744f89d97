"""The states of an e-mail and the ways between them that a person may take.

```
DRAFT -> QUEUED -> SENDING -> SENT
  ^         |  ^       |-> FAILED -> QUEUED (a person or PUT)
  +---------+  +-- resend --- unclear -- was sent, or somebody answered -> SENT
```
Every change of state is guarded by the state it leaves and raises `version` by one. What the worker does
with a message it has claimed is in `services.sending.queue`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from services import work
from services.emails.lists import BODIES
from services.errors import Conflict, NotFound, StaleVersion
from services.events.report import EventType, report_email
from services.hints import EMAIL_QUEUE, EMAILS
from services.models import Email, EmailStatus
from services.models.emails import UNCLEAR
from services.work import Actor
from shared.database import wake

Decision = Literal["resend", "was_sent"]
"""What a person may decide about an e-mail whose delivery is unclear."""


class NoSuchEmail(NotFound):
    """There is no such e-mail."""


class NotInThisState(Conflict):
    """This is not possible while the e-mail is %(status)s."""


class DeliveryIsClear(Conflict):
    """Whether this e-mail was delivered is not in doubt."""


async def existing_email(session: AsyncSession, email_id: int) -> Email:
    """Return an e-mail. Runs in the caller's transaction.

    Raises:
        NoSuchEmail: there is none.
    """
    email = await session.get(Email, email_id)
    if email is None:
        raise NoSuchEmail
    return email


async def locked_email(session: AsyncSession, email_id: int, version: int | None = None) -> Email:
    """Lock an e-mail's row and return it as it is now. Runs in the caller's transaction.

    Whoever needs rows of calls as well locks them after this, never before. Inserting a row that refers to
    the e-mail does not wait for this lock.

    Raises:
        NoSuchEmail: there is none.
        StaleVersion: it is not the version the caller has seen.
    """
    email = await session.scalar(
        select(Email)
        .where(Email.id == email_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    if email is None:
        raise NoSuchEmail
    if version is not None and version != email.version:
        raise StaleVersion
    return email


async def queue_email(
    session: AsyncSession, email_id: int, *, version: int | None = None, now: datetime, actor: Actor
) -> Email:
    """Queue a draft.

    Raises:
        NotInThisState: it is no draft.
    """
    return await _change(session, email_id, EmailStatus.DRAFT, EmailStatus.QUEUED, version, now, actor)


async def cancel_email(
    session: AsyncSession, email_id: int, *, version: int | None = None, now: datetime, actor: Actor
) -> Email:
    """Turn a queued e-mail back into a draft; a worker that has claimed it wins.

    Raises:
        NotInThisState: it is not queued any more.
    """
    return await _change(session, email_id, EmailStatus.QUEUED, EmailStatus.DRAFT, version, now, actor)


async def retry_email(
    session: AsyncSession, email_id: int, *, version: int | None = None, now: datetime, actor: Actor
) -> Email:
    """Queue a failed e-mail again, with all its attempts before it.

    Raises:
        NotInThisState: it has not failed.
    """
    return await _change(session, email_id, EmailStatus.FAILED, EmailStatus.QUEUED, version, now, actor)


async def retry_failed(
    session: AsyncSession, ids: Sequence[int] | None = None, *, now: datetime, actor: Actor
) -> int:
    """Queue again what has failed and nobody has answered, of `ids` or all; return how many."""
    failed = update(Email).where(Email.status == EmailStatus.FAILED, Email.antwort_erhalten.is_(False))
    if ids is not None:
        failed = failed.where(Email.id.in_(ids))
    values = {**queued(now), "version": Email.version + 1}
    async with session.begin():
        changed = (await session.scalars(failed.values(values).returning(Email.id))).all()
        for email_id in changed:
            work.record(session, actor, "email_retried", "email", email_id, now=now)
        wake(session, EMAILS)
        wake(session, EMAIL_QUEUE)
    return len(changed)


async def decide_unclear(
    session: AsyncSession,
    email_id: int,
    decision: Decision,
    *,
    version: int | None = None,
    now: datetime,
    actor: Actor,
) -> Email:
    """Record a person's decision about an e-mail that may have been delivered.

    Resending keeps the Message-ID, so that a mailbox can tell the second copy.

    Raises:
        DeliveryIsClear: there is nothing to decide (any more).
    """
    async with session.begin():
        email = await locked_email(session, email_id, version)
        if not email.zustellung_unklar:
            raise DeliveryIsClear
        _decide(session, email, decision, now=now, actor=actor)
    return email


async def decide_all_unclear(
    session: AsyncSession, seen: Mapping[int, int], decision: Decision, *, now: datetime, actor: Actor
) -> int:
    """Record one decision about e-mails that may have been delivered; return how many.

    Left out is what is not unclear any more, or has changed since the version somebody has `seen` of it.
    """
    async with session.begin():
        emails = await session.scalars(
            select(Email)
            .where(tuple_(Email.id, Email.version).in_(list(seen.items())), UNCLEAR)
            .order_by(Email.id)
            .options(*(defer(body) for body in BODIES))
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        unclear = emails.all()
        for email in unclear:
            _decide(session, email, decision, now=now, actor=actor)
    return len(unclear)


def _decide(session: AsyncSession, email: Email, decision: Decision, *, now: datetime, actor: Actor) -> None:
    if decision == "resend":
        _set(email, anspruch=None, **queued(now))
        work.record(session, actor, "email_resend", "email", email.id, now=now)
    else:
        settle_as_sent(session, email, now=now, actor=actor)
    finish_change(session, email, now=now)


def settle_as_sent(session: AsyncSession, email: Email, *, now: datetime, actor: Actor) -> None:
    """Count a locked, unclear e-mail as sent at the instant its hand-over began; report and note it.

    Runs in the caller's transaction.
    """
    sent_at = email.uebergabe_begonnen_at
    _set(email, status=EmailStatus.SENT, sent_at=sent_at, fehlermeldung=None, anspruch=None)
    report_email(session, EventType.EMAIL_SENT, email, now=now)
    work.record(session, actor, "email_was_sent", "email", email.id, now=now)


def change_status(email: Email, status: EmailStatus, *, now: datetime) -> None:
    """Move a locked e-mail to another state as a person may. Runs in the caller's transaction.

    Raises:
        NotInThisState: no way leads there from its state.
    """
    match email.status, status:
        case ((EmailStatus.DRAFT | EmailStatus.FAILED), EmailStatus.QUEUED):
            _set(email, **queued(now))
        case EmailStatus.QUEUED, EmailStatus.DRAFT:
            _set(email, **draft())
        case _:
            raise NotInThisState(status=email.status.value)


def finish_change(session: AsyncSession, email: Email, *, now: datetime) -> None:
    """Count a change of a locked e-mail and wake who waits for it. Runs in the caller's transaction."""
    email.version += 1
    email.updated_at = now
    wake_readers(session, email)


async def _change(
    session: AsyncSession,
    email_id: int,
    before: EmailStatus,
    after: EmailStatus,
    version: int | None,
    now: datetime,
    actor: Actor,
) -> Email:
    action = {EmailStatus.DRAFT: "email_queued", EmailStatus.QUEUED: "email_canceled"}
    async with session.begin():
        email = await locked_email(session, email_id, version)
        if email.status is not before:
            raise NotInThisState(status=email.status.value)
        change_status(email, after, now=now)
        finish_change(session, email, now=now)
        work.record(session, actor, action.get(before, "email_retried"), "email", email_id, now=now)
    return email


def queued(now: datetime) -> dict[str, Any]:
    """Return the columns of an e-mail whose delivery is to start afresh."""
    return {
        "status": EmailStatus.QUEUED,
        "queued_at": now,
        "naechster_versuch_at": now,
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


def wake_readers(session: AsyncSession, email: Email) -> None:
    """Wake open pages, and the senders where there is something to send. Runs in the caller's transaction."""
    wake(session, EMAILS)
    if email.status is EmailStatus.QUEUED:
        wake(session, EMAIL_QUEUE)
