"""All open calls of today and of days before, however many: the board shows the latest planned days only."""

from dataclasses import dataclass

from sqlalchemy import distinct, func, select

from services.calls.hands import load_hands
from services.calls.reachability import BoardCall, load_chances_now, load_open_calls, on_board
from services.calls.rows import with_hands
from services.models import CallStatus, PhoneCall
from services.pagination import Page, PageRequest
from services.work import Transaction, Work


@dataclass(frozen=True, slots=True)
class OpenCount:
    """How many calls are open, to how many therapists, and to how many of them before today."""

    calls: int
    therapists: int
    therapists_before_today: int


async def list_open_calls(work: Work, page: PageRequest) -> Page[BoardCall]:
    """Return a page of the open calls, the oldest first, each at its place on the board."""
    async with work.transaction() as tx:
        total = (await count_open_calls(tx)).calls
        calls = await load_open_calls(tx, skip=page.offset, limit=page.limit, oldest_first=True)
        hands = await load_hands(tx)
        rows = on_board(tx, calls, await load_chances_now(tx, calls))
        placed = {row.call.call_id: with_hands(row, hands) for row in rows}
        return Page([placed[call.call_id] for call in calls], page, total)


async def count_open_calls(tx: Transaction) -> OpenCount:
    """Return how many calls are open, and to how many therapists."""
    therapists = func.count(distinct(PhoneCall.therapist_id))
    query = select(func.count(), therapists, therapists.filter(PhoneCall.geplantes_datum < tx.today)).where(
        PhoneCall.status == CallStatus.SCHEDULED, PhoneCall.geplantes_datum <= tx.today
    )
    return OpenCount(*(await tx.session.execute(query)).one())
