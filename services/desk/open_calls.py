"""All open calls of today and of days before, the oldest first, page by page."""

from sqlalchemy import func, select

from services.calls.hands import load_hands
from services.calls.open_call import load_oldest_calls
from services.calls.placed import BoardCall, place_now
from services.calls.rows import with_hands
from services.models import CallStatus, PhoneCall
from services.pagination import Page, PageRequest
from services.work import Work


async def list_open_calls(work: Work, page: PageRequest) -> Page[BoardCall]:
    """Return a page of the open calls, the oldest first, each at its place on the board."""
    async with work.transaction() as tx:
        total = await tx.session.scalar(
            select(func.count()).where(
                PhoneCall.status == CallStatus.SCHEDULED, PhoneCall.geplantes_datum <= tx.today
            )
        )
        calls = await load_oldest_calls(tx, skip=page.offset, limit=page.limit)
        hands = await load_hands(tx)
        return Page([with_hands(row, hands) for row in await place_now(tx, calls)], page, total or 0)
