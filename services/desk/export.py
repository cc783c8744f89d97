"""Lists in full for somebody's own tables: read in short transactions, never all in memory.

Texts of e-mails, answers and notes are left out; what is exported is noted for *Who did what*.
"""

from collections.abc import AsyncGenerator, Sequence

from services.calls.lists import CallFilters, list_calls
from services.emails.lists import EmailFilters, list_emails
from services.models import Staff
from services.pagination import PageRequest
from services.work import Action, Work, Workplace

AT_ONCE = 1_000

EMAIL_COLUMNS = (
    "id",
    "created_at",
    "status",
    "sent_at",
    "therapist_id",
    "empfaenger_name",
    "empfaenger_email",
    "betreff",
    "antwort_erhalten",
    "antwortdatum",
    "antwort_art",
    "nachverfolgung_erforderlich",
    "fehlermeldung",
    "extern_id",
)
CALL_COLUMNS = (
    "id",
    "therapist_id",
    "status",
    "geplantes_datum",
    "geplante_zeit",
    "dauer_minuten",
    "grund",
    "versuch",
    "ergebnis_art",
    "tatsaechliches_datum",
    "tatsaechliche_zeit",
    "email_id",
    "extern_id",
)

Rows = AsyncGenerator[list[Sequence[object]]]
"""Rows in lots, each read in a transaction of its own; every row that is there all the time comes once."""


async def note_export(work: Work, what: str) -> None:
    """Note who takes which list along.

    Args:
        work: of the member of staff who does.
        what: the list, `emails` or `calls`.
    """
    async with work.transaction() as tx:
        tx.record_id(Action.LIST_EXPORTED, Staff, tx.staff_id, list=what)


async def email_rows(workplace: Workplace, filters: EmailFilters) -> Rows:
    """Yield the values of `EMAIL_COLUMNS` of all e-mails that match, the newest first."""
    after: int | None = 0
    while after is not None:
        async with workplace.work() as work:
            page = await list_emails(work, filters, PageRequest(limit=AT_ONCE, after=after))
        yield [[getattr(email, column) for column in EMAIL_COLUMNS] for email in page.rows]
        after = page.next


async def call_rows(workplace: Workplace, filters: CallFilters) -> Rows:
    """Yield the values of `CALL_COLUMNS` of all calls that match, the newest first."""
    after: int | None = 0
    while after is not None:
        async with workplace.work() as work:
            page = await list_calls(work, filters, PageRequest(limit=AT_ONCE, after=after))
        yield [[getattr(call, column) for column in CALL_COLUMNS] for call in page.rows]
        after = page.next
