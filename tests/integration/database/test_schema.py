from datetime import datetime, time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import CallEmail, PhoneCall
from shared.database import SessionFactory, create_session_factory, wake
from tests.factories import make_call, make_email
from tests.recording_notifier import RecordingNotifier


async def test_overlapping_calls_of_one_therapist_are_impossible(session: AsyncSession):
    session.add_all([make_call(leitung=1), make_call(leitung=2)])
    with pytest.raises(IntegrityError, match="ex_phone_calls_therapist_id"):
        await session.commit()


async def test_overlapping_calls_on_one_line_are_impossible(session: AsyncSession):
    session.add_all([make_call(therapist_id=1), make_call(therapist_id=2)])
    with pytest.raises(IntegrityError, match="ex_phone_calls_leitung"):
        await session.commit()


async def test_an_instant_without_a_time_zone_is_none(session: AsyncSession):
    session.add(make_call(created_at=datetime(2026, 10, 14, 10, 42)))  # noqa: DTZ001
    with pytest.raises(StatementError, match="a time zone is needed"):
        await session.commit()


async def test_a_finished_call_frees_its_time(session: AsyncSession):
    session.add_all([make_call(status="completed"), make_call()])
    await session.commit()
    assert await session.scalar(text("SELECT count(*) FROM communication_service.phone_calls")) == 2


async def test_a_call_is_linked_to_its_email_and_no_second_automatic_one_is(session: AsyncSession):
    email = make_email()
    session.add(email)
    await session.flush()
    call = make_call(email_id=email.id, grund="keine_antwort")
    session.add_all([call, make_call(leitung=2, therapist_id=2, email_id=email.id, grund="rueckruf")])
    await session.flush()
    await session.refresh(call, ["email_ids"])
    assert call.email_ids == [email.id]
    following = make_call(therapist_id=3, grund="keine_antwort", geplante_zeit=time(12))
    session.add(following)
    await session.flush()
    session.add(CallEmail(call_id=following.id, email_id=email.id, automatisch=True))
    with pytest.raises(IntegrityError, match="uq_anruf_emails_automatic"):
        await session.flush()


async def test_hints_are_sent_at_commit_once_and_not_after_rollback(sessions: SessionFactory):
    notifier = RecordingNotifier()
    factory = create_session_factory(sessions.kw["bind"], notifier)
    async with factory() as session:
        async with session.begin():
            async with session.begin_nested():
                session.add(make_call())
                wake(session, "calls")
            assert notifier.sent == []
            wake(session, "calls")
        assert notifier.sent == [{"calls"}]
        async with session.begin():
            await session.get(PhoneCall, 1)
            wake(session, "emails")
            await session.rollback()
    assert notifier.sent == [{"calls"}]


async def test_the_mark_before_data_rewrites_no_index(session: AsyncSession):
    """A column in an index, or in its condition, would have all indexes written once more per message."""
    indexes = await session.scalars(text("SELECT indexdef FROM pg_indexes WHERE tablename = 'emails'"))
    definitions = list(indexes)
    assert any("ix_emails_claim" in definition for definition in definitions)
    written = ("anspruch_bis", "uebergabe_begonnen_at")
    assert [d for d in definitions if any(column in d for column in written)] == []
