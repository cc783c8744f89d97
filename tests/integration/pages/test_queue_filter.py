"""Filters of Today: what somebody looks at, is offered and takes, for as long as they keep it."""

from datetime import time

from sqlalchemy import select

from services.models import CallReason, PhoneCall, Staff
from shared.database import SessionFactory
from tests.factories import make_call, make_therapist
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import group, load_call, stored


async def three_places(sessions: SessionFactory) -> None:
    await stored(
        sessions,
        make_therapist(id=1, nachname="Erste", ort="Berlin"),
        make_therapist(id=2, nachname="Zweite", ort="Bonn"),
        make_therapist(id=3, nachname="Dritte", ort="Bonn"),
        make_call(id=11, therapist_id=1, geplante_zeit=time(10)),
        make_call(id=12, therapist_id=2, geplante_zeit=time(10, 30), versuch=2),
        make_call(id=13, therapist_id=3, geplante_zeit=time(11), grund=CallReason.NO_REPLY),
    )


async def test_the_list_the_offer_and_next_keep_to_what_somebody_has_chosen(
    staff_client: Client, sessions: SessionFactory
):
    await three_places(sessions)
    chosen = await submit(staff_client, "/queue-filter", {"ort": "Bonn", "versuch": "erster"}, htmx=True)
    assert chosen.status_code == 200
    page = (await staff_client.get("/")).text
    now = group(page, "now")
    assert ("Erste" in now, "Zweite" in now, "Dritte" in now) == (False, False, True)
    assert "<strong>Bonn · first attempt</strong>" in page
    assert "2 calls hidden, 2 reachable now" in page
    assert "Dritte" in page.split('id="idle"')[1].split("</h2>")[0]
    await submit(staff_client, "/calls/next", htmx=True)
    assert (await load_call(sessions, 13)).bearbeitet_von is not None
    refused = await submit(staff_client, "/calls/next", htmx=True)
    assert "Nobody can be reached right now." in refused.text
    await submit(staff_client, "/queue-filter")
    page = (await staff_client.get("/")).text
    assert "calls hidden" not in page
    assert "Erste" in group(page, "now")


async def test_a_filter_of_one_hides_nothing_from_the_others(
    staff_client: Client, sessions: SessionFactory, anna: Staff
):
    await three_places(sessions)
    await submit(staff_client, "/queue-filter", {"grund": "keine_antwort"})
    assert "Zweite" not in group((await staff_client.get("/")).text, "now")
    async with sessions() as session, session.begin():
        kept = await session.scalar(select(Staff.anruf_filter).where(Staff.id == anna.id))
        assert kept == {"grund": "keine_antwort"}
        session.add(Staff(name="Ben", password_hash=anna.password_hash))
    await submit(staff_client, "/logout")
    await submit(staff_client, "/login", {"name": "Ben", "password": "correct horse battery"})
    assert "Zweite" in group((await staff_client.get("/")).text, "now")


async def test_what_one_has_in_hand_is_never_hidden(staff_client: Client, sessions: SessionFactory):
    await three_places(sessions)
    await submit(staff_client, "/calls/11/claim", htmx=True)
    await submit(staff_client, "/queue-filter", {"ort": "Bonn"})
    page = (await staff_client.get("/")).text
    assert "Erste" in group(page, "now")
    assert "0 calls hidden" in page


async def test_a_filter_that_can_not_be_read_leaves_nothing_out(
    staff_client: Client, sessions: SessionFactory
):
    await three_places(sessions)
    await submit(staff_client, "/queue-filter", {"grund": "x", "versuch": "7", "ort": "  "})
    assert "calls hidden" not in (await staff_client.get("/")).text
    async with sessions() as session:
        assert (await session.scalars(select(Staff.anruf_filter))).all() == [None]
        assert len((await session.scalars(select(PhoneCall))).all()) == 3
