"""What operators look at: queue, outbox, mailbox, stop list, calls that need a person, accounts and keys."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from services.accounts.api_keys import list_keys
from services.accounts.staff import list_staff
from services.emails.stop_list import list_stopped
from services.events.outbox import OutboxOverview, outbox_overview
from services.models import ApiKey, CallStatus, MailboxCursor, PhoneCall, Staff, StopEntry, Therapist
from services.models.therapists import display_name
from services.pagination import Page, PageRequest
from services.sending.overview import QueueOverview, queue_overview
from services.work import Work

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
    staff: list[Staff]
    keys: list[ApiKey]


CALLS = select(
    select(func.count()).where(PhoneCall.status == CallStatus.SCHEDULED).scalar_subquery(),
    select(func.count()).where(PhoneCall.klaerung_noetig).scalar_subquery(),
)


async def system_overview(work: Work) -> SystemOverview:
    """Return all of it."""
    queue = await queue_overview(work)
    async with work.transaction() as tx:
        outbox = await outbox_overview(tx)
        mailboxes = list(await tx.session.scalars(select(MailboxCursor).order_by(MailboxCursor.postfach)))
        scheduled, undecided = (await tx.session.execute(CALLS)).one()
        rows = await tx.session.execute(
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
        for_person = [
            CallForPerson(
                row.id,
                row.therapist_id,
                display_name(row.titel, row.vorname, row.nachname),
                row.ergebnis_art,
                row.versuch,
            )
            for row in rows
        ]
    return SystemOverview(
        queue=queue,
        outbox=outbox,
        mailboxes=mailboxes,
        stopped=await list_stopped(work, PageRequest(1, SHOWN)),
        calls_for_person=for_person,
        calls_for_person_count=undecided,
        scheduled_calls=scheduled,
        staff=await list_staff(work),
        keys=await list_keys(work),
    )
