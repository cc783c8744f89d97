"""The desk's list of e-mails: its named views, how many wait in them, and what follows each e-mail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Integer, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from services.emails.lists import FAILED, EmailFilters, conditions, find_emails
from services.models import CallEmail, CallStatus, Email, EmailStatus, EmailVersuch, PhoneCall
from services.models.emails import planned_for
from services.pagination import Page, PageRequest
from services.work import Transaction, Work
from shared.plain_rows import PlainQuery


class EmailView(StrEnum):
    """The views staff switch between."""

    ALL = "all"
    UNANSWERED = "unanswered"
    ANSWERED = "answered"
    FOLLOW_UP = "follow-up"
    WAITING = "waiting"
    FAILED = "failed"
    UNCLEAR = "unclear"
    DRAFTS = "drafts"


FILTERS: Mapping[EmailView, EmailFilters] = {
    EmailView.ALL: EmailFilters(),
    EmailView.UNANSWERED: EmailFilters(status=EmailStatus.SENT, antwort_erhalten=False),
    EmailView.ANSWERED: EmailFilters(antwort_erhalten=True),
    EmailView.FOLLOW_UP: EmailFilters(nachverfolgung_erforderlich=True),
    EmailView.WAITING: EmailFilters(status=EmailStatus.QUEUED),
    EmailView.FAILED: FAILED,
    EmailView.UNCLEAR: EmailFilters(zustellung_unklar=True),
    EmailView.DRAFTS: EmailFilters(status=EmailStatus.DRAFT),
}

TO_BE_EMPTY = (EmailView.FOLLOW_UP, EmailView.WAITING, EmailView.FAILED, EmailView.UNCLEAR, EmailView.DRAFTS)
"""The views whose e-mails wait for somebody; they are counted."""


@dataclass(frozen=True, slots=True)
class ListedEmail:
    """What the list says of an e-mail."""

    id: int
    version: int
    empfaenger_name: str
    betreff: str
    status: EmailStatus
    zustellung_unklar: bool
    created_at: datetime
    send_at: datetime | None
    antwort_erhalten: bool
    antwortdatum: datetime | None
    antwort_art: str | None
    nachverfolgung_erforderlich: bool

    def planned_for(self, now: datetime) -> datetime | None:
        """Return when it is to be sent, while it waits for that; None otherwise."""
        return planned_for(self.status, self.send_at, now)


class PlannedCall(NamedTuple):
    """A call that is planned about an e-mail."""

    email_id: int
    id: int
    version: int
    geplantes_datum: date
    geplante_zeit: time


@dataclass(frozen=True, slots=True)
class EmailRow:
    """An e-mail of the list with its attempts so far and the earliest call planned about it."""

    email: ListedEmail
    attempts: int
    call: PlannedCall | None


@dataclass(frozen=True, slots=True)
class EmailOverview:
    """One page of a view, and how many e-mails wait for somebody in the views that are to be empty."""

    page: Page[EmailRow]
    counts: Mapping[EmailView, int]


async def email_overview(
    work: Work, view: EmailView, narrowed: EmailFilters, request: PageRequest
) -> EmailOverview:
    """Return one page of a view, narrowed by words, therapist and dates; six queries at most."""
    async with work.transaction() as tx:
        found, total = await find_emails(tx, LISTED, narrowed_to(view, narrowed), request)
        shown = [(ListedEmail(*email), attempts) for *email, attempts in found[: request.limit]]
        calls = await _planned_calls(tx, [email.id for email, _ in shown])
        counts = await count_views(tx)
    rows = [EmailRow(email, attempts, calls.get(email.id)) for email, attempts in shown]
    return EmailOverview(Page(rows, request, total), counts)


def narrowed_to(view: EmailView, narrowed: EmailFilters) -> EmailFilters:
    """Return the filters of a view, narrowed by words, therapist and dates."""
    chosen = FILTERS[view]
    return replace(
        narrowed,
        status=chosen.status,
        antwort_erhalten=chosen.antwort_erhalten,
        nachverfolgung_erforderlich=chosen.nachverfolgung_erforderlich,
        zustellung_unklar=chosen.zustellung_unklar,
    )


ATTEMPTS = (
    select(func.count())
    .select_from(EmailVersuch)
    .where(EmailVersuch.email_id == Email.id)
    .correlate(Email)
    .scalar_subquery()
)
LISTED = select(*(getattr(Email, field.name) for field in fields(ListedEmail)), ATTEMPTS).order_by(
    Email.id.desc()
)
PLANNED = PlainQuery(
    select(
        CallEmail.email_id,
        PhoneCall.id,
        PhoneCall.version,
        PhoneCall.geplantes_datum,
        PhoneCall.geplante_zeit,
    )
    .join(PhoneCall, PhoneCall.id == CallEmail.call_id)
    .where(
        CallEmail.email_id == any_(bindparam("ids", type_=ARRAY(Integer))),
        PhoneCall.status == CallStatus.SCHEDULED,
    )
    .order_by(PhoneCall.geplantes_datum.desc(), PhoneCall.geplante_zeit.desc())
)
COUNTS = PlainQuery(
    select(
        *(
            select(func.count()).select_from(Email).where(*conditions(FILTERS[view])).scalar_subquery()
            for view in TO_BE_EMPTY
        )
    )
)


async def _planned_calls(tx: Transaction, ids: Sequence[int]) -> dict[int, PlannedCall]:
    calls = [PlannedCall(*row) for row in await tx.rows(PLANNED, ids=ids)]
    return {call.email_id: call for call in calls}


async def count_views(tx: Transaction) -> dict[EmailView, int]:
    """Return how many e-mails are in each of the views that are `TO_BE_EMPTY`."""
    [counts] = await tx.rows(COUNTS)
    return dict(zip(TO_BE_EMPTY, counts, strict=True))
