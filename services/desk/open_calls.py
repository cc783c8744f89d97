"""Everybody with an open call of today or before, the oldest first, page by page."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import and_, distinct, func, select

from services.calls.due_calls import load_calls_of
from services.calls.hands import load_hands
from services.calls.placed import BoardCall, place_now
from services.calls.rows import rows_of
from services.conversations.matters import count_matters
from services.models import CallStatus, PhoneCall
from services.pagination import Page, PageRequest
from services.work import Transaction, Work


async def list_open_calls(work: Work, page: PageRequest) -> Page[BoardCall]:
    """Return a page of the therapists with open calls, a row each; whose call is oldest comes first."""
    async with work.transaction() as tx:
        therapists, total = await _by_oldest_call(tx, page)
        placed = await place_now(tx, await load_calls_of(tx, therapists))
        rows = rows_of(placed, await load_hands(tx))
        matters = await count_matters(tx, therapists)
    found = {row.call.therapist_id: row for row in rows}
    return Page(
        [replace(found[each], matters=matters.get(each, 1)) for each in therapists if each in found],
        page,
        total,
    )


async def _by_oldest_call(tx: Transaction, page: PageRequest) -> tuple[Sequence[int], int]:
    """Return a page of the ids of those with open calls, and how many there are."""
    is_open = and_(PhoneCall.status == CallStatus.SCHEDULED, PhoneCall.geplantes_datum <= tx.today)
    total = await tx.session.scalar(select(func.count(distinct(PhoneCall.therapist_id))).where(is_open))
    planned = func.min(PhoneCall.geplantes_datum + PhoneCall.geplante_zeit)
    oldest_first = (
        select(PhoneCall.therapist_id)
        .where(is_open)
        .group_by(PhoneCall.therapist_id)
        .order_by(planned, func.min(PhoneCall.id))
    )
    rows = await tx.session.scalars(oldest_first.offset(page.offset).limit(page.limit))
    return rows.all(), total or 0
