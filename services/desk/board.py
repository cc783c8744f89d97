"""Today's board: every open call at its place, what is done, who needs a person, and the day as a band."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, or_, select

from services.calls.hands import Hands, load_hands
from services.calls.queue_filter import ALL_CALLS, QueueFilter, own_filter
from services.calls.reachability import (
    LARGEST_BOARD,
    NO_CHANCES,
    BoardCall,
    Group,
    OpenCall,
    call_windows,
    load_chances_now,
    load_open_calls,
    obstacle,
    on_board,
)
from services.calls.rows import rows_of
from services.conversations.matters import count_matters
from services.desk.open_calls import OpenCount, count_open_calls
from services.hours.windows import minute_of_day, time_of_day
from services.models import CallStatus, PhoneCall, Therapist
from services.models.therapists import display_name
from services.reach.estimate import Chances
from services.rules import DeskRules
from services.work import Moment, Transaction, Work

BAND_MINUTES = 30
NOBODY = Hands()
LARGEST_DONE = 1_000
"""Closed calls read at most, those that ask for a decision before all others."""


@dataclass(frozen=True, slots=True)
class DoneCall:
    """A closed call as the board lists it."""

    call_id: int
    version: int
    therapist_id: int
    name: str | None
    status: str
    ergebnis_art: str | None
    versuch: int
    abgeschlossen_at: datetime
    klaerung_noetig: bool
    klaerung_grund: str | None
    rueckgaengig_bis: datetime | None


@dataclass(frozen=True, slots=True)
class NextOpening:
    """The next chance to reach somebody: who and when."""

    call_id: int
    name: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class BandPart:
    """Half an hour of the desk's day: therapists who answer the phone then, and calls planned."""

    start: time
    end: time
    windows: int
    calls: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How many therapists stand where; done and undecided are calls.

    Attributes:
        reachable_free: those reachable now that nobody has in hand, nor another under the same number.
        overdue: those of the group, and all others with a call planned before today, wherever they stand.
    """

    open: int
    reachable_now: int
    reachable_free: int
    soon: int
    later: int
    overdue: int
    unreachable: int
    done: int
    needs_person: int


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What a filter leaves of the open calls.

    Attributes:
        places: where the practices of all open calls are.
        hidden: how many calls it leaves out, and how many of them could be rung now (`hidden_reachable`).
    """

    chosen: QueueFilter = ALL_CALLS
    places: Sequence[str] = ()
    hidden: int = 0
    hidden_reachable: int = 0


@dataclass(frozen=True, slots=True)
class Board:
    """Today's calls at an instant, a row for each therapist.

    Each group is in the order in which staff work through it.

    Attributes:
        hands: who has whom in hand.
        left_out: how many open calls, the oldest, were not read; only the counts of all open and of all
            overdue know of them (`services.desk.open_calls` lists them).
    """

    now: datetime
    reachable_now: list[BoardCall]
    soon: list[BoardCall]
    later: list[BoardCall]
    overdue: list[BoardCall]
    unreachable: list[BoardCall]
    done: list[DoneCall]
    needs_person: list[DoneCall]
    next_opening: NextOpening | None
    band: list[BandPart]
    counts: Counts
    hands: Hands = NOBODY
    left_out: int = 0
    narrowed: Narrowed = Narrowed()


async def load_board(work: Work) -> Board:
    """Return the board at an instant: five queries, two for who can be rung now, another for the next day.

    What is beyond `LARGEST_BOARD` or `LARGEST_DONE` is only counted, which takes a query each.
    """
    async with work.transaction() as tx:
        calls = await load_open_calls(tx, limit=LARGEST_BOARD)
        closed = await _load_closed(tx)
        hands, chances = await load_hands(tx), await load_chances_now(tx, calls)
        wanted, narrowed = narrow(tx, calls, await own_filter(tx), chances)
        board = replace(arrange(tx, wanted, closed, chances, hands), narrowed=narrowed)
        board = _with_matters(board, await count_matters(tx))
        if len(calls) == LARGEST_BOARD:
            board = _with_left_out(board, len(calls), await count_open_calls(tx))
        if len(closed) == LARGEST_DONE:
            board = await _with_closed_counts(tx, board)
        if board.next_opening is not None:
            return board
        return replace(board, next_opening=await _next_day(tx, tx.today))


def narrow(
    tx: Transaction, calls: Sequence[OpenCall], chosen: QueueFilter, chances: Mapping[int, Chances]
) -> tuple[list[OpenCall], Narrowed]:
    """Return the calls a filter admits, what one has in hand among them, and what it leaves out."""
    own = tx.actor.staff_id
    wanted = [
        call for call in calls if chosen.admits(call) or (own is not None and call.holder(tx.now) == own)
    ]
    kept = {call.call_id for call in wanted}
    hidden = [call for call in calls if call.call_id not in kept]
    places = sorted(
        {call.ort.strip() for call in calls if call.ort} | ({chosen.ort} if chosen.ort else set())
    )
    rows = on_board(tx, hidden, chances)
    reachable = [row for row in rows if row.placement.group is Group.REACHABLE_NOW]
    free = sum(row.call.holder(tx.now) is None for row in reachable)
    return wanted, Narrowed(chosen, places, len(hidden), free)


def arrange(
    moment: Moment,
    calls: Sequence[OpenCall],
    closed: Sequence[DoneCall],
    chances: Mapping[int, Chances] = NO_CHANCES,
    hands: Hands = NOBODY,
) -> Board:
    """Group calls into the board; the next opening is one of today."""
    rows = rows_of(moment, calls, hands, chances)
    groups: dict[Group, list[BoardCall]] = {group: [] for group in Group}
    for row in rows:
        groups[row.placement.group].append(row)
    midnight = moment.rules.instant(moment.today, time.min)
    done = [call for call in closed if call.abgeschlossen_at >= midnight]
    needs_person = [call for call in closed if call.klaerung_noetig]
    reachable = groups[Group.REACHABLE_NOW]
    return Board(
        now=moment.now,
        reachable_now=reachable,
        soon=groups[Group.SOON],
        later=groups[Group.LATER],
        overdue=groups[Group.OVERDUE],
        unreachable=groups[Group.UNREACHABLE],
        done=done,
        needs_person=needs_person,
        next_opening=_next_opening(rows, moment.now),
        band=day_band(calls, day=moment.today, rules=moment.rules),
        counts=Counts(
            open=len(rows),
            reachable_now=len(reachable),
            reachable_free=sum(row.hand is None and row.line is None for row in reachable),
            soon=len(groups[Group.SOON]),
            later=len(groups[Group.LATER]),
            overdue=sum(row.overdue or row.placement.group is Group.OVERDUE for row in rows),
            unreachable=len(groups[Group.UNREACHABLE]),
            done=len(done),
            needs_person=len(needs_person),
        ),
        hands=hands,
    )


def _with_matters(board: Board, counts: Mapping[int, int]) -> Board:
    def counted(rows: list[BoardCall]) -> list[BoardCall]:
        return [replace(row, matters=counts.get(row.call.therapist_id, 1)) for row in rows]

    return replace(
        board,
        reachable_now=counted(board.reachable_now),
        soon=counted(board.soon),
        later=counted(board.later),
        overdue=counted(board.overdue),
        unreachable=counted(board.unreachable),
    )


def _with_left_out(board: Board, read: int, all_open: OpenCount) -> Board:
    counts = board.counts
    groups = (board.reachable_now, board.soon, board.later, board.overdue, board.unreachable)
    seen = sum(row.overdue for group in groups for row in group)
    hidden = board.narrowed.hidden
    overdue = counts.overdue + all_open.therapists_before_today - seen
    counts = replace(counts, open=all_open.therapists - hidden, overdue=overdue)
    return replace(board, counts=counts, left_out=all_open.calls - read)


async def _with_closed_counts(tx: Transaction, board: Board) -> Board:
    midnight = tx.rules.instant(tx.today, time.min)
    closed = (PhoneCall.status != CallStatus.SCHEDULED) & PhoneCall.gemeinsam_mit_id.is_(None)
    done = select(func.count()).where(closed, PhoneCall.abgeschlossen_at >= midnight)
    undecided = select(func.count()).where(closed, PhoneCall.klaerung_noetig)
    query = select(done.scalar_subquery(), undecided.scalar_subquery())
    done_count, undecided_count = (await tx.session.execute(query)).one()
    return replace(board, counts=replace(board.counts, done=done_count, needs_person=undecided_count))


def day_band(calls: Iterable[OpenCall], *, day: date, rules: DeskRules) -> list[BandPart]:
    """Return the desk's day in half hours, with open calls only; a window counts wherever it overlaps."""
    opens, closes = (minute_of_day(at) for at in rules.desk_hours)
    starts = range(opens - opens % BAND_MINUTES, closes, BAND_MINUTES)
    therapists: dict[int, set[int]] = {start: set() for start in starts}
    planned = dict.fromkeys(starts, 0)
    for call in calls:
        start = _part(minute_of_day(call.geplante_zeit))
        if call.geplantes_datum == day and start in planned:
            planned[start] += 1
        if obstacle(call) is not None:
            continue
        for window in call_windows(call, day, rules):
            first, end = window.minutes
            for start in range(_part(first), end, BAND_MINUTES):
                if start in therapists:
                    therapists[start].add(call.therapist_id)
    return [
        BandPart(
            time_of_day(start), time_of_day(start + BAND_MINUTES), len(therapists[start]), planned[start]
        )
        for start in starts
    ]


def _part(minute: int) -> int:
    return minute - minute % BAND_MINUTES


def _next_opening(rows: Iterable[BoardCall], now: datetime) -> NextOpening | None:
    upcoming = [
        NextOpening(row.call.call_id, row.call.name, row.placement.opens_at)
        for row in rows
        if row.placement.opens_at is not None and row.placement.opens_at > now
    ]
    return min(upcoming, key=lambda opening: opening.at, default=None)


async def _load_closed(tx: Transaction) -> list[DoneCall]:
    """Return the calls closed today and those that ask for a person, latest first."""
    midnight = tx.rules.instant(tx.today, time.min)
    rows = await tx.session.execute(
        select(
            PhoneCall.id,
            PhoneCall.version,
            PhoneCall.therapist_id,
            PhoneCall.status,
            PhoneCall.ergebnis_art,
            PhoneCall.versuch,
            PhoneCall.abgeschlossen_at,
            PhoneCall.klaerung_noetig,
            PhoneCall.klaerung_grund,
            PhoneCall.rueckgaengig_bis,
            Therapist.titel,
            Therapist.vorname,
            Therapist.nachname,
        )
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .where(
            PhoneCall.status != CallStatus.SCHEDULED,
            PhoneCall.gemeinsam_mit_id.is_(None),
            or_(PhoneCall.abgeschlossen_at >= midnight, PhoneCall.klaerung_noetig),
        )
        .order_by(PhoneCall.klaerung_noetig.desc(), PhoneCall.abgeschlossen_at.desc(), PhoneCall.id.desc())
        .limit(LARGEST_DONE)
    )
    return [
        DoneCall(
            call_id=row.id,
            version=row.version,
            therapist_id=row.therapist_id,
            name=display_name(row.titel, row.vorname, row.nachname),
            status=row.status,
            ergebnis_art=row.ergebnis_art,
            versuch=row.versuch,
            abgeschlossen_at=row.abgeschlossen_at,
            klaerung_noetig=row.klaerung_noetig,
            klaerung_grund=row.klaerung_grund,
            rueckgaengig_bis=row.rueckgaengig_bis,
        )
        for row in rows
        if row.abgeschlossen_at is not None
    ]


async def _next_day(tx: Transaction, today: date) -> NextOpening | None:
    """Return the first call planned for a day to come."""
    first = (
        await tx.session.execute(
            select(
                PhoneCall.id,
                PhoneCall.geplantes_datum,
                PhoneCall.geplante_zeit,
                Therapist.titel,
                Therapist.vorname,
                Therapist.nachname,
            )
            .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
            .where(
                PhoneCall.status == CallStatus.SCHEDULED,
                PhoneCall.geplantes_datum >= today + timedelta(days=1),
            )
            .order_by(PhoneCall.geplantes_datum, PhoneCall.geplante_zeit)
            .limit(1)
        )
    ).first()
    if first is None:
        return None
    return NextOpening(
        first.id,
        display_name(first.titel, first.vorname, first.nachname),
        tx.rules.instant(first.geplantes_datum, first.geplante_zeit),
    )
