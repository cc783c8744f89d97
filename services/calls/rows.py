"""One row for each therapist: staff ring people, so all open calls to one stand and are taken together."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from services.calls.hands import Hands
from services.calls.reachability import NO_CHANCES, BoardCall, Group, OpenCall, on_board, urgency
from services.reach.estimate import Chances
from services.work import Moment

LEADING = (Group.REACHABLE_NOW, Group.OVERDUE, Group.SOON, Group.LATER, Group.UNREACHABLE)
"""Where a therapist stands of whom some calls stand here and some there: at the first of these."""


def rows_of(
    moment: Moment, calls: Iterable[OpenCall], hands: Hands, chances: Mapping[int, Chances] = NO_CHANCES
) -> list[BoardCall]:
    """Return a row for each therapist, each group of rows in the order in which staff work through it.

    A row is led by the call in hand, else by the most urgent one.
    """
    placed: dict[int, list[BoardCall]] = {}
    for row in on_board(moment, calls, chances):
        placed.setdefault(row.call.therapist_id, []).append(row)
    return sorted((_row(rows, hands) for rows in placed.values()), key=urgency)


def rows_to_offer(
    moment: Moment,
    calls: Iterable[OpenCall],
    hands: Hands,
    chances: Mapping[int, Chances] = NO_CHANCES,
    *,
    staff_id: int,
) -> list[BoardCall]:
    """Return the rows that can be rung right now and nobody else is on the phone with.

    The one whose window closes first is in front.
    """
    return [
        row
        for row in rows_of(moment, calls, hands, chances)
        if row.placement.group is Group.REACHABLE_NOW and not row.is_taken(staff_id)
    ]


def with_hands(row: BoardCall, hands: Hands) -> BoardCall:
    """Return a row that says who is on the phone with its therapist, or under their number."""
    call = row.call
    return replace(row, hand=hands.on(call.therapist_id), line=hands.on_line(call.therapist_id, call.telefon))


def _row(calls: list[BoardCall], hands: Hands) -> BoardCall:
    hand = hands.on(calls[0].call.therapist_id)
    in_hand = [row for row in calls if hand is not None and row.call.call_id == hand.call_id]
    first = min(in_hand or calls, key=lambda row: (LEADING.index(row.placement.group), urgency(row)))
    return replace(
        with_hands(first, hands),
        overdue=any(row.overdue for row in calls),
        others=tuple(row.call for row in calls if row is not first),
    )
