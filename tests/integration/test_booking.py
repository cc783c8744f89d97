from datetime import UTC, date, datetime, time

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.booking import (
    CallCollision,
    NoFreeLine,
    NoFreeSlot,
    NotToBeCalled,
    NoWindow,
    book_at,
    book_next,
    find_next,
    free_slots_of_day,
    move,
)
from services.errors import InvalidInput
from services.models import PhoneCall, Therapist
from services.rules import DeskRules
from tests.factories import NOW, make_call, make_therapist

WEDNESDAY = date(2026, 10, 14)
THURSDAY = date(2026, 10, 15)


@pytest.fixture
async def therapist(session: AsyncSession) -> Therapist:
    """Phone hours from 10 to 12 on weekdays."""
    therapist = make_therapist()
    async with session.begin():
        session.add(therapist)
    return therapist


async def book_times(session: AsyncSession, therapist: Therapist, rules: DeskRules, count: int) -> list[time]:
    async with session.begin():
        calls = [await book_next(session, therapist, now=NOW, rules=rules) for _ in range(count)]
    return [call.geplante_zeit for call in calls]


async def test_calls_follow_each_other_with_a_gap(
    session: AsyncSession, therapist: Therapist, rules: DeskRules
):
    assert await book_times(session, therapist, rules, 3) == [time(11, 15), time(11, 25), time(11, 35)]
