"""What the panel shows while no call is in hand: who is next and their last note, else what is left to do."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from services.calls.reachability import BoardCall
from services.desk.email_list import EmailView, count_views
from services.desk.history import who_did
from services.desk.inbox import count_waiting
from services.models import CallStatus, PhoneCall, Therapist
from services.work import Action, Transaction, Work


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


async def load_offer(tx: Transaction, row: BoardCall) -> Offer:
    """Return what is known of the call to take next: the call's own note, else what came of the last one."""
    call = row.call
    hint, own = (
        await tx.session.execute(
            select(Therapist.anruf_hinweis, PhoneCall.notizen)
            .select_from(PhoneCall)
            .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
            .where(PhoneCall.id == call.call_id)
        )
    ).one()
    return Offer(row, hint, LastNote(own) if own else await _last_note(tx, call.therapist_id))


async def _last_note(tx: Transaction, therapist_id: int) -> LastNote | None:
    found = (
        await tx.session.execute(
            select(PhoneCall.id, PhoneCall.ergebnis, PhoneCall.abgeschlossen_at)
            .where(
                PhoneCall.therapist_id == therapist_id,
                PhoneCall.status != CallStatus.SCHEDULED,
                PhoneCall.ergebnis.is_not(None),
            )
            .order_by(PhoneCall.id.desc())
            .limit(1)
        )
    ).first()
    if found is None:
        return None
    rang = await who_did(tx, Action.OUTCOME_RECORDED, PhoneCall, [found.id])
    return LastNote(found.ergebnis, found.abgeschlossen_at, rang.get(found.id))


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
