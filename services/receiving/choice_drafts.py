"""What somebody is about to say of a message: kept for them until they have said it."""

from collections.abc import Mapping

from sqlalchemy import select

from services.drafts import INCOMING, put_draft
from services.models import Incoming
from services.work import Work


async def keep_choice(
    work: Work, incoming_id: int, fields: Mapping[str, str], *, version: int | None
) -> bool:
    """Keep a form filled in on a page that shows the message in `version`; return whether it was kept.

    What arrives after the message has changed is not kept: it was sent on its way before.

    Raises:
        InvalidInput: it is too large.
    """
    query = select(Incoming.version).where(Incoming.id == incoming_id).with_for_update(read=True)
    async with work.transaction() as tx:
        if await tx.session.scalar(query) != version:
            return False
        await put_draft(tx, INCOMING, incoming_id, fields)
    return True
