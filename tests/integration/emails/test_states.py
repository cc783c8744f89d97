"""The ways between an e-mail's states, and who wins where two go at once."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.emails.changes import EmailChanges, update_email
from services.emails.states import (
    Decision,
    DeliveryIsClear,
    NoSuchEmail,
    NotInThisState,
    cancel_email,
    decide_all_unclear,
    decide_unclear,
    queue_email,
    retry_email,
    retry_failed,
)
from services.errors import DomainError, InvalidInput, StaleVersion
from services.models import Activity, Email, EmailStatus, OutboxEvent
from services.rules import DeskRules
from services.work import API
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_email
from tests.work import work_of

STATES = {
    EmailStatus.DRAFT: {"queued_at": None, "naechster_versuch_at": None},
    EmailStatus.QUEUED: {},
    EmailStatus.SENDING: {"anspruch": uuid4()},
    EmailStatus.SENT: {},
    EmailStatus.FAILED: {"fehlermeldung": "550 5.1.1 unknown user", "wiederholungsanzahl": 4},
}


def in_state(status: EmailStatus, clock: FakeClock, **values: object) -> Email:
    values = {**STATES[status], **values}
    if status is EmailStatus.SENDING and values["anspruch"]:
        values["anspruch_bis"] = clock()
    if status is EmailStatus.SENT:
        values["sent_at"] = clock()
    return make_email(status=status, **values)


async def stored(session: AsyncSession, email: Email) -> Email:
    session.add(email)
    await session.commit()
    return email


@pytest.mark.parametrize(
    ("use_case", "before", "after"),
    [
        (queue_email, EmailStatus.DRAFT, EmailStatus.QUEUED),
        (cancel_email, EmailStatus.QUEUED, EmailStatus.DRAFT),
        (retry_email, EmailStatus.FAILED, EmailStatus.QUEUED),
    ],
)
async def test_each_way_leaves_one_state_only(
    session: AsyncSession, clock: FakeClock, use_case, before: EmailStatus, after: EmailStatus
):
    for status in EmailStatus:
        email = await stored(session, in_state(status, clock))
        if status is not before:
            with pytest.raises(NotInThisState):
                await use_case(work_of(session, now=clock(), actor=API), email.id)
            continue
        clock.advance(minutes=5)
        await use_case(work_of(session, now=clock(), actor=API), email.id)
        await session.refresh(email)
        assert (email.status, email.version, email.updated_at) == (after, 2, clock())
        due = clock() if after is EmailStatus.QUEUED else None
        assert (email.queued_at, email.naechster_versuch_at) == (due, due)
        assert (email.wiederholungsanzahl, email.fehlermeldung) == (0, None)
        await session.commit()


async def test_put_goes_the_same_ways_and_no_other(session: AsyncSession, clock: FakeClock, rules: DeskRules):
    allowed = {
        (EmailStatus.DRAFT, EmailStatus.QUEUED),
        (EmailStatus.QUEUED, EmailStatus.DRAFT),
        (EmailStatus.FAILED, EmailStatus.QUEUED),
    } | {(status, status) for status in EmailStatus}
    for before in EmailStatus:
        for after in EmailStatus:
            email = await stored(session, in_state(before, clock))
            changes = EmailChanges(status=after)
            if (before, after) in allowed:
                await update_email(work_of(session, now=clock(), rules=rules, actor=API), email.id, changes)
                assert email.status is after
                assert email.version == (1 if before is after else 2)
            else:
                with pytest.raises(NotInThisState):
                    await update_email(
                        work_of(session, now=clock(), rules=rules, actor=API), email.id, changes
                    )


async def test_content_changes_in_a_draft_only_and_the_same_content_is_no_change(
    session: AsyncSession, clock: FakeClock, rules: DeskRules
):
    for status in EmailStatus:
        email = await stored(session, in_state(status, clock))
        same = EmailChanges(betreff=email.betreff, body_html=email.body_html, body_text=email.body_text)
        await update_email(work_of(session, now=clock(), rules=rules, actor=API), email.id, same)
        assert email.version == 1
        other = EmailChanges(betreff="Anders")
        if status is EmailStatus.DRAFT:
            await update_email(work_of(session, now=clock(), rules=rules, actor=API), email.id, other)
            assert (email.betreff, email.version) == ("Anders", 2)
        else:
            with pytest.raises(NotInThisState):
                await update_email(work_of(session, now=clock(), rules=rules, actor=API), email.id, other)


async def test_a_draft_can_change_and_be_queued_at_once_and_a_queued_one_taken_back(
    session: AsyncSession, clock: FakeClock, rules: DeskRules
):
    email = await stored(session, in_state(EmailStatus.QUEUED, clock))
    back = EmailChanges(status=EmailStatus.DRAFT, body_text="Neu & besser")
    await update_email(work_of(session, now=clock(), rules=rules, actor=API), email.id, back)
    assert (email.status, email.body_html) == (EmailStatus.DRAFT, "<p>Neu &amp; besser</p>")
    out = EmailChanges(status=EmailStatus.QUEUED, betreff="Fertig")
    await update_email(work_of(session, now=clock(), rules=rules, actor=API), email.id, out)
    assert (email.status, email.betreff) == (EmailStatus.QUEUED, "Fertig")


async def test_a_refused_change_changes_nothing(session: AsyncSession, clock: FakeClock, rules: DeskRules):
    email = await stored(session, in_state(EmailStatus.DRAFT, clock))
    changes = EmailChanges(
        betreff="", body_html=" ", empfaenger_email="x", therapist_id=0, nachverfolgung_notizen="\x00"
    )
    with pytest.raises(InvalidInput) as refused:
        await update_email(work_of(session, now=clock(), rules=rules, actor=API), email.id, changes)
    fields = {error.field for error in refused.value.fields}
    assert fields == {"betreff", "body_html", "empfaenger_email", "therapist_id", "nachverfolgung_notizen"}
    await session.refresh(email)
    assert email.version == 1


async def test_a_worker_that_has_claimed_an_email_wins_over_the_one_who_cancels(
    sessions: SessionFactory, clock: FakeClock
):
    async with sessions() as session:
        email = await stored(session, in_state(EmailStatus.QUEUED, clock))
    async with sessions() as worker, sessions() as person:
        await worker.begin()
        claimed = await worker.scalar(select(Email).with_for_update(skip_locked=True))
        assert claimed is not None
        cancel = asyncio.create_task(cancel_email(work_of(person, now=clock(), actor=API), email.id))
        claimed.status, claimed.anspruch, claimed.anspruch_bis = EmailStatus.SENDING, uuid4(), clock()
        await worker.commit()
        with pytest.raises(NotInThisState):
            await cancel


async def test_many_who_cancel_at_once_cancel_once(sessions: SessionFactory, clock: FakeClock):
    async with sessions() as session:
        email = await stored(session, in_state(EmailStatus.QUEUED, clock))

    async def cancel() -> bool:
        async with sessions() as session:
            try:
                await cancel_email(work_of(session, now=clock.now, actor=API), email.id)
            except DomainError:
                return False
            return True

    assert sum(await asyncio.gather(*(cancel() for _ in range(8)))) == 1
    async with sessions() as session:
        assert len((await session.scalars(select(Activity))).all()) == 1


async def test_bulk_retry_takes_failed_ones_only_all_or_some(session: AsyncSession, clock: FakeClock):
    failed = [await stored(session, in_state(EmailStatus.FAILED, clock)) for _ in range(3)]
    sent = await stored(session, in_state(EmailStatus.SENT, clock))
    some = [failed[0].id, sent.id, 0]
    assert await retry_failed(work_of(session, now=clock(), actor=API), some) == 1
    assert await retry_failed(work_of(session, now=clock(), actor=API), []) == 0
    assert await retry_failed(work_of(session, now=clock(), actor=API)) == 2
    async with session.begin():
        for email in failed:
            await session.refresh(email)
            assert (email.status, email.version) == (EmailStatus.QUEUED, 2)
            assert (email.naechster_versuch_at, email.fehlermeldung) == (clock(), None)
        await session.refresh(sent)
        assert (sent.status, sent.version) == (EmailStatus.SENT, 1)


async def test_resending_an_unclear_email_keeps_its_message_id(session: AsyncSession, clock: FakeClock):
    email = await stored(
        session, in_state(EmailStatus.SENDING, clock, anspruch=None, uebergabe_begonnen_at=clock())
    )
    message_id = email.message_id
    await decide_unclear(work_of(session, now=clock(), actor=API), email.id, "resend")
    assert (email.status, email.message_id) == (EmailStatus.QUEUED, message_id)
    assert not email.zustellung_unklar
    with pytest.raises(DeliveryIsClear):
        await decide_unclear(work_of(session, now=clock(), actor=API), email.id, "was_sent")


async def test_an_unclear_email_that_was_sent_counts_from_its_hand_over(
    session: AsyncSession, clock: FakeClock
):
    begun = clock()
    email = await stored(
        session, in_state(EmailStatus.SENDING, clock, anspruch=None, uebergabe_begonnen_at=begun)
    )
    clock.advance(hours=3)
    await decide_unclear(work_of(session, now=clock(), actor=API), email.id, "was_sent")
    assert (email.status, email.sent_at) == (EmailStatus.SENT, begun)
    event = (await session.scalars(select(OutboxEvent))).one()
    assert event.event_type == "communication.email_sent"
    assert event.payload["sent_at"] == "2026-10-14T08:42:00Z"


@pytest.mark.parametrize(
    ("decision", "status"), [("resend", EmailStatus.QUEUED), ("was_sent", EmailStatus.SENT)]
)
async def test_one_decision_about_many_leaves_out_what_is_clear_or_has_changed(
    session: AsyncSession, clock: FakeClock, decision: Decision, status: EmailStatus
):
    unclear = [
        in_state(EmailStatus.SENDING, clock, anspruch=None, uebergabe_begonnen_at=clock()) for _ in range(3)
    ]
    for email in unclear:
        email.anspruch = uuid4()
        await stored(session, email)
    failed = await stored(session, in_state(EmailStatus.FAILED, clock))
    seen = {unclear[0].id: 1, unclear[1].id: 1, unclear[2].id: 7, failed.id: 1, 4_711: 1}
    assert await decide_all_unclear(work_of(session, now=clock(), actor=API), seen, decision) == 2
    async with session.begin():
        for email in (*unclear, failed):
            await session.refresh(email)
        actions = (await session.scalars(select(Activity.object_id).order_by(Activity.id))).all()
    assert [email.status for email in unclear] == [status, status, EmailStatus.SENDING]
    assert [email.version for email in (*unclear, failed)] == [2, 2, 1, 1]
    assert [email.anspruch is None for email in unclear] == [True, True, False]
    assert failed.status is EmailStatus.FAILED
    assert actions == [email.id for email in unclear[:2]]


@pytest.mark.parametrize("status", EmailStatus)
async def test_only_what_is_unclear_is_decided(session: AsyncSession, clock: FakeClock, status: EmailStatus):
    email = await stored(session, in_state(status, clock))
    with pytest.raises(DeliveryIsClear):
        await decide_unclear(work_of(session, now=clock(), actor=API), email.id, "resend")


async def test_a_stale_version_and_a_missing_email_are_refused(session: AsyncSession, clock: FakeClock):
    email = await stored(session, in_state(EmailStatus.QUEUED, clock))
    with pytest.raises(StaleVersion):
        await cancel_email(work_of(session, now=clock(), actor=API), email.id, version=7)
    with pytest.raises(NoSuchEmail):
        await cancel_email(work_of(session, now=clock(), actor=API), 0)
