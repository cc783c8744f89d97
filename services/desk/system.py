"""What operators look at: queue, outbox, mailbox, stop list, open decisions, guides, accounts and keys."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from services.accounts.api_keys import read_keys
from services.accounts.staff import read_staff
from services.desk.call_guide import Guide, read_guides
from services.emails.stop_list import read_stopped
from services.events.outbox import OutboxOverview, outbox_overview
from services.models import ApiKey, CallStatus, MailboxCursor, PhoneCall, Staff, StopEntry, Therapist
from services.models.therapists import display_name
from services.pagination import Page, PageRequest
from services.sending.overview import QueueOverview, queue_overview
from services.work import Transaction, Work

SHOWN = 50


@dataclass(frozen=True, slots=True)
class CallForPerson:
    """A call whose attempts or number ran out, so that somebody has to decide."""

    call_id: int
    therapist_id: int
    name: str | None
    ergebnis_art: str | None
    versuch: int


@dataclass(frozen=True, slots=True)
class SystemOverview:
    """The state of the service at one instant."""

    queue: QueueOverview
    outbox: OutboxOverview
    mailboxes: Sequence[MailboxCursor]
    stopped: Page[StopEntry]
    calls_for_person: list[CallForPerson]
    calls_for_person_count: int
    scheduled_calls: int
    guides: list[Guide]
    staff: list[Staff]
    keys: list[ApiKey]


CALLS = select(
    select(func.count()).where(PhoneCall.status == CallStatus.SCHEDULED).scalar_subquery(),
    select(func.count()).where(PhoneCall.klaerung_noetig).scalar_subquery(),
)
FOR_PERSON = (
    select(
        PhoneCall.id,
        PhoneCall.therapist_id,
        PhoneCall.ergebnis_art,
        PhoneCall.versuch,
        Therapist.titel,
        Therapist.vorname,
        Therapist.nachname,
    )
    .outerjoin(Therapist, Therapist.id == PhoneCall.therapist_id)
    .where(PhoneCall.klaerung_noetig)
    .order_by(PhoneCall.id.desc())
    .limit(SHOWN)
)
MAILBOXES = select(MailboxCursor).order_by(MailboxCursor.postfach)


async def system_overview(work: Work) -> SystemOverview:
    """Return all of it."""
    async with work.transaction() as tx:
        scheduled, undecided = (await tx.session.execute(CALLS)).one()
        return SystemOverview(
            queue=await queue_overview(tx),
            outbox=await outbox_overview(tx),
            mailboxes=list(await tx.session.scalars(MAILBOXES)),
            stopped=await read_stopped(tx, PageRequest(1, SHOWN)),
            calls_for_person=await _for_person(tx) if undecided else [],
            calls_for_person_count=undecided,
            scheduled_calls=scheduled,
            guides=await read_guides(tx),
            staff=await read_staff(tx),
            keys=await read_keys(tx),
        )


async def _for_person(tx: Transaction) -> list[CallForPerson]:
    return [
        CallForPerson(
            row.id,
            row.therapist_id,
            display_name(row.titel, row.vorname, row.nachname),
            row.ergebnis_art,
            row.versuch,
        )
        for row in await tx.session.execute(FOR_PERSON)
    ]
