"""From when until when an e-mail is to be sent: said and changed, and kept by all ways into the queue."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from services.emails.changes import EmailChanges, update_email
from services.emails.create import NewEmail, create_email
from services.emails.replies import record_reply
from services.emails.reply import Reply
from services.emails.schedule import FARTHEST, Expired
from services.emails.states import (
    NotInThisState,
    cancel_email,
    decide_unclear,
    queue_email,
    retry_email,
    retry_failed,
)
from services.errors import InvalidInput
from services.idempotency import RepeatableRequest
from services.models import Email, EmailStatus, Unsent
from services.sending.queue import EmailQueue
from services.work import API
from shared.config import Settings
from shared.database import SessionFactory
from shared.direct_connection import DirectPool
from tests.factories import NOW, make_email
from tests.mail import add_emails, claim, read_email
from tests.work import a_moment, work_of

HOUR = timedelta(hours=1)
NEW = NewEmail(
    therapist_id=1,
    empfaenger_email="praxis@example.org",
    empfaenger_name="Praxis",
    betreff="Anfrage",
    body_text="Guten Tag",
)
DRAFT = {"status": EmailStatus.DRAFT, "queued_at": None, "naechster_versuch_at": None}
FAILED = {"status": EmailStatus.FAILED}


@pytest.fixture
def make(statements: DirectPool, config: Settings):
    async def make_new(
        *, now: datetime = NOW, key: RepeatableRequest | None = None, **values: object
    ) -> Email:
        email, _ = await create_email(
            statements,
            replace(NEW, **values),  # pyright: ignore[reportArgumentType]
            moment=a_moment(now=now),
            actor=API,
            sender=config.get_smtp_settings(),
            repeatable=key,
        )
        return email

    return make_new


async def change(sessions: SessionFactory, email_id: int, *, now: datetime = NOW, **changes: object) -> Email:
    async with sessions() as session:
        return await update_email(work_of(session, now=now), email_id, EmailChanges(**changes))  # pyright: ignore


async def test_an_email_is_due_when_it_is_to_be_sent(make, sessions: SessionFactory, queue: EmailQueue):
    later = await make(send_at=NOW + HOUR)
    at_once = await make(send_at=NOW - HOUR)
    stored = await read_email(sessions, later.id)
    assert (stored.send_at, stored.naechster_versuch_at, stored.queued_at) == (NOW + HOUR, NOW + HOUR, NOW)
    assert stored.planned_for(NOW) == NOW + HOUR
    assert stored.planned_for(NOW + HOUR) is None
    assert [email.id for email in await claim(queue)] == [at_once.id]
    assert [email.id for email in await claim(queue, now=NOW + HOUR)] == [later.id]


async def test_naive_times_are_local(make, sessions: SessionFactory):
    email = await make(send_at=datetime(2026, 10, 15, 8, 30), expires_at=datetime(2026, 10, 15, 18, 0))  # noqa: DTZ001
    stored = await read_email(sessions, email.id)
    berlin = ZoneInfo("Europe/Berlin")
    assert stored.send_at == email.send_at == datetime(2026, 10, 15, 8, 30, tzinfo=berlin)
    assert stored.expires_at == datetime(2026, 10, 15, 18, 0, tzinfo=berlin)


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ({"expires_at": NOW}, "expires_at"),
        ({"expires_at": NOW - HOUR}, "expires_at"),
        ({"send_at": NOW + HOUR, "expires_at": NOW + HOUR}, "expires_at"),
        ({"send_at": NOW + FARTHEST + HOUR}, "send_at"),
        ({"expires_at": NOW + FARTHEST + HOUR}, "expires_at"),
    ],
)
async def test_times_that_can_not_be_are_named(make, times: dict[str, datetime], field: str):
    with pytest.raises(InvalidInput) as refused:
        await make(**times)
    assert [error.field for error in refused.value.fields] == [field]


async def test_a_repeated_request_is_answered_as_before_its_time_was_over(make):
    key = RepeatableRequest("k", b"1" * 32)
    first = await make(key=key, send_at=NOW + HOUR, expires_at=NOW + 2 * HOUR)
    again = await make(key=key, send_at=NOW + HOUR, expires_at=NOW + 2 * HOUR, now=NOW + 3 * HOUR)
    columns = [column.key for column in Email.__mapper__.columns]
    assert {c: getattr(again, c) for c in columns} == {c: getattr(first, c) for c in columns}
    with pytest.raises(InvalidInput):
        await make(key=RepeatableRequest("l", b"1" * 32), expires_at=NOW + 2 * HOUR, now=NOW + 3 * HOUR)


async def test_times_change_until_the_handing_over(sessions: SessionFactory):
    await add_emails(
        sessions,
        make_email(),
        make_email(**DRAFT),
        make_email(**FAILED),
        make_email(status=EmailStatus.SENT, sent_at=NOW),
        make_email(status=EmailStatus.SENDING, uebergabe_begonnen_at=NOW),
    )
    for email_id in (1, 2, 3):
        await change(sessions, email_id, send_at=NOW + HOUR, expires_at=NOW + 2 * HOUR)
        stored = await read_email(sessions, email_id)
        assert (stored.send_at, stored.expires_at) == (NOW + HOUR, NOW + 2 * HOUR)
    assert (await read_email(sessions, 1)).naechster_versuch_at == NOW + HOUR
    assert (await change(sessions, 1, send_at=None)).naechster_versuch_at == NOW
    for email_id in (4, 5):
        with pytest.raises(NotInThisState):
            await change(sessions, email_id, expires_at=NOW + HOUR)
        assert (await change(sessions, email_id, send_at=None)).version == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"send_at": NOW + 3 * HOUR}, "send_at"),
        ({"expires_at": NOW + HOUR}, "expires_at"),
        ({"expires_at": NOW - HOUR}, "expires_at"),
    ],
)
async def test_a_change_that_can_not_be_changes_nothing(sessions: SessionFactory, changes, field: str):
    await add_emails(sessions, make_email(send_at=NOW + HOUR, expires_at=NOW + 2 * HOUR))
    with pytest.raises(InvalidInput) as refused:
        await change(sessions, 1, **changes)
    assert [error.field for error in refused.value.fields] == [field]
    stored = await read_email(sessions, 1)
    assert (stored.send_at, stored.expires_at, stored.version) == (NOW + HOUR, NOW + 2 * HOUR, 1)


async def test_a_planned_email_is_cancelled_and_queued_for_its_time_again(sessions: SessionFactory):
    await add_emails(sessions, make_email(send_at=NOW + HOUR, naechster_versuch_at=NOW + HOUR))
    async with sessions() as session:
        email = await cancel_email(work_of(session), 1)
        assert (email.status, email.naechster_versuch_at) == (EmailStatus.DRAFT, None)
        email = await queue_email(work_of(session), 1)
        assert (email.status, email.naechster_versuch_at) == (EmailStatus.QUEUED, NOW + HOUR)


async def test_an_answer_to_a_planned_email_takes_it_out_of_the_queue(sessions: SessionFactory):
    await add_emails(sessions, make_email(send_at=NOW + HOUR, naechster_versuch_at=NOW + HOUR))
    async with sessions() as session:
        await record_reply(work_of(session), 1, Reply())
    assert (await read_email(sessions, 1)).unsent_because is Unsent.ANSWERED


async def test_what_has_expired_is_not_queued_again_but_for_a_new_time(sessions: SessionFactory):
    over = {"expires_at": NOW}
    await add_emails(
        sessions,
        make_email(**DRAFT, **over),
        make_email(**FAILED, **over),
        make_email(**FAILED, send_at=NOW + HOUR, expires_at=NOW + 2 * HOUR),
    )
    async with sessions() as session:
        work = work_of(session)
        queued = EmailChanges(status=EmailStatus.QUEUED)
        for queueing in (queue_email(work, 1), retry_email(work, 2), update_email(work, 2, queued)):
            with pytest.raises(Expired, match="2026-10-14 08:42 UTC"):
                await queueing
        assert await retry_failed(work) == 1
        email = await update_email(work, 2, replace(queued, expires_at=None))
        assert (email.status, email.fehlermeldung) == (EmailStatus.QUEUED, None)
    again = await read_email(sessions, 3)
    assert (again.status, again.naechster_versuch_at) == (EmailStatus.QUEUED, NOW + HOUR)


async def test_an_unclear_email_whose_time_is_over_fails_instead_of_going_out_again(
    sessions: SessionFactory, queue: EmailQueue
):
    unclear = {"status": EmailStatus.SENDING, "uebergabe_begonnen_at": NOW}
    await add_emails(sessions, make_email(**unclear, expires_at=NOW))
    async with sessions() as session:
        await decide_unclear(work_of(session), 1, "resend")
    assert await claim(queue) == []
    assert await queue.expire(now=NOW) == [1]
    assert (await read_email(sessions, 1)).unsent_because is Unsent.EXPIRED
