"""`/api/phone-calls` as another service of the platform sees them."""

import asyncio
from datetime import date, time

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls import booked_together
from services.models import PhoneCall
from services.scheduling import booking
from services.scheduling.booking import lock_calendar, wait_at_most
from services.work import Transaction, Work
from tests.factories import NOW, make_email, make_therapist
from tests.integration.api.calls import CALLS, add, fields, put
from tests.integration.conftest import Client
from tests.work import tx_of
from webapp.controllers.api import phone_calls

FIELDS = {
    "id", "therapist_id", "geplantes_datum", "geplante_zeit", "dauer_minuten", "tatsaechliches_datum",
    "tatsaechliche_zeit", "status", "ergebnis", "notizen", "wiederholen_nach", "created_at", "updated_at",
    "email_id", "grund", "ergebnis_art", "versuch", "vorheriger_anruf_id", "ausserhalb_erreichbarkeit",
    "klaerung_noetig", "absage_grund", "version", "email_ids", "plaetze", "plaetze_ab", "plaetze_fuer",
    "warteliste", "wieder_fragen_am", "rueckruf_durch", "korrigiert_at", "gemeinsam_mit_id", "extern_id",
}  # fmt: skip  # fmt: skip

CREATED = (
    "geplantes_datum", "geplante_zeit", "dauer_minuten", "status", "notizen", "email_id", "grund",
)  # fmt: skip  # fmt: skip

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

WRONG_PARAMETERS: list[str] = [
    "unbekannt=1",
    "page=0",
    "limit=101",
    "status=done",
    "geplantes_datum=morgen",
    "therapist_id=0",
    "page=1&page=2",
]

UNKNOWN_IDS: list[int] = [77, 0, 2**31, 2**70]

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
    monkeypatch.setattr(booked_together, "LOCK_SECONDS", 0.01)
    at_a_time = {"geplantes_datum": "2026-10-16", "geplante_zeit": "10:00"}
    async with session.begin():
        await lock_calendar(tx_of(session))
        answers = [await api.post(CALLS, json={"therapist_id": 1} | when) for when in ({}, at_a_time)]
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in answers} == {(503, "2")}
    assert (await api.get(CALLS)).json()["total"] == 0


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


async def test_wrong_parameters_are_refused(api: Client, subtests: pytest.Subtests):
    for query in WRONG_PARAMETERS:
        with subtests.test(query=query):
            answer = await api.get(f"{CALLS}?{query}")
            assert (answer.status_code, fields(answer.json())) == (422, [query.split("=")[0]])


async def test_an_unknown_call_is_not_found(api: Client, subtests: pytest.Subtests):
    for call_id in UNKNOWN_IDS:
        with subtests.test(call_id=call_id):
            for answer in (
                await api.get(f"{CALLS}/{call_id}"),
                await api.put(f"{CALLS}/{call_id}", json={"status": "completed"}),
                await api.delete(f"{CALLS}/{call_id}"),
            ):
                assert answer.status_code == 404


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
