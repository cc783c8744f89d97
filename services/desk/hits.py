"""Who is meant by what is typed into the search of every page, and what there is to talk about with them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from services.calls.hands import Hand, Hands, load_hands
from services.conversations.matters import count_matters
from services.models import CallStatus, PhoneCall, Therapist
from services.models.therapists import may_be_called
from services.scheduling.phone_hours import day_windows
from services.therapists.phone_numbers import dialable
from services.therapists.search import search_therapists
from services.work import Moment, Work

FOUND_AT_MOST = 8
COUNTED_AT_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Hit:
    """Somebody who may be meant.

    Attributes:
        open_call: the next call planned with them.
        matters: how many matters there are, those of days to come left out.
        open_until: when the phone hours that are open now end; None where nobody may or can be rung now.
        hand: which colleague has them in hand.
    """

    therapist: Therapist
    open_call: PhoneCall | None
    matters: int
    open_until: datetime | None
    hand: Hand | None


@dataclass(frozen=True, slots=True)
class Hits:
    """Those found first, and how many `more` there are."""

    shown: list[Hit]
    more: int = 0


async def find_hits(work: Work, q: str) -> Hits:
    """Return therapists by name, place or any spelling of their number: four queries, however many."""
    found = await search_therapists(work, q, limit=COUNTED_AT_MOST)
    therapists = found[:FOUND_AT_MOST]
    if not therapists:
        return Hits([])
    ids = [therapist.id for therapist in therapists]
    async with work.transaction() as tx:
        calls = await tx.session.scalars(
            select(PhoneCall)
            .where(PhoneCall.therapist_id.in_(ids), PhoneCall.status == CallStatus.SCHEDULED)
            .order_by(PhoneCall.geplantes_datum.desc(), PhoneCall.geplante_zeit.desc())
        )
        first = {call.therapist_id: call for call in calls}
        matters = await count_matters(tx, ids)
        others = (await load_hands(tx)).but(work.staff_id)
    shown = [
        Hit(each, first.get(each.id), matters.get(each.id, 0), _open_until(work, each), _hand(others, each))
        for each in therapists
    ]
    return Hits(shown, more=len(found) - len(shown))


def _open_until(moment: Moment, therapist: Therapist) -> datetime | None:
    if not may_be_called(therapist) or not dialable(therapist.phone):
        return None
    clock = moment.local.time()
    windows = day_windows(therapist.availability, moment.today, moment.rules)
    ends = (window.end for window in windows if window.start <= clock < window.end)
    end = next(ends, None)
    return moment.rules.instant(moment.today, end) if end else None


def _hand(others: Hands, therapist: Therapist) -> Hand | None:
    return others.in_the_way(therapist.id, therapist.phone)
