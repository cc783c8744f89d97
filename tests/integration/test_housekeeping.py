"""What is removed in passing, and what is not."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.drafts import CALL, load_draft, save_draft
from services.housekeeping import DRAFTS_KEPT, SLOWNESS_KEPT, Housekeeping
from services.models import MailDomain, StaffSession
from services.work import Actor
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_staff
from tests.work import work_of, workplace_of


async def test_drafts_nobody_touched_for_a_month_are_removed(
    session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    staff = make_staff()
    session.add(staff)
    await session.commit()
    at_the_limit = clock() - DRAFTS_KEPT
    forgotten = at_the_limit - timedelta(seconds=1)
    for call_id, touched in ((1, forgotten), (2, at_the_limit)):
        await save_draft(
            work_of(session, now=touched, actor=Actor("staff", staff.id)), CALL, call_id, {"notizen": "x"}
        )

    await Housekeeping(workplace_of(sessions, clock)).tidy()

    assert await load_draft(work_of(session, actor=Actor("staff", staff.id)), CALL, 1) is None
    assert await load_draft(work_of(session, actor=Actor("staff", staff.id)), CALL, 2) == {"notizen": "x"}


async def test_domains_that_were_slow_long_ago_begin_anew(
    session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    at_the_limit = clock() - SLOWNESS_KEPT
    async with session.begin():
        session.add(MailDomain(domain="old.example", slow_until=at_the_limit - timedelta(seconds=1)))
        session.add(MailDomain(domain="late.example", slow_until=at_the_limit))
    await Housekeeping(workplace_of(sessions, clock)).tidy()
    async with session.begin():
        assert list(await session.scalars(select(MailDomain.domain))) == ["late.example"]


async def test_logins_are_removed_once_they_have_ended(
    session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    staff = make_staff()
    session.add(staff)
    await session.flush()
    for token, ends in ((b"a" * 32, clock()), (b"b" * 32, clock() + timedelta(seconds=1))):
        session.add(StaffSession(token_hash=token, staff_id=staff.id, expires_at=ends))
    await session.commit()

    await Housekeeping(workplace_of(sessions, clock)).tidy()

    async with session.begin():
        assert await session.scalar(select(func.count()).select_from(StaffSession)) == 1
