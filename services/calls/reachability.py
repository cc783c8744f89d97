"""Whom staff can ring today, and until when: pure rules over the open calls of today and of days before.

What counts is the therapist's phone hours today, not the planned minute: a first call planned for later today
can be made as soon as the therapist answers the phone. A call of a day before is overdue until then. Calls of
days to come are not on the board. A call that can be made now is left for later where another hour is clearly
better (`services.reach.waiting`); whoever wants to can take it all the same.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from sqlalchemy import Text, cast, select

from services.calls.countdown import Countdown
from services.calls.hands import Hand
from services.calls.rests import RUNG, Miss, last_rung, miss_of, rest_after
from services.hours.reading import Availability, parse_json
from services.hours.windows import Window, minute_of_day, time_of_day
from services.models import CallReason, CallStatus, OutcomeKind, PhoneCall, Therapist
from services.models.therapists import display_name
from services.reach.estimate import Chances
from services.reach.patterns import load_chances
from services.reach.waiting import BetterHour, better_hour, last_moment, openings_until
from services.rules import DeskRules
from services.scheduling.phone_hours import day_windows
from services.therapists.phone_numbers import dialable
from services.work import Moment, Transaction

LARGEST_BOARD = 2_000
"""Open calls read at once, the latest planned day first."""

SOON = timedelta(minutes=60)
"""How long before its window opens a call counts as soon."""

AGREED_MINUTES = 30
"""How long a time agreed outside the phone hours stays open for the call."""

DAY_MINUTES = 24 * 60

NO_CHANCES: Mapping[int, Chances] = {}


class Group(StrEnum):
    """Where an open call stands on today's board."""

    REACHABLE_NOW = "reachable_now"
    SOON = "soon"
    LATER = "later"
    OVERDUE = "overdue"
    UNREACHABLE = "unreachable"


class Obstacle(StrEnum):
    """Why a therapist can't be rung at all, or not before the first day back."""

    UNKNOWN = "unknown"
    NO_NUMBER = "no_number"
    DO_NOT_CALL = "do_not_call"
    NO_WINDOW = "no_window"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCall:
    """A scheduled call with what the board shows of it and its therapist."""

    call_id: int
    version: int
    therapist_id: int
    name: str | None
    ort: str | None
    telefon: str | None
    nicht_anrufen: bool
    availability: Availability
    geplantes_datum: date
    geplante_zeit: time
    dauer_minuten: int
    ausserhalb_erreichbarkeit: bool
    grund: str
    email_id: int | None
    versuch: int
    verschoben: bool = False
    rueckruf_durch: str | None = None
    """Who rings at the planned time, where it was agreed."""
    bearbeitet_von: int | None = None
    bearbeitet_bis: datetime | None = None
    missed: Miss | None = None

    def holder(self, now: datetime) -> int | None:
        """Return the id of who has this call in hand at an instant."""
        return holder_of(self.bearbeitet_von, self.bearbeitet_bis, now)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a call stands at an instant.

    `window` is the one open now, else the day's next; its ends as instants are `opens_at` and `closes_at`.
    With `waits` it could be made now, but is left for a better hour, which begins at `opens_at`.
    `rests_until` says that the therapist was rung in vain and is left alone until then.
    """

    group: Group
    window: Window | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    obstacle: Obstacle | None = None
    waits: BetterHour | None = None
    rests_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class BoardCall:
    """An open call at its place on the board, and the others to the same therapist.

    Attributes:
        overdue: whether it or one of the others was planned before today.
        matters: how many things there are to talk about.
        hand: who has the therapist in hand.
        line: who is on the phone with another therapist under the same number.
    """

    call: OpenCall
    placement: Placement
    now: datetime
    overdue: bool
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
    def holder_id(self) -> int | None:
        """Who has the therapist in hand."""
        return self.hand.staff_id if self.hand else None

    @property
    def holder_name(self) -> str | None:
        """The name of who has the therapist in hand."""
        return self.hand.staff_name if self.hand else None

    def is_taken(self, staff_id: int) -> bool:
        """Say whether somebody else is on the phone with the therapist or under their number."""
        return any(hand is not None and hand.staff_id != staff_id for hand in (self.hand, self.line))


def holder_of(staff_id: int | None, until: datetime | None, now: datetime) -> int | None:
    """Return who holds what was claimed until an instant; an expired claim holds nothing."""
    return staff_id if until is not None and until > now else None


def call_windows(call: OpenCall, day: date, rules: DeskRules) -> list[Window]:
    """Return when a call can be made on a day: the phone hours, and a time agreed outside of them.

    A further attempt, a postponed call and a call back agreed wait for their planned time: who was busy a
    minute ago is not rung again at once.
    """
    windows = day_windows(call.availability, day, rules)
    waits = call.versuch > 1 or call.verschoben or call.rueckruf_durch is not None
    if waits and call.geplantes_datum == day:
        cut = (Window(max(window.start, call.geplante_zeit), window.end) for window in windows)
        windows = [window for window in cut if window.start < window.end]
    agreed = agreed_window(call, day, away=call.availability.away(day))
    return sorted([*windows, agreed]) if agreed else windows


def agreed_window(call: OpenCall | PhoneCall, day: date, *, away: bool) -> Window | None:
    """Return the stretch of a day agreed for a call outside the phone hours; None if it is not that day's.

    Of a therapist who is `away` a call back is such a call: they asked for it.
    """
    agreed = call.ausserhalb_erreichbarkeit or (away and call.grund == CallReason.CALL_BACK)
    if not agreed or call.geplantes_datum != day:
        return None
    start = minute_of_day(call.geplante_zeit)
    end = min(start + max(call.dauer_minuten, AGREED_MINUTES), DAY_MINUTES)
    return Window(call.geplante_zeit, time_of_day(end))


def obstacle(call: OpenCall) -> Obstacle | None:
    """Return why a call can't be made on any day, or None."""
    if call.name is None:
        return Obstacle.UNKNOWN
    if call.nicht_anrufen:
        return Obstacle.DO_NOT_CALL
    if not dialable(call.telefon):
        return Obstacle.NO_NUMBER
    if not call.availability.windows and not call.ausserhalb_erreichbarkeit:
        return Obstacle.NO_WINDOW
    return None


def place(moment: Moment, call: OpenCall, chances: Chances | None = None) -> Placement:
    """Say where an open call stands at an instant.

    Overdue: planned before today and not reachable right now, or planned for today and today's last window
    is over. Who is away today is unreachable, but at a time agreed all the same. Whoever was rung in vain
    comes later (`services.calls.rests`). With the chances that the therapist picks up, the call may wait for
    a better hour.
    """
    standing = _by_phone_hours(moment, call)
    if chances is None or standing.group is not Group.REACHABLE_NOW or not _may_wait(moment, call):
        return standing
    now, until = moment.local.replace(tzinfo=None), last_moment(call.geplantes_datum, moment.rules)
    some = openings_until(call.availability, now, until, moment.rules)
    better = better_hour(chances, now, some, until)
    if better is None:
        return standing
    opens_at = moment.rules.instant(better.start.date(), better.start.time())
    return Placement(Group.LATER, opens_at=opens_at, waits=better)


def _may_wait(moment: Moment, call: OpenCall) -> bool:
    """Say whether nobody has agreed on this time or has the call in hand."""
    if call.verschoben or call.grund == CallReason.CALL_BACK or call.holder(moment.now) is not None:
        return False
    return agreed_window(call, moment.today, away=call.availability.away(moment.today)) is None


def _by_phone_hours(moment: Moment, call: OpenCall) -> Placement:
    reason = obstacle(call)
    if reason is not None:
        return Placement(Group.UNREACHABLE, obstacle=reason)
    today = moment.today
    overdue = call.geplantes_datum < today
    rest = rests_until(moment, call)
    windows = call_windows(call, today, moment.rules)
    for window in windows:
        opens_at, closes_at = (
            moment.rules.instant(today, window.start),
            moment.rules.instant(today, window.end),
        )
        if closes_at <= max(moment.now, rest or moment.now):
            continue
        if rest is not None and opens_at < rest:
            opens_at, window = rest, Window(moment.rules.local(rest).time(), window.end)
        if opens_at <= moment.now:
            group = Group.REACHABLE_NOW
        elif overdue:
            group = Group.OVERDUE
        else:
            group = Group.SOON if opens_at - moment.now <= SOON else Group.LATER
        return Placement(group, window, opens_at, closes_at, rests_until=rest)
    if not windows and call.availability.away(today):
        return Placement(Group.UNREACHABLE, obstacle=Obstacle.ABSENT)
    if rest is not None and not overdue:
        return Placement(Group.LATER, opens_at=rest, rests_until=rest)
    return Placement(Group.OVERDUE, rests_until=rest)


def rests_until(moment: Moment, call: OpenCall) -> datetime | None:
    """Return until when a call waits because its therapist was just rung in vain; None if it does not.

    A time agreed for after that counts all the same.
    """
    if call.missed is None:
        return None
    rest = rest_after(moment, call.missed, call.availability)
    planned = moment.rules.instant(call.geplantes_datum, call.geplante_zeit)
    agreed = call.ausserhalb_erreichbarkeit or call.grund == CallReason.CALL_BACK
    if agreed and planned > call.missed.at:
        rest = min(rest, planned)
    return rest if rest > moment.now else None


def on_board(
    moment: Moment, calls: Iterable[OpenCall], chances: Mapping[int, Chances] = NO_CHANCES
) -> list[BoardCall]:
    """Place calls on the board, each group in the order in which staff work through it.

    Args:
        moment: when.
        calls: which.
        chances: by therapist, of those whose call may wait.
    """
    today = moment.today
    placed = [
        BoardCall(
            call,
            place(moment, call, chances.get(call.therapist_id)),
            moment.now,
            call.geplantes_datum < today,
        )
        for call in calls
    ]
    return sorted(placed, key=urgency)


def urgency(row: BoardCall) -> tuple[object, ...]:
    """What closes first, what opens first, what was planned first; what was agreed comes at its minute."""
    placement, call = row.placement, row.call
    planned = (call.geplantes_datum, call.geplante_zeit, call.call_id)
    if placement.group in (Group.OVERDUE, Group.UNREACHABLE):
        return (1, *planned)
    closes_first = placement.group is Group.REACHABLE_NOW and call.rueckruf_durch is None
    moment = placement.closes_at if closes_first else placement.opens_at
    return (0, moment, *planned)


async def load_chances_now(tx: Transaction, calls: Sequence[OpenCall]) -> Mapping[int, Chances]:
    """Return the chances, by therapist, for calls that could be made right now and may wait."""
    if not tx.rules.longest_wait:
        return NO_CHANCES
    now = (
        call
        for call in calls
        if _may_wait(tx, call) and _by_phone_hours(tx, call).group is Group.REACHABLE_NOW
    )
    return await load_chances(tx, {call.therapist_id for call in now})


async def load_open_calls(
    tx: Transaction, *, skip: int = 0, limit: int = LARGEST_BOARD, oldest_first: bool = False
) -> list[OpenCall]:
    """Return the scheduled calls of today and of days before, those of the latest day first by default."""
    day = PhoneCall.geplantes_datum
    rung = last_rung(tx)
    rows = await tx.session.execute(
        select(
            PhoneCall.id,
            PhoneCall.version,
            PhoneCall.therapist_id,
            PhoneCall.geplantes_datum,
            PhoneCall.geplante_zeit,
            PhoneCall.dauer_minuten,
            PhoneCall.ausserhalb_erreichbarkeit,
            PhoneCall.grund,
            PhoneCall.email_id,
            PhoneCall.versuch,
            PhoneCall.ergebnis_art,
            PhoneCall.bearbeitet_von,
            PhoneCall.bearbeitet_bis,
            *rung.c[RUNG],
            Therapist.titel,
            Therapist.vorname,
            Therapist.nachname,
            Therapist.ort,
            Therapist.plz,
            Therapist.wieder_da_am,
            Therapist.phone.label("telefon"),
            PhoneCall.rueckruf_durch,
            Therapist.nicht_anrufen,
            cast(Therapist.telefonische_erreichbarkeit, Text).label("erreichbarkeit"),
        )
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .outerjoin(rung, rung.c.therapist_id == PhoneCall.therapist_id)
        .where(
            PhoneCall.status == CallStatus.SCHEDULED,
            PhoneCall.geplantes_datum <= tx.today,
        )
        .order_by(day if oldest_first else day.desc(), PhoneCall.geplante_zeit, PhoneCall.id)
        .offset(skip)
        .limit(limit)
    )
    return [
        OpenCall(
            call_id=row.id,
            version=row.version,
            therapist_id=row.therapist_id,
            name=display_name(row.titel, row.vorname, row.nachname),
            ort=row.ort,
            telefon=row.telefon,
            nicht_anrufen=bool(row.nicht_anrufen),
            availability=parse_json(row.erreichbarkeit, row.plz, row.wieder_da_am),
            geplantes_datum=row.geplantes_datum,
            geplante_zeit=row.geplante_zeit,
            dauer_minuten=row.dauer_minuten,
            ausserhalb_erreichbarkeit=row.ausserhalb_erreichbarkeit,
            grund=row.grund,
            email_id=row.email_id,
            versuch=row.versuch,
            verschoben=row.ergebnis_art == OutcomeKind.POSTPONED,
            rueckruf_durch=row.rueckruf_durch,
            bearbeitet_von=row.bearbeitet_von,
            bearbeitet_bis=row.bearbeitet_bis,
            missed=miss_of(tx, row),
        )
        for row in rows
    ]
