"""One row for each therapist: staff ring people, so all open calls to one stand and are taken together."""

from collections.abc import Iterable
from dataclasses import replace
from operator import attrgetter

from services.calls.hands import Hands, lines_of
from services.calls.placed import BoardCall
from services.calls.reachability import Group

URGENCY = attrgetter("urgency")

LEADING = (Group.REACHABLE_NOW, Group.OVERDUE, Group.SOON, Group.LATER, Group.UNREACHABLE)
"""Where a therapist stands of whom some calls stand here and some there: at the first of these."""


def rows_of(placed: Iterable[BoardCall], hands: Hands) -> list[BoardCall]:
    """Return a row for each therapist, each group of rows in the order in which staff work through it.

    A row is led by the call in hand, else by the most urgent one.
    """
    rows: dict[int, BoardCall] = {}
    several: dict[int, list[BoardCall]] = {}
    for one in placed:
        first = rows.setdefault(one.call.therapist_id, one)
        if first is not one:
            several.setdefault(one.call.therapist_id, [first]).append(one)
    if hands.held:
        rows |= {row.call.therapist_id: with_hands(row, hands) for row in _held_up(rows.values(), hands)}
    for therapist_id, calls in several.items():
        rows[therapist_id] = _row(calls, hands)
    return sorted(rows.values(), key=URGENCY)


def rows_to_offer(placed: Iterable[BoardCall], hands: Hands, *, staff_id: int) -> list[BoardCall]:
    """Return the rows that can be rung right now and nobody else is on the phone with.

    The one whose window closes first is in front.
    """
    return [
        row
        for row in rows_of(placed, hands)
        if row.placement.group is Group.REACHABLE_NOW and not row.is_taken(staff_id)
    ]


def with_hands(row: BoardCall, hands: Hands) -> BoardCall:
    """Return a row that says who is on the phone with its therapist, or under their number."""
    call = row.call
    hand, line = hands.on(call.therapist_id), hands.on_line(call.therapist_id, call.telefon)
    return replace(row, hand=hand, line=line) if hand or line else row


def _held_up(rows: Iterable[BoardCall], hands: Hands) -> list[BoardCall]:
    """Return the rows whose therapist or number somebody is on the phone with."""
    with_whom = {hand.therapist_id for hand in hands.held}
    lines = frozenset[str]().union(*(hand.lines for hand in hands.held))
    return [
        row
        for row in rows
        if row.call.therapist_id in with_whom or not lines.isdisjoint(lines_of(row.call.telefon))
    ]


def _row(calls: list[BoardCall], hands: Hands) -> BoardCall:
    hand = hands.on(calls[0].call.therapist_id)
    in_hand = [row for row in calls if hand is not None and row.call.call_id == hand.call_id]
    calls = sorted(calls, key=URGENCY)
    first = min(in_hand or calls, key=lambda row: LEADING.index(row.placement.group))
    return replace(
        with_hands(first, hands),
        overdue=any(row.overdue for row in calls),
        others=tuple(row.call for row in calls if row is not first),
    )
