"""When to ring again after a call that came to nothing: the rule, and a look ahead that books nothing.

Busy means somebody is there: the same window may be tried again after `BUSY_WAIT`. Otherwise the window that
is open now is over, and the therapist's next one counts, later today or on another day; unless another hour
of the days after is clearly better (`services.reach`). A date given by staff (`wiederholen_nach`) only ever
moves the attempt further back. At the right number, after a wrong one, the
therapist is rung as soon as they can be.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from services.calls.linked_emails import all_answered, carried, carry_on
from services.hours.reading import Availability
from services.models import CallReason, CallStatus, NoRetry, OutcomeKind, PhoneCall, Therapist
from services.models.therapists import may_be_called
from services.origins import Origin
from services.reach.estimate import Chances
from services.reach.patterns import load_chances
from services.reach.tallies import one_call, tallied
from services.reach.waiting import hour_of, last_moment, next_start, openings_until
from services.rules import DeskRules
from services.scheduling.booking import NotToBeCalled, book_found, lock_calendar, move
from services.scheduling.calendar import (
    HoursTooShort,
    NoFreeSlot,
    UnreadableHours,
    Unschedulable,
    find_next,
)
from services.scheduling.phone_hours import day_windows
from services.scheduling.slots import Slot, days_to_search
from services.work import Moment, Transaction, Work

BUSY_WAIT = timedelta(minutes=30)

RETRIED = frozenset({OutcomeKind.NOT_REACHED, OutcomeKind.BUSY, OutcomeKind.ANSWERING_MACHINE})
"""Outcomes after which the therapist is rung again."""


AT_ONCE = frozenset({OutcomeKind.REACHED, OutcomeKind.WRONG_NUMBER})
"""Outcomes after which the window that is open now is not over: to ask again, or at the right number."""


class UnknownHours(Unschedulable):
    """This therapist is not in the directory, so no phone hours are known."""


@dataclass(frozen=True, slots=True)
class NextAttempt:
    """The slot the next attempt would get, or why there is none."""

    slot: Slot | None = None
    reason: NoRetry | None = None


def search_from(moment: Moment, art: OutcomeKind, therapist: Therapist) -> datetime:
    """Return the instant to search from, so that with the notice the right window is the first found."""
    if art in AT_ONCE:
        return moment.now
    wait = moment.now + BUSY_WAIT
    if art != OutcomeKind.BUSY:
        wait = hours_over(moment, therapist.availability) or wait
    return max(moment.now, wait - moment.rules.notice)


def obstacle_to_retry(
    call: PhoneCall, art: OutcomeKind, answered: bool, rules: DeskRules, *, number_known: bool = False
) -> NoRetry | None:
    """Return why an outcome is not followed by another attempt, before looking at the calendar.

    `number_known` says that after a wrong number the right one is known.
    """
    wrong_number = art == OutcomeKind.WRONG_NUMBER
    if wrong_number and not number_known:
        return NoRetry.WRONG_NUMBER
    if not wrong_number and art not in RETRIED:
        return NoRetry.NOT_WANTED
    if answered and call.grund != CallReason.CALL_BACK:
        return NoRetry.ANSWERED
    if not wrong_number and call.versuch >= rules.max_attempts:
        return NoRetry.ATTEMPTS_USED_UP
    return None


async def preview_next_attempt(
    work: Work, call: PhoneCall, art: OutcomeKind, *, wiederholen_nach: date | None = None
) -> NextAttempt:
    """Return what saving this outcome now would plan next; writes and locks nothing.

    For `verschoben` that is where the call itself would move ("next window"), for `erreicht` the call that
    asks again on the day given or after.
    """
    async with work.transaction() as tx:
        answered = await all_answered(tx, call.id)
        asks_again = art == OutcomeKind.REACHED and wiederholen_nach is not None
        reason = None
        if not asks_again and art != OutcomeKind.POSTPONED:
            reason = obstacle_to_retry(call, art, answered, tx.rules)
        if reason is not None:
            return NextAttempt(reason=reason)
        therapist = await tx.session.get(Therapist, call.therapist_id)
        if therapist is None:
            return NextAttempt(reason=NoRetry.UNKNOWN_THERAPIST)
        if art != OutcomeKind.POSTPONED and not may_be_called(therapist):
            return NextAttempt(reason=NoRetry.NOT_TO_BE_CALLED)
        try:
            best = await _search(tx, call, art, therapist, wiederholen_nach)
            return NextAttempt(
                best.slot or await _find(tx.at(best.from_then), call, therapist, wiederholen_nach)
            )
        except Unschedulable as error:
            return NextAttempt(reason=no_retry_after(error))


async def book_retry(
    tx: Transaction, call: PhoneCall, art: OutcomeKind, *, wiederholen_nach: date | None
) -> PhoneCall | NoRetry:
    """Insert the attempt after a failed, flushed call, or return why there is none; the calendar is locked.

    It is about all that still waits for an answer. At the right number attempts are counted anew. Reports no
    event.
    """
    therapist = await tx.session.get(Therapist, call.therapist_id, populate_existing=True)
    if therapist is None:
        return NoRetry.UNKNOWN_THERAPIST
    try:
        best = await _search(tx, call, art, therapist, wiederholen_nach)
        email_ids = await carried(tx, call)
        planned = await book_found(
            tx.at(best.from_then),
            therapist,
            best.slot,
            not_before=wiederholen_nach,
            duration_minutes=call.dauer_minuten,
            created_at=tx.now,
            email_id=next(iter(email_ids), None),
            grund=call.grund,
            versuch=1 if art == OutcomeKind.WRONG_NUMBER else call.versuch + 1,
            vorheriger_anruf_id=call.id,
            extern_id=call.extern_id,
            doppelt=call.doppelt,
            **Origin.of(call).columns,
        )
    except Unschedulable as error:
        return no_retry_after(error)
    await carry_on(tx, planned, email_ids)
    return planned


async def move_on(tx: Transaction, call: PhoneCall, *, not_before: date | None) -> None:
    """Move a locked call to the therapist's next window. Reports no event.

    Raises:
        Unschedulable: the therapist's phone hours are unknown, or nothing is free.
    """
    await lock_calendar(tx)
    therapist = await tx.session.get(Therapist, call.therapist_id)
    if therapist is None:
        raise UnknownHours
    from_then = search_from(tx, OutcomeKind.POSTPONED, therapist)
    slot = await _find(tx.at(from_then), call, therapist, not_before)
    await move(tx, call, therapist, slot.day, slot.start)


class _Search(NamedTuple):
    """The instant to search from, and the slot that is the first found then, where that was looked for."""

    from_then: datetime
    slot: Slot | None = None


async def _search(
    tx: Transaction, call: PhoneCall, art: OutcomeKind, therapist: Therapist, not_before: date | None
) -> _Search:
    """Say from when on to search, so that the next window, or a better hour, is the first found.

    Raises:
        Unschedulable: the therapist has no phone hours or no free time.
    """
    usual = search_from(tx, art, therapist)
    chances = await _chances_after(tx, call, art) if art in RETRIED else None
    if chances is None:
        return _Search(usual)
    first = await _find(tx.at(usual), call, therapist, not_before)
    start = datetime.combine(first.day, first.start)
    last_day = days_to_search(tx.at(usual), not_before=not_before)[-1]
    until = min(last_moment(first.day, tx.rules), datetime.combine(last_day, time.max))
    phone_hours = openings_until(therapist.availability, start, until, tx.rules)
    better = next_start(chances.at, start, phone_hours, until)
    if better == start:
        return _Search(usual, first)
    from_then = tx.rules.instant(better.date(), better.time()) - tx.rules.notice
    found = await _find(tx.at(from_then), call, therapist, not_before)
    still_free = (found.day, found.start.hour) == (better.date(), better.hour)
    return _Search(from_then, found) if still_free else _Search(usual, first)


async def _chances_after(tx: Transaction, call: PhoneCall, art: OutcomeKind) -> Chances | None:
    """Return when a therapist picks up by all calls and this one, whether its outcome is saved or not."""
    chances = (await load_chances(tx, [call.therapist_id])).get(call.therapist_id)
    if chances is None or call.status != CallStatus.SCHEDULED:
        return chances
    this = (hour_of(tx.local), one_call(art))
    return Chances(chances.pattern, tallied([*chances.history.items(), this]))


async def _find(tx: Transaction, call: PhoneCall, therapist: Therapist, not_before: date | None) -> Slot:
    return await find_next(
        tx,
        therapist,
        not_before=not_before,
        duration_minutes=call.dauer_minuten,
        ignore_call_id=call.id,
    )


def hours_over(moment: Moment, availability: Availability) -> datetime | None:
    """Return when the phone hours that are open now are over, or None outside of any."""
    today = moment.today
    for window in day_windows(availability, today, moment.rules):
        if moment.rules.instant(today, window.start) <= moment.now < moment.rules.instant(today, window.end):
            return moment.rules.instant(today, window.end)
    return None


def no_retry_after(error: Unschedulable) -> NoRetry:
    """Return why there is no attempt where no time could be found."""
    match error:
        case NotToBeCalled():
            return NoRetry.NOT_TO_BE_CALLED
        case NoFreeSlot():
            return NoRetry.NO_FREE_SLOT
        case HoursTooShort():
            return NoRetry.HOURS_TOO_SHORT
        case UnreadableHours():
            return NoRetry.UNREADABLE_HOURS
        case _:
            return NoRetry.NO_WINDOW
