"""Ids no record can have, texts no column can hold, days near the calendar's ends: refused, never a 500."""

import re
from datetime import date

import pytest
from litestar import Litestar

from services.accounts.api_keys import create_key
from services.models import Staff
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_call, make_email, make_therapist
from tests.integration.conftest import Client, csrf, submit
from tests.work import work_of

IMPOSSIBLE_IDS = (0, 2**31, 2**63)
CALL_AT = {"action": "call_at", "geplantes_datum": "2026-10-15", "geplante_zeit": "10:00"}
MAIL = {"therapist_id": "1", "empfaenger_email": "a@b.de", "empfaenger_name": "x", "betreff": "a"}
REPLY = {"art": "antwort", "uhrzeit": "10:00", "antwortinhalt": "ja", "version": "1"}


@pytest.fixture
async def desk(staff_client: Client, sessions: SessionFactory, clock: FakeClock) -> Client:
    """Anna's browser, which has a service's key as well; there is one therapist, one call, one e-mail."""
    async with sessions() as session:
        async with session.begin():
            session.add(make_therapist())
            await session.flush()
            session.add_all([make_email(), make_call(geplantes_datum=date(2026, 10, 15))])
        key = await create_key(work_of(session, now=clock()), "matching")
    staff_client.headers["Authorization"] = f"Bearer {key}"
    return staff_client


def addresses_of_records(app: Litestar) -> list[tuple[str, str]]:
    """Return method and path of all routes with a record's id in them, `{}` in its place."""
    return [
        (method, re.sub(r"\{\w+:int\}", "{}", route.path).replace("{change:str}", "close"))
        for route in app.routes
        for method in sorted(getattr(route, "methods", set[str]()) - {"OPTIONS"})
        if ":int}" in route.path
    ]


async def test_no_route_knows_a_record_of_an_impossible_id(
    desk: Client, app: Litestar, subtests: pytest.Subtests
):
    routes = addresses_of_records(app)
    assert {method for method, _ in routes} == {"GET", "POST", "PUT", "DELETE"}
    token = await csrf(desk, "/therapists/1")
    for method, path in routes:
        for number in IMPOSSIBLE_IDS:
            with subtests.test(method=method, path=path, number=number):
                form = {"data": {"_csrf_token": token}} if method == "POST" else {}
                answer = await desk.request(method, path.format(number), **form)
                assert answer.status_code == 404


async def test_an_impossible_id_is_answered_in_the_members_own_language(
    desk: Client, anna: Staff, sessions: SessionFactory
):
    async with sessions() as session, session.begin():
        (await session.get_one(Staff, anna.id)).sprache = "de"
    assert "Diesen Eintrag gibt es nicht." in (await desk.get(f"/calls/{2**31}")).text


@pytest.mark.parametrize("number", IMPOSSIBLE_IDS[1:])
async def test_an_impossible_id_elsewhere_in_an_address_is_refused_or_passed_over(
    desk: Client, number: int, subtests: pytest.Subtests
):
    for path in (
        "/?saved={}",
        "/emails?therapist={}",
        "/emails/new?therapist={}",
        "/calls/1/state?version={}",
    ):
        with subtests.test(path=path):
            assert (await desk.get(path.format(number))).status_code in (200, 404, 422)


@pytest.mark.parametrize("htmx", [False, True])
@pytest.mark.parametrize(
    "path",
    [
        "/search?q=%00ab",
        "/therapists?q=ab%00c",
        "/therapists?q=030%00",
        "/emails/new?q=ab%00",
    ],
)
async def test_a_nul_in_a_search_is_passed_over(desk: Client, path: str, htmx: bool):
    headers = {"HX-Request": "true", "HX-Target": "found"} if htmx else {}
    assert (await desk.get(path, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/login", {"name": "a\x00b", "password": "x"}),
        ("/calls/1/draft", {"ergebnis": "a\x00b"}),
        ("/calls/1/outcome", {"ergebnis_art": "erreicht", "ergebnis": "a\x00b", "version": "1"}),
        ("/calls/1/hint", {"text": "a\x00b", "version": "1"}),
        ("/calls/1/do-not-call", {"text": "a\x00b", "flag": "1", "version": "1"}),
        ("/therapists/1", {"action": "hint", "anruf_hinweis": "a\x00b", "version": "1"}),
        ("/therapists/1", CALL_AT | {"notizen": "a\x00b"}),
        ("/therapists/1", CALL_AT | {"key": "\x00abc"}),
        ("/emails/1", {"action": "call", "key": "\x00"}),
        ("/emails/1/reply", REPLY | {"antwortdatum": "2026-10-14", "antwortinhalt": "a\x00b"}),
        ("/emails/1/reply/draft", {"antwortinhalt": "a\x00"}),
        ("/emails/new", {"action": "send", "betreff": "a\x00"}),
        ("/emails/new", MAIL | {"action": "send", "body_text": "hi", "key": "\x00"}),
        ("/emails/new/preview", {"body_text": "a\x00b"}),
        ("/system/staff", {"name": "a\x00b", "password": "0123456789ab"}),
        ("/system/keys", {"key_name": "x\x00"}),
        ("/system/events/retry", {"ids": str(2**64)}),
    ],
)
async def test_a_form_with_what_no_column_can_hold_is_refused(
    desk: Client, path: str, form: dict[str, object]
):
    assert (await submit(desk, path, form)).status_code == 422


async def test_a_value_the_database_refuses_is_refused_in_words(desk: Client):
    answer = await submit(desk, "/login", {"name": "a\x00b", "password": "x"})
    assert "A value that was sent can&#39;t be stored." in answer.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/week?start=0001-01-01", 422),
        ("/week?start=9999-12-31", 422),
        ("/week?start=1900-01-01", 200),
        ("/week?start=9000-12-31", 200),
        ("/calls/1/move?day=0001-01-01", 422),
        ("/calls/1/move?day=9999-12-31", 422),
        ("/emails?von=0001-01-01&bis=9999-12-31", 200),
        ("/calls/1/next-attempt?ergebnis_art=nicht_erreicht&wiederholen_nach=9999-12-31", 200),
        ("/api/therapists/1/slots?date=0001-01-01", 422),
        ("/api/therapists/1/slots?date=9999-12-31", 422),
        ("/api/phone-calls?geplantes_datum_from=0001-01-01&geplantes_datum_to=9999-12-31", 200),
    ],
)
async def test_a_day_near_the_calendars_ends_in_an_address(desk: Client, path: str, status: int):
    assert (await desk.get(path)).status_code == status


@pytest.mark.parametrize("day", ["0001-01-01", "1899-12-31", "9001-01-01", "9999-12-31"])
@pytest.mark.parametrize(
    ("path", "field", "form"),
    [
        ("/emails/1/reply", "antwortdatum", REPLY),
        ("/emails/1/reply", "rueckkehr", REPLY | {"art": "abwesenheit", "antwortdatum": "2026-10-14"}),
        ("/therapists/1", "geplantes_datum", CALL_AT),
        ("/calls/1/move", "datum", {"zeit": "10:00", "version": "1"}),
        ("/calls/1/outcome", "wiederholen_nach", {"ergebnis_art": "nicht_erreicht", "version": "1"}),
    ],
)
async def test_a_day_near_the_calendars_ends_in_a_form(
    desk: Client, path: str, field: str, form: dict[str, object], day: str
):
    assert (await submit(desk, path, form | {field: day})).status_code == 422


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
async def test_a_service_cannot_store_a_day_that_no_page_can_show(desk: Client, day: str):
    made = await desk.post(
        "/api/phone-calls", json={"therapist_id": 1, "geplantes_datum": day, "geplante_zeit": "10:00"}
    )
    rung = await desk.put(
        "/api/phone-calls/1", json={"status": "failed", "tatsaechliches_datum": day, "wiederholen_nach": day}
    )
    assert (made.status_code, rung.status_code) == (422, 422)
    assert [error["field"] for error in made.json()["errors"]] == ["geplantes_datum"]
    assert [error["field"] for error in rung.json()["errors"]] == ["tatsaechliches_datum", "wiederholen_nach"]


async def test_settings_that_name_none_change_nothing(desk: Client, anna: Staff, sessions: SessionFactory):
    answer = await submit(desk, "/settings", {"next": "/week"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/week")
    async with sessions() as session:
        member = await session.get_one(Staff, anna.id)
        assert (member.sprache, member.tastenkuerzel) == (anna.sprache, anna.tastenkuerzel)
