"""What came back for an e-mail: an answer, an out-of-office note, or the news that it could not be delivered.

- An *answer* ends the matter: the pending automatic call is cancelled in the same transaction.
- An *out-of-office note* is no answer: the follow-up waits for the day of return, else for another full
  waiting time, and a pending automatic call moves there; with no time free there it is cancelled and the
  e-mail marked for follow-up by a person.
- *Undeliverable* is no answer either: the server's notice is kept in `fehlermeldung`. Nothing else happens by
  itself, the pending automatic call stays; the screen offers to call right away, which a person decides.

Whoever answers, or has a note sent, has got the e-mail: one whose delivery was unclear counts as sent from
then on, so that nobody sends it again.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from services.checks import check_body, check_note
from services.drafts import REPLY, drop_draft
from services.emails.states import NotInThisState, existing_email, finish_change, locked_email, settle_as_sent
from services.errors import Conflict, FieldError, InvalidInput
from services.events.types import EventType
from services.follow_ups import pending as follow_ups
from services.models import CallStatus, Email, EmailStatus, PhoneCall, ReplyKind
from services.work import Action, Moment, Transaction, Work

LATEST_RETURN = timedelta(days=366)

CLOCKS_APART = timedelta(minutes=5)

IN_THE_FUTURE = "This lies in the future."
BEFORE_THE_EMAIL = "This lies before the e-mail was created."
IN_THE_PAST = "This lies in the past."
TOO_FAR = "This lies more than a year ahead."


class AlreadyAnswered(Conflict):
    """This e-mail was answered already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back; a naive `eingang` is local time, none means now.

    `rueckkehr` is the day somebody is back and belongs to an out-of-office note.
    """

    art: ReplyKind = ReplyKind.REPLY
    eingang: datetime | None = None
    inhalt: str | None = None
    rueckkehr: date | None = None
    nachverfolgung_erforderlich: bool | None = None
    nachverfolgung_notizen: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyEffect:
    """What recording a reply did, or would do."""

    email: Email
    art: ReplyKind
    canceled: PhoneCall | None = None
    """The call that is not made any more."""
    moved: PhoneCall | None = None
    """The call that moves; in a preview still at its old time."""
    follow_up_from: date | None = None
    """No follow-up call before this day."""
    offer_call: bool = False
    """Whether staff should be offered to call right away."""


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


async def preview_reply(
    work: Work, email_id: int, art: ReplyKind, *, rueckkehr: date | None = None
) -> ReplyEffect:
    """Return what recording such a reply would do now; nothing is changed.

    Raises:
        NoSuchEmail: there is none.
    """
    async with work.transaction() as tx:
        email = await existing_email(tx, email_id)
        pending = await follow_ups.pending_call(tx, email_id)
    match art:
        case ReplyKind.REPLY:
            return ReplyEffect(email=email, art=art, canceled=pending)
        case ReplyKind.OUT_OF_OFFICE:
            not_before = _follow_up_day(work, email, rueckkehr)
            moved = pending if pending and pending.geplantes_datum < not_before else None
            return ReplyEffect(email=email, art=art, moved=moved, follow_up_from=not_before)
        case ReplyKind.UNDELIVERABLE:
            return ReplyEffect(email=email, art=art, offer_call=True)


async def take_reply(tx: Transaction, email: Email, reply: Reply) -> ReplyEffect:
    """Do all that a reply to a locked e-mail entails; note who recorded it.

    Raises:
        InvalidInput, NotInThisState, AlreadyAnswered: as `record_reply`.
    """
    if email.status is EmailStatus.DRAFT:
        raise NotInThisState(status=email.status.value)
    if email.antwort_erhalten and reply.art is not ReplyKind.REPLY:
        raise AlreadyAnswered
    eingang = tx.rules.aware(reply.eingang) if reply.eingang else None
    _check(tx, email, reply, eingang)
    eingang = min(eingang, tx.now) if eingang else None
    if email.zustellung_unklar and reply.art is not ReplyKind.UNDELIVERABLE:
        settle_as_sent(tx, email)
    if reply.nachverfolgung_erforderlich is not None:
        email.nachverfolgung_erforderlich = reply.nachverfolgung_erforderlich
    if reply.nachverfolgung_notizen is not None:
        email.nachverfolgung_notizen = reply.nachverfolgung_notizen or None
    before = _what_came(email)
    email.antwort_art = reply.art
    match reply.art:
        case ReplyKind.REPLY:
            effect = await _answered(tx, email, eingang, reply.inhalt)
        case ReplyKind.OUT_OF_OFFICE:
            effect = await _out_of_office(tx, email, reply)
        case ReplyKind.UNDELIVERABLE:
            email.fehlermeldung = reply.inhalt or email.fehlermeldung
            effect = ReplyEffect(email=email, art=reply.art, offer_call=True)
    if _what_came(email) != before:
        details = {"art": reply.art.value, "version": email.version}
        tx.record(Action.REPLY_RECORDED, email, **details)
    return effect


def _what_came(email: Email) -> tuple[object, ...]:
    """Return what of an e-mail a reply may change; given again, it is no news."""
    answer = (email.antwort_erhalten, email.antwortdatum, email.antwortinhalt)
    return (*answer, email.antwort_art, email.nachverfolgung_ab, email.fehlermeldung)


def withdraw_answer(email: Email) -> None:
    """Take back the answer of a locked e-mail.

    A call the answer cancelled does not come back. If it was the automatic one, no other is made; if a person
    had planned it, the automatic one is still to come.
    """
    email.antwort_erhalten = False
    email.antwortdatum = email.antwortinhalt = None
    if email.antwort_art == ReplyKind.REPLY:
        email.antwort_art = None


async def _answered(
    tx: Transaction, email: Email, eingang: datetime | None, inhalt: str | None
) -> ReplyEffect:
    """Note an answer, or correct it: what is not given stays as it is."""
    before = (email.antwort_erhalten, email.antwortdatum)
    email.antwort_erhalten = True
    email.antwortdatum = eingang or email.antwortdatum or tx.now
    email.antwortinhalt = inhalt if inhalt is not None else email.antwortinhalt
    canceled = await follow_ups.cancel_pending(tx, email.id)
    if (email.antwort_erhalten, email.antwortdatum) != before:
        tx.report(EventType.EMAIL_REPLIED, email)
    return ReplyEffect(email=email, art=ReplyKind.REPLY, canceled=canceled)


async def _out_of_office(tx: Transaction, email: Email, reply: Reply) -> ReplyEffect:
    not_before = _follow_up_day(tx, email, reply.rueckkehr)
    email.nachverfolgung_ab = tx.rules.instant(not_before, time.min).astimezone(UTC)
    effect = ReplyEffect(email=email, art=reply.art, follow_up_from=not_before)
    pending = await follow_ups.pending_call(tx, email.id)
    if pending is None or pending.geplantes_datum >= not_before:
        return effect
    call = await follow_ups.postpone_pending(tx, email, not_before)
    if call is not None and call.status == CallStatus.CANCELED:
        return replace(effect, canceled=call)
    return replace(effect, moved=call)


def _follow_up_day(moment: Moment, email: Email, rueckkehr: date | None) -> date:
    """Return the day from which an e-mail is followed up: never sooner than without the note."""
    if rueckkehr is None:
        return moment.rules.today(moment.now + moment.rules.follow_up_after)
    return max(rueckkehr, moment.rules.today((email.sent_at or moment.now) + moment.rules.follow_up_after))


def _check(moment: Moment, email: Email, reply: Reply, eingang: datetime | None) -> None:
    errors = [
        *check_reply_date("antwortdatum", eingang, created_at=email.created_at, now=moment.now),
        *check_body("antwortinhalt", reply.inhalt or ""),
        *check_return("rueckkehr", reply.rueckkehr, today=moment.today),
        *check_note("nachverfolgung_notizen", reply.nachverfolgung_notizen),
    ]
    if errors:
        raise InvalidInput(*errors)


def check_reply_date(
    field: str, value: datetime | None, *, created_at: datetime, now: datetime
) -> list[FieldError]:
    """Return what is wrong with the instant a reply came in; another clock may be a little ahead."""
    if value is None:
        return []
    if value > now + CLOCKS_APART:
        return [FieldError(field, IN_THE_FUTURE)]
    return [FieldError(field, BEFORE_THE_EMAIL)] if value < created_at else []


def check_return(field: str, value: date | None, *, today: date) -> list[FieldError]:
    """Return what is wrong with the day somebody is back."""
    if value is None:
        return []
    if value < today:
        return [FieldError(field, IN_THE_PAST)]
    return [FieldError(field, TOO_FAR)] if value > today + LATEST_RETURN else []
