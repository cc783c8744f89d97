import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import PhoneCall
from shared.database import SessionFactory, create_session_factory, wake
from tests.factories import make_call
from tests.recording_notifier import RecordingNotifier


async def test_overlapping_calls_of_one_therapist_are_impossible(session: AsyncSession):
    session.add_all([make_call(leitung=1), make_call(leitung=2)])
    with pytest.raises(IntegrityError, match="ex_phone_calls_therapist_id"):
        await session.commit()


async def test_overlapping_calls_on_one_line_are_impossible(session: AsyncSession):
    session.add_all([make_call(therapist_id=1), make_call(therapist_id=2)])
    with pytest.raises(IntegrityError, match="ex_phone_calls_leitung"):
        await session.commit()


async def test_a_finished_call_frees_its_time(session: AsyncSession):
    session.add_all([make_call(status="completed"), make_call()])
    await session.commit()
    assert await session.scalar(text("SELECT count(*) FROM communication_service.phone_calls")) == 2


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
