"""The desk's inbox: what came into the mailbox, whose turn it is, and one message with what it belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_

from services.models import Activity, Email, Incoming, IncomingState, MailboxCursor, Staff, Therapist
from services.models.therapists import display_name
from services.pagination import Page, PageRequest
from services.work import OBJECTS, Transaction, Work
from shared.plain_rows import PlainQuery

MOST_MESSAGES = 100
"""Of one e-mail; its page shows no more."""

WAITING = (IncomingState.OPEN, IncomingState.SUGGESTED)
"""The states in which a message waits for somebody."""


class InboxView(StrEnum):
    """The views staff switch between."""

    OPEN = "open"
    SUGGESTIONS = "suggestions"
    ALL = "all"
    ASIDE = "aside"


STATES: Mapping[InboxView, Sequence[IncomingState]] = {
    InboxView.OPEN: WAITING,
    InboxView.SUGGESTIONS: (IncomingState.SUGGESTED,),
    InboxView.ALL: tuple(IncomingState),
    InboxView.ASIDE: (IncomingState.ASIDE,),
}
OLDEST_FIRST = (InboxView.OPEN, InboxView.SUGGESTIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxRow:
    """A message of the list, without its text; `therapist` names who it is, or may be, about."""

    id: int
    version: int
    art: str
    zustand: str
    empfangen_at: datetime
    absender: str
    absender_name: str
    betreff: str
    erfasst_von: int | None
    geloescht_at: datetime | None
    therapist: str | None


@dataclass(frozen=True, slots=True)
class Inbox:
    """A page of a view's messages, how many each view holds, and how the mailboxes are read."""

    page: Page[InboxRow]
    counts: Mapping[InboxView, int]
    mailboxes: Sequence[MailboxCursor]


@dataclass(frozen=True, slots=True)
class Handled:
    """What was last done to a message; `who` is none where the service did it."""

    action: str
    at: datetime
    who: str | None
    staff_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxMessage:
    """One message with all that its panel shows.

    Attributes:
        email: the e-mail it belongs to.
        therapist: whom it came from; none where that is not known.
        handled: what was last done to it.
        before: the message above it in the view, none at the top.
        after: the message below it in the view, none at the bottom.
    """

    incoming: Incoming
    email: Email | None
    therapist: Therapist | None
    handled: Handled | None
    before: int | None
    after: int | None

    @property
    def waits(self) -> bool:
        """Whether somebody has to decide about it."""
        return self.incoming.zustand in WAITING


async def load_inbox(work: Work, view: InboxView, request: PageRequest) -> Inbox:
    """Return a page of a view: what waits, oldest first; anything else, newest first."""
    async with work.transaction() as tx:
        counts = await _counts(tx)
        total = counts[view] if view in counts else await _count(tx, view)
        found = await _rows(tx, view, request)
        mailboxes = list(await tx.session.scalars(select(MailboxCursor).order_by(MailboxCursor.postfach)))
    return Inbox(Page(found, request, total), counts, mailboxes)


NUMBER_WAITING = PlainQuery(select(func.count()).where(Incoming.zustand.in_(WAITING)))


async def count_waiting(work: Work) -> int:
    """Return how many messages wait for somebody."""
    async with work.transaction() as tx:
        return await read_waiting(tx)


async def read_waiting(tx: Transaction) -> int:
    """Return the same in a transaction that has begun."""
    [(count,)] = await tx.rows(NUMBER_WAITING)
    return count


async def first_message(work: Work, view: InboxView) -> int | None:
    """Return the message on top of a view, none where it is empty."""
    query = select(Incoming.id).where(Incoming.zustand.in_(STATES[view])).order_by(*_order(view)).limit(1)
    async with work.transaction() as tx:
        return await tx.session.scalar(query)


async def load_message(work: Work, incoming_id: int, view: InboxView) -> InboxMessage:
    """Return a message with its neighbours in a view.

    Raises:
        NotFound: there is none.
    """
    async with work.transaction() as tx:
        incoming = await tx.existing(Incoming, incoming_id)
        email = await tx.session.get(Email, incoming.email_id) if incoming.email_id else None
        therapist_id = email.therapist_id if email else incoming.therapist_id
        before, after = _neighbours(incoming, view)
        return InboxMessage(
            incoming=incoming,
            email=email,
            therapist=await tx.session.get(Therapist, therapist_id) if therapist_id else None,
            handled=await _handled(tx, incoming_id),
            before=await tx.session.scalar(before),
            after=await tx.session.scalar(after),
        )


async def messages_of(tx: Transaction, email_id: int) -> list[Incoming]:
    """Return what came back for an e-mail, of every kind, in the order it came."""
    query = (
        select(Incoming)
        .where(Incoming.email_id == email_id)
        .order_by(Incoming.empfangen_at, Incoming.id)
        .limit(MOST_MESSAGES)
    )
    return list(await tx.session.scalars(query))


async def _rows(tx: Transaction, view: InboxView, request: PageRequest) -> list[InboxRow]:
    suggested = Incoming.vorschlag["therapist_id"].as_integer()
    rows = await tx.session.execute(
        select(
            Incoming.id,
            Incoming.version,
            Incoming.art,
            Incoming.zustand,
            Incoming.empfangen_at,
            Incoming.absender,
            Incoming.absender_name,
            Incoming.betreff,
            Incoming.erfasst_von,
            Incoming.geloescht_at,
            Therapist.titel,
            Therapist.vorname,
            Therapist.nachname,
        )
        .outerjoin(Therapist, Therapist.id == func.coalesce(Incoming.therapist_id, suggested))
        .where(Incoming.zustand.in_(STATES[view]))
        .order_by(*_order(view))
        .limit(request.limit)
        .offset(request.offset)
    )
    return [
        InboxRow(
            id=row.id,
            version=row.version,
            art=row.art,
            zustand=row.zustand,
            empfangen_at=row.empfangen_at,
            absender=row.absender,
            absender_name=row.absender_name,
            betreff=row.betreff,
            erfasst_von=row.erfasst_von,
            geloescht_at=row.geloescht_at,
            therapist=display_name(row.titel, row.vorname, row.nachname),
        )
        for row in rows
    ]


def _order(view: InboxView) -> tuple[ColumnElement[Any], ...]:
    if view in OLDEST_FIRST:
        return (Incoming.empfangen_at.asc(), Incoming.id.asc())
    return (Incoming.id.desc(),)


def _neighbours(incoming: Incoming, view: InboxView) -> tuple[Select[int], Select[int]]:
    """Return what finds the messages above and below one in a view, whether it is still there or not."""
    messages = select(Incoming.id).where(Incoming.zustand.in_(STATES[view])).limit(1)
    if view in OLDEST_FIRST:
        place, here = tuple_(Incoming.empfangen_at, Incoming.id), (incoming.empfangen_at, incoming.id)
        above = messages.where(place < here).order_by(Incoming.empfangen_at.desc(), Incoming.id.desc())
        below = messages.where(place > here).order_by(Incoming.empfangen_at, Incoming.id)
        return above, below
    above = messages.where(Incoming.id > incoming.id).order_by(Incoming.id)
    return above, messages.where(Incoming.id < incoming.id).order_by(Incoming.id.desc())


async def _handled(tx: Transaction, incoming_id: int) -> Handled | None:
    row = (
        await tx.session.execute(
            select(Activity.action, Activity.at, Activity.staff_id, Staff.name)
            .outerjoin(Staff, Staff.id == Activity.staff_id)
            .where(Activity.object_type == OBJECTS[Incoming], Activity.object_id == incoming_id)
            .order_by(Activity.id.desc())
            .limit(1)
        )
    ).first()
    return Handled(row.action, row.at, row.name, row.staff_id) if row else None


async def _counts(tx: Transaction) -> dict[InboxView, int]:
    rows = await tx.session.execute(
        select(Incoming.zustand, func.count().label("number"))
        .where(Incoming.zustand.in_(WAITING))
        .group_by(Incoming.zustand)
    )
    waiting = {row.zustand: row.number for row in rows}
    suggested = waiting.get(IncomingState.SUGGESTED, 0)
    return {
        InboxView.OPEN: suggested + waiting.get(IncomingState.OPEN, 0),
        InboxView.SUGGESTIONS: suggested,
    }


async def _count(tx: Transaction, view: InboxView) -> int:
    query = select(func.count()).select_from(Incoming)
    if view is not InboxView.ALL:
        query = query.where(Incoming.zustand.in_(STATES[view]))
    return await tx.session.scalar(query) or 0
