"""What monitoring reads of the whole service: counts and ages, from the database."""

from dataclasses import dataclass

from sqlalchemy import ColumnExpressionArgument, ScalarSelect, func, select

from services.events.outbox import OutboxOverview, outbox_overview
from services.models import CallStatus, Incoming, MailboxCursor, PhoneCall
from services.privacy.classes import WAITING
from services.sending.overview import QueueOverview, queue_overview
from services.work import Work


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """The service at one instant, in numbers."""

    queue: QueueOverview
    outbox: OutboxOverview
    mailboxes_in_trouble: int
    incoming_undecided: int
    scheduled_calls: int
    calls_for_person: int


async def service_figures(work: Work) -> ServiceFigures:
    """Return all of it."""
    async with work.transaction() as tx:
        queue = await queue_overview(tx)
        outbox = await outbox_overview(tx)
        troubled, scheduled, undecided, incoming = (
            await tx.session.execute(
                select(
                    _count(MailboxCursor.fehler.is_not(None)),
                    _count(PhoneCall.status == CallStatus.SCHEDULED),
                    _count(PhoneCall.klaerung_noetig),
                    _count(Incoming.zustand.in_(WAITING)),
                )
            )
        ).one()
    return ServiceFigures(queue, outbox, troubled, incoming, scheduled, undecided)


def _count(of: ColumnExpressionArgument[bool]) -> ScalarSelect[int]:
    return select(func.count()).where(of).scalar_subquery()
