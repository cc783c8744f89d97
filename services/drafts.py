"""What staff are typing, kept on the server so that neither an ended session nor a crash loses it."""

from collections.abc import Mapping

from sqlalchemy import Integer, Text, bindparam, delete, exists, select
from sqlalchemy.dialects.postgresql import insert

from services.checks import LARGEST_BODY_BYTES, TOO_LARGE
from services.errors import FieldError, InvalidInput
from services.models import Draft, Therapist
from services.work import Transaction, Work
from shared.plain_rows import PlainQuery

CALL = "call"
"""The outcome form of a call in somebody's hands."""

REPLY = "reply"
"""The form that records what came back for an e-mail."""

INCOMING = "incoming"
"""The form that says what a message of the inbox is and belongs to."""

NEW_EMAIL = "email-new"
"""The form for an e-mail to a therapist; 0 while nobody is chosen."""

LARGEST_DRAFT_BYTES = LARGEST_BODY_BYTES + 64 * 1024
"""The largest text, and room for what goes with it."""


_ONE = (
    Draft.staff_id == bindparam("staff_id", type_=Integer),
    Draft.gegenstand == bindparam("subject", type_=Text),
    Draft.gegenstand_id == bindparam("subject_id", type_=Integer),
)
KEPT = PlainQuery(select(Draft.felder).where(*_ONE))
DROPPED = PlainQuery(delete(Draft).where(*_ONE))


async def save_draft(work: Work, subject: str, subject_id: int, fields: Mapping[str, str]) -> None:
    """Keep a form's fields; a later draft by the same person replaces an earlier one.

    What is about a therapist nobody knows is not kept.

    Raises:
        InvalidInput: it is too large.
    """
    async with work.transaction() as tx:
        known = exists().where(Therapist.id == subject_id)
        if subject == NEW_EMAIL and subject_id != 0 and not await tx.session.scalar(select(known)):
            return
        await put_draft(tx, subject, subject_id, fields)


async def put_draft(tx: Transaction, subject: str, subject_id: int, fields: Mapping[str, str]) -> None:
    """Do what `save_draft` does, for a subject that exists.

    Raises:
        InvalidInput: it is too large.
    """
    if sum(len(value.encode(errors="replace")) for value in fields.values()) > LARGEST_DRAFT_BYTES:
        raise InvalidInput(FieldError("felder", TOO_LARGE, (("limit", LARGEST_DRAFT_BYTES),)))
    values = {
        "staff_id": tx.staff_id,
        "gegenstand": subject,
        "gegenstand_id": subject_id,
        "felder": dict(fields),
        "updated_at": tx.now,
    }
    statement = insert(Draft).values(values)
    await tx.session.execute(
        statement.on_conflict_do_update(
            index_elements=[Draft.staff_id, Draft.gegenstand, Draft.gegenstand_id],
            set_={"felder": statement.excluded.felder, "updated_at": tx.now},
        )
    )


async def load_draft(work: Work, subject: str, subject_id: int) -> dict[str, str] | None:
    """Return the fields of somebody's draft, or None."""
    async with work.transaction() as tx:
        rows = await tx.rows(KEPT, staff_id=tx.staff_id, subject=subject, subject_id=subject_id)
    return {name: str(value) for name, value in rows[0]["felder"].items()} if rows else None


async def discard_draft(work: Work, subject: str, subject_id: int) -> None:
    """Forget somebody's draft."""
    async with work.transaction() as tx:
        await drop_draft(tx, subject, subject_id)


async def drop_draft(tx: Transaction, subject: str, subject_id: int) -> None:
    """Do what `discard_draft` does."""
    await tx.run(DROPPED, staff_id=tx.staff_id, subject=subject, subject_id=subject_id)
