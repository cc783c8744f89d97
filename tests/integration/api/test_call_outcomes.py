"""What came of a call, over `/api/phone-calls`."""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import OutboxEvent
from tests.integration.api.calls import CALLS, add, put
from tests.integration.conftest import Client


@pytest.mark.parametrize(
    ("status", "art"), [("completed", "erreicht"), ("failed", "nicht_erreicht"), ("canceled", "abgesagt")]
)
async def test_a_status_does_what_its_outcome_does(api: Client, session: AsyncSession, status: str, art: str):
    call_id = await add(session)
    body = await put(api, call_id, status=status, ergebnis="kurz", wiederholen_nach="2026-10-20")
    assert (body["status"], body["ergebnis_art"], body["ergebnis"], body["version"]) == (
        status,
        art,
        "kurz",
        2,
    )
    async with session.begin():
        events = list(await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id)))
    assert events[0].event_type == f"communication.call_{status}"
    following = (await api.get(f"{CALLS}?status=scheduled")).json()["data"]
    planned = [(row["geplantes_datum"], row["versuch"], row["vorheriger_anruf_id"]) for row in following]
    assert planned == ([("2026-10-20", 2, call_id)] if status == "failed" else [])


async def test_the_outcome_may_be_named_and_timed(api: Client, session: AsyncSession):
    call_id = await add(session)
    body = await put(
        api,
        call_id,
        status="failed",
        ergebnis_art="falsche_nummer",
        tatsaechliches_datum="2026-10-14",
        tatsaechliche_zeit="10:15:30",
    )
    assert (body["ergebnis_art"], body["klaerung_noetig"]) == ("falsche_nummer", True)
    assert (body["tatsaechliches_datum"], body["tatsaechliche_zeit"]) == ("2026-10-14", "10:15")


async def test_a_closed_call_keeps_its_outcome_but_its_texts_can_be_corrected(
    api: Client, session: AsyncSession
):
    call_id = await add(session)
    await put(api, call_id, status="completed", ergebnis="Nimmt zwei")
    assert (await put(api, call_id, 409, status="failed"))["status"] == 409
    await put(api, call_id, 409, status="completed", ergebnis_art="besetzt")
    await put(api, call_id, 409, geplante_zeit="15:00")
    again = await put(api, call_id, status="completed", ergebnis="Nimmt drei", tatsaechliche_zeit="10:30")
    assert (again["ergebnis"], again["tatsaechliche_zeit"], again["version"]) == ("Nimmt drei", "10:30", 3)
    unchanged = await put(api, call_id, status="completed", ergebnis="Nimmt drei")
    assert unchanged["version"] == 3


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"ergebnis_art": "verschoben"}, ("2026-10-15", "10:00")),
        ({"ergebnis_art": "verschoben", "wiederholen_nach": "2026-10-19"}, ("2026-10-19", "10:00")),
        (
            {"ergebnis_art": "verschoben", "status": "scheduled", "geplante_zeit": "16:00"},
            ("2026-10-14", "16:00"),
        ),
    ],
)
async def test_postponing_moves_the_same_call(
    api: Client, session: AsyncSession, body: dict[str, object], at: tuple[str, str]
):
    moved = await put(api, await add(session), **body)
    assert (moved["geplantes_datum"], moved["geplante_zeit"]) == at
    assert (moved["status"], moved["versuch"]) == ("scheduled", 1)


async def test_what_a_therapist_can_offer_goes_with_the_outcome(api: Client, session: AsyncSession):
    call_id = await add(session)
    offer = {"plaetze": 3, "plaetze_ab": "2027-01-07", "plaetze_fuer": ["kinder", "erwachsene"]}
    refused = await api.put(f"/api/phone-calls/{call_id}", json={"status": "failed", **offer})
    assert refused.status_code == 422
    saved = await put(api, call_id, status="completed", warteliste=True, **offer)
    assert (saved["plaetze"], saved["plaetze_fuer"], saved["warteliste"]) == (
        3,
        ["erwachsene", "kinder"],
        True,
    )
    assert saved["korrigiert_at"] is None
    corrected = await put(api, call_id, plaetze=0, warteliste=None)
    assert (corrected["plaetze"], corrected["warteliste"], corrected["status"]) == (0, None, "completed")
    assert corrected["korrigiert_at"] is not None
    for wrong in ({"plaetze": 4}, {"plaetze_fuer": ["tiere"]}, {"wieder_fragen_am": "2027-02-01"}):
        answer = await api.put(f"/api/phone-calls/{call_id}", json=wrong)
        assert answer.status_code == 422, wrong


async def test_a_call_back_agreed_by_a_service_becomes_a_call_of_its_own(api: Client, session: AsyncSession):
    call_id = await add(session)
    said = {"status": "completed", "ergebnis_art": "rueckruf_vereinbart"}
    assert (await api.put(f"/api/phone-calls/{call_id}", json=said)).status_code == 422
    when = {"geplantes_datum": "2026-10-14", "geplante_zeit": "16:10", "rueckruf_durch": "therapeut"}
    await put(api, call_id, **said, **when)
    listed = (await api.get("/api/phone-calls", params={"status": "scheduled"})).json()["data"]
    assert [(call["grund"], call["geplante_zeit"], call["rueckruf_durch"]) for call in listed] == [
        ("rueckruf", "16:10", "therapeut")
    ]
