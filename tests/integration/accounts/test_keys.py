"""What keys can be, what the database refuses of them, and what is written of their use."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.api_keys import (
    JSON_API,
    KeyTerms,
    NoKeyOfThisName,
    create_key,
    list_keys,
    read_expiry,
    revoke_key_named,
)
from services.accounts.key_check import KeyExpired, ScopeMissing, check_key, refuse_scope
from services.accounts.key_use import USED
from services.accounts.rate_limits import MINUTES_KEPT
from services.errors import InvalidInput
from services.housekeeping import Housekeeping
from services.models import MOST_PER_MINUTE, Activity, ApiKey, ApiKeyMinute
from shared.database import SessionFactory
from shared.direct_connection import DirectConnection
from tests.clock import FakeClock
from tests.work import a_moment, work_of, workplace_of


async def test_a_key_has_the_terms_it_was_given(session: AsyncSession, clock: FakeClock):
    work = work_of(session, now=clock())
    end = clock() + timedelta(days=1)
    await create_key(work, "matching", KeyTerms(scopes=["read", "emails", "read"], expires_at=end))
    await create_key(work, "reporting")
    reporting, matching = await list_keys(work)
    assert (matching.scopes, matching.expires_at) == (["emails", "read"], end)
    assert (reporting.scopes, reporting.expires_at) == (list(JSON_API), None)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (KeyTerms(scopes=[]), "scopes"),
        (KeyTerms(scopes=["everything"]), "scopes"),
        (KeyTerms(expires_at=FakeClock()()), "expires_at"),
        (KeyTerms(requests_per_minute=-1), "requests_per_minute"),
        (KeyTerms(requests_per_minute=MOST_PER_MINUTE + 1), "requests_per_minute"),
    ],
)
async def test_terms_that_cannot_be_are_refused(
    session: AsyncSession, clock: FakeClock, terms: KeyTerms, field: str
):
    with pytest.raises(InvalidInput) as refused:
        await create_key(work_of(session, now=clock()), "matching", terms)
    assert [error.field for error in refused.value.fields] == [field]


@pytest.mark.parametrize(
    "change",
    [
        "scopes = '{}'",
        "scopes = '{emails,everything}'",
        "scopes = ARRAY['read', NULL]",
        "expires_at = created_at",
        "requests_per_minute = -1",
    ],
)
async def test_the_database_holds_no_key_that_cannot_be(session: AsyncSession, clock: FakeClock, change: str):
    await create_key(work_of(session, now=clock()), "matching")
    with pytest.raises(IntegrityError):
        await session.execute(text(f"UPDATE communication_service.api_keys SET {change}"))


def test_a_day_alone_ends_with_its_last_minute():
    moment = a_moment()
    assert str(read_expiry(moment, " 2027-01-31 ")) == "2027-01-31 23:59:00+01:00"
    assert str(read_expiry(moment, "2027-07-31T12:30")) == "2027-07-31 10:30:00+00:00"
    assert str(read_expiry(moment, "2027-07-31T12:30Z")) == "2027-07-31 12:30:00+00:00"
    assert read_expiry(moment, " ") is None
    for wrong in ("31.01.2027", "soon", "9999-01-01"):
        with pytest.raises(InvalidInput):
            read_expiry(moment, wrong)


async def test_what_is_refused_is_in_the_activity_once_a_minute(session: AsyncSession, clock: FakeClock):
    work = work_of(session, now=clock())
    key = await create_key(work, "matching", KeyTerms(expires_at=clock() + timedelta(seconds=1)))
    valid = await check_key(work, key)
    for _ in range(2):
        with pytest.raises(ScopeMissing):
            await refuse_scope(work, valid, frozenset({"metrics"}))
    clock.advance(minutes=1)
    for _ in range(2):
        with pytest.raises(KeyExpired):
            await check_key(work_of(session, now=clock()), key)
    noted = await session.scalars(
        select(Activity.details).where(Activity.action == "api_key_refused").order_by(Activity.id)
    )
    assert [details["reason"] for details in noted] == ["scope", "expired"]


async def test_a_key_is_revoked_by_its_name(session: AsyncSession, clock: FakeClock):
    work = work_of(session, now=clock())
    await create_key(work, "matching")
    await revoke_key_named(work, " matching ")
    assert (await list_keys(work))[0].revoked_at == clock()
    with pytest.raises(NoKeyOfThisName):
        await revoke_key_named(work, "unknown")


async def test_another_process_does_not_write_the_same_minute_again(
    session: AsyncSession, clock: FakeClock, link: DirectConnection
):
    await create_key(work_of(session, now=clock()), "matching")
    used = clock.advance(seconds=30)
    minute = timedelta(minutes=1)
    await link.fetch(USED, 1, used, minute)
    await link.fetch(USED, 1, clock.advance(seconds=59), minute)
    assert await session.scalar(select(ApiKey.last_used_at)) == used


async def test_minutes_long_past_are_removed(
    session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    await create_key(work_of(session, now=clock()), "matching")
    kept = clock() - MINUTES_KEPT
    async with session.begin():
        for minute in (kept, kept - timedelta(minutes=1)):
            session.add(ApiKeyMinute(minute=minute, api_key_id=1, taken=1))
    await Housekeeping(workplace_of(sessions, clock)).tidy()
    assert (await session.scalars(select(ApiKeyMinute.minute))).all() == [kept]
