"""The desk's list of e-mails: its named views, how many wait in them, and what follows each e-mail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import Integer, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from services.emails.lists import FAILED, EmailFilters, conditions, read_emails
from services.models import CallEmail, CallStatus, Email, EmailStatus, EmailVersuch, PhoneCall
from services.pagination import Page, PageRequest
from services.work import Transaction, Work


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
class EmailRow:
    """An e-mail of the list with its attempts so far and the earliest call planned about it."""

    email: Email
    attempts: int
    call: PhoneCall | None


@dataclass(frozen=True, slots=True)
class EmailOverview:
    """One page of a view, and how many e-mails wait for somebody in the views that are to be empty."""

    page: Page[EmailRow]
    counts: Mapping[EmailView, int]


async def email_overview(
    work: Work, view: EmailView, narrowed: EmailFilters, request: PageRequest
) -> EmailOverview:
    """Return one page of a view, narrowed by words, therapist and dates; seven queries at most."""
    async with work.transaction() as tx:
        found = await read_emails(tx, narrowed_to(view, narrowed), request)
        ids = [email.id for email in found.rows]
        attempts = await _attempts(tx, ids)
        calls = await _planned_calls(tx, ids)
        counts = await count_views(tx)
    rows = [EmailRow(email, attempts.get(email.id, 0), calls.get(email.id)) for email in found.rows]
    return EmailOverview(Page(rows, found.request, found.total), counts)


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


SHOWN = any_(bindparam("ids", type_=ARRAY(Integer)))
ATTEMPTS = (
    select(EmailVersuch.email_id, func.count().label("attempts"))
    .where(EmailVersuch.email_id == SHOWN)
    .group_by(EmailVersuch.email_id)
)
PLANNED = (
    select(CallEmail.email_id, PhoneCall)
    .join(PhoneCall, PhoneCall.id == CallEmail.call_id)
    .where(CallEmail.email_id == SHOWN, PhoneCall.status == CallStatus.SCHEDULED)
    .order_by(PhoneCall.geplantes_datum.desc(), PhoneCall.geplante_zeit.desc())
)
COUNTS = select(
    *(
        select(func.count()).select_from(Email).where(*conditions(FILTERS[view])).scalar_subquery()
        for view in TO_BE_EMPTY
    )
)


async def _attempts(tx: Transaction, ids: Sequence[int]) -> dict[int, int]:
    return {row.email_id: row.attempts for row in await tx.session.execute(ATTEMPTS, {"ids": ids})}


async def _planned_calls(tx: Transaction, ids: Sequence[int]) -> dict[int, PhoneCall]:
    return {row.email_id: row.PhoneCall for row in await tx.session.execute(PLANNED, {"ids": ids})}


async def count_views(tx: Transaction) -> dict[EmailView, int]:
    """Return how many e-mails are in each of the views that are `TO_BE_EMPTY`."""
    return dict(zip(TO_BE_EMPTY, (await tx.session.execute(COUNTS)).one(), strict=True))
