"""Takes an outcome back: the call as it was, the next attempt gone, and nobody downstream told of either.

An outcome's events wait in the outbox a little longer than the outcome can be undone, so undoing deletes them
before anything has read them.
"""

from collections.abc import Awaitable, Callable, Collection

import msgspec
from sqlalchemy import BindParameter, ColumnElement, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from services.calls.claims import (
    Claim,
    ClaimedByOther,
    lock_to_take_back,
    may_take_back,
    take_back,
)
from services.calls.kept_state import CallState, Undo
from services.calls.linked_emails import (
    all_answered,
    is_open_follow_up,
    leave_answered,
    move_links,
    open_follow_up,
    tell,
    unshare,
)
from services.calls.planning import cancel
from services.calls.right_numbers import take_back_number
from services.drafts import CALL, put_draft
from services.errors import Conflict
from services.events.report import retract, retract_all
from services.hints import CALLS
from services.models import CallReason, CallStatus, CancelReason, PhoneCall
from services.scheduling.booking import CallCollision, free_line_for, lock_calendar
from services.work import Action, Transaction

Withdraw = Callable[[Transaction, Undo], Awaitable[None]]
"""Takes back the answers that came with an outcome; the rows of all that changes are locked."""


class TooLateToUndo(Conflict):
    """This can't be undone any more."""


class NextAttemptChanged(Conflict):
    """The next attempt has been changed in the meantime, so this can't be undone any more."""


class TimeTaken(Conflict):
    """The time of this call has been given away in the meantime, so this can't be undone any more."""


async def take_outcome_back(
    tx: Transaction, call_id: int, seen: Undo, withdraw: Withdraw, *, changed: Collection[int] = ()
) -> Claim:
    """Restore a call as it was before its last outcome; the call that followed and a right number are gone.

    What was closed along with the call comes back with it; its answers are taken back by `withdraw`, which
    changes the calls of the ids `changed`. E-mails that have joined the next attempt, or a follow-up call
    made since, are the restored call's then, and what was answered since has left it. Who recorded the
    outcome gets the form as they sent it, and the call back in hand if it was there and no colleague has the
    therapist on the phone by now. Its line may be another one. `version` counts on, so that forms from before
    and after the outcome are both stale. Returns the call, and the one that was let go of for it.

    A member of staff has begun the transaction with `lock_claims_of`; the therapist's follow-ups and all
    e-mails concerned are locked. `seen` is the outcome for which all that was found out.

    Raises:
        NotFound: no such call.
        TooLateToUndo: the time is over, even if only since waiting began, or the call was changed since.
        ClaimedByOther: somebody else took the postponed call in hand.
        NextAttemptChanged: somebody has taken, moved or finished the next attempt, or the follow-up call made
            since.
        TimeTaken: the therapist has another call where this one was planned, or every line is taken then.
    """
    call = await lock_to_take_back(
        tx, call_id, *in_their_place(call_id), PhoneCall.id.in_([*changed, *seen.along])
    )
    undo = _of(call)
    if undo != seen:
        raise TooLateToUndo
    along = [await tx.existing(PhoneCall, other_id) for other_id in undo.along]
    whole = {call: undo} | {other: _of(other) for other in along}
    if undo.next_call_id is not None:
        await _lock_attempt(tx, undo.next_call_id)
    was_own = undo.before.bearbeitet_von is not None and undo.before.bearbeitet_von == tx.actor.staff_id
    in_hand = was_own and await may_take_back(tx.at(tx.clock()), call)
    await lock_calendar(tx)
    now = tx.clock()
    if call.rueckgaengig_bis is None or call.rueckgaengig_bis <= now:
        raise TooLateToUndo
    claim = await take_back(tx.at(now), call) if in_hand else Claim(call, None)
    event_ids = [event_id for each in whole.values() for event_id in each.event_ids]
    if await retract(tx, event_ids) != len(event_ids):
        raise TooLateToUndo
    await withdraw(tx.at(now), undo)
    for each, its in whole.items():
        if each.grund != CallReason.CALL_BACK and await _answered(tx, each, but=its.carried):
            raise TooLateToUndo
        await _bring_back(tx.at(now), each, its, back_in_hand=in_hand and each is call)
    await _bring_back_the_rest(tx, call, undo)
    return claim


async def _bring_back_the_rest(tx: Transaction, call: PhoneCall, undo: Undo) -> None:
    """Undo what the outcome of a restored call did beside it, and keep the form as its author sent it."""
    if undo.carried:
        await unshare(tx, call, undo.carried)
    if undo.phone is not None:
        await take_back_number(tx, undo.phone)
    if undo.typed and undo.author_id is not None and undo.author_id == tx.actor.staff_id:
        await put_draft(tx, CALL, call.id, undo.typed)
    tx.wake(CALLS)


async def _bring_back(tx: Transaction, call: PhoneCall, undo: Undo, *, back_in_hand: bool) -> None:
    """Restore one locked call, and have what followed upon it go."""
    joined = await _clear_its_place(tx, call, undo.next_call_id)
    await _restore(tx, call, undo.before, back_in_hand=back_in_hand)
    await leave_answered(tx, call)
    if joined:
        tell(tx, call)
    tx.record(Action.OUTCOME_UNDONE, call, version=call.version)


def in_their_place(call_id: int | BindParameter[int]) -> tuple[ColumnElement[bool], ...]:
    """Return the calls that were closed along with one, and what may have to go for all of them to come back.

    That is their next attempts, and their therapist's follow-up call made since.
    """
    call = aliased(PhoneCall)
    mine = or_(call.id == call_id, call.gemeinsam_mit_id == call_id)
    therapist = select(call.therapist_id).where(mine, call.grund == CallReason.NO_REPLY)
    follow_up = is_open_follow_up() & PhoneCall.therapist_id.in_(therapist)
    attempts = PhoneCall.vorheriger_anruf_id.in_(select(call.id).where(mine))
    return PhoneCall.gemeinsam_mit_id == call_id, attempts, follow_up


async def _answered(tx: Transaction, call: PhoneCall, *, but: Collection[int]) -> bool:
    """Say whether nothing is left to ring for: of the call and its next attempt, `but` what others had."""
    following = await tx.session.scalar(select(PhoneCall.id).where(PhoneCall.vorheriger_anruf_id == call.id))
    return await all_answered(tx, call.id, following or call.id, but=but)


async def _clear_its_place(tx: Transaction, call: PhoneCall, next_call_id: int | None) -> bool:
    """Give a call what its next attempt and a follow-up call made since are about; both are gone then.

    Returns:
        Whether the call is about more e-mails than it was.
    """
    joined = False
    if next_call_id is not None:
        attempt = await _untouched(tx, next_call_id)
        joined = await move_links(tx, attempt, call)
        await retract_all(tx, attempt)
        await tx.session.delete(attempt)
        await tx.session.flush()
    if call.grund == CallReason.NO_REPLY and not call.doppelt:
        made_since = await open_follow_up(tx, call.therapist_id, beside=call.id)
        if made_since is not None and not made_since.doppelt:
            made_since = await _untouched(tx, made_since.id)
            joined = await move_links(tx, made_since, call) or joined
            await cancel(tx, made_since, CancelReason.MERGED)
    return joined


def _of(call: PhoneCall) -> Undo:
    """Return what taking back a call's last outcome needs, unless something came between."""
    if call.rueckgaengig is None:
        raise TooLateToUndo
    undo = msgspec.convert(call.rueckgaengig, Undo)
    if undo.version != call.version:
        raise TooLateToUndo
    if call.bearbeitet_von not in (None, undo.before.bearbeitet_von):
        raise ClaimedByOther(staff_id=call.bearbeitet_von)
    return undo


async def _restore(tx: Transaction, call: PhoneCall, before: CallState, *, back_in_hand: bool) -> None:
    try:
        line = await free_line_for(tx, call, before.slot)
    except CallCollision as error:
        raise TimeTaken from error
    before.restore(call)
    call.leitung = line
    if not back_in_hand:
        call.bearbeitet_von = call.bearbeitet_bis = None
    call.rueckgaengig = call.rueckgaengig_bis = None
    call.version += 1
    try:
        await tx.session.flush()
    except IntegrityError as error:
        raise TimeTaken from error


async def _lock_attempt(tx: Transaction, call_id: int) -> None:
    """Lock the next attempt, whatever became of it, before the calendar is: who moves it does the same.

    Who moves it also refers anew to the call it follows, so that one must be locked with `key_share`.
    """
    await tx.session.execute(select(PhoneCall.id).where(PhoneCall.id == call_id).with_for_update())


async def _untouched(tx: Transaction, call_id: int) -> PhoneCall:
    """Return a locked, planned call, unless somebody changed it or has it in hand."""
    call = await tx.session.scalar(
        select(PhoneCall)
        .where(
            PhoneCall.id == call_id,
            PhoneCall.status == CallStatus.SCHEDULED,
            PhoneCall.version == 1,
            PhoneCall.bearbeitet_von.is_(None),
        )
        .execution_options(populate_existing=True)
    )
    if call is None:
        raise NextAttemptChanged
    return call
