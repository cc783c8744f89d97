"""An operator's hold on the queue: no worker sends anything until somebody releases it.

It stands in the database, so restarts change nothing. What is being handed over at that moment is finished;
what a worker has claimed goes back to the queue. An e-mail whose lease ends meanwhile becomes unclear.
"""

from sqlalchemy import and_, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from services.checks import check_line
from services.errors import InvalidInput
from services.hints import EMAIL_QUEUE, EMAILS
from services.models import Email, EmailStatus, MailQueueState
from services.work import Action, Work

LONGEST_REASON = 200
QUEUE_ID = 1
IN_DOUBT = "an older state was restored: what became of it since is not known"


async def hold_queue(work: Work, reason: str | None = None) -> int:
    """Hold the queue, or give another reason; return how many e-mails are still being handed over.

    Raises:
        InvalidInput: names `reason`.
    """
    if reason and (errors := check_line("reason", reason, longest=LONGEST_REASON)):
        raise InvalidInput(*errors)
    held = {
        "held_at": work.now,
        "held_by": work.actor.staff_id,
        "hold_reason": (reason or "").strip() or None,
    }
    since = func.coalesce(MailQueueState.held_at, work.now)
    async with work.transaction() as tx:
        await tx.session.execute(
            insert(MailQueueState)
            .values(id=QUEUE_ID, **held)
            .on_conflict_do_update(index_elements=["id"], set_={**held, "held_at": since})
        )
        tx.record_id(Action.QUEUE_HELD, MailQueueState, QUEUE_ID)
        tx.wake(EMAILS)
    async with work.transaction() as tx:
        under_way = select(func.count()).where(
            Email.status == EmailStatus.SENDING,
            Email.uebergabe_begonnen_at.is_not(None),
            Email.anspruch_bis >= tx.now,
        )
        return await tx.session.scalar(under_way) or 0


async def release_queue(work: Work) -> bool:
    """Let the workers send again; False when nobody holds the queue."""
    async with work.transaction() as tx:
        released = await tx.session.scalar(
            update(MailQueueState)
            .where(MailQueueState.held_at.is_not(None))
            .values(held_at=None, held_by=None, hold_reason=None)
            .returning(MailQueueState.id)
        )
        if released is not None:
            tx.record_id(Action.QUEUE_RELEASED, MailQueueState, QUEUE_ID)
            tx.wake(EMAILS, EMAIL_QUEUE)
    return released is not None


async def doubt_all(work: Work) -> int:
    """Make all that waits or was being sent unclear, so that a person decides about each; return how many.

    For a held queue whose database is an older state restored: any of it may have gone out since.
    """
    waits = Email.status == EmailStatus.QUEUED
    was_being_sent = and_(Email.status == EmailStatus.SENDING, Email.anspruch_bis.is_not(None))
    due = func.least(func.coalesce(Email.naechster_versuch_at, work.now), work.now)
    async with work.transaction() as tx:
        doubted = await tx.session.scalars(
            update(Email)
            .where(or_(waits, was_being_sent))
            .values(
                status=EmailStatus.SENDING,
                anspruch_bis=None,
                uebergabe_begonnen_at=func.coalesce(
                    Email.uebergabe_begonnen_at, case((waits, due), else_=Email.updated_at)
                ),
                fehlermeldung=IN_DOUBT,
                updated_at=tx.now,
                version=Email.version + 1,
            )
            .returning(Email.id)
        )
        ids = sorted(doubted.all())
        for email_id in ids:
            tx.record_id(Action.EMAIL_DOUBTED, Email, email_id)
        tx.wake(EMAILS)
    return len(ids)
