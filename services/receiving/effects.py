"""What follows from a message of the mailbox: by itself where the match is sure, else as a person says.

What follows for an e-mail is `services.emails.replies`'. Locks are taken in the order follow-ups, e-mails,
message, calls, calendar: what follows from one message may concern another of its e-mail.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from services.calls.absences import learn_of_absence
from services.checks import LARGEST_BODY_BYTES
from services.emails.consequences import absence_alone, read_consequences
from services.emails.replies import follow
from services.emails.reply import Reply, ReplyEffect
from services.emails.states import NoSuchEmail, NotInThisState, finish_change, locked_email
from services.emails.stop_list import spelling
from services.emails.taking_back import take_back
from services.errors import FieldError, InvalidInput
from services.models import (
    Email,
    EmailStatus,
    Incoming,
    IncomingKind,
    IncomingState,
    ReplyKind,
    Therapist,
)
from services.therapists.absence import LONGEST_ABSENCE, check_return
from services.work import Action, Transaction

FOLLOWS: dict[str, ReplyKind] = {
    IncomingKind.REPLY: ReplyKind.REPLY,
    IncomingKind.OUT_OF_OFFICE: ReplyKind.OUT_OF_OFFICE,
    IncomingKind.HARD_BOUNCE: ReplyKind.UNDELIVERABLE,
}
"""The kinds from which something follows for the e-mail."""

UNDECIDED = frozenset({IncomingKind.UNCLEAR, IncomingKind.UNREADABLE})
"""The kinds of which a person has to say what they are."""

NOBODYS = frozenset(
    {IncomingKind.CHALLENGE, IncomingKind.SPAM_VERDICT, IncomingKind.NEWSLETTER, IncomingKind.LOOP}
)
"""The kinds nobody has to look at."""

SAY_WHAT_IT_IS = "Say what it is."
SAY_WHAT_IT_BELONGS_TO = "Say what it belongs to."
NO_SUCH_EMAIL = "There is no such e-mail."
NO_SUCH_THERAPIST = "There is no such therapist."


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a person says of a message; it belongs to an e-mail or, without one, to a therapist.

    `wieder_da_am` belongs to an out-of-office note; none means that the note does not say it.
    """

    art: IncomingKind
    email_id: int | None = None
    therapist_id: int | None = None
    wieder_da_am: date | None = None


async def settle_by_itself(tx: Transaction, incoming: Incoming, email: Email) -> ReplyEffect | None:
    """Do what follows from a message that surely belongs to a locked e-mail, as far as that is certain."""
    incoming.email_id, incoming.therapist_id = email.id, email.therapist_id
    if incoming.art in NOBODYS:
        incoming.zustand = IncomingState.ASIDE
        return None
    if incoming.art in UNDECIDED or (incoming.art in FOLLOWS and email.status is EmailStatus.DRAFT):
        incoming.zustand = IncomingState.OPEN
        return None
    incoming.zustand = IncomingState.DONE
    return await _follow(tx, incoming, email)


async def settle(tx: Transaction, incoming: Incoming, said: Correction) -> ReplyEffect | None:
    """Do what follows from what a person says of a locked message.

    Raises:
        InvalidInput: names `art`, `email_id`, `therapist_id` or `wieder_da_am`.
        NotInThisState: the e-mail is a draft.
    """
    _check(tx, incoming, said)
    incoming.art, incoming.wieder_da_am = said.art, said.wieder_da_am
    incoming.zustand = IncomingState.DONE
    if said.email_id is None:
        await _belongs_to_therapist(tx, incoming, said.therapist_id)
        return None
    try:
        email = await locked_email(tx, said.email_id)
    except NoSuchEmail as error:
        raise InvalidInput(FieldError("email_id", NO_SUCH_EMAIL)) from error
    if incoming.art in FOLLOWS and email.status is EmailStatus.DRAFT:
        raise NotInThisState(status=email.status.value)
    incoming.email_id, incoming.therapist_id = email.id, email.therapist_id
    return await _follow(tx, incoming, email)


def _check(tx: Transaction, incoming: Incoming, said: Correction) -> None:
    errors = list[FieldError]()
    if said.art in UNDECIDED:
        errors.append(FieldError("art", SAY_WHAT_IT_IS))
    if said.email_id is None and said.therapist_id is None:
        errors.append(FieldError("email_id", SAY_WHAT_IT_BELONGS_TO))
    if said.wieder_da_am != incoming.wieder_da_am:
        errors += check_return("wieder_da_am", said.wieder_da_am, today=tx.today)
    if errors:
        raise InvalidInput(*errors)


async def _belongs_to_therapist(tx: Transaction, incoming: Incoming, therapist_id: int | None) -> None:
    if await tx.session.get(Therapist, therapist_id) is None:
        raise InvalidInput(FieldError("therapist_id", NO_SUCH_THERAPIST))
    incoming.email_id, incoming.therapist_id = None, therapist_id
    await _learn_of_absence(tx, incoming)


async def _follow(tx: Transaction, incoming: Incoming, email: Email) -> ReplyEffect | None:
    """Do what follows from a message for its locked e-mail.

    After an answer nothing does: what comes later is in the timeline only. But whoever is away is away.
    """
    art = FOLLOWS.get(incoming.art)
    if art is None or email.antwort_erhalten:
        await _learn_of_absence(tx, incoming)
        return None
    reply = Reply(
        art=art,
        eingang=max(email.created_at, min(incoming.empfangen_at, tx.now)),
        inhalt=_stored(incoming.worte if art is not ReplyKind.UNDELIVERABLE else incoming.serverworte),
        rueckkehr=_return_day(tx, incoming.wieder_da_am),
        adresse_tot=_is_dead(incoming, email),
    )
    effect = await follow(tx, email, reply, incoming=incoming)
    assert effect.consequences
    incoming.wirkung = effect.consequences.as_json()
    finish_change(tx, email)
    tx.record(Action.REPLY_RECORDED, email, art=art.value, version=email.version, eingang=incoming.id)
    return effect


async def _learn_of_absence(tx: Transaction, incoming: Incoming) -> None:
    """Note the absence that a note tells of, where nothing follows for an e-mail."""
    back_on = _return_day(tx, incoming.wieder_da_am)
    if incoming.art != IncomingKind.OUT_OF_OFFICE or back_on is None or incoming.therapist_id is None:
        return
    absent = await learn_of_absence(tx, incoming.therapist_id, back_on)
    if absent is not None:
        incoming.wirkung = absence_alone(absent).as_json()


def _return_day(tx: Transaction, day: date | None) -> date | None:
    """Return the day an absence ends from today's point of view; one too far ahead counts as not said."""
    if day is None or day > tx.today + LONGEST_ABSENCE:
        return None
    return max(day, tx.today)


def _is_dead(incoming: Incoming, email: Email) -> bool:
    return bool(incoming.adresse_tot) and spelling(incoming.adresse_tot or "") == spelling(
        email.empfaenger_email
    )


def _stored(words: str | None) -> str | None:
    """Return as much of a text as an e-mail's columns may hold."""
    return words.encode()[:LARGEST_BODY_BYTES].decode(errors="ignore") if words else words


async def take_effects_back(tx: Transaction, incoming: Incoming) -> None:
    """Take back what followed from a locked message; the next answer to the e-mail takes its place."""
    done, email_id = read_consequences(incoming.wirkung), incoming.email_id
    incoming.email_id = incoming.therapist_id = incoming.wirkung = None
    if done is None:
        return
    if email_id is None or done.email is None:
        await take_back(tx, None, done)
        return
    email = await locked_email(tx, email_id)
    await take_back(tx, email, done)
    finish_change(tx, email)
    if done.sets_answer and not email.antwort_erhalten:
        await tx.session.flush()
        await _next_answer(tx, email)


async def _next_answer(tx: Transaction, email: Email) -> None:
    following = await tx.session.scalar(
        select(Incoming)
        .where(
            Incoming.email_id == email.id,
            Incoming.art == IncomingKind.REPLY,
            Incoming.zustand == IncomingState.DONE,
        )
        .order_by(Incoming.empfangen_at, Incoming.id)
        .limit(1)
    )
    if following is not None and email.status is not EmailStatus.DRAFT:
        await _follow(tx, following, email)
