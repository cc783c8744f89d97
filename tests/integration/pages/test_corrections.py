"""Once undo is over: what is said of a closed call is put right, and so is a therapist's number."""

import pytest
from sqlalchemy import select

from services.models import Activity, OutboxEvent, PhoneCall, Staff, Therapist
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_therapist
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import load_call, outcome, stored


async def closed(client: Client, call: int, clock: FakeClock, **fields: object) -> None:
    await submit(client, f"/calls/{call}/claim", htmx=True)
    await outcome(client, call, **fields)
    clock.advance(seconds=20)


async def reported(sessions: SessionFactory) -> list[OutboxEvent]:
    async with sessions() as session:
        return list(await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id)))


@pytest.mark.parametrize("htmx", [True, False])
async def test_words_and_offer_are_corrected_and_told_who_and_when_stays(
    staff_client: Client,
    anna: Staff,
    call: int,
    sessions: SessionFactory,
    clock: FakeClock,
    htmx: bool,
):
    await closed(staff_client, call, clock, ergebnis_art="erreicht", ergebnis="Vertipt", plaetze="1")
    page = (await staff_client.get(f"/calls/{call}")).text
    assert "1 place" in page
    assert ">Vertipt</textarea>" in page.split('class="known-more correction"')[1]
    before = await load_call(sessions, call)
    form = {
        "version": 2,
        "ergebnis_art": "erreicht",
        "ergebnis": "Richtig",
        "plaetze": "3",
        "fuer_kinder": "ja",
        "plaetze_ab": "2027-01-07",
    }
    answer = await submit(staff_client, f"/calls/{call}/correct", form, htmx=htmx)
    if not htmx:
        answer = await staff_client.get(answer.headers["location"].partition("#")[0])
    assert (
        "3 places or more · for children · from 7 Jan 2027" in answer.text
        or "3 places or more" in answer.text
    )
    after = await load_call(sessions, call)
    assert (after.ergebnis, after.plaetze, after.plaetze_fuer) == ("Richtig", 3, ["kinder"])
    kept = ("tatsaechliches_datum", "tatsaechliche_zeit", "abgeschlossen_at", "status", "ergebnis_art")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    events = await reported(sessions)
    assert [event.event_type for event in events] == ["communication.call_completed"] * 2
    assert [event.payload["plaetze"] for event in events] == [1, 3]
    assert [event.payload["korrigiert_at"] is None for event in events] == [True, False]
    async with sessions() as session:
        last = await session.scalar(select(Activity).order_by(Activity.id.desc()).limit(1))
    assert last is not None
    assert (last.action, last.staff_id, last.object_id) == ("outcome_corrected", anna.id, call)


async def test_why_nobody_was_reached_is_corrected_and_the_next_attempt_stays(
    staff_client: Client, call: int, sessions: SessionFactory, clock: FakeClock
):
    await closed(staff_client, call, clock, ergebnis_art="nicht_erreicht")
    form = {"version": 2, "ergebnis_art": "anrufbeantworter"}
    await submit(staff_client, f"/calls/{call}/correct", form, htmx=True)
    assert (await load_call(sessions, call)).ergebnis_art == "anrufbeantworter"
    async with sessions() as session:
        following = await session.scalar(select(PhoneCall).where(PhoneCall.vorheriger_anruf_id == call))
    assert following is not None
    assert following.status == "scheduled"


@pytest.mark.parametrize("htmx", [True, False])
async def test_a_correction_of_what_has_changed_is_refused_and_kept(
    staff_client: Client, call: int, sessions: SessionFactory, clock: FakeClock, htmx: bool
):
    await closed(staff_client, call, clock, ergebnis_art="erreicht")
    form = {"version": 1, "ergebnis_art": "erreicht", "ergebnis": "Getipptes"}
    answer = await submit(staff_client, f"/calls/{call}/correct", form, htmx=htmx)
    assert answer.status_code == 409
    assert ">Getipptes</textarea>" in answer.text
    faulty = await submit(
        staff_client, f"/calls/{call}/correct", form | {"version": 2, "plaetze_ab": "bald"}, htmx=htmx
    )
    assert faulty.status_code == 422
    assert 'id="plaetze_ab-error"' in faulty.text
    assert (await load_call(sessions, call)).ergebnis is None


async def test_the_desks_own_number_is_noted_and_lifted_on_the_therapists_page(
    staff_client: Client, sessions: SessionFactory
):
    await stored(sessions, make_therapist())
    faulty = await submit(
        staff_client, "/therapists/1", {"action": "phone", "version": 1, "richtige_nummer": "12"}
    )
    assert faulty.status_code == 422
    assert 'value="12"' in faulty.text
    form = {"action": "phone", "version": 1, "richtige_nummer": "030 23125103"}
    await submit(staff_client, "/therapists/1", form)
    page = (await staff_client.get("/therapists/1?done=phone")).text
    assert 'href="tel:+493023125103"' in page
    assert "In the directory:" in page
    await submit(staff_client, "/therapists/1", {"action": "phone_lifted", "version": 2})
    async with sessions() as session:
        therapist = await session.get_one(Therapist, 1)
    assert therapist.phone == therapist.telefon
    events = await reported(sessions)
    assert [event.payload["telefon_korrigiert_at"] is None for event in events] == [False, True]
