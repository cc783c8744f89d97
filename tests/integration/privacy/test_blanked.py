"""What was blanked is shown, listed, answered and exported without a fault, and says that it was."""

from datetime import date, time

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.api_keys import KeyTerms, create_key
from services.models import (
    CallReason,
    CallStatus,
    Email,
    EmailStatus,
    EmailVersuch,
    Incoming,
    IncomingKind,
    IncomingState,
    KeyScope,
    PhoneCall,
)
from services.privacy.erasure import erase_therapist
from services.privacy.retention import Retention
from services.receiving.store import Place, take_in
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import NOW, make_call, make_email, make_therapist
from tests.incoming_mail import US
from tests.integration.conftest import Client, submit
from tests.integration.privacy.test_retention import ALL, OLD, old_call, old_email, old_message
from tests.work import work_of, workplace_of

UNANSWERED = {"antwort_erhalten": False, "antwortdatum": None, "antwortinhalt": None}


@pytest.fixture
async def blanked(session: AsyncSession, sessions: SessionFactory, clock: FakeClock) -> None:
    """Records of a therapist that are all too old, and therapist 2 who was erased."""
    rows = [
        make_therapist(),
        make_therapist(id=2, nachname="Roth"),
        old_email(id=1),
        old_email(id=2, **UNANSWERED, status=EmailStatus.FAILED, sent_at=None, fehlermeldung="550"),
        old_email(id=3, **UNANSWERED, status=EmailStatus.DRAFT, sent_at=None),
        make_email(id=4, therapist_id=2),
        EmailVersuch(
            email_id=2, nummer=1, begonnen_at=OLD, beendet_at=OLD, stufe="rcpt", ergebnis="failed",
            smtp_code=550, smtp_text="550 <praxis@example.org>",
        ),
        old_message(id=101, email_id=1, therapist_id=1),
        old_message(
            id=102, art=IncomingKind.HARD_BOUNCE, email_id=2, therapist_id=1, serverworte="550",
            adresse_tot="praxis@example.org", message_id=None,
        ),
        old_message(id=103, zustand=IncomingState.ASIDE, art=IncomingKind.NEWSLETTER, message_id=None),
        old_call(id=1, email_id=1, tatsaechliches_datum=OLD.date(), tatsaechliche_zeit=time(10)),
        make_call(id=2, therapist_id=2, email_id=4, grund=CallReason.NO_REPLY),
    ]  # fmt: skip
    async with session.begin():
        for row in rows:
            session.add(row)
            await session.flush()
    await Retention(workplace_of(sessions, clock), ALL, rest_seconds=0).turn()
    await erase_therapist(work_of(session), 2)
    async with session.begin():
        left = await session.scalars(select(Email.id).where(Email.geloescht_at.is_(None)))
        assert left.all() == []


PAGES = [
    "/", "/open", "/week", f"/week?day={OLD.date()}", "/statistics", "/system", "/system/privacy", "/emails",
    "/emails?show=failed", "/emails?show=drafts", "/emails?therapist=1", "/emails/1", "/emails/1?view=text",
    "/emails/1/preview", "/emails/2", "/emails/3", "/emails/3/edit", "/emails/4", "/emails/new?therapist=1",
    "/emails/new?therapist=2", "/inbox", "/inbox?show=all", "/inbox?show=aside", "/inbox/101?show=all",
    "/inbox/102?show=all", "/inbox/103?show=all", "/therapists", "/therapists/1", "/therapists/2", "/calls/1",
    "/calls/2", "/health",
]  # fmt: skip
API = [
    "/api/emails", "/api/emails/1", "/api/emails/2", "/api/emails/3", "/api/emails/4",
    "/api/emails/1/eingang", "/api/emails/2/eingang", "/api/phone-calls", "/api/phone-calls/1",
    "/api/phone-calls/2", "/api/stop-list",
    "/api/emails?q=anfrage", "/metrics",
]  # fmt: skip


@pytest.fixture
async def api(client: Client, sessions: SessionFactory) -> Client:
    async with sessions() as session:
        key = await create_key(work_of(session), "matching", KeyTerms(scopes=list(KeyScope)))
    client.headers["Authorization"] = f"Bearer {key}"
    return client


async def assert_whole(client: Client, paths: list[str]) -> None:
    answers = {path: await client.get(path) for path in paths}
    assert {path: answer.status_code for path, answer in answers.items() if answer.status_code != 200} == {}
    for answer in answers.values():
        assert "Ja, im Herbst" not in answer.text
        assert "Roth" not in answer.text


@pytest.mark.parametrize("language", ["de", "en"])
async def test_every_page_goes_on_without_the_texts(language: str, staff_client: Client, blanked: None):
    staff_client.headers["Accept-Language"] = language
    await assert_whole(staff_client, PAGES)


async def test_every_answer_goes_on_without_the_texts(api: Client, blanked: None):
    await assert_whole(api, API)


async def test_pages_say_that_and_when_something_was_deleted(staff_client: Client, blanked: None):
    email = (await staff_client.get("/emails/1")).text
    assert "Texts, names and addresses of this e-mail were deleted on 14 Oct 2026." in email
    assert "Without text." not in email
    failed = (await staff_client.get("/emails/2")).text
    assert "Send it again" not in failed
    erased = (await staff_client.get("/therapists/2")).text
    assert "All about this therapist was erased on 14 Oct 2026 at their request." in erased
    assert "Write an e-mail" not in erased
    assert "/therapists/2" not in (await staff_client.get("/therapists")).text
    message = (await staff_client.get("/inbox/103?show=all")).text
    assert "Sender deleted" in message
    assert "inbox-actions" not in message


async def test_the_api_says_when(api: Client, blanked: None):
    email = (await api.get("/api/emails/1")).json()
    assert (email["betreff"], email["geloescht_at"]) == ("", "2026-10-14T08:42:00Z")
    assert (email["status"], email["antwort_erhalten"]) == ("SENT", True)
    call = (await api.get("/api/phone-calls/2")).json()
    assert (call["status"], call["absage_grund"]) == ("canceled", "geloescht")


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("/api/emails/2", {"status": "QUEUED"}),
        ("/api/emails/3", {"status": "QUEUED"}),
        ("/api/emails/3", {"betreff": "Neu"}),
    ],
)
async def test_nothing_blank_is_sent_or_written_anew(
    path: str, changes: dict[str, str], api: Client, blanked: None
):
    answer = await api.put(path, json=changes)
    assert answer.status_code == 409
    assert (
        answer.json()["message"] == "The text of this e-mail has been deleted, so it can't be sent any more."
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/api/emails",
            {
                "therapist_id": 2,
                "betreff": "x",
                "body_text": "x",
                "empfaenger_email": "roth@example.org",
                "empfaenger_name": "Roth",
            },
        ),
        ("/api/phone-calls", {"therapist_id": 2}),
    ],
)
async def test_who_was_erased_is_a_422_on_the_field_that_names_them(
    path: str, body: dict[str, object], api: Client, blanked: None
):
    answer = await api.post(path, json=body)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["field"] == "therapist_id"
    assert error["message"].startswith("All about this therapist was erased at their request")


@pytest.mark.parametrize("action", ["undo", "put_aside", "accept"])
async def test_there_is_nothing_left_to_decide_about_a_blanked_message(
    action: str, staff_client: Client, blanked: None
):
    answer = await submit(staff_client, "/inbox/101", {"action": action, "version": "2"})
    assert answer.status_code == 409


def raw(message_id: str, *, answers: str, uidvalidity_note: str = "") -> bytes:
    return (
        f"From: Praxis <praxis@example.org>\r\nTo: kontakt@therapieplatz.example\r\nSubject: AW\r\n"
        f"Message-ID: {message_id}\r\nIn-Reply-To: {answers}\r\nDate: Wed, 14 Oct 2026 10:00:00 +0200\r\n"
        f"{uidvalidity_note}\r\nDoch noch ein Platz frei.\r\n"
    ).encode()


async def test_a_late_reply_finds_its_blanked_email_and_what_answered_it(
    session: AsyncSession, blanked: None
):
    async with session.begin():
        message_id = (await session.get_one(Email, 2)).message_id
    late = await take_in(
        work_of(session), Place("box", 1, 1), raw("<late@x.example>", answers=message_id), NOW, us=US
    )
    further = await take_in(
        work_of(session),
        Place("box", 1, 2),
        raw("<further@x.example>", answers="<1@praxis-schmidt.example>"),
        NOW,
        us=US,
    )
    assert late is not None
    assert further is not None
    assert (late.email_id, late.zustand, further.email_id) == (2, IncomingState.DONE, 1)
    async with session.begin():
        answered = await session.get_one(Email, 2, populate_existing=True)
        assert (answered.antwort_erhalten, answered.antwortinhalt) == (True, "Doch noch ein Platz frei.")


async def test_a_blanked_message_is_known_again_when_the_mailbox_is_numbered_anew(
    session: AsyncSession, blanked: None
):
    async with session.begin():
        known = await session.get_one(Incoming, 101)
        known.postfach, known.uidvalidity, known.uid, known.inhalt_hash = "box", 1, 1, b"x" * 32
    again = await take_in(
        work_of(session),
        Place("box", 2, 1),
        raw("<1@praxis-schmidt.example>", answers="<x@y>", uidvalidity_note="X-Note: other octets\r\n"),
        NOW,
        us=US,
    )
    assert again is None


async def test_statistics_stay_as_they_were(session: AsyncSession, blanked: None):
    async with session.begin():
        call = await session.get_one(PhoneCall, 1)
        assert (call.status, call.tatsaechliches_datum) == (CallStatus.COMPLETED, date(2025, 10, 13))
