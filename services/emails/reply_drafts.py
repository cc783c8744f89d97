"""A reply to an e-mail while it is being typed: kept for its author, announced to everybody else."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.drafts import REPLY, drop_draft, put_draft
from services.emails.states import NoSuchEmail
from services.hints import EMAILS
from services.models import Activity, Draft, Email, Staff
from shared.database import wake

TYPING = timedelta(minutes=1)
"""How long after the last key somebody still counts as typing."""


async def keep_reply(
    session: AsyncSession,
    email_id: int,
    fields: Mapping[str, str],
    *,
    version: int | None,
    staff_id: int,
    now: datetime,
) -> bool:
    """Keep a reply typed on a page that shows the e-mail in `version`; wake open pages when it is begun.

    What arrives after the same person's reply is not kept: it was sent on its way before it, or comes from a
    page that is out of date. Returns whether it was kept.

    Raises:
        NoSuchEmail: there is none.
    """
    async with session.begin():
        found = await session.scalar(select(Email.id).where(Email.id == email_id).with_for_update(read=True))
        if found is None:
            raise NoSuchEmail
        if await _recorded_since(session, email_id, version, staff_id):
            return False
        typing = await session.scalar(
            select(Draft.id).where(
                Draft.gegenstand == REPLY,
                Draft.gegenstand_id == email_id,
                Draft.staff_id == staff_id,
                Draft.updated_at > now - TYPING,
            )
        )
        await put_draft(session, REPLY, email_id, fields, staff_id=staff_id, now=now)
        if typing is None:
            wake(session, EMAILS)
    return True


async def discard_reply(session: AsyncSession, email_id: int, *, staff_id: int) -> None:
    """Forget what somebody typed; nobody sees them typing any more."""
    async with session.begin():
        await drop_draft(session, REPLY, email_id, staff_id=staff_id)
        wake(session, EMAILS)


async def others_typing(session: AsyncSession, email_id: int, *, staff_id: int, now: datetime) -> list[str]:
    """Return the names of who else types a reply right now. Runs in the caller's transaction."""
    names = await session.scalars(
        select(Staff.name)
        .join(Draft, Draft.staff_id == Staff.id)
        .where(
            Draft.gegenstand == REPLY,
            Draft.gegenstand_id == email_id,
            Draft.staff_id != staff_id,
            Draft.updated_at > now - TYPING,
        )
        .order_by(Staff.name)
    )
    return list(names)


async def _recorded_since(session: AsyncSession, email_id: int, version: int | None, staff_id: int) -> bool:
    """Say whether this person has recorded a reply after the e-mail was in `version`."""
    if version is None:
        return False
    recorded = await session.scalar(
        select(Activity.details["version"].as_integer())
        .where(
            Activity.object_type == "email",
            Activity.object_id == email_id,
            Activity.action == "reply_recorded",
            Activity.staff_id == staff_id,
        )
        .order_by(Activity.id.desc())
        .limit(1)
    )
    return recorded is not None and recorded >= version
