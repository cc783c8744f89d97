from datetime import UTC, date, datetime, time, timedelta

import jsonschema
import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.events.report import retract
from services.events.types import PAYLOADS, TOPIC, EventType
from services.models import Email, EmailStatus, OutboxEvent, PhoneCall, ReplyKind, Therapist
from services.models.call_kinds import CallReason, CallStatus, OutcomeKind
from services.sending.queue import EmailQueue
from tests.factories import NOW, make_call, make_email, make_therapist
from tests.work import tx_of

PERSONAL = "Personenbezogenes-7f3a"


def email() -> Email:
    return make_email(
        betreff=f"Betreff {PERSONAL}",
        body_html=f"<p>{PERSONAL}</p>",
        body_text=PERSONAL,
        empfaenger_email=f"{PERSONAL}@example.org",
        empfaenger_name=f"Dr. {PERSONAL}",
        absender_email=f"von-{PERSONAL}@example.org",
        absender_name=PERSONAL,
        status=EmailStatus.SENT,
        sent_at=NOW,
        antwort_erhalten=True,
        antwortdatum=NOW,
        antwortinhalt=PERSONAL,
        antwort_art=ReplyKind.REPLY,
        nachverfolgung_notizen=PERSONAL,
        fehlermeldung=PERSONAL,
        message_id=f"<{PERSONAL}@example.org>",
    )


def call() -> PhoneCall:
    return make_call(
        geplantes_datum=date(2026, 10, 25),
        geplante_zeit=time(2, 30),
        status=CallStatus.FAILED,
        ergebnis=PERSONAL,
        notizen=PERSONAL,
        ergebnis_art=OutcomeKind.BUSY,
        grund=CallReason.CALL_BACK,
    )


def therapist() -> Therapist:
    return make_therapist(
        id=7,
        nachname=PERSONAL,
        telefon=PERSONAL,
        telefon_korrigiert=PERSONAL,
        telefon_korrigiert_e164="+49301234567",
        telefon_korrigiert_at=NOW,
    )


@pytest.mark.parametrize("event_type", EventType)
async def test_an_event_keeps_to_its_schema_and_holds_nothing_personal(
    session: AsyncSession, event_type: EventType
):
    kind = event_type.partition(".")[2].partition("_")[0]
    async with session.begin():
        subject = {"email": email, "call": call, "therapist": therapist}[kind]()
        session.add(subject)
        await session.flush()
        tx_of(session).report(event_type, subject)
    async with session.begin():
        event = (await session.scalars(select(OutboxEvent))).one()
    schema = msgspec.json.schema(PAYLOADS[event_type])
    jsonschema.validate(event.payload, schema, format_checker=jsonschema.FormatChecker())
    assert PERSONAL not in f"{event.payload} {event.key} {event.topic} {event.event_type}"
    assert event.topic == TOPIC
    assert event.key == f"{kind}:{subject.id}"
    assert event.payload["therapist_id"] == (
        subject.id if isinstance(subject, Therapist) else subject.therapist_id
    )


async def test_every_column_of_an_event_payload_is_meant(session: AsyncSession):
    async with session.begin():
        written, rung = email(), call()
        session.add_all([written, rung])
        await session.flush()
        events = [
            tx_of(session, now=NOW).report(EventType.EMAIL_REPLIED, written),
            tx_of(session, now=NOW).report(EventType.CALL_FAILED, rung),
        ]
    assert events[0].payload == {
        "email_id": written.id,
        "therapist_id": 1,
        "status": "SENT",
        "sent_at": "2026-10-14T08:42:00Z",
        "antwort_erhalten": True,
        "antwortdatum": "2026-10-14T08:42:00Z",
        "antwort_art": "antwort",
    }
    assert events[1].payload == {
        "phone_call_id": rung.id,
        "therapist_id": 1,
        "email_id": None,
        "status": "failed",
        "geplantes_datum": "2026-10-25",
        "geplante_zeit": "02:30",
        "dauer_minuten": 5,
        "grund": "rueckruf",
        "versuch": 1,
        "ergebnis_art": "besetzt",
        "vorheriger_anruf_id": None,
        "korrigiert_at": None,
        "gemeinsam_mit_id": None,
    }


async def test_an_event_disappears_with_the_change_it_reports(session: AsyncSession):
    async with session.begin() as change:
        written = email()
        session.add(written)
        await session.flush()
        tx_of(session, now=NOW).report(EventType.EMAIL_CREATED, written)
        await change.rollback()
    async with session.begin():
        assert (await session.scalars(select(OutboxEvent))).all() == []


async def test_events_can_be_taken_back_until_they_are_out(session: AsyncSession):
    later = NOW + timedelta(seconds=17)
    async with session.begin():
        rung = call()
        session.add(rung)
        await session.flush()
        events = [
            tx_of(session, now=NOW).report(EventType.CALL_FAILED, rung, available_at=later) for _ in range(3)
        ]
    async with session.begin():
        events[0].published_at = datetime(2026, 10, 14, 9, tzinfo=UTC)
    async with session.begin():
        assert await retract(tx_of(session), [event.event_id for event in events]) == 2
    async with session.begin():
        assert list(await session.scalars(select(OutboxEvent.id))) == [events[0].id]


@pytest.mark.parametrize("extern_id", [None, "Bündel 4711"])
async def test_senders_report_an_email_as_everybody_else_does(
    session: AsyncSession, queue: EmailQueue, extern_id: str | None
):
    waiting = make_email(expires_at=NOW, extern_id=extern_id)
    async with session.begin():
        session.add(waiting)
    await queue.expire(now=NOW)
    async with session.begin():
        [by_senders] = await session.scalars(select(OutboxEvent))
        await session.refresh(waiting)
        assert by_senders.payload == tx_of(session).report(EventType.EMAIL_FAILED, waiting).payload
        assert (by_senders.payload["reason"], by_senders.payload.get("extern_id")) == ("expired", extern_id)
