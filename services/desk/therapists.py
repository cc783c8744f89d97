"""Therapists as the desk's pages show them: the list, and one therapist with all contacts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from services.calls.wishes import Objection, objection_to
from services.desk.history import Contact, load_history
from services.emails.stop_list import is_stopped
from services.errors import FieldError
from services.hours.reading import Availability
from services.hours.windows import Window
from services.models import CallEmail, CallStatus, Email, PhoneCall, StopEntry, Therapist
from services.models.therapists import may_be_called
from services.pagination import LARGEST_LIMIT, Page, PageRequest
from services.scheduling.calendar import Unschedulable, find_next
from services.scheduling.phone_hours import day_windows
from services.scheduling.slots import Slot
from services.therapists.search import search_therapists
from services.work import Transaction, Work

LONG_HISTORY = 100
HERE = Therapist.geloescht_at.is_(None)
ACCENTED, PLAIN = "äöüßáàâåãéèêëíìîïóòôõøúùûçćčñšśžźżğışřýłđ", "aousaaaaaeeeeiiiiooooouuucccnsszzzgisryld"
"""Letters and those they are sorted as, whatever the database's collation (DIN 5007-1, nearly)."""


@dataclass(frozen=True, slots=True)
class TherapistRow:
    """A therapist of the list: when they answer the phone today, and the next call planned."""

    therapist: Therapist
    windows_today: list[Window]
    next_call: PhoneCall | None


@dataclass(frozen=True, slots=True)
class EmailOfCall:
    """An e-mail that a call is about; `at` is when it was sent, else made."""

    email_id: int
    betreff: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TherapistDetail:
    """A therapist's page.

    Attributes:
        availability: the phone hours as understood, and what was not.
        upcoming: scheduled calls, earliest first; one planned before now is still among them.
        emails: by call, those it is about.
        objection: what speaks against calling this therapist.
        next_slot: when a call planned now would take place; None when none is found or none may be planned.
        obstacle: why none is found, its message a gettext message id.
        stopped: why nobody writes to this therapist's address; none where it can be written to.
        contacts: all contacts, newest first, `LONG_HISTORY` at most.
    """

    therapist: Therapist
    availability: Availability
    windows_today: list[Window]
    upcoming: list[PhoneCall]
    emails: Mapping[int, Sequence[EmailOfCall]]
    objection: Objection | None
    next_slot: Slot | None
    obstacle: FieldError | None
    stopped: StopEntry | None
    contacts: list[Contact]


async def list_therapists(work: Work, q: str, request: PageRequest) -> Page[TherapistRow]:
    """Return those found by name or number, or one page of all therapists, by name."""
    if q:
        found = await search_therapists(work, q, limit=LARGEST_LIMIT)
        total, request = len(found), PageRequest(1, LARGEST_LIMIT)
    else:
        found, total = await _page(work, request)
    async with work.transaction() as tx:
        calls = await _next_calls(tx, [therapist.id for therapist in found])
    today = work.today
    rows = [
        TherapistRow(
            therapist,
            day_windows(therapist.availability, today, work.rules),
            calls.get(therapist.id),
        )
        for therapist in found
    ]
    return Page(rows, request, total)


async def load_therapist(work: Work, therapist_id: int) -> TherapistDetail:
    """Return a therapist's page from the local copy of the directory.

    Raises:
        NotFound: there is no copy.
    """
    async with work.transaction() as tx:
        therapist = await tx.existing(Therapist, therapist_id)
        scheduled = await tx.session.scalars(
            select(PhoneCall)
            .where(PhoneCall.therapist_id == therapist_id, PhoneCall.status == CallStatus.SCHEDULED)
            .order_by(PhoneCall.geplantes_datum, PhoneCall.geplante_zeit)
        )
        upcoming = list(scheduled)
        slot: Slot | None = None
        obstacle: FieldError | None = None
        if may_be_called(therapist):
            try:
                slot = await find_next(tx, therapist)
            except Unschedulable as error:
                obstacle = error.reason
        availability = therapist.availability
        return TherapistDetail(
            therapist=therapist,
            availability=availability,
            windows_today=day_windows(availability, tx.today, tx.rules),
            upcoming=upcoming,
            emails=await _emails_of(tx, upcoming),
            objection=objection_to(therapist),
            next_slot=slot,
            obstacle=obstacle,
            stopped=await is_stopped(tx, therapist.email) if therapist.email else None,
            contacts=await load_history(tx, therapist_id, limit=LONG_HISTORY),
        )


async def _page(work: Work, request: PageRequest) -> tuple[Sequence[Therapist], int]:
    surname = func.translate(func.lower(Therapist.nachname), ACCENTED, PLAIN)
    query = select(Therapist).where(HERE).order_by(surname, Therapist.vorname, Therapist.id)
    async with work.transaction() as tx:
        total = await tx.session.scalar(select(func.count()).select_from(Therapist).where(HERE))
        rows = await tx.session.scalars(query.limit(request.limit).offset(request.offset))
        return rows.all(), total or 0


async def _next_calls(tx: Transaction, ids: Sequence[int]) -> dict[int, PhoneCall]:
    calls = await tx.session.scalars(
        select(PhoneCall)
        .where(PhoneCall.therapist_id.in_(ids), PhoneCall.status == CallStatus.SCHEDULED)
        .order_by(PhoneCall.geplantes_datum.desc(), PhoneCall.geplante_zeit.desc())
    )
    return {call.therapist_id: call for call in calls}


async def _emails_of(tx: Transaction, calls: Iterable[PhoneCall]) -> Mapping[int, Sequence[EmailOfCall]]:
    rows = await tx.session.execute(
        select(CallEmail.call_id, Email.id, Email.betreff, func.coalesce(Email.sent_at, Email.created_at))
        .join(Email, Email.id == CallEmail.email_id)
        .where(CallEmail.call_id.in_([call.id for call in calls]))
        .order_by(Email.id)
    )
    found: dict[int, list[EmailOfCall]] = {}
    for call_id, email_id, betreff, at in rows:
        found.setdefault(call_id, []).append(EmailOfCall(email_id, betreff, at))
    return found
