"""Today's board: every open call at its place, what is done, who needs a person, and the day as a band."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy import Date, bindparam, select

from services.calls.due_calls import load_open_calls
from services.calls.hands import Hands
from services.calls.open_call import OpenCall
from services.calls.placed import BoardCall, by_phone_hours, who_could_wait, with_better_hours
from services.calls.queue_filter import ALL_CALLS, QueueFilter
from services.calls.reachability import SOON, Group
from services.calls.rows import rows_of
from services.conversations.matters import count_matters
from services.desk.around import Around, load_around
from services.desk.band import BandPart, day_band
from services.desk.closed_calls import Closed, DoneCall, closed_of, load_closed
from services.models import CallStatus, PhoneCall, Therapist
from services.models.therapists import display_name
from services.reach.patterns import load_chances
from services.work import Moment, Transaction, Work
from shared.plain_rows import PlainQuery
from shared.under_way import under_way

NOBODY = Hands()
NOTHING_CLOSED = Closed()


@dataclass(frozen=True, slots=True)
class NextOpening:
    """The next chance to reach somebody: who and when."""

    call_id: int
    name: str | None
    at: datetime


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
        done: the latest of those closed today, as many as are shown.
        needs_person: the latest of those that ask for a decision, as many as are shown.
        undo_ends: when the next outcome of today can't be taken back any more.
        changes_at: the next instant at which a call moves to another group, or out of somebody's hands, by
            itself. Who waits for a better hour is looked at again every hour.
        hands: who has whom in hand.
    """

    now: datetime
    reachable_now: list[BoardCall]
    soon: list[BoardCall]
    later: list[BoardCall]
    overdue: list[BoardCall]
    unreachable: list[BoardCall]
    done: Sequence[DoneCall]
    needs_person: Sequence[DoneCall]
    undo_ends: datetime | None
    next_opening: NextOpening | None
    changes_at: datetime
    counts: Counts
    band: Sequence[BandPart] = ()
    hands: Hands = NOBODY
    narrowed: Narrowed = Narrowed()


async def load_board(work: Work, most: int | None = None) -> Board:
    """Return the board at an instant: seven queries at most, and another for the next day.

    Args:
        work: at which instant, and whose filter.
        most: how many rows of a group are shown. Of others nobody counts what there is to talk about.
    """
    async with work.transaction() as tx, tx.keeping_plans():
        return await read_board(tx, await load_around(tx), most)


async def read_board(tx: Transaction, around: Around, most: int | None = None) -> Board:
    """Return the board as `load_board`, in a transaction that has begun, whose plans are kept."""
    placed = by_phone_hours(tx, await load_open_calls(tx))
    async with under_way(load_chances(tx, who_could_wait(tx, placed))) as chances:
        band = day_band(_wanted(tx, placed, around.chosen), day=tx.today, rules=tx.rules)
    async with under_way(load_closed(tx, most)) as closed:
        placed = with_better_hours(tx, placed, chances.result())
        wanted, narrowed = narrow(tx, placed, around.chosen)
        rows = rows_of(wanted, around.hands)
        groups = _grouped(rows)
        talked_about = _talked_about(tx, groups, most)
    async with under_way(count_matters(tx, talked_about)) as matters:
        closed_calls = closed_of(tx, closed.result(), most)
        board = _board(tx, rows, groups, closed_calls, around.hands)
    board = replace(_with_matters(board, matters.result()), band=band, narrowed=narrowed)
    if board.next_opening is not None:
        return board
    return replace(board, next_opening=await _next_day(tx, tx.today))


def narrow(
    moment: Transaction, placed: Sequence[BoardCall], chosen: QueueFilter
) -> tuple[Sequence[BoardCall], Narrowed]:
    """Return the calls a filter admits, what one has in hand among them, and what it leaves out."""
    places = {row.call.ort.strip() for row in placed if row.call.ort}
    if not chosen.is_on:
        return placed, Narrowed(chosen, sorted(places))
    wanted = _wanted(moment, placed, chosen)
    shown = {row.call.call_id for row in wanted}
    hidden = [row for row in placed if row.call.call_id not in shown]
    reachable = [row for row in hidden if row.placement.group is Group.REACHABLE_NOW]
    free = sum(row.call.holder(moment.now) is None for row in reachable)
    every_place = sorted(places | ({chosen.ort} if chosen.ort else set()))
    return wanted, Narrowed(chosen, every_place, len(hidden), free)


def _wanted(moment: Transaction, placed: Sequence[BoardCall], chosen: QueueFilter) -> Sequence[BoardCall]:
    """Return the calls a filter admits, and what one has in hand."""
    if not chosen.is_on:
        return placed
    own = moment.actor.staff_id

    def mine(call: OpenCall) -> bool:
        return own is not None and call.holder(moment.now) == own

    return [row for row in placed if mine(row.call) or chosen.admits(row.call)]


def arrange(
    moment: Moment, placed: Sequence[BoardCall], closed: Closed = NOTHING_CLOSED, hands: Hands = NOBODY
) -> Board:
    """Group calls into the board, without a band; the next opening is one of today."""
    rows = rows_of(placed, hands)
    return _board(moment, rows, _grouped(rows), closed, hands)


def _grouped(rows: Sequence[BoardCall]) -> dict[Group, list[BoardCall]]:
    groups: dict[Group, list[BoardCall]] = {group: [] for group in Group}
    for row in rows:
        groups[row.placement.group].append(row)
    return groups


def _board(
    moment: Moment,
    rows: Sequence[BoardCall],
    groups: Mapping[Group, list[BoardCall]],
    closed: Closed,
    hands: Hands,
) -> Board:
    reachable = groups[Group.REACHABLE_NOW]
    return Board(
        now=moment.now,
        reachable_now=reachable,
        soon=groups[Group.SOON],
        later=groups[Group.LATER],
        overdue=groups[Group.OVERDUE],
        unreachable=groups[Group.UNREACHABLE],
        done=closed.done,
        needs_person=closed.needs_person,
        undo_ends=closed.undo_ends,
        next_opening=_next_opening(rows, moment.now),
        changes_at=_next_change(moment, groups, closed, hands),
        counts=Counts(
            open=len(rows),
            reachable_now=len(reachable),
            reachable_free=sum(row.hand is None and row.line is None for row in reachable),
            soon=len(groups[Group.SOON]),
            later=len(groups[Group.LATER]),
            overdue=sum(row.overdue or row.placement.group is Group.OVERDUE for row in rows),
            unreachable=len(groups[Group.UNREACHABLE]),
            done=closed.done_count,
            needs_person=closed.needs_person_count,
        ),
        hands=hands,
    )


def _next_change(
    moment: Moment, groups: Mapping[Group, list[BoardCall]], closed: Closed, hands: Hands
) -> datetime:
    """Return `Board.changes_at`; at midnight all calls move."""
    now, rules, later = moment.now, moment.rules, groups[Group.LATER]
    instants = {row.placement.closes_at for row in groups[Group.REACHABLE_NOW]}
    instants |= {row.placement.opens_at for row in (*groups[Group.SOON], *groups[Group.OVERDUE])}
    instants |= {at - SOON for at in {row.placement.opens_at for row in later} if at}
    if any(row.placement.waits for row in later):
        instants.add(now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1))
    instants |= {hand.until for hand in hands.held}
    instants.add(closed.undo_ends)
    instants.add(rules.instant(moment.today + timedelta(days=1), time.min))
    return min(at for at in instants if at is not None and at > now)


def next_offer(reachable: Iterable[BoardCall], staff_id: int | None) -> BoardCall | None:
    """Return the first row of a therapist in nobody's hands and under whose number nobody else is ringing."""
    return next((row for row in reachable if row.hand is None and not row.is_taken(staff_id)), None)


def _talked_about(moment: Transaction, groups: Mapping[Group, list[BoardCall]], most: int | None) -> set[int]:
    """Return the therapists of the rows that are shown, and the next to be offered."""
    offered = next_offer(groups[Group.REACHABLE_NOW], moment.actor.staff_id)
    shown = {row.call.therapist_id for rows in groups.values() for row in rows[:most]}
    return shown | ({offered.call.therapist_id} if offered else set())


def _with_matters(board: Board, counts: Mapping[int, int]) -> Board:
    """Say of each row how much there is to talk about."""

    def counted(rows: list[BoardCall]) -> list[BoardCall]:
        return [
            row.about(count) if (count := counts.get(row.call.therapist_id, 1)) > 1 else row for row in rows
        ]

    return replace(
        board,
        reachable_now=counted(board.reachable_now),
        soon=counted(board.soon),
        later=counted(board.later),
        overdue=counted(board.overdue),
        unreachable=counted(board.unreachable),
    )


def _next_opening(rows: Sequence[BoardCall], now: datetime) -> NextOpening | None:
    upcoming = {at for at in {row.placement.opens_at for row in rows} if at is not None and at > now}
    if not upcoming:
        return None
    opens_at = min(upcoming)
    call = next(row.call for row in rows if row.placement.opens_at == opens_at)
    return NextOpening(call.call_id, call.name, opens_at)


FIRST_TO_COME = PlainQuery(
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
        PhoneCall.status == CallStatus.SCHEDULED, PhoneCall.geplantes_datum > bindparam("today", type_=Date)
    )
    .order_by(PhoneCall.geplantes_datum, PhoneCall.geplante_zeit)
    .limit(1)
)


async def _next_day(tx: Transaction, today: date) -> NextOpening | None:
    """Return the first call planned for a day to come."""
    rows = await tx.rows(FIRST_TO_COME, today=today)
    if not rows:
        return None
    [(call_id, day, at, *names)] = rows
    return NextOpening(call_id, display_name(*names), tx.rules.instant(day, at))
