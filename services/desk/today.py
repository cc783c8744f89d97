"""What the working screen shows at once: today's board, the call in hand, what was typed, what comes next."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, time

from services.calls.hands import Hand, InHand, load_hands, load_in_hand
from services.calls.next_attempt import NextAttempt, preview_next_attempt
from services.calls.planning import get_call
from services.desk.around import load_around
from services.desk.board import Board, next_offer, read_board
from services.desk.idle import LeftToDo, Offer, load_left_to_do, load_offer
from services.desk.panel import CallPanel, load_call_panel
from services.desk.saved import Saved, load_saved
from services.drafts import CALL, load_draft
from services.errors import StaleVersion
from services.hours.windows import Window
from services.models import CallStatus, OutcomeKind, PhoneCall, Therapist
from services.reach.waiting import BetterHour
from services.scheduling.booking import outside_phone_hours
from services.scheduling.phone_hours import day_windows
from services.shifts.notes import Note
from services.work import Transaction, Work


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What saving an outcome now would plan next, and the phone hours around that time."""

    attempt: NextAttempt
    window: Window | None = None


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
        hand = self.panel.hand if self.panel else None
        return self.panel is not None and hand is not None and self._is_own(hand, self.panel.call)

    @property
    def waits(self) -> BetterHour | None:
        """The better hour for which the call shown is left."""
        shown = self.panel and self.panel.call.id
        return next((row.placement.waits for row in self.board.later if row.call.call_id == shown), None)

    @property
    def in_the_way(self) -> Hand | None:
        """Who else is on the phone with the therapist of the call shown, or under their number."""
        if self.panel is None:
            return None
        hands = (self.panel.hand, self.panel.line)
        return next((hand for hand in hands if hand and hand.staff_id != self.staff_id), None)

    def _is_own(self, hand: Hand, call: PhoneCall) -> bool:
        return (hand.staff_id, hand.call_id) == (self.staff_id, call.id)


@dataclass(frozen=True, slots=True)
class ElsewhereChange:
    """What happened to a call since a page showed it: changed, or its therapist or line taken by somebody."""

    therapist_id: int
    changed: StaleVersion | None = None
    hand: Hand | None = None


async def load_desk(
    work: Work, call_id: int | None = None, *, saved_call_id: int | None = None, most: int | None = None
) -> Desk:
    """Return the screen with a call open: the one asked for, else the one this person has in hand.

    Args:
        work: whose screen, and when.
        call_id: the call to open.
        saved_call_id: the one whose outcome was saved just before.
        most: how many rows of a group are shown (`services.desk.board.load_board`).

    Raises:
        NotFound: there is no such call.
    """
    async with work.transaction() as tx:
        async with tx.keeping_plans():
            around = await load_around(tx)
            board = await read_board(tx, around, most)
            holds = board.hands.of(tx.staff_id)
            offer = None if call_id or holds else await _next_offer(tx, board)
            saved = None if saved_call_id is None else await load_saved(tx, saved_call_id)
        held = await load_in_hand(tx) if holds else None
        idle = call_id is None and held is None
        if idle and holds:
            offer = await _next_offer(tx, board)
    desk = Desk(board, work.staff_id, None, None, None, offer, saved, held, notes=around.notes)
    if not idle:
        return await _with_panel(work, desk, call_id)
    return desk if offer else replace(desk, left=await load_left_to_do(work))


async def _next_offer(tx: Transaction, board: Board) -> Offer | None:
    offered = next_offer(board.reachable_now, tx.staff_id)
    return await load_offer(tx, offered) if offered else None


async def _with_panel(work: Work, desk: Desk, call_id: int | None) -> Desk:
    panel = await _load_panel(work, call_id, desk.in_hand)
    desk = replace(desk, panel=panel, draft=await load_draft(work, CALL, panel.call.id))
    if not desk.mine:
        return desk
    suggestion = await _suggest(work, panel.call, panel.therapist, OutcomeKind.NOT_REACHED, None)
    return replace(desk, suggestion=suggestion)


async def _load_panel(work: Work, call_id: int | None, held: InHand | None) -> CallPanel:
    """Return the panel of a call, else of the one in hand; any open call to its therapist leads there."""
    if held is not None and call_id is None:
        return await load_call_panel(work, held.call_id)
    assert call_id is not None
    panel = await load_call_panel(work, call_id)
    call = panel.call
    is_open = call.status == CallStatus.SCHEDULED and call.geplantes_datum <= work.today
    if held is not None and is_open and call.therapist_id == held.therapist_id and call_id != held.call_id:
        return await load_call_panel(work, held.call_id)
    return panel


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
            return ElsewhereChange(call.therapist_id, changed=await tx.stale(PhoneCall, call_id))
        if call.status != CallStatus.SCHEDULED:
            return None
        therapist = await tx.session.get(Therapist, call.therapist_id)
        others = (await load_hands(tx)).but(tx.staff_id)
        hand = others.in_the_way(call.therapist_id, therapist.phone if therapist else None)
    return ElsewhereChange(call.therapist_id, hand=hand) if hand else None


async def _suggest(
    work: Work, call: PhoneCall, therapist: Therapist | None, art: OutcomeKind, wiederholen_nach: date | None
) -> Suggestion:
    attempt = await preview_next_attempt(work, call, art, wiederholen_nach=wiederholen_nach)
    if attempt.slot is None or therapist is None:
        return Suggestion(attempt)
    slot = attempt.slot
    windows = day_windows(therapist.availability, slot.day, work.rules)
    return Suggestion(attempt, next((w for w in windows if w.start <= slot.start < w.end), None))
