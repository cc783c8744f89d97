"""A call in hand: taken, shown, let go of, taken from whoever rings back."""

import asyncio
from datetime import date, time

from sqlalchemy import select

from services.models import CallReason, PhoneCall, Staff
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_call, make_email, make_therapist
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import load_call, stored


async def take_for(sessions: SessionFactory, call_id: int, member: Staff, clock: FakeClock) -> None:
    async with sessions() as session, session.begin():
        taken = await session.get_one(PhoneCall, call_id)
        taken.bearbeitet_von, taken.bearbeitet_bis = member.id, clock.now.replace(minute=52)


async def test_a_call_is_taken_with_all_that_is_known(
    staff_client: Client, anna: Staff, sessions: SessionFactory, clock: FakeClock
):
    mail = make_email(id=3, status="SENT", sent_at=clock.now.replace(day=7), betreff="Anfrage Oktober")
    hint = "Nach Dr. Haddad fragen."
    await stored(sessions, make_therapist(anruf_hinweis=hint), mail)
    await stored(
        sessions,
        make_call(id=7, email_id=3, grund=CallReason.NO_REPLY, notizen="Bündel 456", extern_id="b-4711"),
    )
    answer = await submit(staff_client, "/calls/7/claim", htmx=True)
    assert answer.status_code == 200
    for text in (
        "Dr. Jürgen Schmidt",
        'href="tel:+49301234567"',
        'data-copy="030 1234567"',
        hint,
        "Bündel 456",
        "Reference: b-4711",
        'href="/emails/3"',
        "unanswered for 7 days",
        "10:00–12:00",
        "Save and next",
    ):
        assert text in answer.text
    assert (await load_call(sessions, 7)).bearbeitet_von == anna.id


async def test_without_script_taking_a_call_leads_to_its_page(staff_client: Client, call: int):
    answer = await submit(staff_client, f"/calls/{call}/claim")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/calls/7#panel"
    page = (await staff_client.get("/calls/7")).text
    assert "<html" in page
    assert "In your hands" in page


async def test_the_call_in_hand_is_open_again_after_a_reload(staff_client: Client, call: int):
    await submit(staff_client, f"/calls/{call}/claim")
    assert "Save and next" in (await staff_client.get("/")).text


async def test_next_takes_the_call_whose_window_closes_first(
    staff_client: Client, anna: Staff, call: int, sessions: SessionFactory
):
    soon_over = {"wednesday": [{"start": "10:00", "end": "10:50"}]}
    await stored(
        sessions,
        make_therapist(id=2, nachname="Eile", telefonische_erreichbarkeit=soon_over),
        make_call(id=8, therapist_id=2, leitung=2),
    )
    answer = await submit(staff_client, "/calls/next", htmx=True)
    assert "Eile</h2>" in answer.text
    assert (await load_call(sessions, 8)).bearbeitet_von == anna.id


async def test_next_says_why_when_nobody_can_be_reached(staff_client: Client):
    answer = await submit(staff_client, "/calls/next", htmx=True)
    assert "Nobody can be reached right now." in answer.text
    assert "No call is open today." in answer.text


async def test_a_call_in_a_colleagues_hands_is_shown_but_not_taken(
    staff_client: Client, call: int, ben: Staff, sessions: SessionFactory, clock: FakeClock
):
    await take_for(sessions, call, ben, clock)
    answer = await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    assert answer.status_code == 409
    assert "Ben is on the phone with Dr. Jürgen Schmidt right now." in answer.text
    assert "Save and next" not in answer.text


async def test_who_looks_at_a_colleagues_call_looks_again_when_their_claim_would_end(
    staff_client: Client, call: int, ben: Staff, sessions: SessionFactory, clock: FakeClock
):
    await take_for(sessions, call, ben, clock)
    until = clock.now.replace(minute=52).isoformat()
    page = (await staff_client.get(f"/calls/{call}")).text
    state = (await staff_client.get(f"/calls/{call}/state?version=1")).text
    for shown in (page, state):
        assert f'<p class="banner banner-warn" data-refresh-at="{until}">Ben is on the phone' in shown


async def test_releasing_a_call_frees_it_and_offers_the_next(
    staff_client: Client, call: int, sessions: SessionFactory
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    answer = await submit(staff_client, f"/calls/{call}/release", htmx=True)
    assert "The call is free again." in answer.text
    assert "Next in line" in answer.text
    assert (await load_call(sessions, call)).bearbeitet_von is None


async def test_an_open_panel_keeps_its_call_and_is_told_when_it_is_gone(
    staff_client: Client, call: int, ben: Staff, sessions: SessionFactory, clock: FakeClock
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    clock.advance(minutes=8)
    assert (await submit(staff_client, f"/calls/{call}/renew", htmx=True)).status_code == 204
    await take_for(sessions, call, ben, clock)
    answer = await submit(staff_client, f"/calls/{call}/renew", htmx=True)
    assert answer.status_code == 409
    assert "The claim on this call has ended." in answer.text


async def test_the_panel_hears_of_a_change_by_somebody_else(
    staff_client: Client, call: int, ben: Staff, sessions: SessionFactory, clock: FakeClock
):
    await submit(staff_client, f"/calls/{call}/claim", htmx=True)
    quiet = await staff_client.get(f"/calls/{call}/state", params={"version": 1})
    assert quiet.text.strip() == ""
    await take_for(sessions, call, ben, clock)
    told = await staff_client.get(f"/calls/{call}/state", params={"version": 1})
    assert "Ben is on the phone with Dr. Jürgen Schmidt right now." in told.text


async def two_calls(sessions: SessionFactory) -> None:
    await stored(sessions, *(make_therapist(id=n, nachname=f"Nr{n}") for n in (1, 2)))
    await stored(sessions, *(make_call(id=6 + n, therapist_id=n, leitung=n) for n in (1, 2)))


async def test_taking_another_call_says_whose_is_free_again(staff_client: Client, sessions: SessionFactory):
    await two_calls(sessions)
    first = await submit(staff_client, "/calls/7/claim", htmx=True)
    assert "is free again" not in first.text
    await submit(staff_client, "/calls/7/draft", {"version": 1, "ergebnis": "Halber Satz"}, htmx=True)
    answer = await submit(staff_client, "/calls/next", {"unsaved": "leave"}, htmx=True)
    assert "Dr. Jürgen Nr1 is free again; your note is kept." in answer.text
    for path in ("/calls/7/claim", "/ring-backs/2"):
        answer = await submit(staff_client, path, {"unsaved": "leave"}, htmx=True)
        assert "is free again" in answer.text
    assert "is free again" not in (await submit(staff_client, "/ring-backs/2", htmx=True)).text


async def test_a_call_that_does_not_exist_is_not_found(staff_client: Client):
    assert (await staff_client.get("/calls/99")).status_code == 404


async def test_two_ring_backs_at_once_make_one_call(
    staff_client: Client, call: int, sessions: SessionFactory
):
    await stored(sessions, make_therapist(id=2))
    answers = await asyncio.gather(*(submit(staff_client, "/ring-backs/2", htmx=True) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    async with sessions() as session:
        made = await session.scalars(select(PhoneCall.id).where(PhoneCall.therapist_id == 2))
        assert len(list(made)) == 1


async def test_a_ring_back_takes_the_open_call(
    staff_client: Client, anna: Staff, call: int, sessions: SessionFactory
):
    await submit(staff_client, "/ring-backs/1", htmx=True)
    assert (await load_call(sessions, call)).bearbeitet_von == anna.id


async def test_a_ring_back_without_an_open_call_makes_one_at_once(
    staff_client: Client, anna: Staff, sessions: SessionFactory
):
    await stored(sessions, make_therapist(nicht_anrufen=True))
    answer = await submit(staff_client, "/ring-backs/1", htmx=True)
    assert "In your hands" in answer.text
    made = await load_call(sessions, 1)
    assert (made.grund, made.bearbeitet_von) == (CallReason.CALL_BACK, anna.id)
    assert (made.geplantes_datum, made.geplante_zeit) == (date(2026, 10, 14), time(10, 42))
