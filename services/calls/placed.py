"""Open calls at their places on today's board, in the order in which staff work through them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.calls.countdown import Countdown
from services.calls.hands import Hand
from services.calls.open_call import OpenCall
from services.calls.reachability import Group, Placement, left_for_better, may_wait, stand
from services.hours.windows import Window
from services.reach.estimate import Chances
from services.reach.patterns import load_chances
from services.work import Moment, Transaction


@dataclass(frozen=True, slots=True)
class BoardCall:
    """An open call at its place on the board, and the others to the same therapist.

    Attributes:
        overdue: whether it or one of the others was planned before today.
        windows: when it can be made today; none where something is in the way.
        matters: how many things there are to talk about.
        hand: who has the therapist in hand.
        line: who is on the phone with another therapist under the same number.
    """

    call: OpenCall
    placement: Placement
    now: datetime
    overdue: bool
    windows: Sequence[Window] = ()
    others: tuple[OpenCall, ...] = ()
    matters: int = 1
    hand: Hand | None = None
    line: Hand | None = None

    @property
    def countdown(self) -> Countdown | None:
        """The time until the window closes, or soon opens; None for all other calls."""
        place = self.placement
        if place.group is Group.REACHABLE_NOW and place.closes_at is not None:
            return Countdown(place.closes_at, self.now)
        if place.group is Group.SOON and place.opens_at is not None:
            return Countdown(place.opens_at, self.now, ends=False)
        return None

    @property
    def oldest(self) -> OpenCall:
        """The earliest planned of the calls."""
        every = (self.call, *self.others)
        return min(every, key=lambda call: (call.geplantes_datum, call.geplante_zeit, call.call_id))

    @property
    def holder_id(self) -> int | None:
        """Who has the therapist in hand."""
        return self.hand.staff_id if self.hand else None

    @property
    def holder_name(self) -> str | None:
        """The name of who has the therapist in hand."""
        return self.hand.staff_name if self.hand else None

    def is_taken(self, staff_id: int | None) -> bool:
        """Say whether somebody else is on the phone with the therapist or under their number."""
        return any(hand is not None and hand.staff_id != staff_id for hand in (self.hand, self.line))


def by_phone_hours(moment: Moment, calls: Iterable[OpenCall]) -> list[BoardCall]:
    """Place calls by the phone hours alone, in the order given."""
    today, now = moment.today, moment.now
    placed: list[BoardCall] = []
    for call in calls:
        placement, windows = stand(moment, today, call)
        placed.append(BoardCall(call, placement, now, call.geplantes_datum < today, windows))
    return placed


def with_better_hours(
    moment: Moment, placed: Iterable[BoardCall], chances: Mapping[int, Chances]
) -> list[BoardCall]:
    """Leave for later what could be made now where another hour is better; `chances` are by therapist."""
    return [_waiting(moment, row, chances.get(row.call.therapist_id)) for row in placed]


async def place_now(tx: Transaction, calls: Iterable[OpenCall]) -> list[BoardCall]:
    """Place calls as they stand now, in the order given; takes two queries where some may wait."""
    placed = by_phone_hours(tx, calls)
    if not tx.rules.longest_wait:
        return placed
    chances = await load_chances(tx, {row.call.therapist_id for row in placed if _could_wait(tx, row)})
    return with_better_hours(tx, placed, chances) if chances else placed


def urgency(row: BoardCall) -> tuple[object, ...]:
    """What closes first, what opens first, what was planned first; what was agreed comes at its minute."""
    placement, call = row.placement, row.call
    planned = (call.geplantes_datum, call.geplante_zeit, call.call_id)
    if placement.group in (Group.OVERDUE, Group.UNREACHABLE):
        return (1, *planned)
    closes_first = placement.group is Group.REACHABLE_NOW and call.rueckruf_durch is None
    moment = placement.closes_at if closes_first else placement.opens_at
    return (0, moment, *planned)


def _waiting(moment: Moment, row: BoardCall, chances: Chances | None) -> BoardCall:
    if chances is None or not _could_wait(moment, row):
        return row
    placement = left_for_better(moment, row.call, chances)
    return replace(row, placement=placement) if placement else row


def _could_wait(moment: Moment, row: BoardCall) -> bool:
    return row.placement.group is Group.REACHABLE_NOW and may_wait(moment, row.call)
