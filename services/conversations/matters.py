"""What there is to talk about with a therapist: their open calls, and the e-mails that wait for an answer.

A *matter* is an e-mail, or a call about none.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased, defer

from services.calls.kept_state import Undo
from services.models import CallEmail, CallStatus, CancelReason, Email, EmailStatus, PhoneCall, ReplyKind
from services.work import Transaction
from shared.plain_rows import PlainQuery

MOST_EMAILS = 20
"""E-mails shown that no call is about, the latest."""

SOME = bindparam("some", type_=ARRAY(Integer))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMatter:
    """An open call, the e-mails it is about, and what was noted for it.

    Attributes:
        due: whether it is settled along unless somebody says otherwise; one planned for a later day is not.
        notes: of itself, of the attempts before it and of the calls settled together with those.
    """

    call: PhoneCall
    emails: tuple[Email, ...]
    notes: tuple[str, ...]
    due: bool

    @property
    def about(self) -> Email | None:
        """The first of the e-mails."""
        return next(iter(self.emails), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matters:
    """What there is to talk about with one therapist.

    Attributes:
        calls: the call looked at, then all other open ones, the earliest planned first.
        emails: those waiting for an answer that none of the calls is about, the latest first.
        more: whether there are more of these.
    """

    calls: tuple[CallMatter, ...]
    emails: tuple[Email, ...]
    more: bool = False

    @property
    def count(self) -> int:
        """How many matters there are, those of calls planned for a later day left out."""
        due = [matter for matter in self.calls if matter.due]
        about = {email.id for matter in due for email in matter.emails}
        return len(about | {email.id for email in self.emails}) + sum(not matter.emails for matter in due)

    @property
    def unanswered(self) -> tuple[Email, ...]:
        """Every e-mail that is still to be answered, each once."""
        of_calls = (email for matter in self.calls for email in matter.emails if not email.antwort_erhalten)
        every = {email.id: email for email in (*of_calls, *self.emails)}
        return tuple(every.values())


async def load_matters(tx: Transaction, call: PhoneCall) -> Matters:
    """Return what there is to talk about where a call is looked at; of a closed one, what it was about."""
    is_open = call.status == CallStatus.SCHEDULED
    others: Sequence[PhoneCall] = await _open_calls(tx, call) if is_open else ()
    calls = [call, *others]
    emails = await _emails_of(tx, calls)
    notes = await _notes_of(tx, calls)
    waiting: Sequence[Email] = await _waiting(tx, call.therapist_id, calls) if is_open else ()
    last_day = max(tx.today, call.geplantes_datum)
    return Matters(
        calls=tuple(
            CallMatter(
                call=one,
                emails=tuple(emails.get(one.id, ())),
                notes=tuple(notes.get(one.id, ())),
                due=one.geplantes_datum <= last_day,
            )
            for one in calls
        ),
        emails=tuple(waiting[:MOST_EMAILS]),
        more=len(waiting) > MOST_EMAILS,
    )


SETTLED = PlainQuery(
    select(PhoneCall.id, CallEmail.email_id)
    .outerjoin(CallEmail, CallEmail.call_id == PhoneCall.id)
    .where(
        PhoneCall.id == any_(bindparam("calls", type_=ARRAY(Integer))),
        or_(
            PhoneCall.ergebnis_art == bindparam("art", type_=Text),
            PhoneCall.absage_grund == CancelReason.MERGED,
        ),
    )
)


async def count_settled(tx: Transaction, lead: int, art: str | None, kept: object) -> int:
    """Return how many matters the last outcome of a call settled, as long as it can be taken back.

    Its own are among them, those with an outcome of their own are not. `kept` is what its row has for that.
    """
    if not kept:
        return 0
    undo = msgspec.convert(kept, Undo)
    about: dict[int, set[int]] = {}
    for call_id, email_id in await tx.rows(SETTLED, calls=[lead, *undo.along], art=art):
        about.setdefault(call_id, set()).update([email_id] if email_id else [])
    about.get(lead, set()).difference_update(undo.carried)
    emails = set[int]().union(*about.values()) | {answer.email_id for answer in undo.answers}
    return len(emails) + sum(not each for each in about.values())


def waits_for_answer() -> ColumnElement[bool]:
    """Return the condition that an e-mail has arrived, as far as we know, and nobody has answered it."""
    return and_(
        Email.status == EmailStatus.SENT,
        ~Email.antwort_erhalten,
        or_(Email.antwort_art.is_(None), Email.antwort_art != ReplyKind.UNDELIVERABLE),
    )


def _counted() -> Select[*tuple[Any, ...]]:
    """E-mails that wait are counted by their index alone; looked at are only those that calls are about."""
    today = bindparam("today", type_=Date)
    later = (
        select(CallEmail.email_id)
        .join(PhoneCall, PhoneCall.id == CallEmail.call_id)
        .where(PhoneCall.status == CallStatus.SCHEDULED, PhoneCall.geplantes_datum > today)
        .cte("later")
    )
    waiting = (
        select(Email.therapist_id, func.count().label("matters"))
        .where(waits_for_answer(), Email.therapist_id == any_(SOME))
        .group_by(Email.therapist_id)
    )
    put_off = (
        select(Email.therapist_id, -func.count())
        .where(Email.id.in_(later.select()), waits_for_answer(), Email.therapist_id == any_(SOME))
        .group_by(Email.therapist_id)
    )
    due = (
        select(PhoneCall.id, PhoneCall.therapist_id)
        .where(PhoneCall.status == CallStatus.SCHEDULED, PhoneCall.geplantes_datum <= today)
        .cte("due")
        .prefix_with("MATERIALIZED")
        .c
    )
    counted = waits_for_answer() & (Email.therapist_id == due.therapist_id)
    emails = func.count(Email.id.distinct()).filter(or_(~counted, Email.id.in_(later.select())))
    of_calls = (
        select(due.therapist_id, emails + func.count().filter(CallEmail.email_id.is_(None)))
        .outerjoin(CallEmail, CallEmail.call_id == due.id)
        .outerjoin(Email, Email.id == CallEmail.email_id)
        .where(due.therapist_id.in_(select(func.unnest(SOME))))
        .group_by(due.therapist_id)
    )
    every = union_all(waiting, put_off, of_calls).subquery().c
    matters = func.sum(every.matters)
    return select(every.therapist_id, cast(matters, Integer)).group_by(every.therapist_id).having(matters > 0)


COUNTED = PlainQuery(_counted())


async def count_matters(tx: Transaction, therapist_ids: Collection[int]) -> dict[int, int]:
    """Return how many matters there are with each of some therapists, those of days to come left out.

    Who has no matters is not named.
    """
    if not therapist_ids:
        return {}
    rows = await tx.rows(COUNTED, some=list(therapist_ids), today=tx.today)
    return dict(map(tuple, rows))


async def _open_calls(tx: Transaction, call: PhoneCall) -> Sequence[PhoneCall]:
    rows = await tx.session.scalars(
        select(PhoneCall)
        .where(
            PhoneCall.therapist_id == call.therapist_id,
            PhoneCall.status == CallStatus.SCHEDULED,
            PhoneCall.id != call.id,
        )
        .order_by(PhoneCall.geplantes_datum, PhoneCall.geplante_zeit, PhoneCall.id)
        .execution_options(populate_existing=True)
    )
    return rows.all()


EMAILS = (
    select(CallEmail.call_id, Email)
    .join(Email, Email.id == CallEmail.email_id)
    .where(CallEmail.call_id == any_(SOME))
    .order_by(Email.id)
    .options(defer(Email.body_html))
    .execution_options(populate_existing=True)
)


async def _emails_of(tx: Transaction, calls: Iterable[PhoneCall]) -> dict[int, list[Email]]:
    rows = await tx.session.execute(EMAILS, {"some": [call.id for call in calls]})
    found: dict[int, list[Email]] = {}
    for call_id, email in rows:
        found.setdefault(call_id, []).append(email)
    return found


WAITING = (
    select(Email)
    .where(
        Email.therapist_id == bindparam("therapist_id", type_=Integer),
        waits_for_answer(),
        Email.id.not_in(select(CallEmail.email_id).where(CallEmail.call_id == any_(SOME))),
    )
    .order_by(Email.id.desc())
    .limit(MOST_EMAILS + 1)
    .options(defer(Email.body_html))
    .execution_options(populate_existing=True)
)


async def _waiting(tx: Transaction, therapist_id: int, calls: Iterable[PhoneCall]) -> Sequence[Email]:
    asked = {"therapist_id": therapist_id, "some": [call.id for call in calls]}
    return (await tx.session.scalars(WAITING, asked)).all()


def _noted() -> Select[*tuple[Any, ...]]:
    """What was noted when calls were planned: theirs, and of all they carry on."""
    columns = (PhoneCall.id, PhoneCall.vorheriger_anruf_id, PhoneCall.notizen)
    own = select(PhoneCall.id.label("carried_by"), *columns).where(PhoneCall.id == any_(SOME))
    chain = own.cte("carried", recursive=True)
    earlier = aliased(PhoneCall)
    chain = chain.union(
        select(chain.c.carried_by, earlier.id, earlier.vorheriger_anruf_id, earlier.notizen).join(
            earlier, or_(earlier.id == chain.c.vorheriger_anruf_id, earlier.gemeinsam_mit_id == chain.c.id)
        )
    )
    return (
        select(chain.c.carried_by, chain.c.notizen)
        .where(chain.c.notizen.is_not(None), chain.c.notizen != "")
        .order_by(chain.c.id.desc())
    )


NOTED = PlainQuery(_noted())


async def _notes_of(tx: Transaction, calls: Iterable[PhoneCall]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for call_id, note in await tx.rows(NOTED, some=[call.id for call in calls]):
        if note not in found.setdefault(call_id, []):
            found[call_id].append(note)
    return found
