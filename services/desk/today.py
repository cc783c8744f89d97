"""What the working screen shows at once: today's board, the call in hand, what was typed, what comes next."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time

from sqlalchemy import select
from sqlalchemy.orm import aliased

from services.calls.claims import InHand, holder, load_in_hand
from services.calls.next_attempt import NextAttempt, preview_next_attempt
from services.calls.planning import get_call
from services.calls.reachability import BoardCall
from services.desk.board import Board, load_board
from services.desk.idle import LeftToDo, Offer, load_left_to_do, load_offer
from services.desk.panel import CallPanel, load_call_panel
from services.drafts import CALL, load_draft
from services.errors import StaleVersion
from services.hours.windows import Window
from services.models import CallStatus, OutcomeKind, PhoneCall, Staff, Therapist
from services.reach.waiting import BetterHour
from services.scheduling.booking import outside_phone_hours
from services.scheduling.phone_hours import day_windows
from services.shifts.notes import Note, list_notes
from services.work import Work


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What saving an outcome now would plan next, and the phone hours around that time."""

    attempt: NextAttempt
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """A call whose last outcome can still be taken back, and the next attempt it led to."""

    call: PhoneCall
    name: str | None
    next_call: PhoneCall | None
    until: datetime


@dataclass(frozen=True, slots=True)
class Desk:
    """The working screen of one member of staff at an instant.

    Attributes:
        panel: the call looked at, else the one in hand, if any.
        draft: what this person had typed for it.
        suggestion: the next attempt if nobody is reached; only for the call in hand.
        offer: without a panel, the reachable call nobody has in hand whose window closes first.
        left: without that either, what else is left to do.
        saved: the outcome saved just before.
        in_hand: the call this person has in hand, whether it is the one shown or not.
        notes: what the shifts before have left.
    """

    board: Board
    staff_id: int
    panel: CallPanel | None
    draft: dict[str, str] | None
    suggestion: Suggestion | None
    offer: Offer | None = None
    saved: Saved | None = None
    in_hand: InHand | None = None
    left: LeftToDo | None = None
    notes: Sequence[Note] = ()

    @property
    def mine(self) -> bool:
        """Whether the call shown is in this person's hands."""
        return self.panel is not None and self.panel.holder_id == self.staff_id

    @property
    def waits(self) -> BetterHour | None:
        """The better hour for which the call shown is left."""
        shown = self.panel and self.panel.call.id
        return next((row.placement.waits for row in self.board.later if row.call.call_id == shown), None)

    def held_by(self, staff_id: int) -> BoardCall | None:
        """Return the call of the board that somebody has in hand."""
        board = self.board
        groups = (board.reachable_now, board.soon, board.later, board.overdue, board.unreachable)
        rows = (row for group in groups for row in group)
        return next((row for row in rows if row.holder_id == staff_id), None)


@dataclass(frozen=True, slots=True)
class ElsewhereChange:
    """What happened to a call since a page showed it: changed, or taken by somebody until an instant.

    `therapist_name` is whom they have on the phone.
    """

    changed: StaleVersion | None = None
    holder_name: str | None = None
    therapist_name: str | None = None
    held_until: datetime | None = None


async def load_desk(work: Work, call_id: int | None = None, *, saved_call_id: int | None = None) -> Desk:
    """Return the screen with a call open: the one asked for, else the one this person has in hand.

    Raises:
        NotFound: there is no such call.
    """
    desk = await _load_desk(work, call_id, saved_call_id)
    return replace(desk, notes=await list_notes(work))


async def _load_desk(work: Work, call_id: int | None, saved_call_id: int | None) -> Desk:
    board = await load_board(work)
    saved = None if saved_call_id is None else await _load_saved(work, saved_call_id)
    async with work.transaction() as tx:
        held = await load_in_hand(tx)
    if call_id is None:
        if held is None:
            return await _idle(work, board, saved)
        call_id = held.call_id
    panel = await load_call_panel(work, call_id)
    draft = await load_draft(work, CALL, call_id)
    if panel.holder_id != work.staff_id:
        return Desk(board, work.staff_id, panel, draft, None, saved=saved, in_hand=held)
    suggestion = await _suggest(work, panel.call, panel.therapist, OutcomeKind.NOT_REACHED, None)
    return Desk(board, work.staff_id, panel, draft, suggestion, saved=saved, in_hand=held)


async def _idle(work: Work, board: Board, saved: Saved | None) -> Desk:
    row = next_offer(board.reachable_now, work.staff_id)
    if row is None:
        return Desk(board, work.staff_id, None, None, None, saved=saved, left=await load_left_to_do(work))
    async with work.transaction() as tx:
        return Desk(board, work.staff_id, None, None, None, await load_offer(tx, row), saved)


def next_offer(reachable: Iterable[BoardCall], staff_id: int) -> BoardCall | None:
    """Return the first call in nobody's hands whose therapist nobody else has on the phone."""
    rows = list(reachable)
    taken = {row.call.therapist_id for row in rows if row.holder_id not in (None, staff_id)}
    return next((row for row in rows if row.holder_id is None and row.call.therapist_id not in taken), None)


async def suggest_next_attempt(
    work: Work, call_id: int, art: OutcomeKind, *, wiederholen_nach: date | None
) -> Suggestion:
    """Return what saving this outcome now would plan next; changes nothing.

    Raises:
        NotFound: there is no such call.
    """
    call = await get_call(work, call_id)
    async with work.transaction() as tx:
        therapist = await tx.session.get(Therapist, call.therapist_id)
    return await _suggest(work, call, therapist, art, wiederholen_nach)


async def is_outside_phone_hours(work: Work, call_id: int, day: date, at: time) -> bool:
    """Say whether a call, moved to a local day and time, would lie outside of the phone hours.

    It would not for a therapist unknown here, whose hours nobody knows.

    Raises:
        NotFound: there is no such call.
    """
    call = await get_call(work, call_id)
    async with work.transaction() as tx:
        therapist = await tx.session.get(Therapist, call.therapist_id)
    return therapist is not None and outside_phone_hours(therapist, day, at, call.dauer_minuten, work.rules)


async def load_change(work: Work, call_id: int, *, version: int) -> ElsewhereChange | None:
    """Return what others did to a call since this person's page showed `version`; None for nothing.

    Raises:
        NotFound: there is no such call.
    """
    call = await get_call(work, call_id)
    async with work.transaction() as tx:
        if call.version != version:
            return ElsewhereChange(changed=await tx.stale(PhoneCall, call_id))
        held_by = holder(call, tx.now)
        if call.status != CallStatus.SCHEDULED or held_by in (None, tx.staff_id):
            return None
        member = await tx.session.get(Staff, held_by)
        therapist = await tx.session.get(Therapist, call.therapist_id)
        return ElsewhereChange(
            holder_name=member.name if member else None,
            therapist_name=therapist.display_name if therapist else None,
            held_until=call.bearbeitet_bis,
        )


async def _load_saved(work: Work, call_id: int) -> Saved | None:
    following = aliased(PhoneCall)
    query = (
        select(PhoneCall, Therapist, following)
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .outerjoin(following, following.vorheriger_anruf_id == PhoneCall.id)
        .where(PhoneCall.id == call_id, PhoneCall.rueckgaengig_bis > work.now)
        .execution_options(populate_existing=True)
    )
    async with work.transaction() as tx:
        found = (await tx.session.execute(query)).first()
    if found is None:
        return None
    call, therapist, next_call = found
    assert call.rueckgaengig_bis is not None
    name = therapist.display_name if therapist else None
    return Saved(call, name, next_call, call.rueckgaengig_bis)


async def _suggest(
    work: Work, call: PhoneCall, therapist: Therapist | None, art: OutcomeKind, wiederholen_nach: date | None
) -> Suggestion:
    attempt = await preview_next_attempt(work, call, art, wiederholen_nach=wiederholen_nach)
    if attempt.slot is None or therapist is None:
        return Suggestion(attempt)
    slot = attempt.slot
    windows = day_windows(therapist.availability, slot.day, work.rules)
    return Suggestion(attempt, next((w for w in windows if w.start <= slot.start < w.end), None))
