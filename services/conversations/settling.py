"""One outcome for all there is to talk about with a therapist.

It is recorded for the call in hand, the *lead*, as for any call. The other calls are closed with it and point
to it (`gemeinsam_mit_id`): they have no next attempt of their own. What follows upon the lead, one next
attempt, a call back or the postponed call itself, is about their e-mails, too. A call may also be given an
outcome of its own, and an e-mail be answered by what was said.

All of it is one transaction, and one undo takes it back (`services.conversations.undo`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import defer

from services import measures
from services.calls.claims import ClaimedByOther, holder
from services.calls.kept_state import MARGIN, Answered, CallState, Undo
from services.calls.linked_emails import all_answered, is_about, share
from services.calls.locking import LockedCall, found_by_any, lock_follow_ups
from services.calls.outcome_said import STATUS_AFTER, Outcome
from services.calls.outcomes import EVENT_AFTER, OutcomeResult, apply_outcome, record_outcome
from services.conversations.matters import load_matters
from services.emails.replies import take_reply
from services.emails.reply import Reply
from services.emails.states import finish_change
from services.errors import NotFound
from services.models import (
    CallEmail,
    CallStatus,
    CancelReason,
    Email,
    EmailStatus,
    OutcomeKind,
    PhoneCall,
)
from services.scheduling.booking import lock_calendar
from services.work import Action, Transaction, Work

OVER = frozenset({OutcomeKind.REACHED, OutcomeKind.CANCELED})
"""Outcomes after which nothing is left to carry on."""

OF_ITS_OWN = (OutcomeKind.REACHED, OutcomeKind.POSTPONED, OutcomeKind.CANCELED)
"""Outcomes that one matter may have when the therapist was rung for several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What came of ringing a therapist.

    Attributes:
        outcome: of the call in hand.
        along: the other calls with the same outcome.
        own: the other calls with an outcome of their own.
        answered: e-mails that what was said answers, where somebody was reached.
    """

    outcome: Outcome
    along: Collection[int] = ()
    own: Mapping[int, OutcomeKind] = field(default_factory=dict[int, OutcomeKind])
    answered: Collection[int] = ()


async def settle(work: Work, call_id: int, settlement: Settlement, *, version: int | None) -> OutcomeResult:
    """Record an outcome for a call and all that is settled with it.

    A call that is closed by now, or is another therapist's, and an e-mail that is answered by now are passed
    over.

    Raises:
        NotFound, StaleVersion, CallNotScheduled, InvalidInput, CallCollision: as
            `services.calls.outcomes.record_outcome`, of the call in hand.
        ClaimedByOther: another member of staff has one of the calls in hand.
    """
    if not (settlement.along or settlement.own or settlement.answered):
        return await record_outcome(work, call_id, settlement.outcome, version=version)
    async with work.transaction() as tx:
        emails = await _lock_emails(tx, call_id, settlement)
        calls = await _lock_calls(tx, call_id, settlement)
        lead = await tx.locked(PhoneCall, call_id, version=version)
        await lock_calendar(tx)
        held = tx.holding_back(tx.now + tx.rules.undo + MARGIN) if tx.rules.undo else tx
        along = _open(held, lead, calls, settlement.along)
        own = _open(held, lead, calls, settlement.own)
        for call in along:
            await _close_along(held, call, lead, settlement.outcome.art)
        carried = list[int]()
        for call in along if settlement.outcome.art not in OVER else ():
            carried += await share(held, call, lead)
        answered = await all_answered(tx, lead.id) and all([await _has_emails(tx, call) for call in along])
        result = await apply_outcome(held, LockedCall(lead, answered), settlement.outcome)
        for call in own:
            await _close_apart(held, call, lead, settlement.own[call.id])
        answers = [
            await _answer(held, email, settlement.outcome)
            for email in emails
            if email.id in settlement.answered and settlement.outcome.art == OutcomeKind.REACHED
        ]
        await tx.session.flush()
        _keep_undo(lead, held, [*along, *own], carried, answers)
    measures.call_outcomes.labels(settlement.outcome.art.value).inc()
    return result


async def postpone_due(work: Work, call_id: int, *, version: int | None) -> OutcomeResult:
    """Move a call, and with it all others that are due with its therapist, to the therapist's next window.

    Raises:
        As `settle`.
    """
    async with work.transaction() as tx:
        matters = await load_matters(tx, await tx.existing(PhoneCall, call_id))
    others = [matter.call.id for matter in matters.calls if matter.due and matter.call.id != call_id]
    postponed = Settlement(outcome=Outcome(art=OutcomeKind.POSTPONED), along=others)
    return await settle(work, call_id, postponed, version=version)


async def _lock_emails(tx: Transaction, call_id: int, settlement: Settlement) -> Sequence[Email]:
    """Lock what the calls are about and what is answered, and let nothing join the therapist's calls."""
    therapist_id = await tx.session.scalar(select(PhoneCall.therapist_id).where(PhoneCall.id == call_id))
    if therapist_id is None:
        raise NotFound
    await lock_follow_ups(tx, therapist_id)
    calls = [call_id, *settlement.along, *settlement.own]
    about = select(CallEmail.email_id).where(CallEmail.call_id.in_(calls))
    theirs = (Email.therapist_id == therapist_id) & Email.id.in_(settlement.answered)
    rows = await tx.session.scalars(
        select(Email)
        .where(found_by_any(Email.id, Email.id.in_(about), theirs))
        .order_by(Email.id)
        .options(defer(Email.body_html), defer(Email.body_text))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return rows.all()


async def _lock_calls(tx: Transaction, call_id: int, settlement: Settlement) -> Sequence[PhoneCall]:
    """Lock the calls that are settled, and those that an answer takes off."""
    wanted: list[ColumnElement[bool]] = [
        PhoneCall.id.in_([call_id, *settlement.along, *settlement.own]),
        *((PhoneCall.status == CallStatus.SCHEDULED) & is_about(email) for email in settlement.answered),
    ]
    rows = await tx.session.scalars(
        select(PhoneCall)
        .where(found_by_any(PhoneCall.id, *wanted))
        .order_by(PhoneCall.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return rows.all()


def _open(
    tx: Transaction, lead: PhoneCall, calls: Sequence[PhoneCall], wanted: Collection[int]
) -> list[PhoneCall]:
    """Return those of the calls that are still to be settled with the lead.

    Raises:
        ClaimedByOther: another member of staff has one of them in hand.
    """
    found = [
        call
        for call in calls
        if call.id in wanted
        and call.id != lead.id
        and call.therapist_id == lead.therapist_id
        and call.status == CallStatus.SCHEDULED
    ]
    for call in found:
        held_by = holder(call, tx.now)
        if held_by is not None and held_by != tx.actor.staff_id:
            raise ClaimedByOther(staff_id=held_by)
    return found


async def _close_along(tx: Transaction, call: PhoneCall, lead: PhoneCall, art: OutcomeKind) -> None:
    """Close a call with the lead's outcome; what it was about goes on with the lead."""
    before = CallState.of(call)
    if art == OutcomeKind.POSTPONED:
        art, call.absage_grund = OutcomeKind.CANCELED, CancelReason.MERGED
    call.status = STATUS_AFTER[art]
    call.ergebnis_art = art
    call.abgeschlossen_at = tx.now
    call.gemeinsam_mit_id = lead.id
    call.bearbeitet_von = call.bearbeitet_bis = None
    call.version += 1
    await tx.session.flush()
    event = tx.report(EVENT_AFTER[CallStatus(call.status)], call)
    Undo(before, call.version, None, [event.event_id], tx.actor.staff_id).keep(call, tx.now + tx.rules.undo)
    tx.record(Action.OUTCOME_RECORDED, call, ergebnis_art=art.value, together_with=lead.id)


async def _close_apart(tx: Transaction, call: PhoneCall, lead: PhoneCall, art: OutcomeKind) -> None:
    """Record an outcome of its own for a call; it was rung once, and the lead says when."""
    answered = await all_answered(tx, call.id)
    await apply_outcome(tx, LockedCall(call, answered), Outcome(art=art), together_with=lead.id)


async def _has_emails(tx: Transaction, call: PhoneCall) -> bool:
    found = select(CallEmail.email_id).where(CallEmail.call_id == call.id).limit(1)
    return await tx.session.scalar(found) is not None


async def _answer(tx: Transaction, email: Email, outcome: Outcome) -> Answered | None:
    """Record that what was said answers a locked e-mail, in the words noted; None if it has an answer."""
    if email.antwort_erhalten or email.status not in (EmailStatus.SENT, EmailStatus.FAILED):
        return None
    effect = await take_reply(tx, email, Reply(inhalt=outcome.ergebnis))
    finish_change(tx, email)
    await tx.session.flush()
    assert effect.consequences is not None
    return Answered(email_id=email.id, version=email.version, done=effect.consequences.as_json())


def _keep_undo(
    lead: PhoneCall,
    tx: Transaction,
    others: Sequence[PhoneCall],
    carried: list[int],
    answers: Sequence[Answered | None],
) -> None:
    """Let one undo of the lead take back all that was settled with it."""
    undo = msgspec.convert(lead.rueckgaengig, Undo)
    known = {event_id for call in others for event_id in msgspec.convert(call.rueckgaengig, Undo).event_ids}
    events = [event.event_id for event in tx.held if event.event_id not in known]
    undo = msgspec.structs.replace(
        undo,
        event_ids=events,
        along=[call.id for call in others],
        carried=carried,
        answers=[answer for answer in answers if answer is not None],
    )
    assert lead.rueckgaengig_bis is not None
    undo.keep(lead, lead.rueckgaengig_bis)
