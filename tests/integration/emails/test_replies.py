"""Recording what came back for an e-mail, and what that does to the call about it."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.emails.changes import EmailChanges, update_email
from services.emails.replies import AlreadyAnswered, record_reply
from services.emails.reply import Reply
from services.emails.reply_preview import preview_reply
from services.emails.states import NotInThisState
from services.errors import InvalidInput, StaleVersion
from services.models import (
    Activity,
    CallReason,
    CallStatus,
    Email,
    EmailStatus,
    OutboxEvent,
    PhoneCall,
    ReplyKind,
)
from services.rules import DeskRules
from services.work import API
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_call, make_email, make_therapist
from tests.work import work_of

TOMORROW = date(2026, 10, 15)


@pytest.fixture
async def email(session: AsyncSession, clock: FakeClock) -> Email:
    """Sent eight days ago, with an automatic call planned for tomorrow."""
    sent = clock() - timedelta(days=8)
    email = make_email(status=EmailStatus.SENT, created_at=sent, sent_at=sent)
    session.add_all([email, make_therapist()])
    await session.flush()
    session.add(
        make_call(
            email_id=email.id, grund=CallReason.NO_REPLY, geplantes_datum=TOMORROW, geplante_zeit=time(10)
        )
    )
    await session.commit()
    return email


async def events(session: AsyncSession) -> list[str]:
    async with session.begin():
        rows = await session.scalars(select(OutboxEvent.event_type).order_by(OutboxEvent.id))
        return [event_type.removeprefix("communication.") for event_type in rows]


async def the_call(session: AsyncSession) -> PhoneCall:
    async with session.begin():
        return (await session.scalars(select(PhoneCall).execution_options(populate_existing=True))).one()


async def test_an_answer_is_kept_reported_and_cancels_the_call(
    session: AsyncSession, email: Email, clock: FakeClock, rules: DeskRules
):
    promised = await preview_reply(work_of(session, now=clock(), rules=rules), email.id, ReplyKind.REPLY)
    assert (await the_call(session)).status == CallStatus.SCHEDULED
    eingang = datetime.fromisoformat("2026-10-14T09:30")
    reply = Reply(eingang=eingang, inhalt="Ja, gern.", nachverfolgung_notizen="prima")
    effect = await record_reply(work_of(session, now=clock(), rules=rules, actor=API), email.id, reply)
    await session.refresh(email)
    assert (email.antwort_erhalten, email.antwort_art, email.antwortinhalt) == (True, "antwort", "Ja, gern.")
    assert email.antwortdatum == datetime(2026, 10, 14, 7, 30, tzinfo=UTC)
    assert (email.nachverfolgung_notizen, email.version) == ("prima", 2)
    await session.commit()
    call = await the_call(session)
    assert call.status == CallStatus.CANCELED
    assert effect.canceled is not None
    assert promised.canceled is not None
    assert effect.canceled.id == promised.canceled.id == call.id
    assert sorted(await events(session)) == ["call_canceled", "email_replied"]


async def test_a_note_emptied_with_the_reply_is_none(
    session: AsyncSession, email: Email, clock: FakeClock, rules: DeskRules
):
    for given, kept in (("prima", "prima"), (None, "prima"), ("", None)):
        reply = Reply(inhalt="Ja, gern.", nachverfolgung_notizen=given)
        await record_reply(work_of(session, now=clock(), rules=rules, actor=API), email.id, reply)
        await session.refresh(email)
        await session.commit()
        assert email.nachverfolgung_notizen == kept


async def test_an_out_of_office_note_is_no_answer_and_moves_the_call_to_the_return(
    session: AsyncSession, email: Email, clock: FakeClock, rules: DeskRules
):
    back = date(2026, 10, 26)
    kind = ReplyKind.OUT_OF_OFFICE
    promised = await preview_reply(work_of(session, now=clock(), rules=rules), email.id, kind, rueckkehr=back)
    reply = Reply(art=kind, rueckkehr=back)
    effect = await record_reply(work_of(session, now=clock(), rules=rules, actor=API), email.id, reply)
    await session.refresh(email)
    assert (email.antwort_erhalten, email.antwort_art) == (False, "abwesenheit")
    assert email.nachverfolgung_ab == datetime(2026, 10, 25, 23, tzinfo=UTC)
    await session.commit()
    call = await the_call(session)
    assert (call.status, call.geplantes_datum) == (CallStatus.SCHEDULED, back)
    assert effect.moved is not None
    assert promised.moved is not None
    assert effect.moved.id == promised.moved.id == call.id
    assert promised.follow_up_from == effect.follow_up_from == back
    assert "email_replied" not in await events(session)


async def test_without_a_return_date_the_follow_up_waits_its_full_time_again(
    session: AsyncSession, email: Email, clock: FakeClock, rules: DeskRules
):
    reply = Reply(art=ReplyKind.OUT_OF_OFFICE)
    effect = await record_reply(work_of(session, now=clock(), rules=rules, actor=API), email.id, reply)
    assert effect.follow_up_from == date(2026, 10, 21)
    assert (await the_call(session)).geplantes_datum == date(2026, 10, 21)


async def test_a_return_before_the_call_leaves_it_alone(
    session: AsyncSession, email: Email, clock: FakeClock, rules: DeskRules
):
    reply = Reply(art=ReplyKind.OUT_OF_OFFICE, rueckkehr=TOMORROW)
    effect = await record_reply(work_of(session, now=clock(), rules=rules, actor=API), email.id, reply)
    assert effect.moved is None
    assert (await the_call(session)).geplantes_datum == TOMORROW


async def test_undeliverable_is_no_answer_keeps_the_call_and_offers_one_now(
    session: AsyncSession, email: Email, clock: FakeClock, rules: DeskRules
):
    reply = Reply(art=ReplyKind.UNDELIVERABLE, inhalt="550 5.1.1 mailbox unknown")
    effect = await record_reply(work_of(session, now=clock(), rules=rules, actor=API), email.id, reply)
    await session.refresh(email)
    assert (email.antwort_erhalten, email.antwort_art, email.status) == (
        False,
        "unzustellbar",
        EmailStatus.SENT,
    )
    assert email.fehlermeldung == "550 5.1.1 mailbox unknown"
    await session.commit()
    assert effect.offer_call
    assert (await the_call(session)).status == CallStatus.SCHEDULED
    assert await events(session) == ["email_failed"]


async def test_the_fields_of_a_reply_are_checked_before_anything_is_changed(
    session: AsyncSession, email: Email, clock: FakeClock, rules: DeskRules
):
    email_id = email.id
    wrong = [
        (Reply(eingang=clock() + timedelta(minutes=6)), "antwortdatum"),
        (Reply(eingang=datetime.fromisoformat("2026-10-14T10:48")), "antwortdatum"),
        (Reply(eingang=email.created_at - timedelta(seconds=1)), "antwortdatum"),
        (Reply(inhalt="\x00"), "antwortinhalt"),
        (Reply(nachverfolgung_notizen="\x00"), "nachverfolgung_notizen"),
        (Reply(art=ReplyKind.OUT_OF_OFFICE, rueckkehr=date(2026, 10, 13)), "rueckkehr"),
        (Reply(art=ReplyKind.OUT_OF_OFFICE, rueckkehr=date(2028, 1, 1)), "rueckkehr"),
    ]
    for reply, field in wrong:
        with pytest.raises(InvalidInput) as refused:
            await record_reply(work_of(session, now=clock(), rules=rules, actor=API), email_id, reply)
        assert [error.field for error in refused.value.fields] == [field]
    async with session.begin():
        await session.refresh(email)
    assert (email.antwort_art, email.version) == (None, 1)
    assert (await the_call(session)).status == CallStatus.SCHEDULED


async def test_a_clock_a_little_ahead_makes_no_reply_from_the_future(
    session: AsyncSession, email: Email, clock: FakeClock, rules: DeskRules
):
    reply = Reply(eingang=clock() + timedelta(seconds=2))
    effect = await record_reply(work_of(session, now=clock(), rules=rules, actor=API), email.id, reply)
    assert effect.email.antwortdatum == clock()


async def test_a_reply_is_possible_in_every_state_but_draft(
    session: AsyncSession, clock: FakeClock, rules: DeskRules
):
    for status in EmailStatus:
        email = make_email(status=status, sent_at=clock())
        session.add(email)
        await session.commit()
        if status is EmailStatus.DRAFT:
            with pytest.raises(NotInThisState):
                await record_reply(work_of(session, now=clock(), rules=rules, actor=API), email.id, Reply())
        else:
            await record_reply(work_of(session, now=clock(), rules=rules, actor=API), email.id, Reply())
            assert (email.antwort_erhalten, email.antwortdatum) == (True, clock())


async def test_put_records_an_answer_just_as_the_screen_does(
    session: AsyncSession, email: Email, clock: FakeClock, rules: DeskRules
):
    changes = EmailChanges(antwort_erhalten=True, antwortinhalt="Ja.")
    await update_email(work_of(session, now=clock(), rules=rules, actor=API), email.id, changes)
    assert (email.antwortdatum, email.antwort_art) == (clock(), "antwort")
    assert (await the_call(session)).status == CallStatus.CANCELED
    assert sorted(await events(session)) == ["call_canceled", "email_replied"]
    await update_email(
        work_of(session, now=clock.advance(hours=1), rules=rules, actor=API), email.id, changes
    )
    assert email.version == 2
    assert len(await events(session)) == 2
    await update_email(
        work_of(session, now=clock(), rules=rules, actor=API), email.id, EmailChanges(antwortinhalt=None)
    )
    assert (email.antwort_erhalten, email.antwortinhalt, email.version) == (True, None, 3)


async def test_false_takes_an_answer_back_and_is_nothing_where_there_is_none(
    session: AsyncSession, email: Email, clock: FakeClock, rules: DeskRules
):
    no_answer = EmailChanges(antwort_erhalten=False)
    await update_email(work_of(session, now=clock(), rules=rules, actor=API), email.id, no_answer)
    assert email.version == 1
    await record_reply(work_of(session, now=clock(), rules=rules, actor=API), email.id, Reply(inhalt="Ja"))
    await update_email(work_of(session, now=clock(), rules=rules, actor=API), email.id, no_answer)
    await session.refresh(email)
    assert (email.antwort_erhalten, email.antwortdatum, email.antwortinhalt) == (False, None, None)
    assert email.antwort_art is None


async def test_an_answer_without_saying_so_is_refused_and_one_that_is_there_is_corrected(
    session: AsyncSession, email: Email, clock: FakeClock, rules: DeskRules
):
    email_id, content = email.id, EmailChanges(antwortinhalt="Ja.")
    with pytest.raises(InvalidInput) as refused:
        await update_email(work_of(session, now=clock(), rules=rules, actor=API), email_id, content)
    assert [error.field for error in refused.value.fields] == ["antwortinhalt"]
    await record_reply(work_of(session, now=clock(), rules=rules, actor=API), email_id, Reply(inhalt="Nein"))
    await update_email(work_of(session, now=clock(), rules=rules, actor=API), email_id, content)
    assert (email.antwortinhalt, email.antwortdatum) == ("Ja.", clock())


async def test_after_an_answer_a_note_of_absence_is_refused(
    session: AsyncSession, email: Email, clock: FakeClock, rules: DeskRules
):
    email_id = email.id
    await record_reply(work_of(session, now=clock(), rules=rules, actor=API), email_id, Reply())
    for kind in (ReplyKind.OUT_OF_OFFICE, ReplyKind.UNDELIVERABLE):
        with pytest.raises(AlreadyAnswered):
            await record_reply(
                work_of(session, now=clock(), rules=rules, actor=API), email_id, Reply(art=kind)
            )


async def test_two_who_record_the_same_version_record_once(
    sessions: SessionFactory, session: AsyncSession, email: Email, clock: FakeClock, rules: DeskRules
):
    email_id = email.id

    async def record() -> bool:
        async with sessions() as mine:
            try:
                await record_reply(
                    work_of(mine, now=clock.now, rules=rules, actor=API), email_id, Reply(), version=1
                )
            except StaleVersion:
                return False
            return True

    assert sum(await asyncio.gather(*(record() for _ in range(6)))) == 1
    assert sorted(await events(session)) == ["call_canceled", "email_replied"]


@pytest.mark.parametrize("art", [ReplyKind.REPLY, ReplyKind.OUT_OF_OFFICE])
async def test_what_comes_back_for_an_unclear_email_says_that_it_arrived(
    session: AsyncSession, clock: FakeClock, rules: DeskRules, art: ReplyKind
):
    begun = clock() - timedelta(hours=1)
    email = make_email(
        status=EmailStatus.SENDING, uebergabe_begonnen_at=begun, created_at=begun, fehlermeldung="unklar"
    )
    session.add(email)
    await session.commit()
    await record_reply(work_of(session, now=clock(), rules=rules, actor=API), email.id, Reply(art=art))
    await session.refresh(email)
    assert not email.zustellung_unklar
    assert (email.status, email.sent_at, email.fehlermeldung) == (EmailStatus.SENT, begun, None)
    await session.commit()
    assert await events(session) == ["email_sent", "email_replied"][: 2 if art is ReplyKind.REPLY else 1]
    actions = await session.scalars(select(Activity.action).order_by(Activity.id))
    assert list(actions) == ["email_was_sent", "reply_recorded"]


async def test_a_notice_that_it_could_not_be_delivered_leaves_an_unclear_email_unclear(
    session: AsyncSession, clock: FakeClock, rules: DeskRules
):
    email = make_email(status=EmailStatus.SENDING, uebergabe_begonnen_at=clock())
    session.add(email)
    await session.commit()
    bounce = Reply(art=ReplyKind.UNDELIVERABLE, inhalt="550 no such user")
    await record_reply(work_of(session, now=clock(), rules=rules, actor=API), email.id, bounce)
    await session.refresh(email)
    assert email.zustellung_unklar
