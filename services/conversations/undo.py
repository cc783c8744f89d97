"""Takes back one outcome with all that was settled with it, answers included."""

import msgspec
from sqlalchemy import Integer, Select, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import defer

from services.calls.claims import Claim, lock_claims_of
from services.calls.kept_state import Undo
from services.calls.locking import found_by_any, lock_follow_ups
from services.calls.undo import TooLateToUndo, in_their_place, take_outcome_back
from services.emails.consequences import read_consequences
from services.emails.states import finish_change
from services.emails.taking_back import take_back
from services.events.report import retract
from services.models import CallEmail, Email, PhoneCall
from services.work import Transaction, Work
from shared.plain_rows import PlainQuery


async def undo_settlement(work: Work, call_id: int) -> Claim:
    """Restore all calls that one outcome settled, and the e-mails it answered, as they were before.

    An e-mail somebody has changed since, or a call, keeps all of it as it is.

    Raises:
        NotFound, TooLateToUndo, ClaimedByOther, NextAttemptChanged, TimeTaken: as
            `services.calls.undo.take_outcome_back`, of any of the calls.
    """
    async with work.transaction() as tx:
        if tx.actor.staff_id is not None:
            await lock_claims_of(tx)
        call = await tx.existing(PhoneCall, call_id)
        if call.rueckgaengig is None:
            raise TooLateToUndo
        undo = msgspec.convert(call.rueckgaengig, Undo)
        await lock_follow_ups(tx, call.therapist_id)
        await _lock_emails(tx, call_id, undo)
        done = [read_consequences(answer.done) for answer in undo.answers]
        changed = [each.id for one in done if one for each in (*one.calls, *one.left)]
        return await take_outcome_back(tx, call_id, undo, _withdraw, changed=changed)


def _emails() -> Select[int]:
    """All e-mails that any of the calls is about, and those that were answered."""
    ids = ARRAY(Integer)
    mine, in_the_way = PhoneCall.id == any_(bindparam("calls", type_=ids)), in_their_place(CALL)
    calls = select(PhoneCall.id).where(found_by_any(PhoneCall.id, mine, *in_the_way))
    about = select(CallEmail.email_id).where(CallEmail.call_id.in_(calls))
    answered = Email.id == any_(bindparam("answered", type_=ids))
    return (
        select(Email.id)
        .where(found_by_any(Email.id, Email.id.in_(about), answered))
        .order_by(Email.id)
        .with_for_update(key_share=True)
    )


CALL = bindparam("call_id", type_=Integer)
EMAILS = PlainQuery(_emails())


async def _lock_emails(tx: Transaction, call_id: int, undo: Undo) -> None:
    answered = [answer.email_id for answer in undo.answers]
    await tx.run(EMAILS, call_id=call_id, calls=[call_id, *undo.along], answered=answered)


async def _withdraw(tx: Transaction, undo: Undo) -> None:
    """Take the answers back as if nobody had heard of them."""
    unheard = tx.holding_back(tx.now)
    for answer in undo.answers:
        email = await tx.session.scalar(
            select(Email)
            .where(Email.id == answer.email_id)
            .options(defer(Email.body_html), defer(Email.body_text))
            .execution_options(populate_existing=True)
        )
        done = read_consequences(answer.done)
        if email is None or done is None or email.version != answer.version:
            raise TooLateToUndo
        await take_back(unheard, email, done)
        finish_change(unheard, email)
    await tx.session.flush()
    await retract(tx, [event.event_id for event in unheard.held])
