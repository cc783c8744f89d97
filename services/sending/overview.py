"""What operators see of the e-mail queue, and the one thing they can do to it: end a pause early."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    DateTime,
    ScalarSelect,
    Select,
    SQLColumnExpression,
    and_,
    bindparam,
    func,
    select,
    update,
)

from services.hints import EMAIL_QUEUE
from services.models import Email, EmailStatus, MailDomain, MailQueueState, Staff
from services.work import Transaction, Work

NOW = bindparam("now", type_=DateTime(timezone=True))


@dataclass(frozen=True, slots=True)
class Hold:
    """Since when, by whom and why the queue is held; `who` is None where it was done on the command line."""

    since: datetime
    who: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOverview:
    """The queue at one instant.

    Attributes:
        counts: e-mails per status; unclear ones are counted under `SENDING` as well.
        due: queued e-mails whose time has come.
        oldest_due: since when the longest of them has been due.
        paused_until: the next probe, while sending is paused because of `pause_reason`; may have passed, then
            the next due e-mail is the probe.
        hold: while an operator holds the queue.
        slow_domains: recipient domains that asked for patience, the longest wait first.
    """

    counts: Mapping[EmailStatus, int]
    unclear: int
    due: int
    oldest_due: datetime | None
    paused_until: datetime | None
    pause_reason: str | None
    hold: Hold | None
    slow_domains: list[MailDomain]


def _count(condition: SQLColumnExpression[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(Email).where(condition).scalar_subquery()


def _numbers() -> Select[*tuple[Any, ...]]:
    due = and_(Email.status == EmailStatus.QUEUED, Email.naechster_versuch_at <= NOW)
    of_the_due = select(func.count(), func.min(Email.naechster_versuch_at)).where(due).subquery()
    counts = (_count(Email.status == status) for status in EmailStatus)
    slow = select(func.count()).where(MailDomain.slow_until > NOW).scalar_subquery()
    return select(*counts, _count(and_(Email.zustellung_unklar)), slow, *of_the_due.c)


NUMBERS = _numbers()
"""How many e-mails have each status, each counted by its index, and how many domains are slow."""

STATE = select(MailQueueState, Staff.name).outerjoin(Staff, Staff.id == MailQueueState.held_by)
SLOW = select(MailDomain).where(MailDomain.slow_until > NOW).order_by(MailDomain.slow_until.desc())


async def queue_overview(tx: Transaction) -> QueueOverview:
    """Return the state of the queue."""
    at = {"now": tx.now}
    found: Any = (await tx.session.execute(NUMBERS, at)).one()
    *numbers, unclear, slow, due, oldest_due = found
    state, holder = (await tx.session.execute(STATE)).one_or_none() or (None, None)
    paused = state if state and state.failures else None
    return QueueOverview(
        counts=dict(zip(EmailStatus, numbers, strict=True)),
        unclear=unclear,
        due=due,
        oldest_due=oldest_due,
        paused_until=paused and paused.paused_until,
        pause_reason=paused and paused.reason,
        hold=Hold(state.held_at, holder, state.hold_reason) if state and state.held_at else None,
        slow_domains=list(await tx.session.scalars(SLOW, at)) if slow else [],
    )


async def resume_queue(work: Work) -> bool:
    """Try the mail server at once instead of at the end of the pause; False when nothing is paused.

    One e-mail goes first; when it gets through, all do.
    """
    async with work.transaction() as tx:
        resumed = await tx.session.scalar(
            update(MailQueueState)
            .where(MailQueueState.failures > 0)
            .values(paused_until=tx.now)
            .returning(MailQueueState.id)
        )
        tx.wake(EMAIL_QUEUE)
    return resumed is not None
