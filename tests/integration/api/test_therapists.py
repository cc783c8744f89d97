"""`/api/therapists` as another service of the platform sees them."""

from datetime import date, time

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories import make_therapist
from tests.integration.api.calls import CALLS, add, put
from tests.integration.conftest import Client

REFUSED_SLOTS: list[tuple[str, int]] = [
    ("1/slots", 422),
    ("1/slots?date=heute", 422),
    ("1/slots?date=2026-10-15&dauer_minuten=0", 422),
    ("1/slots?date=2026-10-15&day=1", 422),
    ("77/slots?date=2026-10-15", 503),
    (f"{2**40}/slots?date=2026-10-15", 404),
]


async def test_free_slots_of_a_day(api: Client, session: AsyncSession):
    await add(session, geplante_zeit=time(11, 30), dauer_minuten=15)
    answer = await api.get("/api/therapists/1/slots?date=2026-10-14")
    assert answer.json() == {
        "therapist_id": 1,
        "datum": "2026-10-14",
        "dauer_minuten": 5,
        "darf_angerufen_werden": True,
        "telefonzeiten": [{"start": "10:00", "end": "12:00"}],
        "slots": ["11:15", "11:20", "11:50", "11:55"],
        "wieder_da_am": None,
    }
    longer = await api.get("/api/therapists/1/slots?date=2026-10-18&dauer_minuten=30")
    assert (longer.json()["slots"], longer.json()["telefonzeiten"]) == ([], [])


async def test_nothing_is_free_for_who_does_not_want_calls(api: Client, session: AsyncSession):
    async with session.begin():
        session.add(make_therapist(id=2, nicht_anrufen=True))
    body = (await api.get("/api/therapists/2/slots?date=2026-10-15")).json()
    assert (body["darf_angerufen_werden"], body["slots"]) == (False, [])


async def test_nothing_is_free_on_a_holiday_of_the_practices_own_state(api: Client, session: AsyncSession):
    async with session.begin():
        session.add_all([make_therapist(id=2, plz="01067"), make_therapist(id=3, plz="10115")])
    repentance = "2026-11-18"
    in_saxony = (await api.get(f"/api/therapists/2/slots?date={repentance}")).json()
    assert (in_saxony["telefonzeiten"], in_saxony["slots"]) == ([], [])
    assert (await api.get(f"/api/therapists/3/slots?date={repentance}")).json()["slots"]


async def test_an_absence_is_set_and_lifted_and_says_what_it_moves(api: Client, session: AsyncSession):
    call_id = await add(session, geplantes_datum=date(2026, 10, 16))
    path = "/api/therapists/1/absence"
    answer = await api.put(path, json={"wieder_da_am": "2026-10-26"})
    assert answer.json() == {
        "therapist_id": 1,
        "wieder_da_am": "2026-10-26",
        "abwesend_laut": "dienst",
        "abwesend_seit": "2026-10-14T08:42:00Z",
        "anrufe": [call_id],
    }
    assert (await api.get(f"{CALLS}/{call_id}")).json()["geplantes_datum"] == "2026-10-26"
    away = (await api.get("/api/therapists/1/slots?date=2026-10-16")).json()
    assert (away["telefonzeiten"], away["slots"], away["wieder_da_am"]) == ([], [], "2026-10-26")
    assert (await api.get("/api/therapists/1/slots?date=2026-10-27")).json()["slots"]
    for wrong in ("2026-10-14", "2028-10-14"):
        refused = await api.put(path, json={"wieder_da_am": wrong})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "wieder_da_am")
    assert (await api.put(path, json={})).status_code == 422
    assert (await api.put(f"/api/therapists/{2**40}/absence", json={"wieder_da_am": None})).status_code == 404
    there = await api.put(path, json={"wieder_da_am": None})
    assert (there.json()["wieder_da_am"], there.json()["anrufe"]) == (None, [])
    assert (await api.get(f"{CALLS}/{call_id}")).json()["geplantes_datum"] == "2026-10-26"


async def test_slots_need_a_known_therapist_and_a_day(api: Client, subtests: pytest.Subtests):
    for path, status in REFUSED_SLOTS:
        with subtests.test(path=path):
            assert (await api.get(f"/api/therapists/{path}")).status_code == status


async def test_a_right_number_is_read_where_therapists_are(api: Client, session: AsyncSession):
    call_id = await add(session)
    said = {"status": "failed", "ergebnis_art": "falsche_nummer", "richtige_nummer": "030 231 25103"}
    await put(api, call_id, **said)
    therapist_id = (await api.get(f"/api/phone-calls/{call_id}")).json()["therapist_id"]
    phone = (await api.get(f"/api/therapists/{therapist_id}/phone")).json()
    assert (phone["telefon"], phone["telefon_korrigiert_at"] is None) == ("030 23125103", False)
    assert (await api.get("/api/therapists/999/phone")).status_code == 404
