"""What came back for an e-mail: an answer, an out-of-office note, or the news that it could not be delivered.

- An *answer* ends the matter: the pending automatic call is cancelled in the same transaction. If other
  e-mails wait for the same call, it stays for these.
- An *out-of-office note* is no answer: the follow-up waits for the day of return, else for another full
  waiting time, and a pending automatic call moves there; with no time free there it is cancelled and the
  e-mail marked for follow-up by a person. The day of return makes the therapist absent until then, and
  whatever else is planned with them before it moves too (`services.calls.absences`). Of a note that says no
  day only its e-mail is concerned: a call that others wait for as well stays, and the e-mail leaves it and is
  followed up again later.
- *Undeliverable* is no answer either: the server's notice is kept in `fehlermeldung`, other services are
  told, and where the address is dead nobody writes to it any more. No call is made for want of an answer, a
  pending one stays; the screen offers to call right away, which a person decides.

It is the one place for what follows, whoever brings the message: the form and PUT (`record_reply`,
`take_reply`) or the mailbox (`follow`). What is no answer is kept in `eingang`, by hand or not.

Whoever answers, or has a note sent, has got the e-mail: one whose delivery was unclear counts as sent from
then on, so that nobody sends it again. Nobody who has answered is written to: what is still queued leaves
the queue as FAILED (`states.take_out_of_queue`).
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, time

from sqlalchemy import select

from services.calls.absences import SetAbsent, foresee_absence, learn_of_absence
from services.drafts import REPLY, drop_draft
from services.emails.consequences import Watch
from services.emails.reply import Reply, ReplyEffect, check_reply
from services.emails.states import (
    NotInThisState,
    finish_change,
    locked_email,
    settle_as_sent,
    take_out_of_queue,
)
from services.emails.stop_list import stop
from services.errors import Conflict
from services.events.types import EventType
from services.follow_ups import pending as follow_ups
from services.hints import INCOMING
from services.models import (
    CallStatus,
    Email,
    EmailStatus,
    Incoming,
    IncomingKind,
    IncomingState,
    PhoneCall,
    ReplyKind,
    StopReason,
)
from services.work import Action, Moment, Transaction, Work

KIND_OF = {
    ReplyKind.REPLY: IncomingKind.REPLY,
    ReplyKind.OUT_OF_OFFICE: IncomingKind.OUT_OF_OFFICE,
    ReplyKind.UNDELIVERABLE: IncomingKind.HARD_BOUNCE,
}
"""What the inbox calls what came back."""


class AlreadyAnswered(Conflict):
    """This e-mail was answered already."""


async def record_reply(work: Work, email_id: int, reply: Reply, *, version: int | None = None) -> ReplyEffect:
    """Record what came back for an e-mail that is no draft, do what follows, and forget the form as typed.

    Raises:
        InvalidInput: names `antwortdatum`, `antwortinhalt`, `rueckkehr` or `nachverfolgung_notizen`.
        NotInThisState: it is a draft.
        AlreadyAnswered: there is an answer, and this is none.
        StaleVersion: somebody changed the e-mail after `version` was read.
    """
    async with work.transaction() as tx:
        email = await locked_email(tx, email_id, version)
        effect = await take_reply(tx, email, reply)
        finish_change(tx, email)
        if tx.actor.staff_id is not None:
            await drop_draft(tx, REPLY, email_id)
    return effect


async def take_reply(tx: Transaction, email: Email, reply: Reply) -> ReplyEffect:
    """Do all that a reply to a locked e-mail entails; note who recorded it, and a note or notice as it came.

    Raises:
        InvalidInput, NotInThisState, AlreadyAnswered: as `record_reply`.
    """
    if email.status is EmailStatus.DRAFT:
        raise NotInThisState(status=email.status.value)
    if email.antwort_erhalten and reply.art is not ReplyKind.REPLY:
        raise AlreadyAnswered
    eingang = tx.rules.aware(reply.eingang) if reply.eingang else None
    check_reply(tx, email, reply, eingang)
    reply = replace(reply, eingang=min(eingang, tx.now) if eingang else None)
    if reply.nachverfolgung_erforderlich is not None:
        email.nachverfolgung_erforderlich = reply.nachverfolgung_erforderlich
    if reply.nachverfolgung_notizen is not None:
        email.nachverfolgung_notizen = reply.nachverfolgung_notizen or None
    before = _what_came(email)
    effect = await follow(tx, email, reply)
    noted = reply.art is not ReplyKind.REPLY and await _note(tx, email, reply, effect)
    if noted or _what_came(email) != before:
        tx.record(Action.REPLY_RECORDED, email, art=reply.art.value, version=email.version)
    return effect


async def follow(
    tx: Transaction, email: Email, reply: Reply, *, incoming: Incoming | None = None
) -> ReplyEffect:
    """Do what follows for a locked e-mail that is no draft, whoever brings the reply.

    Its `eingang` is aware. An answer corrects an earlier one; a note or notice comes before any answer.
    """
    watch = await Watch.begin(tx, email)
    absent = None
    if email.zustellung_unklar and reply.art is not ReplyKind.UNDELIVERABLE:
        settle_as_sent(tx, email)
    undeliverable_before = email.antwort_art == ReplyKind.UNDELIVERABLE
    email.antwort_art = reply.art
    stopped = None
    match reply.art:
        case ReplyKind.REPLY:
            effect = await _answered(tx, email, reply.eingang, reply.inhalt)
        case ReplyKind.OUT_OF_OFFICE:
            effect = await _out_of_office(tx, email, reply)
            if reply.rueckkehr is not None:
                absent = await learn_of_absence(tx, email.therapist_id, reply.rueckkehr)
            if absent is not None:
                effect = _with_absence(effect, absent, about=watch.call_ids)
        case ReplyKind.UNDELIVERABLE:
            email.fehlermeldung = reply.inhalt or email.fehlermeldung
            if reply.adresse_tot:
                stopped = await stop(
                    tx, email.empfaenger_email, StopReason.DEAD, email=email, incoming=incoming
                )
            if not undeliverable_before:
                tx.report(EventType.EMAIL_FAILED, email)
            effect = ReplyEffect(email=email, art=reply.art, offer_call=True)
    consequences = await watch.end(tx, stop_id=stopped.id if stopped else None, absent=absent)
    left = await tx.session.get(PhoneCall, consequences.left[0].id) if consequences.left else None
    return replace(effect, left=left, stopped=stopped, consequences=consequences)


def _with_absence(effect: ReplyEffect, absent: SetAbsent, *, about: Collection[int]) -> ReplyEffect:
    """Add what the absence did to calls, of the ids `about` to those about the e-mail."""
    its_own = [moved.call for moved in absent.calls if moved.call.id in about]
    moved = next((call for call in its_own if call.status == CallStatus.SCHEDULED), None)
    if effect.moved is None and moved is not None:
        effect = replace(effect, moved=moved, moves_from=absent.after.wieder_da_am)
    elif effect.moved is None and effect.canceled is None and its_own:
        effect = replace(effect, canceled=its_own[0])
    said = {call.id for call in (effect.moved, effect.canceled) if call}
    others = sum(moved.call.id not in said for moved in absent.calls)
    return replace(effect, absent_until=absent.after.wieder_da_am, others_moved=others)


async def _note(tx: Transaction, email: Email, reply: Reply, effect: ReplyEffect) -> bool:
    """Keep a note or notice somebody recorded by hand; given again, it is no news."""
    assert effect.consequences
    note = {
        "email_id": email.id,
        "art": KIND_OF[reply.art],
        "worte": reply.inhalt or "",
        "wieder_da_am": reply.rueckkehr,
    }
    again = select(Incoming.id).filter_by(**note, postfach=None).limit(1)
    if await tx.session.scalar(again) is not None:
        return False
    tx.session.add(
        Incoming(
            **note,
            text=note["worte"],
            serverworte=reply.inhalt if reply.art is ReplyKind.UNDELIVERABLE else None,
            empfangen_at=reply.eingang or tx.now,
            zustand=IncomingState.DONE,
            therapist_id=email.therapist_id,
            wirkung=effect.consequences.as_json(),
            erfasst_von=tx.actor.staff_id,
            created_at=tx.now,
        )
    )
    tx.wake(INCOMING)
    return True


def _what_came(email: Email) -> tuple[object, ...]:
    """Return what of an e-mail a reply may change; given again, it is no news."""
    answer = (email.antwort_erhalten, email.antwortdatum, email.antwortinhalt)
    return (*answer, email.antwort_art, email.nachverfolgung_ab, email.fehlermeldung)


async def withdraw_answer(tx: Transaction, email: Email) -> None:
    """Take back the answer of an e-mail locked with `lock_to_take_back`.

    A call the answer cancelled does not come back. If it was the automatic one, no other is made, but the
    e-mail joins the therapist's open follow-up call, if there is one; if a person had planned it, the
    automatic one is still to come.
    """
    email.antwort_erhalten = False
    email.antwortdatum = email.antwortinhalt = None
    if email.antwort_art == ReplyKind.REPLY:
        email.antwort_art = None
    await tx.session.flush()
    await follow_ups.rejoin(tx, email)


async def _answered(
    tx: Transaction, email: Email, eingang: datetime | None, inhalt: str | None
) -> ReplyEffect:
    """Note an answer, or correct it: what is not given stays as it is."""
    before = (email.antwort_erhalten, email.antwortdatum)
    email.antwort_erhalten = True
    email.antwortdatum = eingang or email.antwortdatum or tx.now
    email.antwortinhalt = inhalt if inhalt is not None else email.antwortinhalt
    if email.status is EmailStatus.QUEUED:
        await take_out_of_queue(tx, email)
    canceled = await follow_ups.cancel_pending(tx, email.id)
    if (email.antwort_erhalten, email.antwortdatum) != before:
        tx.report(EventType.EMAIL_REPLIED, email)
    return ReplyEffect(email=email, art=ReplyKind.REPLY, canceled=canceled)


async def _out_of_office(tx: Transaction, email: Email, reply: Reply) -> ReplyEffect:
    not_before = follow_up_day(tx, email, reply.rueckkehr)
    email.nachverfolgung_ab = tx.rules.instant(not_before, time.min).astimezone(UTC)
    effect = ReplyEffect(email=email, art=reply.art, follow_up_from=not_before)
    absence = await foresee_absence(tx, email.therapist_id, reply.rueckkehr)
    call = await follow_ups.postpone_pending(tx, email, not_before, moved=absence.calls)
    if call is None:
        return effect
    if call.status == CallStatus.CANCELED:
        return replace(effect, canceled=call)
    return replace(effect, moved=call, moves_from=not_before)


def follow_up_day(moment: Moment, email: Email, rueckkehr: date | None) -> date:
    """Return the day from which an e-mail is followed up: never sooner than without the note."""
    if rueckkehr is None:
        return moment.rules.today(moment.now + moment.rules.follow_up_after)
    return max(rueckkehr, moment.rules.today((email.sent_at or moment.now) + moment.rules.follow_up_after))
