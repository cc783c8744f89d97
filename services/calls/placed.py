"""Open calls at their places on today's board, in the order in which staff work through them."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache

from services.calls.countdown import Countdown
from services.calls.hands import Hand
from services.calls.open_call import CALLS_KEPT, OpenCall
from services.calls.reachability import (
    Group,
    Placement,
    changes,
    hours_ahead,
    is_agreed,
    left_for,
    stand,
)
from services.hours.windows import Window
from services.reach.estimate import Chances
from services.reach.patterns import load_chances
from services.reach.waiting import Ahead, BetterHour, better_hour
from services.rules import DeskRules
from services.work import Moment, Transaction
from shared.kept import KeptResults


@dataclass(frozen=True, slots=True, eq=False)
class BoardCall:
    """An open call at its place on the board, and the others to the same therapist.

    As long as nothing of it changes it is one object, where nobody has it in hand and it is the only one.

    Attributes:
        overdue: whether it or one of the others was planned before today.
        windows: when it can be made today; none where something is in the way.
        ahead: the hours for which it may be left, where it can be made now and nobody has agreed on that.
        matters: how many things there are to talk about.
        hand: who has the therapist in hand.
        line: who is on the phone with another therapist under the same number.
        urgency: by which calls are sorted: what closes first, what opens first, what was planned first; what
            was agreed comes at its minute.
    """

    call: OpenCall
    placement: Placement
    overdue: bool
    windows: tuple[Window, ...] = ()
    others: tuple[OpenCall, ...] = ()
    matters: int = 1
    hand: Hand | None = None
    line: Hand | None = None
    ahead: Ahead | None = None
    urgency: tuple[object, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "urgency", _urgency(self.placement, self.call))

    def countdown(self, now: datetime) -> Countdown | None:
        """Return the time until the window closes, or soon opens; None for all other calls."""
        place = self.placement
        if place.group is Group.REACHABLE_NOW and place.closes_at is not None:
            return Countdown(place.closes_at, now)
        if place.group is Group.SOON and place.opens_at is not None:
            return Countdown(place.opens_at, now, ends=False)
        return None

    def about(self, matters: int) -> "BoardCall":
        """Return the same with so much to talk about."""
        if self.others or self.hand or self.line:
            return replace(self, matters=matters)
        return _about.of((self, matters))

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
        if self.hand is None and self.line is None:
            return False
        return any(hand is not None and hand.staff_id != staff_id for hand in (self.hand, self.line))


_about = KeptResults[tuple[BoardCall, int], BoardCall](
    lambda one: replace(one[0], matters=one[1]), most=CALLS_KEPT
)


class CallDay:
    """A call on one day: where it stands, worked out anew only when that may have changed."""

    def __init__(self, call: OpenCall, day: date, rules: DeskRules) -> None:
        self._call, self._day = call, day
        self._changes = sorted(changes(call, day, rules))
        self._rows: list[BoardCall | None] = [None] * (len(self._changes) + 1)

    def at(self, moment: Moment) -> BoardCall:
        """Return where it stands by the phone hours alone at a moment of the day."""
        step = bisect_right(self._changes, moment.now)
        row = self._rows[step]
        if row is None:
            placement, windows = stand(moment, self._day, self._call)
            row = BoardCall(self._call, placement, self._call.geplantes_datum < self._day, _same(windows))
            if placement.group is Group.REACHABLE_NOW and not is_agreed(self._call, self._day):
                ahead = hours_ahead(self._call, self._day, moment.rules)
                row = replace(row, ahead=ahead) if ahead.starts else row
            self._rows[step] = row
        return row


@lru_cache(maxsize=CALLS_KEPT)
def _same(windows: tuple[Window, ...]) -> tuple[Window, ...]:
    """Return one and the same object for phone hours that are alike."""
    return windows


def by_phone_hours(moment: Moment, calls: Iterable[OpenCall]) -> list[BoardCall]:
    """Place calls by the phone hours alone, in the order given."""
    days = _days(moment.today, moment.rules)
    return [day.at(moment) for day in days.of_each(calls)]


@lru_cache(maxsize=4)
def _days(day: date, rules: DeskRules) -> KeptResults[OpenCall, CallDay]:
    return KeptResults(lambda call: CallDay(call, day, rules), most=CALLS_KEPT)


def with_better_hours(
    moment: Moment, placed: Iterable[BoardCall], chances: Mapping[int, Chances]
) -> list[BoardCall]:
    """Leave for later what could be made now where another hour is better; `chances` are by therapist."""
    if not chances:
        return list(placed)
    now, left = moment.local.replace(tzinfo=None), _left(moment.rules)
    rows: list[BoardCall] = []
    for row in placed:
        known = chances.get(row.call.therapist_id) if row.ahead else None
        if known is not None and row.ahead and row.call.holder(moment.now) is None:
            better = better_hour(known, now, row.ahead)
            row = left.of((row, better)) if better else row
        rows.append(row)
    return rows


@lru_cache(maxsize=4)
def _left(rules: DeskRules) -> KeptResults[tuple[BoardCall, BetterHour], BoardCall]:
    """Return rows of calls that are left for a better hour."""
    return KeptResults(lambda one: replace(one[0], placement=left_for(one[1], rules)), most=CALLS_KEPT)


async def place_now(tx: Transaction, calls: Iterable[OpenCall]) -> list[BoardCall]:
    """Place calls as they stand now, in the order given; takes a query where some may wait."""
    placed = by_phone_hours(tx, calls)
    return with_better_hours(tx, placed, await load_chances(tx, who_could_wait(tx, placed)))


def who_could_wait(moment: Moment, placed: Iterable[BoardCall]) -> set[int]:
    """Return the therapists whose calls could be made now and may be left for later."""
    if not moment.rules.longest_wait:
        return set()
    return {row.call.therapist_id for row in placed if row.ahead and row.call.holder(moment.now) is None}


def _urgency(placement: Placement, call: OpenCall) -> tuple[object, ...]:
    planned = (call.geplantes_datum, call.geplante_zeit, call.call_id)
    if placement.group in (Group.OVERDUE, Group.UNREACHABLE):
        return (1, *planned)
    closes_first = placement.group is Group.REACHABLE_NOW and call.rueckruf_durch is None
    moment = placement.closes_at if closes_first else placement.opens_at
    return (0, moment, *planned)
