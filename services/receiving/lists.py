"""What came in for an e-mail, as other services and the desk read it."""

from sqlalchemy import func, select

from services.emails.states import existing_email
from services.models import Incoming
from services.pagination import Page, PageRequest
from services.work import Work


async def list_incoming(work: Work, email_id: int, request: PageRequest) -> Page[Incoming]:
    """Return the messages that belong to an e-mail, oldest first.

    Raises:
        NoSuchEmail: there is no such e-mail.
    """
    belongs = Incoming.email_id == email_id
    rows = (
        select(Incoming)
        .where(belongs)
        .order_by(Incoming.empfangen_at, Incoming.id)
        .limit(request.limit)
        .offset(request.offset)
    )
    async with work.transaction() as tx:
        await existing_email(tx, email_id)
        total = await tx.session.scalar(select(func.count()).select_from(Incoming).where(belongs))
        return Page(list(await tx.session.scalars(rows)), request, total or 0)
