import re
from datetime import date, time

from sqlalchemy import select

from services.models import PhoneCall, Therapist
from shared.database import SessionFactory
from tests.factories import make_call, make_therapist
from tests.integration.conftest import Client, submit

PAST = re.compile(r'<th scope="col" class="[^"]*week-past">([^<]+?)\s*<')


async def _seed(sessions: SessionFactory, **call: object) -> int:
    async with sessions() as session, session.begin():
        session.add(make_therapist())
        planned = make_call(geplantes_datum=date(2026, 10, 15), geplante_zeit=time(10, 15), **call)
        session.add(planned)
        await session.flush()
        return planned.id


async def test_the_week_shows_calls_and_who_can_be_reached(staff_client: Client, sessions: SessionFactory):
    await _seed(sessions)
    page = (await staff_client.get("/week")).text
    assert "10:15</span> Schmidt, J." in page
    assert "1 reachable" in page
    assert "10:15" not in (await staff_client.get("/week?start=2026-10-19")).text


async def test_an_unreadable_week_is_refused_by_name(staff_client: Client):
    answer = await staff_client.get("/week?start=soon")
    assert answer.status_code == 422


async def test_a_call_is_moved_to_a_free_time(staff_client: Client, sessions: SessionFactory):
    call_id = await _seed(sessions)
    form = (await staff_client.get(f"/calls/{call_id}/move?day=2026-10-16")).text
    assert 'value="2026-10-16T10:00"' in form
    answer = await submit(staff_client, f"/calls/{call_id}/move", {"version": 1, "slot": "2026-10-16T10:00"})
    assert answer.headers["location"] == f"/week?start=2026-10-12&moved={call_id}#moved"
    week = (await staff_client.get(answer.headers["location"])).text
    assert "The call to Dr. Jürgen Schmidt is now planned for Fri 16 Oct, 10:00." in week
    assert f'id="call-{call_id}" class="week-call week-scheduled week-moved"' in week
    assert "week-moved" not in (await staff_client.get("/week?moved=4711")).text
    async with sessions() as session:
        call = await session.scalar(select(PhoneCall))
        assert call is not None
        assert (call.geplantes_datum, call.geplante_zeit) == (date(2026, 10, 16), time(10, 0))


async def test_a_call_can_be_moved_by_less_than_its_own_length(
    staff_client: Client, sessions: SessionFactory
):
    call_id = await _seed(sessions)
    form = (await staff_client.get(f"/calls/{call_id}/move?day=2026-10-15")).text
    assert 'value="2026-10-15T10:20"' in form


async def test_moving_starts_at_the_calls_own_day(staff_client: Client, sessions: SessionFactory):
    call_id = await _seed(sessions)
    form = (await staff_client.get(f"/calls/{call_id}/move")).text
    assert "Free on Thu 15 Oct" in form
    assert "2026-10-14T" not in form


async def test_moving_an_overdue_call_starts_today(staff_client: Client, sessions: SessionFactory):
    call_id = await _seed(sessions)
    async with sessions() as session, session.begin():
        (await session.get_one(PhoneCall, call_id)).geplantes_datum = date(2026, 10, 12)
    assert "Free on Wed 14 Oct" in (await staff_client.get(f"/calls/{call_id}/move")).text


async def test_why_there_is_no_free_time_is_said_with_the_hours_of_the_desk(
    staff_client: Client, sessions: SessionFactory
):
    call_id = await _seed(sessions)
    async with sessions() as session, session.begin():
        (await session.get_one(Therapist, 1)).telefonische_erreichbarkeit = {}
    form = (await staff_client.get(f"/calls/{call_id}/move")).text
    assert "no phone hours within the desk's hours (08:00 to 18:00)." in form


async def test_of_the_running_week_a_phone_shows_today_first(staff_client: Client, sessions: SessionFactory):
    await _seed(sessions)
    running = (await staff_client.get("/week")).text
    assert PAST.findall(running) == ["Mon 12 Oct", "Tue 13 Oct"]
    assert 'href="/week?start=2026-10-12">Show the days before today as well' in running
    for whole in ("/week?start=2026-10-12", "/week?start=2026-10-19"):
        assert "week-past" not in (await staff_client.get(whole)).text


async def test_a_time_in_the_past_shows_the_form_again_and_changes_nothing(
    staff_client: Client, sessions: SessionFactory
):
    call_id = await _seed(sessions)
    form = {"version": 1, "datum": "2026-10-01", "zeit": "10:00"}
    answer = await submit(staff_client, f"/calls/{call_id}/move", form)
    assert answer.status_code == 422
    assert "<title>Error:" in answer.text
    assert 'value="2026-10-01"' in answer.text
    missing = await submit(staff_client, f"/calls/{call_id}/move", {"version": 1})
    assert "Give a date." in missing.text
    assert "Give a time such as 14:30." in missing.text


async def test_a_stale_form_says_so_and_keeps_what_was_typed(staff_client: Client, sessions: SessionFactory):
    call_id = await _seed(sessions, version=7)
    form = {"version": 1, "datum": "2026-10-16", "zeit": "11:20"}
    answer = await submit(staff_client, f"/calls/{call_id}/move", form)
    assert answer.status_code == 409
    assert "Somebody else has changed this" in answer.text
    assert 'value="11:20"' in answer.text


async def test_an_agreed_time_is_not_lost_to_a_ticked_one(staff_client: Client, sessions: SessionFactory):
    call_id = await _seed(sessions)
    form = {"version": 1, "day": "2026-10-16", "slot": "2026-10-16T10:00"}
    agreed = {"datum": "2026-10-20", "zeit": "14:30"}
    answer = await submit(staff_client, f"/calls/{call_id}/move", form | agreed)
    assert answer.status_code == 422
    assert "not both" in answer.text
    assert 'value="2026-10-16T10:00" checked' in answer.text
    answer = await submit(staff_client, f"/calls/{call_id}/move", form | agreed | {"slot": ""})
    assert answer.headers["location"] == f"/week?start=2026-10-19&moved={call_id}#moved"


async def test_a_finished_call_cannot_be_moved(staff_client: Client, sessions: SessionFactory):
    call_id = await _seed(sessions, status="completed")
    assert (await staff_client.get(f"/calls/{call_id}/move")).status_code == 409


async def test_statistics_show_figures_for_the_chosen_period(staff_client: Client, sessions: SessionFactory):
    await _seed(
        sessions,
        status="completed",
        ergebnis_art="erreicht",
        tatsaechliches_datum=date(2026, 10, 12),
        tatsaechliche_zeit=time(10, 20),
    )
    page = (await staff_client.get("/statistics?days=30")).text
    assert "100%" in page
    assert ">1/1</text>" in page


async def test_hours_in_which_nothing_happens_are_left_out(staff_client: Client, sessions: SessionFactory):
    await _seed(sessions)
    page = (await staff_client.get("/week")).text
    assert "10:00</th>" in page
    assert "11:00</th>" in page
    assert "08:00</th>" not in page
    assert "17:00</th>" not in page


async def test_a_holiday_says_where_it_is_one(staff_client: Client, sessions: SessionFactory):
    async with sessions() as session, session.begin():
        session.add(make_therapist(plz="01067", ort="Dresden"))
        session.add(make_call(geplantes_datum=date(2026, 11, 17), geplante_zeit=time(10, 15)))
        session.add(make_call(geplantes_datum=date(2026, 12, 22), geplante_zeit=time(10, 15)))
    repentance = (await staff_client.get("/week?start=2026-11-16")).text
    assert "public holiday in SN<" in repentance
    assert repentance.count("1 reachable") == 8
    assert "public holiday<" in (await staff_client.get("/week?start=2026-12-21")).text
