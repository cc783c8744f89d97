"""Lists of e-mails, newest first, without their bodies.

Every filter has an index; the count of any combination reads one narrow covering index, or one of its own
where the filter leaves few. Words are looked up in subject, recipient's name and address; a caller's
reference is found when it is typed as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVarTuple

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    SQLColumnExpression,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy.orm import defer

from services.models import Email, EmailStatus
from services.models.emails import SEARCHED
from services.pagination import Page, PageRequest, page_of
from services.search import has_words
from services.work import Transaction, Work

Cells = TypeVarTuple("Cells")

BODIES = (Email.body_html, Email.body_text, Email.antwortinhalt)

_CLEAR = or_(
    Email.status != EmailStatus.SENDING, Email.id.not_in(select(Email.id).where(Email.zustellung_unklar))
)
_MARKS = (
    (and_(Email.antwort_erhalten), ~Email.antwort_erhalten),
    (and_(Email.nachverfolgung_erforderlich), ~Email.nachverfolgung_erforderlich),
    (and_(Email.zustellung_unklar), _CLEAR),
)
"""What each mark is as a condition, and its opposite."""

COMMON = 5_000
"""A word that stands in more e-mails than these may stand in the newest as well."""

NEWEST = 2
"""So many times as many as a page shows are looked at for it."""

LISTED = (
    select(Email).order_by(Email.id.desc()).options(*(defer(column, raiseload=True) for column in BODIES))
)
AFTER_ALL = select(func.max(Email.id) + 1).scalar_subquery()

_SEARCH_BY_INDEX = text("SET LOCAL enable_seqscan = off")
"""For a frequent word PostgreSQL would read the table and find every row's words anew, 40 times slower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailFilters:
    """Which e-mails are wanted; ranges of instants include their start and not their end."""

    therapist_id: int | None = None
    status: EmailStatus | None = None
    antwort_erhalten: bool | None = None
    nachverfolgung_erforderlich: bool | None = None
    zustellung_unklar: bool | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    sent_from: datetime | None = None
    sent_to: datetime | None = None
    extern_id: str | None = None
    q: str | None = None


FAILED = EmailFilters(status=EmailStatus.FAILED, antwort_erhalten=False)
"""What has failed and nobody has answered."""


async def list_emails(work: Work, filters: EmailFilters, request: PageRequest) -> Page[Email]:
    """Return one page of e-mails and the number of all that match; their long texts are not loaded."""
    async with work.transaction() as tx:
        found, total = await find_emails(tx, LISTED, filters, request)
    return page_of([email for (email,) in found], request, total)


async def find_emails(
    tx: Transaction, listed: Select[*Cells], filters: EmailFilters, request: PageRequest
) -> tuple[Sequence[Row[*Cells]], int]:
    """Return a page's rows and one more, and how many match; after a search no table is read from end to end.

    Args:
        tx: has begun.
        listed: what is wanted of e-mails, the newest first.
        filters: which are wanted.
        request: which page of them.
    """
    wanted = conditions(filters)
    if filters.q is not None:
        await tx.session.execute(_SEARCH_BY_INDEX)
    total = await tx.session.scalar(select(func.count()).select_from(Email).where(*wanted)) or 0
    if filters.q is not None and total > COMMON:
        found = await _among_the_newest(tx, listed, filters, request)
        if found:
            return found, total
    if not total:
        return (), 0
    id_ = _id(filters)
    page = request.cut(select(Email.id).where(*wanted), id_, id_.desc())
    return (await tx.session.execute(listed.where(Email.id.in_(page)))).all(), total


async def _among_the_newest(
    tx: Transaction, listed: Select[*Cells], filters: EmailFilters, request: PageRequest
) -> Sequence[Row[*Cells]]:
    """Return a page and one more if the newest e-mails hold as many matches; nothing if not.

    To compare the words of these few takes less than to sort all in which a frequent word stands. PostgreSQL
    takes every second to match where they are compared in a CASE, and walks from the newest on until the page
    is full; it would compare all.
    """
    if request.offset:
        return ()
    end = literal(request.after) if request.after else AFTER_ALL
    matching = and_(
        *conditions(replace(filters, q=None)), case((has_words(SEARCHED, filters.q or ""), True), else_=False)
    )
    newest = and_(Email.id >= end - NEWEST * request.limit, Email.id < end)
    found = (await tx.session.execute(listed.where(newest, matching).limit(request.limit + 1))).all()
    return found if len(found) > request.limit else ()


def _id(filters: EmailFilters) -> SQLColumnExpression[int]:
    """Return what a page is ordered by; PostgreSQL can't know how rare a word is.

    It would walk all e-mails from the newest on and compare words, hoping for a page full of matches soon. By
    a sum it can't walk them, so it reads the full-text index.
    """
    return Email.id + 0 if filters.q is not None else Email.id


def conditions(filters: EmailFilters) -> list[ColumnElement[bool]]:
    """Return what holds for exactly the e-mails wanted."""
    found: list[ColumnElement[bool]] = []
    if filters.therapist_id is not None:
        found.append(Email.therapist_id == filters.therapist_id)
    if filters.status is not None:
        found.append(Email.status == filters.status)
    marks = (filters.antwort_erhalten, filters.nachverfolgung_erforderlich, filters.zustellung_unklar)
    found += [
        yes if wanted else no for wanted, (yes, no) in zip(marks, _MARKS, strict=True) if wanted is not None
    ]
    if filters.extern_id is not None:
        found.append(Email.extern_id == filters.extern_id)
    if filters.q is not None and (q := filters.q.strip()):
        by_words = has_words(SEARCHED, q)
        found.append(or_(by_words, Email.extern_id == q) if q.isprintable() else by_words)
    return found + _ranges(filters)


def _ranges(filters: EmailFilters) -> list[ColumnElement[bool]]:
    ranges = [
        (Email.created_at, filters.created_from, filters.created_to),
        (Email.sent_at, filters.sent_from, filters.sent_to),
    ]
    conditions: list[ColumnElement[bool]] = []
    for column, start, end in ranges:
        if start is not None:
            conditions.append(column >= start)
        if end is not None:
            conditions.append(column < end)
    return conditions
