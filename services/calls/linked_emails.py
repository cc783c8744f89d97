"""The e-mails calls are about: joining a call, leaving it, going on to its next attempt.

A therapist has one open follow-up call at most, and what is due joins it. Who lets e-mails join a call, or
opens a follow-up call anew, holds the therapist's follow-ups (`services.calls.locking.lock_follow_ups`).
E-mails join and leave without a change of the call's `version`: what somebody typed for it stays good.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Select,
    all_,
    any_,
    bindparam,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from services.events.types import EventType
from services.hints import CALLS
from services.models import CallEmail, CallReason, CallStatus, Email, PhoneCall
from services.work import Action, Transaction
from shared.plain_rows import PlainQuery

LINK = ("call_id", "email_id")
IDS = ARRAY(Integer)
CALL = bindparam("call_id", type_=Integer)


def is_about(email_id: int) -> ColumnElement[bool]:
    """Return the condition that a call is about an e-mail."""
    return PhoneCall.id.in_(select(CallEmail.call_id).where(CallEmail.email_id == email_id))


def is_open_follow_up() -> ColumnElement[bool]:
    """Return the condition that a call is the open follow-up call of its therapist."""
    return (PhoneCall.grund == CallReason.NO_REPLY) & (PhoneCall.status == CallStatus.SCHEDULED)


async def open_follow_up(tx: Transaction, therapist_id: int, *, beside: int = 0) -> PhoneCall | None:
    """Lock and return the therapist's open follow-up call, if there is one `beside` a call."""
    return await tx.session.scalar(
        select(PhoneCall)
        .where(PhoneCall.therapist_id == therapist_id, is_open_follow_up(), PhoneCall.id != beside)
        .order_by(PhoneCall.doppelt, PhoneCall.id)
        .limit(1)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


async def emails_waiting(tx: Transaction, call_id: int) -> Sequence[int]:
    """Return the ids of the e-mails of a call that nobody has answered, in order."""
    return (await tx.session.scalars(_waiting(call_id).order_by(CallEmail.email_id))).all()


ANSWERED = PlainQuery(
    select(Email.antwort_erhalten)
    .join(CallEmail, CallEmail.email_id == Email.id)
    .where(
        CallEmail.call_id == any_(bindparam("calls", type_=IDS)),
        Email.id != all_(bindparam("but", type_=IDS)),
    )
)


async def all_answered(tx: Transaction, *call_ids: int, but: Collection[int] = ()) -> bool:
    """Say whether calls are about e-mails, `but` some left out, of which every one has been answered."""
    rows = await tx.rows(ANSWERED, calls=call_ids, but=but)
    return bool(rows) and all(answered for (answered,) in rows)


async def join(tx: Transaction, call: PhoneCall, email_ids: Collection[int], *, automatic: bool) -> None:
    """Let e-mails join a locked, scheduled call; `automatic` is for those it follows up by itself."""
    if not email_ids:
        return
    links = [
        {"call_id": call.id, "email_id": email_id, "automatisch": automatic} for email_id in sorted(email_ids)
    ]
    await tx.session.execute(insert(CallEmail).values(links).on_conflict_do_nothing(index_elements=LINK))
    if call.email_id is None:
        await _keep_first(tx, call)
    tell(tx, call)


async def leave(tx: Transaction, call: PhoneCall, email_id: int) -> bool:
    """Take an e-mail out of a locked, scheduled call; False, and nothing is changed, if no other is left."""
    if not [other for other in await emails_waiting(tx, call.id) if other != email_id]:
        return False
    await tx.session.execute(delete(CallEmail).where(*_link(call.id, email_id)))
    await _keep_first(tx, call)
    tell(tx, call)
    return True


ANSWERED_LEFT = PlainQuery(
    delete(CallEmail).where(
        CallEmail.call_id == CALL, CallEmail.email_id.in_(select(Email.id).where(Email.antwort_erhalten))
    )
)


async def leave_answered(tx: Transaction, call: PhoneCall) -> None:
    """Take what was answered meanwhile out of a call that is open again; a call back stays about it."""
    if call.grund == CallReason.CALL_BACK:
        return
    await tx.run(ANSWERED_LEFT, call_id=call.id)
    await _keep_first(tx, call)


CARRIED = PlainQuery(
    select(CallEmail.email_id)
    .join(Email, Email.id == CallEmail.email_id)
    .where(
        CallEmail.call_id == CALL,
        or_(bindparam("every", type_=Boolean), ~Email.antwort_erhalten),
    )
    .order_by((CallEmail.email_id == bindparam("first", type_=Integer)).desc(), CallEmail.email_id)
)


async def carried(tx: Transaction, before: PhoneCall) -> list[int]:
    """Return what a call that follows a locked one is about; the first of it is its `email_id`.

    That is what still waits; of a call back all.
    """
    every = before.grund == CallReason.CALL_BACK
    rows = await tx.rows(CARRIED, call_id=before.id, every=every, first=before.email_id)
    return [email_id for (email_id,) in rows]


async def carry_on(tx: Transaction, following: PhoneCall, email_ids: Collection[int]) -> None:
    """Let a call that was inserted be about all e-mails that are `carried`, not about its first alone."""
    await _add(tx, following, [one for one in email_ids if one != following.email_id])


async def share(tx: Transaction, source: PhoneCall, target: PhoneCall) -> list[int]:
    """Let a locked call be about what another carries on; return the e-mails it was not about before."""
    shared = await _add(tx, target, await carried(tx, source))
    await _keep_first(tx, target)
    return shared


async def unshare(tx: Transaction, call: PhoneCall, email_ids: Collection[int]) -> None:
    """Let a locked call be about e-mails no more that it came to share."""
    await tx.session.execute(
        delete(CallEmail).where(CallEmail.call_id == call.id, CallEmail.email_id.in_(email_ids))
    )
    await _keep_first(tx, call)


MOVED = PlainQuery(
    update(CallEmail)
    .where(
        CallEmail.call_id == bindparam("source", type_=Integer),
        CallEmail.email_id.not_in(
            select(CallEmail.email_id).where(CallEmail.call_id == bindparam("target", type_=Integer))
        ),
    )
    .values(call_id=bindparam("target", type_=Integer))
    .returning(CallEmail.email_id)
)
ALL_LEFT = PlainQuery(delete(CallEmail).where(CallEmail.call_id == CALL))


async def move_links(tx: Transaction, source: PhoneCall, target: PhoneCall) -> bool:
    """Let a locked call be about what another was, too, which is about nothing then; say if it changed."""
    moved = await tx.run(MOVED, source=source.id, target=target.id)
    await tx.run(ALL_LEFT, call_id=source.id)
    source.email_id = None
    await _keep_first(tx, target)
    return bool(moved)


def tell(tx: Transaction, call: PhoneCall) -> None:
    """Report and note that a scheduled call is about other e-mails than before."""
    tx.report(EventType.CALL_SCHEDULED, call)
    tx.record(Action.CALL_CHANGED, call, fields=["email_ids"])
    tx.wake(CALLS)


def _link(call_id: int, email_id: int) -> tuple[ColumnElement[bool], ...]:
    return CallEmail.call_id == call_id, CallEmail.email_id == email_id


def _waiting(call_id: int) -> Select[int]:
    return (
        select(CallEmail.email_id)
        .join(Email, Email.id == CallEmail.email_id)
        .where(CallEmail.call_id == call_id, ~Email.antwort_erhalten)
    )


async def _add(tx: Transaction, call: PhoneCall, email_ids: Collection[int]) -> list[int]:
    """Let a call be about e-mails, too; return those it was not about before."""
    if not email_ids:
        return []
    links = [{"call_id": call.id, "email_id": one} for one in email_ids]
    added = await tx.session.scalars(
        insert(CallEmail)
        .values(links)
        .on_conflict_do_nothing(index_elements=LINK)
        .returning(CallEmail.email_id)
    )
    return list(added)


KEPT = PlainQuery(
    select(CallEmail.email_id)
    .where(CallEmail.call_id == CALL)
    .order_by((CallEmail.email_id == bindparam("kept", type_=Integer)).desc(), CallEmail.email_id)
    .limit(1)
)


async def _keep_first(tx: Transaction, call: PhoneCall) -> None:
    """Let `email_id` be one of the call's: what it is, else the first."""
    rows = await tx.rows(KEPT, call_id=call.id, kept=call.email_id)
    call.email_id = rows[0][0] if rows else None
    await tx.session.flush()
