"""What the panel shows while no call is in hand: who is next and their last note, else what is left to do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Select, bindparam, select, true
from sqlalchemy.orm import aliased

from services.calls.placed import BoardCall
from services.desk.email_list import EmailView, count_views
from services.desk.history import last_to_do
from services.desk.inbox import count_waiting
from services.models import CallStatus, PhoneCall, Therapist
from services.work import Action, Transaction, Work
from shared.plain_rows import PlainQuery


@dataclass(frozen=True, slots=True)
class LastNote:
    """What was last noted about a call; `at` and `who` say when it was rung and by whom, where it was."""

    text: str
    at: datetime | None = None
    who: str | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """The call to take next, with the hint about its therapist and the last note."""

    row: BoardCall
    hint: str | None
    note: LastNote | None


@dataclass(frozen=True, slots=True)
class LeftToDo:
    """How much waits for somebody beside the calls."""

    inbox: int
    failed: int
    unclear: int
    follow_up: int
    drafts: int


def _known() -> Select[*tuple[Any, ...]]:
    last = aliased(PhoneCall)
    rang = (
        select(last.id, last.ergebnis, last.abgeschlossen_at)
        .where(
            last.therapist_id == PhoneCall.therapist_id,
            last.status != CallStatus.SCHEDULED,
            last.ergebnis.is_not(None),
        )
        .order_by(last.id.desc())
        .limit(1)
        .lateral()
    )
    return (
        select(
            Therapist.anruf_hinweis,
            PhoneCall.notizen,
            rang.c.ergebnis,
            rang.c.abgeschlossen_at,
            last_to_do(Action.OUTCOME_RECORDED, rang.c.id),
        )
        .select_from(PhoneCall)
        .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
        .outerjoin(rang, true())
        .where(PhoneCall.id == bindparam("call_id", type_=Integer))
    )


KNOWN = PlainQuery(_known())


async def load_offer(tx: Transaction, row: BoardCall) -> Offer:
    """Return what is known of the call to take next: the call's own note, else what came of the last one."""
    [(hint, noted, said, at, who)] = await tx.rows(KNOWN, call_id=row.call.call_id)
    if noted:
        return Offer(row, hint, LastNote(noted))
    return Offer(row, hint, None if said is None else LastNote(said, at, who or None))


async def load_left_to_do(work: Work) -> LeftToDo:
    """Return what waits for somebody in the inbox and among the e-mails."""
    async with work.transaction() as tx:
        emails = await count_views(tx)
    return LeftToDo(
        inbox=await count_waiting(work),
        failed=emails[EmailView.FAILED],
        unclear=emails[EmailView.UNCLEAR],
        follow_up=emails[EmailView.FOLLOW_UP],
        drafts=emails[EmailView.DRAFTS],
    )
