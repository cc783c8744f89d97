"""Fills an empty database with the demo's accounts and its sample day, once."""

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.staff import add_staff
from services.models import Email, PhoneCall, Staff, Therapist
from services.rules import DeskRules
from services.work import Workplace
from shared.clock import get_clock
from shared.config import Settings
from shared.database import SessionFactory, create_engine, create_session_factory
from webapp.demo.sample.staff import PASSWORD, STAFF
from webapp.demo.sample.stories import SampleDay


async def load_staff(config: Settings) -> None:
    """Create the demo's accounts where there is none."""
    await _with_sessions(config, _add_staff)


async def load_sample_day(config: Settings) -> None:
    """Create accounts, therapists, mails and calls where there are none."""
    await _with_sessions(config, _add_sample_day)


async def _with_sessions(
    config: Settings, load: Callable[[SessionFactory, Settings], Awaitable[None]]
) -> None:
    engine = create_engine(config, application_name="calldesk-demo")
    try:
        await load(create_session_factory(engine), config)
    finally:
        await engine.dispose()


async def _add_staff(sessions: SessionFactory, config: Settings) -> None:
    workplace = Workplace(sessions=sessions, clock=get_clock(config), rules=DeskRules.from_settings(config))
    async with sessions() as session:
        known = await session.scalar(select(func.count()).select_from(Staff))
    if known:
        return
    for name, admin in STAFF:
        async with workplace.work() as work:
            await add_staff(work, name, PASSWORD, admin=admin)


async def _add_sample_day(sessions: SessionFactory, config: Settings) -> None:
    await _add_staff(sessions, config)
    async with sessions() as session, session.begin():
        for table in (Therapist, Email, PhoneCall):
            if await session.scalar(select(func.count()).select_from(table)):
                return
        ben = await session.scalar(select(Staff.id).where(Staff.name == STAFF[1][0]))
        assert ben is not None
        await _store(session, SampleDay(config, get_clock(config)()), ben)


async def _store(session: AsyncSession, day: SampleDay, ben: int) -> None:
    session.add_all(day.therapist_rows())
    history = day.history()
    day.tell(history)
    mails = sorted(history.mails, key=lambda mail: mail.email.created_at)
    session.add_all(mail.email for mail in mails)
    await session.flush()
    session.add_all(attempt for mail in history.mails for attempt in mail.stored_attempts())
    for mail, calls in history.chains:
        for call in calls:
            call.email_id = mail.email.id if mail else None
    await _store_chains(session, [calls for _, calls in history.chains])
    await session.flush()
    claimed = day.in_hand
    claimed.bearbeitet_von, claimed.bearbeitet_bis = ben, day.now + day.rules.claim


async def _store_chains(session: AsyncSession, chains: Sequence[Sequence[PhoneCall]]) -> None:
    """Store the first calls of all chains, then the second ones, which name the first, and so on."""
    longest = max(len(calls) for calls in chains)
    for number in range(longest):
        for calls in chains:
            if number < len(calls):
                calls[number].vorheriger_anruf_id = calls[number - 1].id if number else None
                session.add(calls[number])
        await session.flush()
