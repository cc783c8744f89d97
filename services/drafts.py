"""What staff are typing, kept on the server so that neither an ended session nor a crash loses it."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import Draft

CALL = "call"
"""The outcome form of a call in somebody's hands."""

REPLY = "reply"
"""The form that records what came back for an e-mail."""


async def save_draft(
    session: AsyncSession,
    subject: str,
    subject_id: int,
    fields: Mapping[str, str],
    *,
    staff_id: int,
    now: datetime,
) -> None:
    """Keep a form's fields; a later draft by the same person replaces an earlier one."""
    async with session.begin():
        await put_draft(session, subject, subject_id, fields, staff_id=staff_id, now=now)


async def put_draft(
    session: AsyncSession,
    subject: str,
    subject_id: int,
    fields: Mapping[str, str],
    *,
    staff_id: int,
    now: datetime,
) -> None:
    """Do what `save_draft` does. Runs in the caller's transaction."""
    values = {
        "staff_id": staff_id,
        "gegenstand": subject,
        "gegenstand_id": subject_id,
        "felder": dict(fields),
        "updated_at": now,
    }
    statement = insert(Draft).values(values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[Draft.staff_id, Draft.gegenstand, Draft.gegenstand_id],
            set_={"felder": statement.excluded.felder, "updated_at": now},
        )
    )


async def load_draft(
    session: AsyncSession, subject: str, subject_id: int, *, staff_id: int
) -> dict[str, str] | None:
    """Return the fields of somebody's draft, or None."""
    query = select(Draft.felder).where(*_of(subject, subject_id, staff_id))
    async with session.begin():
        fields = await session.scalar(query)
    return None if fields is None else {name: str(value) for name, value in fields.items()}


async def discard_draft(session: AsyncSession, subject: str, subject_id: int, *, staff_id: int) -> None:
    """Forget somebody's draft."""
    async with session.begin():
        await drop_draft(session, subject, subject_id, staff_id=staff_id)


async def drop_draft(session: AsyncSession, subject: str, subject_id: int, *, staff_id: int) -> None:
    """Do what `discard_draft` does. Runs in the caller's transaction."""
    await session.execute(delete(Draft).where(*_of(subject, subject_id, staff_id)))


def _of(subject: str, subject_id: int, staff_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Draft.staff_id == staff_id,
        Draft.gegenstand == subject,
        Draft.gegenstand_id == subject_id,
    )
