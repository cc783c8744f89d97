"""A reply to an e-mail while it is being typed: kept for its author, announced to everybody else."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import select

from services.drafts import REPLY, drop_draft, put_draft
from services.emails.states import NoSuchEmail
from services.hints import EMAILS
from services.models import Activity, Draft, Email, Staff
from services.work import Transaction, Work

TYPING = timedelta(minutes=1)
"""How long after the last key somebody still counts as typing."""


async def keep_reply(work: Work, email_id: int, fields: Mapping[str, str], *, version: int | None) -> bool:
    """Keep a reply typed on a page that shows the e-mail in `version`; wake open pages when it is begun.

    What arrives after the same person's reply is not kept: it was sent on its way before it, or comes from a
    page that is out of date. Returns whether it was kept.

    Raises:
        NoSuchEmail: there is none.
    """
    async with work.transaction() as tx:
        found = await tx.session.scalar(
            select(Email.id).where(Email.id == email_id).with_for_update(read=True)
        )
        if found is None:
            raise NoSuchEmail
        if await _recorded_since(tx, email_id, version):
            return False
        typing = await tx.session.scalar(
            select(Draft.id).where(
                Draft.gegenstand == REPLY,
                Draft.gegenstand_id == email_id,
                Draft.staff_id == tx.staff_id,
                Draft.updated_at > tx.now - TYPING,
            )
        )
        await put_draft(tx, REPLY, email_id, fields)
        if typing is None:
            tx.wake(EMAILS)
    return True


async def discard_reply(work: Work, email_id: int) -> None:
    """Forget what somebody typed; nobody sees them typing any more."""
    async with work.transaction() as tx:
        await drop_draft(tx, REPLY, email_id)
        tx.wake(EMAILS)


async def others_typing(tx: Transaction, email_id: int) -> list[str]:
    """Return the names of who else types a reply right now."""
    names = await tx.session.scalars(
        select(Staff.name)
        .join(Draft, Draft.staff_id == Staff.id)
        .where(
            Draft.gegenstand == REPLY,
            Draft.gegenstand_id == email_id,
            Draft.staff_id != tx.staff_id,
            Draft.updated_at > tx.now - TYPING,
        )
        .order_by(Staff.name)
    )
    return list(names)


async def _recorded_since(tx: Transaction, email_id: int, version: int | None) -> bool:
    """Say whether this person has recorded a reply after the e-mail was in `version`."""
    if version is None:
        return False
    recorded = await tx.session.scalar(
        select(Activity.details["version"].as_integer())
        .where(
            Activity.object_type == "email",
            Activity.object_id == email_id,
            Activity.action == "reply_recorded",
            Activity.staff_id == tx.staff_id,
        )
        .order_by(Activity.id.desc())
        .limit(1)
    )
    return recorded is not None and recorded >= version
