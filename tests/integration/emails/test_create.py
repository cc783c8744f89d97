"""Creating e-mails and reading them."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.emails.create import NewEmail, create_email, get_email
from services.emails.states import NoSuchEmail, existing_email
from services.emails.stop_list import stop_address
from services.errors import IdempotencyConflict, InvalidInput
from services.events.types import EventType
from services.idempotency import Made, RepeatableRequest
from services.models import Activity, Email, EmailStatus, OutboxEvent, StopReason
from services.work import API, Actor
from shared.config import Settings
from shared.database import SessionFactory
from shared.direct_connection import DirectPool
from tests.clock import FakeClock
from tests.factories import make_staff
from tests.recording_notifier import RecordingNotifier
from tests.work import a_moment, tx_of, work_of

NEW = NewEmail(
    therapist_id=123,
    empfaenger_email="Praxis@Müller-Köln.de",
    empfaenger_name="Dr. Jürgen Müller",
    betreff="Anfrage für drei Patientinnen",
    body_html="<p>Grüße aus <b>Köln</b></p>",
)
COLUMNS = [column.key for column in Email.__mapper__.columns]


async def test_a_new_email_is_queued_with_both_bodies_sender_and_message_id(
    session: AsyncSession, statements: DirectPool, config: Settings, clock: FakeClock
):
    sender = config.get_smtp_settings()
    email, replayed = await create_email(
        statements, NEW, moment=a_moment(now=clock()), actor=API, sender=sender
    )
    stored = await existing_email(tx_of(session), email.id)
    assert not replayed
    assert {c: getattr(email, c) for c in COLUMNS} == {c: getattr(stored, c) for c in COLUMNS}
    assert email.status is EmailStatus.QUEUED
    assert email.queued_at == email.naechster_versuch_at == email.created_at == clock()
    assert (email.absender_email, email.absender_name) == (sender["sender"], sender["sender_name"])
    assert email.body_text == "Grüße aus Köln"
    assert email.empfaenger_email == "Praxis@müller-köln.de"
    assert email.message_id.endswith("@therapieplatz.example>")
    assert not email.zustellung_unklar


async def test_a_draft_is_not_queued(
    session: AsyncSession, statements: DirectPool, config: Settings, clock: FakeClock
):
    draft = replace(NEW, status=EmailStatus.DRAFT)
    email, _ = await create_email(
        statements, draft, moment=a_moment(now=clock()), actor=API, sender=config.get_smtp_settings()
    )
    email = await existing_email(tx_of(session), email.id)
    assert email.status is EmailStatus.DRAFT
    assert email.queued_at is None
    assert email.naechster_versuch_at is None


async def test_creating_reports_an_event_and_wakes_the_senders(
    session: AsyncSession, config: Settings, clock: FakeClock
):
    notifier = RecordingNotifier()
    statements = DirectPool(config.get_database_url(), application_name="test", size=1, notifier=notifier)
    email, _ = await create_email(
        statements, NEW, moment=a_moment(now=clock()), actor=API, sender=config.get_smtp_settings()
    )
    await statements.close()
    event = (await session.scalars(select(OutboxEvent))).one()
    stored = (await session.scalars(select(Email))).one()
    assert stored.id == email.id
    assert (event.created_at, event.available_at) == (stored.created_at, stored.created_at)
    as_reported = tx_of(session, now=clock()).report(EventType.EMAIL_CREATED, stored)
    for column in ("event_type", "topic", "key", "payload"):
        assert getattr(event, column) == getattr(as_reported, column)
    assert set.union(*notifier.sent) == {"email-queue", "emails", "outbox"}


async def test_the_log_names_who_wrote_an_email(
    session: AsyncSession, statements: DirectPool, config: Settings, clock: FakeClock
):
    member = make_staff()
    session.add(member)
    await session.commit()
    actor = Actor("staff", member.id)
    email, _ = await create_email(
        statements, NEW, moment=a_moment(now=clock()), actor=actor, sender=config.get_smtp_settings()
    )
    entry = (await session.scalars(select(Activity))).one()
    assert (entry.staff_id, entry.action, entry.object_id) == (member.id, "email_created", email.id)


async def test_the_senders_own_domain_is_in_the_message_id(
    session: AsyncSession, statements: DirectPool, config: Settings, clock: FakeClock
):
    new = replace(NEW, absender_email="wir@größe.example", absender_name="Wir")
    email, _ = await create_email(
        statements, new, moment=a_moment(now=clock()), actor=API, sender=config.get_smtp_settings()
    )
    assert email.message_id.endswith("@xn--gre-6ka8i.example>")


async def test_a_template_brings_subject_and_bodies(
    session: AsyncSession, statements: DirectPool, config: Settings, clock: FakeClock
):
    new = replace(
        NEW,
        betreff=None,
        body_html=None,
        template="initial_contact",
        template_data={"anrede": "Sehr geehrte Frau <Weber>", "anzahl": 2},
    )
    email, _ = await create_email(
        statements, new, moment=a_moment(now=clock()), actor=API, sender=config.get_smtp_settings()
    )
    assert email.betreff == "Anfrage: 2 Personen suchen einen Therapieplatz"
    assert "Sehr geehrte Frau &lt;Weber&gt;," in email.body_html
    assert email.body_text.startswith("Sehr geehrte Frau <Weber>,")


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"therapist_id": 0}, ["therapist_id"]),
        ({"therapist_id": 2**31}, ["therapist_id"]),
        ({"empfaenger_email": "jürgen@example.de"}, ["empfaenger_email"]),
        ({"empfaenger_email": "praxis@example.de\n"}, ["empfaenger_email"]),
        ({"empfaenger_name": "Dr.\r\nBcc: x@example.de"}, ["empfaenger_name"]),
        ({"betreff": ""}, ["betreff"]),
        ({"betreff": None}, ["betreff"]),
        ({"betreff": "x" * 256, "absender_email": "nobody"}, ["absender_email", "betreff"]),
        ({"body_html": "a\x00b"}, ["body_html"]),
        ({"body_html": "ä" * 600_000}, ["body_html"]),
        ({"body_html": None}, ["body_text"]),
        ({"body_html": " ", "body_text": ""}, ["body_text"]),
        ({"absender_name": ""}, ["absender_name"]),
        ({"nachverfolgung_notizen": "\x00"}, ["nachverfolgung_notizen"]),
        ({"template_data": {}}, ["template_data"]),
        ({"template": "initial_contact"}, ["body_html", "template_data.anrede", "template_data.anzahl"]),
        ({"template": "../etc/passwd", "body_html": None}, ["template"]),
        ({"template": "", "body_html": None}, ["template"]),
    ],
)
async def test_a_refusal_names_the_fields_and_stores_nothing(
    session: AsyncSession,
    statements: DirectPool,
    config: Settings,
    clock: FakeClock,
    wrong: dict[str, object],
    fields: list[str],
):
    with pytest.raises(InvalidInput) as refused:
        await create_email(
            statements,
            replace(NEW, **wrong),
            moment=a_moment(now=clock()),
            actor=API,
            sender=config.get_smtp_settings(),
        )
    assert [error.field for error in refused.value.fields] == fields
    assert await session.scalar(select(func.count()).select_from(Email)) == 0


async def test_one_key_posted_fifty_times_at_once_makes_one_email(
    sessions: SessionFactory, statements: DirectPool, config: Settings, clock: FakeClock
):
    sender, key = config.get_smtp_settings(), RepeatableRequest("k", b"h" * 32)
    answers = await asyncio.gather(
        *(
            create_email(
                statements, NEW, moment=a_moment(now=clock.now), actor=API, sender=sender, repeatable=key
            )
            for _ in range(50)
        )
    )
    assert len({email.id for email, _ in answers}) == 1
    assert sorted(replayed for _, replayed in answers) == [False] + [True] * 49
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Email)) == 1
        assert await session.scalar(select(func.count()).select_from(OutboxEvent)) == 1


async def test_a_repeated_request_gets_the_first_answer_whatever_happened_since(
    sessions: SessionFactory, statements: DirectPool, config: Settings, clock: FakeClock
):
    sender, key = config.get_smtp_settings(), RepeatableRequest("k", b"h" * 32)
    first, _ = await create_email(
        statements, NEW, moment=a_moment(now=clock()), actor=API, sender=sender, repeatable=key
    )
    async with sessions.begin() as session:
        await session.execute(
            text(
                "UPDATE communication_service.emails"
                " SET status = 'SENT', sent_at = now(), naechster_versuch_at = NULL, version = 3"
            )
        )
    clock.advance(hours=1)
    again, replayed = await create_email(
        statements, NEW, moment=a_moment(now=clock()), actor=API, sender=sender, repeatable=key
    )
    assert replayed
    assert {c: getattr(again, c) for c in COLUMNS} == {c: getattr(first, c) for c in COLUMNS}


async def test_one_key_with_another_body_is_a_conflict(
    statements: DirectPool, config: Settings, clock: FakeClock
):
    sender = config.get_smtp_settings()
    key = RepeatableRequest("k", b"1" * 32)
    await create_email(
        statements, NEW, moment=a_moment(now=clock()), actor=API, sender=sender, repeatable=key
    )
    key = RepeatableRequest("k", b"2" * 32)
    with pytest.raises(IdempotencyConflict):
        await create_email(
            statements, NEW, moment=a_moment(now=clock()), actor=API, sender=sender, repeatable=key
        )


async def test_what_is_not_there_is_not_found(session: AsyncSession):
    with pytest.raises(NoSuchEmail):
        await get_email(work_of(session), 1)


async def test_of_those_made_at_the_same_moment_a_refused_one_takes_nobody_along(
    session: AsyncSession, statements: DirectPool, config: Settings
):
    await stop_address(work_of(session), NEW.empfaenger_email, StopReason.UNWANTED)
    others = [replace(NEW, empfaenger_email=f"praxis-{number}@example.de") for number in range(5)]
    made = await asyncio.gather(
        *(
            create_email(statements, new, moment=a_moment(), actor=API, sender=config.get_smtp_settings())
            for new in (*others[:3], NEW, *others[3:])
        ),
        return_exceptions=True,
    )
    assert [isinstance(one, InvalidInput) for one in made] == [False] * 3 + [True] + [False] * 2
    stored = await session.execute(select(Email.id, Email.empfaenger_email))
    answered = {one.row.id: one.row.empfaenger_email for one in made if isinstance(one, Made)}
    assert answered == dict(stored.all())
