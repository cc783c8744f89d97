"""Erasing a therapist: what is open is settled, all is blanked, and nothing comes back by itself."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.planning import NewCall, create_call
from services.emails.create import NewEmail, create_email
from services.emails.states import TextErased, queue_email, retry_failed
from services.events.types import EventType
from services.models import (
    Activity,
    Base,
    CallReason,
    CallStatus,
    CancelReason,
    Draft,
    Email,
    EmailStatus,
    EmailVersuch,
    Incoming,
    IncomingKind,
    IncomingState,
    OutboxEvent,
    PhoneCall,
    Staff,
    StopEntry,
    StopReason,
    Therapist,
)
from services.privacy.erasure import Erasure, erase_therapist, finish_erasures, preview_erasure
from services.privacy.export import export_therapist
from services.privacy.holdings import NothingHeld
from services.sending.ledger import Ledger
from services.sending.queue import EmailQueue
from services.therapists.client import TherapistPage
from services.therapists.directory import ErasedTherapist, TherapistDirectory, store
from services.therapists.refresh import DirectoryRefresh
from services.work import API, Action
from shared.config import Settings
from shared.database import SessionFactory
from shared.direct_connection import DirectPool
from tests.clock import FakeClock
from tests.factories import NOW, make_call, make_email, make_staff, make_therapist
from tests.work import a_moment, tx_of, work_of, workplace_of

SURNAME = "Wunderlich-Planck"
ADDRESS = "wunderlich@praxis-planck.example"
NUMBER = "030 98765432"
WORDS = "Bitte nur noch Privatpatienten"
SECRETS = ("Wunderlich", "wunderlich", "planck", "98765432", "Privatpatienten", "Teststraße")


def theirs(**values: Any) -> Email:
    about = {
        "betreff": f"Anfrage an {SURNAME}",
        "body_text": WORDS,
        "body_html": f"<p>{WORDS}</p>",
        "empfaenger_email": ADDRESS,
        "empfaenger_name": SURNAME,
    }
    return make_email(**(about | values))


def message(**values: Any) -> Incoming:
    about = {
        "absender": ADDRESS,
        "absender_name": SURNAME,
        "betreff": "AW",
        "text": WORDS,
        "worte": WORDS,
        "message_id": "<1@praxis-planck.example>",
        "art": IncomingKind.REPLY,
        "zustand": IncomingState.DONE,
        "empfangen_at": NOW,
    }
    return Incoming(**(about | values))


async def keep(session: AsyncSession, *rows: Base) -> None:
    async with session.begin():
        for row in rows:
            session.add(row)
            await session.flush()


@pytest.fixture
async def held(session: AsyncSession) -> Staff:
    """A therapist with something of each kind, and another whose things stay."""
    anna = make_staff(name="Anna")
    them = make_therapist(
        nachname=SURNAME,
        email=ADDRESS,
        telefon=NUMBER,
        strasse="Teststraße 1",
        anruf_hinweis=WORDS,
        telefon_korrigiert=NUMBER,
        telefon_korrigiert_e164="+493098765432",
        telefon_korrigiert_at=NOW,
    )
    await keep(session, anna, them, make_therapist(id=2, email="other@example.org"))
    await keep(
        session,
        theirs(id=11, status=EmailStatus.SENT, sent_at=NOW, fehlermeldung=f"550 <{ADDRESS}>"),
        theirs(id=12, status=EmailStatus.QUEUED),
        theirs(id=13, status=EmailStatus.DRAFT),
        theirs(id=14, status=EmailStatus.SENDING, uebergabe_begonnen_at=NOW),
        theirs(id=15, status=EmailStatus.SENDING, anspruch=uuid4(), anspruch_bis=NOW + timedelta(minutes=3)),
        make_email(id=21, therapist_id=2),
        EmailVersuch(
            email_id=11, nummer=1, begonnen_at=NOW, beendet_at=NOW, stufe="rcpt", ergebnis="sent",
            smtp_text=f"250 <{ADDRESS}>",
        ),
    )  # fmt: skip
    await keep(
        session,
        message(id=31, email_id=11, therapist_id=1),
        message(id=32, zustand=IncomingState.OPEN, art=IncomingKind.UNCLEAR),
        message(
            id=33,
            absender="other@example.org",
            absender_name="",
            text="",
            worte="",
            message_id=None,
            therapist_id=2,
        ),
        make_call(id=41, email_id=11, grund=CallReason.NO_REPLY, notizen=WORDS),
        make_call(
            id=42, status=CallStatus.FAILED, abgeschlossen_at=NOW, ergebnis=WORDS, klaerung_noetig=True
        ),
        make_call(id=51, therapist_id=2, leitung=2, notizen="bleibt"),
    )
    await keep(
        session,
        Draft(
            staff_id=anna.id, gegenstand="call", gegenstand_id=41, felder={"notizen": WORDS}, updated_at=NOW
        ),
        Draft(staff_id=anna.id, gegenstand="call", gegenstand_id=51, felder={"notizen": "x"}, updated_at=NOW),
        StopEntry(id=61, adresse=ADDRESS, grund=StopReason.DEAD, seit=NOW, eingang_id=31),
    )
    return anna


async def everything(session: AsyncSession) -> str:
    """Return all rows of all tables but accounts as text."""
    rows: list[str] = []
    async with session.begin():
        for table in Base.metadata.sorted_tables:
            if table.name != "staff":
                found = await session.scalars(select(func.to_jsonb(table.table_valued())))
                rows += [json.dumps(row, ensure_ascii=False) for row in found]
    return "\n".join(rows)


async def test_nothing_is_left_of_a_therapist_but_the_skeleton(session: AsyncSession, held: Staff):
    before = await everything(session)
    assert all(secret in before for secret in SECRETS)
    expected = Erasure(
        emails=5, not_sent=2, incoming=2, calls=2, canceled=1, drafts=1, stop_entries=1, kept_stop_entries=0
    )
    assert await preview_erasure(work_of(session), 1) == expected
    assert await everything(session) == before

    assert await erase_therapist(work_of(session), 1) == expected

    after = await everything(session)
    assert [secret for secret in SECRETS if secret in after] == []
    async with session.begin():
        them = await session.get_one(Therapist, 1, populate_existing=True)
        assert (them.geloescht_at, them.status, them.display_name) == (NOW, "inaktiv", "#1")
        other = await session.get_one(Email, 21, populate_existing=True)
        assert (other.status, other.betreff) == (EmailStatus.QUEUED, "Anfrage für drei Patientinnen")
        call = await session.get_one(PhoneCall, 51, populate_existing=True)
        assert (call.status, call.notizen) == (CallStatus.SCHEDULED, "bleibt")
        assert await session.scalar(select(func.count()).select_from(Draft)) == 1


async def test_what_was_open_is_settled_and_other_services_are_told(session: AsyncSession, held: Staff):
    await erase_therapist(work_of(session), 1)
    async with session.begin():
        status = dict(
            (await session.execute(select(Email.id, Email.status).where(Email.therapist_id == 1))).all()
        )
        assert status == {
            11: EmailStatus.SENT,
            12: EmailStatus.FAILED,
            13: EmailStatus.DRAFT,
            14: EmailStatus.SENT,
            15: EmailStatus.FAILED,
        }
        calls = [await session.get_one(PhoneCall, number, populate_existing=True) for number in (41, 42)]
        assert (calls[0].status, calls[0].absage_grund) == (CallStatus.CANCELED, CancelReason.ERASED)
        assert (calls[1].status, calls[1].klaerung_noetig) == (CallStatus.FAILED, False)
        waiting = await session.get_one(Incoming, 32, populate_existing=True)
        assert waiting.zustand == IncomingState.ASIDE
        told = await session.execute(select(OutboxEvent.key, OutboxEvent.event_type, OutboxEvent.payload))
        found = {(key, kind): payload.get("reason") for key, kind, payload in told}
        assert found == {
            ("email:12", EventType.EMAIL_FAILED): "erased",
            ("email:15", EventType.EMAIL_FAILED): "erased",
            ("email:14", EventType.EMAIL_SENT): None,
            ("call:41", EventType.CALL_CANCELED): None,
        }
        did = await session.scalars(
            select(Activity.action).where(Activity.object_type == "therapist", Activity.object_id == 1)
        )
        assert did.all() == [Action.THERAPIST_ERASED]


async def test_a_worker_that_had_claimed_an_email_may_not_hand_it_over(
    session: AsyncSession, held: Staff, queue: EmailQueue, ledger: Ledger
):
    claimed = await queue.claim(5, now=NOW, lease_end=NOW + timedelta(minutes=3))
    await erase_therapist(work_of(session), 1)
    assert {email.id: await ledger.begin(email) for email in claimed} == {12: False, 21: True}


async def test_who_wants_no_mail_still_gets_none(session: AsyncSession, held: Staff):
    async with session.begin():
        entry = await session.get_one(StopEntry, 61)
        entry.grund = StopReason.UNWANTED
    assert (await erase_therapist(work_of(session), 1)).kept_stop_entries == 1
    async with session.begin():
        entry = await session.get_one(StopEntry, 61, populate_existing=True)
        assert (entry.adresse, entry.aufgehoben_at) == (ADDRESS, None)


async def test_an_address_shared_with_others_leads_to_none_of_their_messages(
    session: AsyncSession, held: Staff
):
    await keep(session, make_therapist(id=3, email=ADDRESS.upper()))
    await erase_therapist(work_of(session), 1)
    async with session.begin():
        assert (await session.get_one(Incoming, 32, populate_existing=True)).absender == ADDRESS
        assert (await session.get_one(StopEntry, 61, populate_existing=True)).adresse == ADDRESS


async def test_nobody_can_be_erased_of_whom_nothing_is_held(session: AsyncSession, held: Staff):
    for use_case in (erase_therapist, preview_erasure, export_therapist):
        with pytest.raises(NothingHeld):
            await use_case(work_of(session), 99)
    async with session.begin():
        assert await session.get(Therapist, 99) is None


async def test_the_directory_brings_nobody_back(
    session: AsyncSession, sessions: SessionFactory, held: Staff, config: Settings, clock: FakeClock
):
    await erase_therapist(work_of(session), 1)
    fields = {"id": 1, "vorname": "Eva", "nachname": SURNAME, "email": ADDRESS, "status": "aktiv"}
    later = NOW + timedelta(days=2)

    class Service:
        async def fetch(self, therapist_id: int) -> dict[str, Any]:
            return fields

        async def fetch_page(self, page: int, limit: int) -> TherapistPage:
            return TherapistPage([fields], more=False)

    directory = TherapistDirectory(config, client=None)  # pyright: ignore[reportArgumentType]
    directory.client = Service()  # pyright: ignore[reportAttributeAccessIssue]
    for answer in (directory.get, directory.refresh):
        with pytest.raises(ErasedTherapist):
            await answer(work_of(session, now=later), 1)
    clock.now = later
    await DirectoryRefresh(workplace_of(sessions, clock), directory).turn()
    async with session.begin():
        await store(tx_of(session, now=later), [fields])
    async with session.begin():
        them = await session.get_one(Therapist, 1, populate_existing=True)
        assert (them.nachname, them.email, them.geloescht_at) == ("", None, NOW)


async def test_nothing_new_is_made_for_them(
    session: AsyncSession, held: Staff, statements: DirectPool, config: Settings
):
    await erase_therapist(work_of(session), 1)
    new = NewEmail(
        therapist_id=1, empfaenger_email=ADDRESS, empfaenger_name=SURNAME, betreff="x", body_text="x"
    )
    with pytest.raises(ErasedTherapist):
        await create_email(statements, new, moment=a_moment(), actor=API, sender=config.get_smtp_settings())
    directory = TherapistDirectory(config, client=None)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ErasedTherapist):
        await create_call(work_of(session), NewCall(therapist_id=1), directory=directory)
    async with session.begin():
        assert await session.scalar(select(func.count()).where(Email.therapist_id == 1)) == 5


async def test_a_blanked_email_is_never_queued_again(session: AsyncSession, held: Staff):
    await erase_therapist(work_of(session), 1)
    assert await retry_failed(work_of(session)) == 0
    with pytest.raises(TextErased):
        await queue_email(work_of(session), 13)


async def test_what_was_asked_for_at_the_same_moment_is_erased_by_the_worker(
    session: AsyncSession, held: Staff
):
    await erase_therapist(work_of(session), 1)
    later = NOW + timedelta(hours=1)
    await keep(session, theirs(id=16), make_call(id=43, notizen=WORDS), theirs(id=17, created_at=later))
    await finish_erasures(work_of(session, now=later))
    async with session.begin():
        missed = await session.get_one(Email, 16, populate_existing=True)
        assert (missed.status, missed.betreff) == (EmailStatus.FAILED, "")
        assert (await session.get_one(PhoneCall, 43, populate_existing=True)).status == CallStatus.CANCELED
        assert (await session.get_one(Email, 17, populate_existing=True)).betreff != ""


async def test_the_export_holds_all_and_names_nobody_else(session: AsyncSession, held: Staff):
    found = await export_therapist(work_of(session), 1)
    text = msgspec.json.encode(found).decode()
    assert all(secret in text for secret in SECRETS)
    assert "Anna" not in text
    ids = {kind: [row["id"] for row in found[kind]] for kind in ("emails", "incoming", "calls", "stop_list")}
    assert ids == {"emails": [11, 12, 13, 14, 15], "incoming": [31, 32], "calls": [41, 42], "stop_list": [61]}
    assert [attempt["nummer"] for attempt in found["emails"][0]["attempts"]] == [1]
    assert [draft["felder"] for draft in found["drafts"]] == [{"notizen": WORDS}]
    async with session.begin():
        did = await session.scalars(select(Activity.action).where(Activity.object_type == "therapist"))
        assert did.all() == [Action.THERAPIST_EXPORTED]
