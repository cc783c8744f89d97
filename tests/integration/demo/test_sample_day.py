from collections import Counter
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.logins import log_in
from services.calls.due_calls import load_open_calls
from services.calls.placed import by_phone_hours
from services.calls.reachability import Group
from services.models import Email, PhoneCall, Staff, Therapist
from services.rules import DeskRules
from shared.config import Settings
from shared.config.settings import load_settings
from tests.clock import BERLIN
from tests.work import a_moment, tx_of, work_of
from webapp.demo.sample import day
from webapp.demo.sample.day import load_sample_day
from webapp.demo.sample.staff import PASSWORD

WEDNESDAY_MORNING = datetime(2026, 10, 14, 10, 42, tzinfo=BERLIN)
SATURDAY_NIGHT = datetime(2026, 10, 17, 20, 15, tzinfo=BERLIN)
AFTER_MIDNIGHT = datetime(2026, 10, 14, 0, 20, tzinfo=BERLIN)


@pytest.fixture
def round_the_clock(config: Settings) -> Settings:
    return load_settings(
        env_file=None, app_env="testing", database_url=config.database_url, desk_hours="00:00-24:00"
    )


@pytest.fixture(params=[WEDNESDAY_MORNING, SATURDAY_NIGHT, AFTER_MIDNIGHT], ids=["day", "weekend", "night"])
def now(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> datetime:
    moment = request.param.astimezone(UTC)
    monkeypatch.setattr(day, "get_clock", lambda _config: lambda: moment)
    return moment


async def test_day_is_alive_whenever_it_is_loaded(
    round_the_clock: Settings, session: AsyncSession, now: datetime
):
    await load_sample_day(round_the_clock)

    rules = DeskRules.from_settings(round_the_clock)
    async with session.begin():
        board = await load_open_calls(tx_of(session, now=now, rules=rules))
        emails = Counter(await session.scalars(select(Email.status)))
        outcomes = Counter(await session.scalars(select(PhoneCall.ergebnis_art)))
        claimed = await session.scalar(
            select(func.count()).select_from(PhoneCall).where(PhoneCall.bearbeitet_bis > now)
        )
    rows = by_phone_hours(a_moment(now=now, rules=rules), board)
    groups = Counter(row.placement.group for row in rows)
    assert groups[Group.REACHABLE_NOW] >= 5
    assert groups[Group.SOON] >= 3
    assert groups[Group.LATER] >= 2
    assert groups[Group.OVERDUE] >= 1
    assert groups[Group.UNREACHABLE] >= 1
    assert claimed == 1
    assert set(emails) == {"SENT", "FAILED", "SENDING", "QUEUED", "DRAFT"}
    assert outcomes["erreicht"] > 30
    assert outcomes["nicht_erreicht"] > 10


async def test_loading_again_changes_nothing(config: Settings, session: AsyncSession):
    await load_sample_day(config)
    before = await _counts(session)
    await load_sample_day(config)
    assert await _counts(session) == before


async def test_both_accounts_can_log_in(config: Settings, session: AsyncSession):
    await day.load_staff(config)
    for name in ("Anna", "Ben"):
        now = datetime.now(UTC)
        assert (
            await log_in(work_of(session, now=now), name, PASSWORD, lasting=now - now.replace(hour=0))
            is not None
        )


async def _counts(session: AsyncSession) -> list[int | None]:
    async with session.begin():
        return [
            await session.scalar(select(func.count()).select_from(table))
            for table in (Staff, Therapist, Email, PhoneCall)
        ]
