"""What an e-mail's page says will follow, held against what the worker does."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from services.desk.email_page import load_email_detail
from services.follow_ups.automatic import due_follow_ups
from services.models import CallReason, CallStatus, EmailStatus, Staff
from services.rules import DeskRules
from services.work import Actor
from tests.factories import NOW, make_call, make_email, make_staff
from tests.work import a_moment, work_of


@pytest.fixture
async def anna(session: AsyncSession) -> Staff:
    anna = make_staff()
    async with session.begin():
        session.add(anna)
    return anna


async def is_due(session: AsyncSession, at: datetime, rules: DeskRules) -> bool:
    async with session.begin():
        return (await session.execute(due_follow_ups(a_moment(now=at, rules=rules)))).first() is not None


@pytest.mark.parametrize(
    ("values", "calls", "follows"),
    [
        ({}, [], True),
        ({}, [(CallReason.MANUAL, CallStatus.CANCELED)], True),
        ({}, [(CallReason.MANUAL, CallStatus.CANCELED), (CallReason.CALL_BACK, CallStatus.SCHEDULED)], False),
        ({}, [(CallReason.MANUAL, CallStatus.SCHEDULED)], False),
        ({}, [(CallReason.UNDELIVERED, CallStatus.FAILED)], False),
        ({}, [(CallReason.NO_REPLY, CallStatus.CANCELED)], False),
        ({"nachgefasst": True}, [], False),
        ({"nachgefasst": True}, [(CallReason.MANUAL, CallStatus.CANCELED)], False),
        ({"antwort_erhalten": True, "antwortdatum": NOW}, [], False),
        ({"nachverfolgung_ab": NOW + timedelta(days=20)}, [(CallReason.MANUAL, CallStatus.CANCELED)], True),
    ],
)
async def test_a_follow_up_is_shown_exactly_when_the_worker_will_make_one(
    session: AsyncSession,
    anna: Staff,
    rules: DeskRules,
    values: dict[str, object],
    calls: list[tuple[CallReason, CallStatus]],
    follows: bool,
):
    email = make_email(status=EmailStatus.SENT, sent_at=NOW, **values)
    async with session.begin():
        session.add(email)
        await session.flush()
        for line, (grund, status) in enumerate(calls, 1):
            session.add(
                make_call(therapist_id=line, leitung=line, email_id=email.id, grund=grund, status=status)
            )
    shown = (
        await load_email_detail(
            work_of(session, now=NOW, rules=rules, actor=Actor("staff", anna.id)), email.id
        )
    ).follow_up_at
    due_at = email.nachverfolgung_ab or NOW + rules.follow_up_after
    assert shown == (due_at if follows else None)
    assert not await is_due(session, due_at - timedelta(seconds=1), rules)
    assert await is_due(session, due_at, rules) is follows
