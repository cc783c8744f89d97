"""Everything staff need beside the phone about one call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Integer, bindparam, select
from sqlalchemy.orm import aliased

from services.calls.countdown import Countdown
from services.calls.hands import Hand, load_hands
from services.calls.reachability import agreed_window
from services.calls.ring_backs import recorded_by_hand
from services.conversations.matters import Matters, load_matters
from services.desk.call_guide import guide_in_words
from services.desk.history import Contact, ContactKind, load_history
from services.desk.statistics import HourRate
from services.errors import NotFound
from services.hours.reading import Availability
from services.hours.windows import Window
from services.models import CallStatus, PhoneCall, Staff, Therapist
from services.reach.estimate import Chances, Pattern
from services.reach.history import load_histories
from services.reach.patterns import load_pattern
from services.scheduling.phone_hours import day_windows, openings
from services.work import Work

LOOK_AHEAD_DAYS = 14


@dataclass(frozen=True, slots=True)
class CallPanel:
    """A call with its therapist, its reason and what is known from before.

    Attributes:
        matters: what there is to talk about, and what the call is about.
        hand: who has the therapist in hand now, with this call or another.
        line: who is on the phone with another therapist under the same number.
        windows_today: the therapist's phone hours today within the desk's hours.
        open_now: the one of them that is open, or else the time agreed for this call outside of them.
        countdown: how long that lasts; None outside of it.
        opens_next: when the next phone hours begin, within two weeks.
        best: the most promising hours so far, best first.
        history: latest contacts, newest first; this call is among them.
        next_attempt: the scheduled call that follows upon this one.
        agreed_by: who agreed the time of a call back.
        by_hand: whether it is an open ring-back that staff recorded.
        guide: what to say, in German.
    """

    call: PhoneCall
    therapist: Therapist | None
    matters: Matters
    hand: Hand | None
    line: Hand | None
    availability: Availability
    windows_today: list[Window]
    open_now: Window | None
    countdown: Countdown | None
    opens_next: datetime | None
    best: list[HourRate]
    history: list[Contact]
    next_attempt: PhoneCall | None
    agreed_by: str | None
    by_hand: bool
    guide: str

    @property
    def rang(self) -> str | None:
        """Who of the staff recorded what came of the call, as far as the history goes back."""
        of_this = (contact for contact in self.history if contact.kind is ContactKind.CALL)
        return next((contact.who for contact in of_this if contact.record_id == self.call.id), None)

    @property
    def holder_id(self) -> int | None:
        """Who has the therapist in hand."""
        return self.hand.staff_id if self.hand else None

    @property
    def holder_name(self) -> str | None:
        """The name of who has the therapist in hand."""
        return self.hand.staff_name if self.hand else None


CALL = bindparam("call_id", type_=Integer)
AGREED_BY = aliased(Staff)
SHOWN = (
    select(PhoneCall, Therapist, AGREED_BY.name, recorded_by_hand())
    .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
    .outerjoin(AGREED_BY, AGREED_BY.id == PhoneCall.vereinbart_von)
    .where(PhoneCall.id == CALL)
    .execution_options(populate_existing=True)
)
FOLLOWING = select(PhoneCall).where(
    PhoneCall.vorheriger_anruf_id == CALL, PhoneCall.status == CallStatus.SCHEDULED
)


async def load_call_panel(work: Work, call_id: int) -> CallPanel:
    """Return what the panel of a call shows: eleven queries, whatever the tables hold.

    Raises:
        NotFound: there is no such call.
    """
    async with work.transaction() as tx:
        found = (await tx.session.execute(SHOWN, {"call_id": call_id})).first()
        if found is None:
            raise NotFound
        call, therapist, agreed_by_name, by_hand = found
        matters = await load_matters(tx, call)
        hands = await load_hands(tx)
        histories = await load_histories(tx, [call.therapist_id])
        chances = Chances(await load_pattern(tx) or Pattern(), histories.get(call.therapist_id, {}))
        history = await load_history(tx, call.therapist_id)
        caller = await tx.session.scalar(select(Staff.name).where(Staff.id == tx.actor.staff_id))
        guide = await guide_in_words(tx, call, therapist, matters.calls[0].about, caller or "")
        next_attempt = await tx.session.scalar(FOLLOWING, {"call_id": call_id})
    availability = therapist.availability if therapist else Availability()
    today = day_windows(availability, work.today, work.rules)
    open_now = _open_at(work, today, agreed_window(call, work.today, away=availability.away(work.today)))
    return CallPanel(
        call=call,
        therapist=therapist,
        matters=matters,
        hand=hands.on(call.therapist_id),
        line=hands.on_line(call.therapist_id, therapist.phone if therapist else None),
        availability=availability,
        windows_today=today,
        open_now=open_now,
        countdown=Countdown(work.rules.instant(work.today, open_now.end), work.now) if open_now else None,
        opens_next=_next_opening(availability, work),
        best=best_hours(chances),
        history=history,
        next_attempt=next_attempt,
        agreed_by=agreed_by_name,
        by_hand=by_hand,
        guide=guide,
    )


def best_hours(chances: Chances, count: int = 3) -> list[HourRate]:
    """Return the most promising hours with any success, best first; of equal ones, the most often reached."""
    found = [
        (-chances.at(hour), -tally.reached, tally.attempts, hour)
        for hour, tally in chances.history.items()
        if tally.reached
    ]
    return [HourRate(*hour, -reached, attempts) for _, reached, attempts, hour in sorted(found)[:count]]


def _open_at(work: Work, phone_hours: Sequence[Window], agreed: Window | None) -> Window | None:
    clock = work.local.time()
    windows = [*phone_hours, agreed] if agreed else phone_hours
    return next((window for window in windows if window.start <= clock < window.end), None)


def _next_opening(availability: Availability, work: Work) -> datetime | None:
    days = [work.today + timedelta(days=ahead) for ahead in range(LOOK_AHEAD_DAYS)]
    instants = (
        work.rules.instant(opening.start.date(), opening.start.time())
        for opening in openings(availability, days, work.rules)
    )
    return next((at for at in instants if at > work.now), None)
