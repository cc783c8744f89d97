"""What a message of the inbox can be said to be, and what would follow; nothing is changed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from services.calls.absences import ForeseenAbsence, foresee_absence
from services.emails.lists import EmailFilters, list_emails
from services.emails.reply import ReplyEffect
from services.emails.reply_preview import preview_reply
from services.emails.stop_list import spelling
from services.models import Email, EmailStatus, Incoming, IncomingKind, Therapist
from services.pagination import PageRequest
from services.receiving.effects import FOLLOWS
from services.therapists.search import search_therapists
from services.work import Work

MOST_EMAILS = 6
MOST_THERAPISTS = 4
"""On offer at once; whoever wants others goes on typing."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The e-mails and therapists a message may belong to, likeliest first."""

    emails: Sequence[Email]
    therapists: Sequence[Therapist]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would follow if a message were of a kind and belonged to an e-mail or a therapist.

    Attributes:
        effect: what would become of the e-mail; none where nothing does.
        stops: the address nobody would be written to any more, none where there is none.
        absent_until: the first day back, where the therapist would be set absent.
        others_moved: how many calls, but what `effect` names, would move behind that.
    """

    kind: IncomingKind
    email: Email | None
    therapist: Therapist | None
    effect: ReplyEffect | None
    stops: str | None
    absent_until: date | None = None
    others_moved: int = 0


async def load_choices(
    work: Work, q: str, *, email_ids: Collection[int], therapist_ids: Collection[int]
) -> Choices:
    """Return those of some ids, and whatever the words in `q` find."""
    emails = await _sent_emails(work, q) if q else []
    therapists = list(await search_therapists(work, q, limit=MOST_THERAPISTS)) if q else []
    async with work.transaction() as tx:
        named = await tx.session.scalars(
            select(Email).where(Email.id.in_(email_ids)).order_by(Email.id.desc())
        )
        known = await tx.session.scalars(select(Therapist).where(Therapist.id.in_(therapist_ids)))
        first, people = list(named), list(known)
    return Choices(
        [*first, *(email for email in emails if email.id not in email_ids)],
        [*people, *(person for person in therapists if person.id not in therapist_ids)],
    )


async def foresee(
    work: Work,
    incoming: Incoming,
    kind: IncomingKind,
    *,
    email_id: int | None = None,
    therapist_id: int | None = None,
    back_on: date | None = None,
) -> Foreseen:
    """Return what would follow now.

    Raises:
        NoSuchEmail: there is no such e-mail.
    """
    effect = None
    if email_id is not None and kind in FOLLOWS:
        effect = await preview_reply(work, email_id, FOLLOWS[kind], rueckkehr=back_on)
    async with work.transaction() as tx:
        email = await tx.session.get(Email, email_id) if email_id else None
        therapist_id = email.therapist_id if email else therapist_id
        therapist = await tx.session.get(Therapist, therapist_id) if therapist_id else None
        stopped = _stopped(incoming, kind, email)
        if effect is not None and not effect.email.antwort_erhalten:
            absent_until, others_moved = effect.absent_until, effect.others_moved
            return Foreseen(kind, email, therapist, effect, stopped, absent_until, others_moved)
        absence = ForeseenAbsence()
        if therapist is not None and kind is IncomingKind.OUT_OF_OFFICE:
            absence = await foresee_absence(tx, therapist.id, back_on)
    return Foreseen(kind, email, therapist, effect, stopped, absence.back_on, len(absence.calls))


def _stopped(incoming: Incoming, kind: IncomingKind, email: Email | None) -> str | None:
    """Return the address that a bounce would put on the stop list: the recipient's, where it is dead."""
    dead = incoming.adresse_tot
    if kind is not IncomingKind.HARD_BOUNCE or not dead or email is None or email.antwort_erhalten:
        return None
    return dead if spelling(dead) == spelling(email.empfaenger_email) else None


async def _sent_emails(work: Work, q: str) -> list[Email]:
    """Return those found by words of subject, name or address that have left the house, newest first."""
    found = await list_emails(work, EmailFilters(q=q), PageRequest(1, MOST_EMAILS * 2))
    return [email for email in found.rows if email.status is not EmailStatus.DRAFT][:MOST_EMAILS]
