"""All open calls of today and of days before, however many: the board shows the latest planned days only."""

from sqlalchemy import func, select

from services.calls.reachability import BoardCall, load_chances_now, load_open_calls, on_board
from services.models import CallStatus, PhoneCall
from services.pagination import Page, PageRequest
from services.work import Transaction, Work


async def list_open_calls(work: Work, page: PageRequest) -> Page[BoardCall]:
    """Return a page of the open calls, the oldest first, each at its place on the board."""
    async with work.transaction() as tx:
        total, _ = await count_open_calls(tx)
        calls = await load_open_calls(tx, skip=page.offset, limit=page.limit, oldest_first=True)
        rows = on_board(tx, calls, await load_chances_now(tx, calls))
        placed = {row.call.call_id: row for row in rows}
        return Page([placed[call.call_id] for call in calls], page, total)


async def count_open_calls(tx: Transaction) -> tuple[int, int]:
    """Return how many calls are open, and how many of them were planned before today."""
    query = select(func.count(), func.count().filter(PhoneCall.geplantes_datum < tx.today)).where(
        PhoneCall.status == CallStatus.SCHEDULED, PhoneCall.geplantes_datum <= tx.today
    )
    total, before_today = (await tx.session.execute(query)).one()
    return total, before_today
