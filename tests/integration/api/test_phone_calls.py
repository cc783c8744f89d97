"""`/api/phone-calls` and `/api/therapists` as another service of the platform sees them."""

import asyncio
from datetime import date, time

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.api_keys import create_key
from services.models import OutboxEvent, PhoneCall
from services.scheduling import booking
from services.scheduling.booking import lock_calendar, wait_at_most
from services.work import Transaction, Work
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import NOW, make_call, make_email, make_therapist
from tests.integration.conftest import Client
from tests.work import tx_of, work_of
from webapp.controllers.api import phone_calls

CALLS = "/api/phone-calls"
FIELDS = {
    "id", "therapist_id", "geplantes_datum", "geplante_zeit", "dauer_minuten", "tatsaechliches_datum",
    "tatsaechliche_zeit", "status", "ergebnis", "notizen", "wiederholen_nach", "created_at", "updated_at",
    "email_id", "grund", "ergebnis_art", "versuch", "vorheriger_anruf_id", "ausserhalb_erreichbarkeit",
    "klaerung_noetig", "absage_grund", "version", "email_ids", "plaetze", "plaetze_ab", "plaetze_fuer",
    "warteliste", "wieder_fragen_am", "rueckruf_durch", "korrigiert_at",
}  # fmt: skip

CREATED = (
    "geplantes_datum", "geplante_zeit", "dauer_minuten", "status", "notizen", "email_id", "grund",
)  # fmt: skip


@pytest.fixture
async def api(client: Client, sessions: SessionFactory, clock: FakeClock) -> Client:
    """The Matching Service, with its key; therapist 1 answers the phone on weekdays from 10 to 12."""
    async with sessions() as session:
        key = await create_key(work_of(session, now=clock()), "matching")
        async with session.begin():
            session.add(make_therapist())
    client.headers["Authorization"] = f"Bearer {key}"
    return client


async def add(session: AsyncSession, **values: object) -> int:
    call = make_call(**values)
    async with session.begin():
        session.add(call)
    return call.id


async def put(api: Client, call_id: int, expected: int = 200, /, **body: object) -> dict[str, object]:
    answer = await api.put(f"{CALLS}/{call_id}", json=body)
    assert answer.status_code == expected, answer.text
    return answer.json()


def fields(problem: dict[str, object]) -> list[str]:
    return [error["field"] for error in problem["errors"]]  # pyright: ignore


async def test_a_call_without_a_time_goes_into_the_next_free_phone_hour(api: Client):
    created = await api.post(CALLS, json={"therapist_id": 1, "notizen": "Frau Özdemir fragen"})
    assert created.status_code == 201
    body = created.json()
    assert body.keys() == FIELDS
    assert (body["geplantes_datum"], body["geplante_zeit"], body["dauer_minuten"]) == (
        "2026-10-14",
        "11:15",
        5,
    )
    assert (body["status"], body["grund"], body["versuch"], body["version"]) == ("scheduled", "manuell", 1, 1)
    assert created.headers["location"] == f"{CALLS}/{body['id']}"
    assert (await api.get(created.headers["location"])).json() == body


@pytest.mark.parametrize(
    ("hours", "duration", "message"),
    [
        ("19-20", 5, "This therapist has no phone hours within the desk's hours (08:00 to 18:00)."),
        ("10:00-10:20", 30, "This therapist's phone hours are too short for a call of 30 minutes."),
        (
            {"start": "10", "end": "12", "valid_until": "2026-12-31"},
            5,
            "This therapist's phone hours can't be read, or not all of them,"
            " and the rest has no time for a call.",
        ),
    ],
)
async def test_why_no_time_is_found_is_said_as_it_is(
    api: Client, session: AsyncSession, hours: object, duration: int, message: str
):
    async with session.begin():
        session.add(make_therapist(id=2, telefonische_erreichbarkeit={"Mo-Fr": hours}))
    answer = await api.post(CALLS, json={"therapist_id": 2, "dauer_minuten": duration})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "therapist_id", "message": message}]


async def test_a_time_somebody_agreed_is_taken_and_marked(api: Client):
    created = await api.post(
        CALLS,
        json={
            "therapist_id": 1,
            "geplantes_datum": "2026-10-15",
            "geplante_zeit": "19:30:00",
            "dauer_minuten": 240,
        },
    )
    assert created.status_code == 201
    body = created.json()
    assert (body["geplantes_datum"], body["geplante_zeit"]) == ("2026-10-15", "19:30")
    assert (body["dauer_minuten"], body["ausserhalb_erreichbarkeit"]) == (240, True)


async def test_a_taken_time_is_refused_with_what_takes_it(api: Client, session: AsyncSession):
    taken = await add(session)
    answer = await api.post(
        CALLS, json={"therapist_id": 1, "geplantes_datum": "2026-10-14", "geplante_zeit": "11:03"}
    )
    assert answer.status_code == 409
    assert f"call {taken}" in answer.json()["message"]


async def test_an_email_gets_one_call_for_want_of_an_answer(api: Client, session: AsyncSession):
    async with session.begin():
        session.add(make_email(id=1))
    body = {"therapist_id": 1, "email_id": 1, "grund": "keine_antwort"}
    assert (await api.post(CALLS, json=body)).status_code == 201
    for when in ({}, {"geplantes_datum": "2026-10-16", "geplante_zeit": "10:00"}):
        again = await api.post(CALLS, json=body | when)
        assert again.status_code == 409
        assert "has had its call" in again.json()["message"]


@pytest.mark.parametrize("written", ["9:05", "09:05", "9:05:00", "09:05:59", "09:05:00.000"])
async def test_a_time_may_be_written_as_people_and_libraries_write_it(api: Client, written: str):
    body = {"therapist_id": 1, "geplantes_datum": "2026-10-15", "geplante_zeit": written}
    created = await api.post(CALLS, json=body)
    assert (created.status_code, created.json()["geplante_zeit"]) == (201, "09:05")
    moved = await put(api, created.json()["id"], geplantes_datum="2026-10-16", geplante_zeit=written)
    assert (moved["geplantes_datum"], moved["geplante_zeit"]) == ("2026-10-16", "09:05")


async def test_null_stands_for_the_default_of_a_field_that_may_be_left_out(api: Client):
    created = await api.post(CALLS, json=dict.fromkeys(CREATED, None) | {"therapist_id": 1})
    assert created.status_code == 201, created.text
    shown = created.json()
    assert (shown["status"], shown["grund"], shown["dauer_minuten"]) == ("scheduled", "manuell", 5)


@pytest.mark.parametrize(
    ("grund", "status"),
    [(None, 409), ("manuell", 409), ("keine_antwort", 409), ("nicht_zugestellt", 409), ("rueckruf", 201)],
)
async def test_about_an_answered_email_only_a_call_back_is_planned(
    api: Client, session: AsyncSession, grund: str | None, status: int
):
    async with session.begin():
        session.add(make_email(id=1, status="SENT", sent_at=NOW, antwort_erhalten=True, antwortdatum=NOW))
    body = {"therapist_id": 1, "email_id": 1} | ({"grund": grund} if grund else {})
    for when in ({}, {"geplantes_datum": "2026-10-16", "geplante_zeit": "10:00"}):
        answer = await api.post(CALLS, json=body | when)
        assert answer.status_code == status
        assert status == 201 or "has been answered" in answer.json()["message"]
    other = {"therapist_id": 1, "grund": "manuell"}
    assert (await api.post(CALLS, json=other)).status_code == 201


async def test_a_booking_behind_a_lock_that_does_not_come_is_asked_to_come_back(
    api: Client, session: AsyncSession, monkeypatch: pytest.MonkeyPatch
):
    async def at_once(tx: Transaction) -> None:
        await wait_at_most(tx, 0)
        await lock_calendar(tx)

    monkeypatch.setattr(booking, "lock_calendar", at_once)
    async with session.begin():
        await lock_calendar(tx_of(session))
        answer = await api.post(CALLS, json={"therapist_id": 1})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


async def test_a_row_that_somebody_else_holds_is_no_outage(
    api: Client, session: AsyncSession, monkeypatch: pytest.MonkeyPatch
):
    async def change_soon(work: Work, call_id: int, *_: object, **__: object) -> PhoneCall:
        async with work.transaction() as tx:
            await wait_at_most(tx, 0)
            return await tx.locked(PhoneCall, call_id)

    monkeypatch.setattr(phone_calls, "change_call", change_soon)
    call_id = await add(session)
    async with session.begin():
        await tx_of(session).locked(PhoneCall, call_id)
        answer = await api.put(f"{CALLS}/{call_id}", json={"notizen": "neu"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "Somebody else" in answer.json()["message"]


@pytest.mark.parametrize(
    ("at", "minutes", "status"),
    [("01:50", 10, 201), ("01:50", 20, 422), ("01:00", 180, 422), ("03:00", 20, 201)],
)
async def test_a_call_does_not_reach_into_the_hour_the_clocks_skip(
    api: Client, session: AsyncSession, at: str, minutes: int, status: int
):
    night = {"geplantes_datum": "2027-03-28", "geplante_zeit": at, "dauer_minuten": minutes}
    answer = await api.post(CALLS, json={"therapist_id": 1} | night)
    assert answer.status_code == status
    assert status == 201 or fields(answer.json()) == ["geplante_zeit"]
    moved = await put(
        api, await add(session, therapist_id=2, leitung=2), 200 if status == 201 else 422, **night
    )
    assert ("errors" in moved) == (status == 422)


WRONG_INPUT: list[tuple[dict[str, object], list[str]]] = [
    ({}, ["therapist_id"]),
    ({"therapist_id": 0}, ["therapist_id"]),
    ({"therapist_id": 2**40}, ["therapist_id"]),
    ({"therapist_id": "eins"}, ["therapist_id"]),
    ({"therapist_id": 1, "unbekannt": 1}, ["unbekannt"]),
    ({"therapist_id": 1, "dauer_minuten": 0}, ["dauer_minuten"]),
    ({"therapist_id": 1, "dauer_minuten": 241}, ["dauer_minuten"]),
    ({"therapist_id": 1, "geplantes_datum": "2026-10-15"}, ["geplante_zeit"]),
    ({"therapist_id": 1, "geplante_zeit": "10:00"}, ["geplantes_datum"]),
    ({"therapist_id": 1, "geplantes_datum": "15.10.2026", "geplante_zeit": "10:00"}, ["geplantes_datum"]),
    ({"therapist_id": 1, "geplantes_datum": "2026-10-15", "geplante_zeit": "24:00"}, ["geplante_zeit"]),
    ({"therapist_id": 1, "geplantes_datum": "2026-10-15", "geplante_zeit": "9"}, ["geplante_zeit"]),
    ({"therapist_id": 1, "geplantes_datum": "2026-10-15", "geplante_zeit": "9:5"}, ["geplante_zeit"]),
    ({"therapist_id": 1, "geplantes_datum": "2026-10-15", "geplante_zeit": "9:00:0"}, ["geplante_zeit"]),
    ({"therapist_id": 1, "geplantes_datum": "2026-10-15", "geplante_zeit": "009:00"}, ["geplante_zeit"]),
    ({"therapist_id": 1, "geplantes_datum": "2026-1-5", "geplante_zeit": "9:00"}, ["geplantes_datum"]),
    ({"therapist_id": 1, "geplantes_datum": "2026-10-13", "geplante_zeit": "10:00"}, ["geplantes_datum"]),
    ({"therapist_id": 1, "email_id": 99}, ["email_id"]),
    ({"therapist_id": 1, "status": "completed"}, ["status"]),
    ({"therapist_id": 1, "notizen": "a\u0000b"}, ["notizen"]),
]


async def test_wrong_input_names_the_field(api: Client, session: AsyncSession, subtests: pytest.Subtests):
    for body, wrong in WRONG_INPUT:
        with subtests.test(body=body):
            answer = await api.post(CALLS, json=body)
            assert (answer.status_code, fields(answer.json())) == (422, wrong)
            assert answer.headers["content-type"].startswith("application/problem+json")
            async with session.begin():
                assert await session.scalar(select(func.count()).select_from(PhoneCall)) == 0


async def test_who_has_no_phone_hours_gets_no_automatic_call(api: Client, session: AsyncSession):
    async with session.begin():
        session.add(make_therapist(id=2, telefonische_erreichbarkeit={}))
    answer = await api.post(CALLS, json={"therapist_id": 2})
    assert (answer.status_code, fields(answer.json())) == (422, ["therapist_id"])


async def test_an_unknown_therapist_waits_for_their_directory(api: Client):
    answer = await api.post(CALLS, json={"therapist_id": 77})
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


async def test_a_repeated_request_makes_one_call(api: Client, session: AsyncSession):
    async def post(key: str, **body: object):
        return await api.post(CALLS, json={"therapist_id": 1} | body, headers={"Idempotency-Key": key})

    answers = await asyncio.gather(*(post("k1") for _ in range(6)))
    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.text for answer in answers}) == 1
    assert sorted(answer.headers.get("idempotent-replayed", "") for answer in answers) == ["", *["true"] * 5]
    assert (await post("k1", notizen="anders")).status_code == 409
    async with session.begin():
        assert await session.scalar(select(func.count()).select_from(PhoneCall)) == 1


async def test_calls_are_listed_by_page_and_filter(api: Client, session: AsyncSession):
    mail = make_email()
    async with session.begin():
        session.add(mail)
    for day in range(14, 19):
        await add(session, geplantes_datum=date(2026, 10, day))
    other = await add(session, therapist_id=2, leitung=2, email_id=mail.id)
    closed = await add(session, status="completed", abgeschlossen_at=NOW)

    async def listed(query: str) -> tuple[int, list[str]]:
        answer = await api.get(f"{CALLS}?{query}")
        assert answer.status_code == 200, answer.text
        body = answer.json()
        return body["total"], [row["geplantes_datum"][-2:] for row in body["data"]]

    assert await listed("") == (7, ["14", "14", "14", "15", "16", "17", "18"])
    assert await listed("page=2&limit=3") == (7, ["15", "16", "17"])
    assert await listed("therapist_id=2") == (1, ["14"])
    assert await listed("status=completed") == (1, ["14"])
    assert await listed("geplantes_datum=2026-10-16") == (1, ["16"])
    assert await listed("geplantes_datum_from=2026-10-17") == (2, ["17", "18"])
    assert await listed("geplantes_datum_from=2026-10-15&geplantes_datum_to=2026-10-16") == (2, ["15", "16"])
    by_mail = (await api.get(f"{CALLS}?email_id={mail.id}")).json()
    assert [row["id"] for row in by_mail["data"]] == [other]
    assert (by_mail["page"], by_mail["limit"]) == (1, 20)
    assert closed


WRONG_PARAMETERS: list[str] = [
    "unbekannt=1",
    "page=0",
    "limit=101",
    "status=done",
    "geplantes_datum=morgen",
    "therapist_id=0",
    "page=1&page=2",
]


async def test_wrong_parameters_are_refused(api: Client, subtests: pytest.Subtests):
    for query in WRONG_PARAMETERS:
        with subtests.test(query=query):
            answer = await api.get(f"{CALLS}?{query}")
            assert (answer.status_code, fields(answer.json())) == (422, [query.split("=")[0]])


UNKNOWN_IDS: list[int] = [77, 0, 2**31, 2**70]


async def test_an_unknown_call_is_not_found(api: Client, subtests: pytest.Subtests):
    for call_id in UNKNOWN_IDS:
        with subtests.test(call_id=call_id):
            for answer in (
                await api.get(f"{CALLS}/{call_id}"),
                await api.put(f"{CALLS}/{call_id}", json={"status": "completed"}),
                await api.delete(f"{CALLS}/{call_id}"),
            ):
                assert answer.status_code == 404


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


async def test_a_planned_call_can_be_moved_and_annotated(api: Client, session: AsyncSession):
    call_id = await add(session, notizen="alt")
    body = await put(api, call_id, geplante_zeit="11:40", dauer_minuten=10, notizen=None, version=1)
    assert (body["geplantes_datum"], body["geplante_zeit"], body["dauer_minuten"]) == (
        "2026-10-14",
        "11:40",
        10,
    )
    assert (body["notizen"], body["status"]) == (None, "scheduled")
    assert (await put(api, call_id, 409, notizen="neu", version=1))["detail"]


async def test_moving_onto_another_call_is_refused_whole(api: Client, session: AsyncSession):
    call_id = await add(session)
    await add(session, geplante_zeit=time(11, 30))
    await put(api, call_id, 409, geplante_zeit="11:30", notizen="neu")
    body = (await api.get(f"{CALLS}/{call_id}")).json()
    assert (body["geplante_zeit"], body["notizen"], body["version"]) == ("11:00", None, 1)


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


WRONG_CHANGES: list[tuple[dict[str, object], str]] = [
    ({"status": "erledigt"}, "status"),
    ({"status": "completed", "ergebnis_art": "besetzt"}, "ergebnis_art"),
    ({"status": "completed", "ergebnis_art": "verschoben"}, "ergebnis_art"),
    ({"ergebnis_art": "erreicht"}, "status"),
    ({"status": "completed", "geplante_zeit": "15:00"}, "geplantes_datum"),
    ({"status": "completed", "dauer_minuten": 20}, "dauer_minuten"),
    ({"tatsaechliche_zeit": "10:00"}, "tatsaechliches_datum"),
    ({"status": "completed", "tatsaechliches_datum": "2026-10-15"}, "tatsaechliches_datum"),
    ({"status": "completed", "notizen": "a\u0000b"}, "notizen"),
    ({"notizen": "a\u0000b"}, "notizen"),
    ({"notizen": "x" * 10_001}, "notizen"),
    ({"geplante_zeit": "10:00"}, "geplante_zeit"),
    ({"therapist_id": 2}, "therapist_id"),
]


async def test_a_wrong_change_changes_nothing(api: Client, session: AsyncSession, subtests: pytest.Subtests):
    call_id = await add(session)
    for body, wrong in WRONG_CHANGES:
        with subtests.test(wrong=wrong):
            assert fields(await put(api, call_id, 422, **body)) == [wrong]
    assert (await api.get(f"{CALLS}/{call_id}")).json()["version"] == 1


async def test_deleting_cancels_and_may_be_repeated(api: Client, session: AsyncSession):
    call_id = await add(session)
    first = await api.delete(f"{CALLS}/{call_id}")
    assert (first.status_code, first.json()["status"]) == (200, "canceled")
    assert (await api.delete(f"{CALLS}/{call_id}")).json() == first.json()
    completed = await add(session, status="completed", abgeschlossen_at=NOW)
    assert (await api.delete(f"{CALLS}/{completed}")).status_code == 409


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


REFUSED_SLOTS: list[tuple[str, int]] = [
    ("1/slots", 422),
    ("1/slots?date=heute", 422),
    ("1/slots?date=2026-10-15&dauer_minuten=0", 422),
    ("1/slots?date=2026-10-15&day=1", 422),
    ("77/slots?date=2026-10-15", 503),
    (f"{2**40}/slots?date=2026-10-15", 404),
]


async def test_slots_need_a_known_therapist_and_a_day(api: Client, subtests: pytest.Subtests):
    for path, status in REFUSED_SLOTS:
        with subtests.test(path=path):
            assert (await api.get(f"/api/therapists/{path}")).status_code == status


async def test_without_a_key_nothing_is_told(client: Client):
    assert (await client.get(CALLS)).status_code == 401
    assert (await client.get("/api/therapists/1/slots?date=2026-10-15")).status_code == 401


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("nicht_anrufen", "Der Therapeut möchte nicht angerufen werden."),
        ("nicht_aktiv", "Der Therapeut ist gesperrt oder nicht mehr aktiv."),
        ("beantwortet", "Die E-Mail wurde beantwortet."),
        ("keine_zeit_frei", "Nach der Abwesenheit ist in den Telefonzeiten keine Zeit frei."),
    ],
)
async def test_a_call_cancelled_by_itself_says_why_by_a_code_and_in_words(
    api: Client, session: AsyncSession, code: str, sentence: str
):
    canceled = {"status": "canceled", "ergebnis_art": "abgesagt", "abgeschlossen_at": NOW}
    call_id = await add(session, absage_grund=code, **canceled)
    shown = (await api.get(f"{CALLS}/{call_id}")).json()
    assert (shown["absage_grund"], shown["ergebnis"], shown["version"]) == (code, sentence, 1)
    assert (await api.get(CALLS)).json()["data"] == [shown]
    assert await put(api, call_id, ergebnis=sentence) == shown
    corrected = await put(api, call_id, ergebnis="Hat selbst abgesagt")
    assert (corrected["absage_grund"], corrected["ergebnis"]) == (code, "Hat selbst abgesagt")


async def test_the_same_words_from_a_caller_are_kept_as_words(api: Client, session: AsyncSession):
    call_id = await add(session)
    done = await put(api, call_id, status="completed", ergebnis="Die E-Mail wurde beantwortet.")
    assert (done["ergebnis"], done["absage_grund"]) == ("Die E-Mail wurde beantwortet.", None)


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


async def test_a_right_number_is_read_where_therapists_are(api: Client, session: AsyncSession):
    call_id = await add(session)
    said = {"status": "failed", "ergebnis_art": "falsche_nummer", "richtige_nummer": "030 231 25103"}
    await put(api, call_id, **said)
    therapist_id = (await api.get(f"/api/phone-calls/{call_id}")).json()["therapist_id"]
    phone = (await api.get(f"/api/therapists/{therapist_id}/phone")).json()
    assert (phone["telefon"], phone["telefon_korrigiert_at"] is None) == ("030 23125103", False)
    assert (await api.get("/api/therapists/999/phone")).status_code == 404
