"""Whether the mailbox can be reached, kept beside its cursor for the page *System*."""

from sqlalchemy.dialects.postgresql import insert

from services.models import MailboxCursor
from services.work import Work

NO_VALIDITY = 0
"""Stands for the UIDVALIDITY of a mailbox that was never opened; real ones begin at 1."""


async def note_contact(work: Work, mailbox: str) -> None:
    """Note that a mailbox whose cursor is there was reached."""
    await _note(work, mailbox, zuletzt_at=work.now, fehler=None)


async def note_trouble(work: Work, mailbox: str, reason: str) -> None:
    """Note why a mailbox can't be read; of one that was never reached, what comes from today on is read."""
    await _note(work, mailbox, fehler=reason)


async def _note(work: Work, mailbox: str, **changes: object) -> None:
    row = insert(MailboxCursor).values(
        postfach=mailbox, uidvalidity=NO_VALIDITY, uid=0, seit=work.today, **changes
    )
    async with work.transaction() as tx:
        await tx.session.execute(row.on_conflict_do_update(index_elements=["postfach"], set_=changes))
