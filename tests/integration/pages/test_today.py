"""Today: what staff see before they take a call."""

import re
from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from services.models import CallReason, CallStatus, OutcomeKind, PhoneCall
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import NOW, make_call, make_staff, make_therapist
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import group, stored
from webapp.controllers.pages import today as pages_of_today
from webapp.screens import desk

TODAY = date(2026, 10, 14)
REFRESH_AT = re.compile(r'data-refresh-at="([^"]+)"')


def phone_hours(start: str, end: str) -> dict[str, object]:
    return {"wednesday": [{"start": start, "end": end}]}


async def test_who_can_be_reached_now_is_listed_with_the_window_closing_first_on_top(
    staff_client: Client, sessions: SessionFactory
):
    await stored(
        sessions,
        make_therapist(id=1, nachname="Lange", telefonische_erreichbarkeit=phone_hours("10:00", "12:00")),
        make_therapist(id=2, nachname="Kurz", telefonische_erreichbarkeit=phone_hours("10:00", "11:00")),
        make_therapist(id=3, nachname="Spät", telefonische_erreichbarkeit=phone_hours("15:00", "16:00")),
        make_therapist(id=4, nachname="Gleich", telefonische_erreichbarkeit=phone_hours("11:15", "12:00")),
        *(
            make_call(therapist_id=n, geplante_zeit=time(9 + n), leitung=n, grund=CallReason.NO_REPLY)
            for n in (1, 2, 3, 4)
        ),
    )
    page = (await staff_client.get("/")).text
    now = group(page, "now")
    assert now.index("Kurz") < now.index("Lange")
    assert "18 min left" in now
    assert "until 11:00" in now
    assert "Gleich" in group(page, "soon")
    assert "in 33 min" in group(page, "soon")
    assert "Spät" in group(page, "later")


async def test_who_can_not_be_phoned_is_listed_with_the_reason(
    staff_client: Client, sessions: SessionFactory
):
    await stored(
        sessions,
        make_therapist(id=1, telefon=None),
        make_therapist(id=2, nicht_anrufen=True),
        make_therapist(id=3, telefonische_erreichbarkeit=None),
        *(make_call(therapist_id=n, leitung=n) for n in (1, 2, 3)),
    )
    part = group((await staff_client.get("/")).text, "unreachable")
    for reason in ("No phone number", "Does not want to be called", "No phone hours"):
        assert reason in part


async def test_an_overdue_call_can_be_planned_anew(staff_client: Client, sessions: SessionFactory):
    await stored(
        sessions,
        make_therapist(telefonische_erreichbarkeit={"friday": [{"start": "10:00", "end": "12:00"}]}),
        make_call(id=7, geplantes_datum=date(2026, 10, 9)),
    )
    part = group((await staff_client.get("/")).text, "overdue")
    assert "planned Fri 9 Oct 11:00" in part
    assert 'formaction="/calls/7/plan-anew?version=1"' in part
    stale = await submit(staff_client, "/calls/7/plan-anew?version=0", htmx=True)
    assert stale.status_code == 409
    await submit(staff_client, "/calls/7/plan-anew?version=1", htmx=True)
    assert "/calls/7/" not in group((await staff_client.get("/")).text, "now")


async def test_done_calls_are_counted_and_show_their_outcome(staff_client: Client, sessions: SessionFactory):
    done = {"status": CallStatus.COMPLETED, "ergebnis_art": OutcomeKind.REACHED, "abgeschlossen_at": NOW}
    await stored(sessions, make_therapist(), make_call(**done))
    page = (await staff_client.get("/")).text
    assert "<b>1</b> done" in page
    assert "Reached" in page.split('<details class="group"')[1]


async def test_a_colleagues_call_shows_their_name_and_can_not_be_taken(
    staff_client: Client, sessions: SessionFactory, clock: FakeClock
):
    ben = make_staff(name="Ben")
    await stored(sessions, make_therapist(), ben)
    until = clock.now.replace(minute=50)
    await stored(sessions, make_call(id=7, bearbeitet_von=ben.id, bearbeitet_bis=until))
    now = group((await staff_client.get("/")).text, "now")
    assert "with Ben" in now
    assert "/calls/7/claim" not in now


async def test_an_open_page_looks_again_when_a_colleagues_claim_would_end(
    staff_client: Client, sessions: SessionFactory
):
    await stored(sessions, make_staff(id=2, name="Ben"), make_therapist(), make_call())
    before = REFRESH_AT.findall((await staff_client.get("/")).text)
    until = NOW + timedelta(minutes=3)
    async with sessions() as session, session.begin():
        call = (await session.scalars(select(PhoneCall))).one()
        call.bearbeitet_von, call.bearbeitet_bis = 2, until
    after = REFRESH_AT.findall((await staff_client.get("/")).text)
    assert all(datetime.fromisoformat(at) > until for at in before)
    assert {datetime.fromisoformat(at) for at in after} == {until}


async def test_a_call_in_hand_is_shown_whatever_day_it_is_planned_for(
    staff_client: Client, sessions: SessionFactory
):
    await stored(sessions, make_therapist(), make_call(id=7, geplantes_datum=date(2026, 10, 21)))
    await submit(staff_client, "/calls/7/claim", htmx=True)
    page = (await staff_client.get("/")).text
    assert "In your hands" in page
    assert "Save and next" in page


async def test_an_empty_list_says_why_and_who_is_next(staff_client: Client, sessions: SessionFactory):
    await stored(
        sessions,
        make_therapist(id=1, nachname="Lang", telefonische_erreichbarkeit=phone_hours("11:15", "12:00")),
        make_therapist(id=2, telefonische_erreichbarkeit=phone_hours("15:00", "16:00")),
        make_therapist(id=3, telefon=None),
        *(make_call(therapist_id=n, leitung=n) for n in (1, 2, 3)),
    )
    text = " ".join(group((await staff_client.get("/")).text, "now").split())
    assert "Nobody can be reached right now. Next: Dr. Jürgen Lang 11:15. 1 later today." in text
    assert "1 can't be reached by phone." in text


async def test_the_day_band_has_the_same_numbers_as_a_table(staff_client: Client, sessions: SessionFactory):
    await stored(sessions, make_therapist(), make_call(geplante_zeit=time(11, 0)))
    page = (await staff_client.get("/")).text
    assert '<th scope="row">11:00</th><td>1</td><td>1</td>' in page


async def test_an_open_page_gets_only_the_list_and_the_counters(
    staff_client: Client, sessions: SessionFactory
):
    await stored(sessions, make_therapist(), make_call())
    part = (await staff_client.get("/", headers={"HX-Request": "true"})).text
    assert "<html" not in part
    assert 'id="list"' in part
    assert 'id="panel"' not in part
    assert 'id="summary" class="summary" hx-swap-oob="true"' in part


async def test_who_is_next_in_line_is_asked_for_again_until_a_call_is_in_hand(
    staff_client: Client, sessions: SessionFactory
):
    await stored(sessions, make_therapist(), make_call(id=7))
    headers = {"HX-Request": "true"}
    offer = await staff_client.get("/?part=idle", headers=headers)
    assert "Next in line" in offer.text
    assert 'id="list"' not in offer.text
    await submit(staff_client, "/calls/7/claim", htmx=True)
    assert (await staff_client.get("/?part=idle", headers=headers)).status_code == 204


@pytest.mark.parametrize("spelling", ["030/1234567", "+49 30 1234567", "schmi", "0049 30 12345"])
async def test_whoever_rings_back_is_found_by_name_or_number(
    staff_client: Client, sessions: SessionFactory, spelling: str
):
    await stored(sessions, make_therapist(), make_call())
    found = await submit(staff_client, "/search", {"q": spelling, "panel": "yes"}, htmx=True)
    assert "Dr. Jürgen Schmidt" in found.text
    assert "Call planned Wed 14 Oct 11:00" in found.text
    assert 'hx-target="#panel"' in found.text
    page = await staff_client.get("/search", params={"q": spelling})
    assert "<html" in page.text
    assert "#panel" not in page.text
    assert "Dr. Jürgen Schmidt" in page.text


async def test_a_search_without_a_match_says_so(staff_client: Client):
    found = await submit(staff_client, "/search", {"q": "Niemand"}, htmx=True)
    assert "Nobody of this name or number." in found.text


async def test_the_head_counts_what_is_marked_and_who_is_free(
    staff_client: Client, sessions: SessionFactory, clock: FakeClock
):
    ben = make_staff(name="Ben")
    friday = {"friday": [{"start": "10:00", "end": "12:00"}]}
    long_ago = date(2026, 10, 9)
    await stored(sessions, ben)
    await stored(
        sessions,
        make_therapist(id=1),
        make_therapist(id=2),
        make_therapist(id=3, telefonische_erreichbarkeit=friday),
        make_therapist(id=4, telefon=None),
        make_call(
            therapist_id=1, leitung=1, bearbeitet_von=ben.id, bearbeitet_bis=clock.now.replace(minute=50)
        ),
        make_call(therapist_id=2, leitung=2, geplantes_datum=long_ago),
        make_call(therapist_id=3, leitung=3, geplantes_datum=long_ago),
        make_call(therapist_id=4, leitung=1, geplantes_datum=long_ago),
    )
    page = (await staff_client.get("/")).text
    head = page.split('<ul class="counts">')[1].split("</ul>")[0]
    assert "<b>1</b> reachable" in head
    assert "<b>3</b> overdue" in head
    now = group(page, "now")
    assert '<span class="group-count">1</span>' in now
    assert "1 in hand" in now
    marked = page.count('<span class="badge badge-warn">overdue</span>')
    assert marked + group(page, "overdue").count("/plan-anew") == 3


async def test_when_colleagues_have_all_who_can_be_reached_it_says_who_is_next(
    staff_client: Client, sessions: SessionFactory, clock: FakeClock
):
    ben = make_staff(name="Ben")
    later = phone_hours("15:00", "16:00")
    await stored(sessions, ben)
    await stored(
        sessions,
        make_therapist(id=1),
        make_therapist(id=2, nachname="Lang", telefonische_erreichbarkeit=later),
        make_call(
            therapist_id=1, leitung=1, bearbeitet_von=ben.id, bearbeitet_bis=clock.now.replace(minute=50)
        ),
        make_call(therapist_id=2, leitung=2),
    )
    panel = " ".join((await staff_client.get("/?part=idle", headers={"HX-Request": "true"})).text.split())
    assert "All reachable therapists are being called by colleagues. Next: Dr. Jürgen Lang 15:00." in panel


async def test_the_row_of_the_call_shown_is_marked_also_after_a_refresh(
    staff_client: Client, sessions: SessionFactory
):
    await stored(sessions, make_therapist(), make_therapist(id=2))
    await stored(sessions, make_call(id=7), make_call(id=8, therapist_id=2, leitung=2))
    for path, headers in (("/calls/7", {}), ("/?shown=7", {"HX-Request": "true"})):
        now = group((await staff_client.get(path, headers=headers)).text, "now")
        marked = [row for row in now.split("<li ") if 'aria-current="true"' in row]
        assert len(marked) == 1
        assert "/calls/7/claim" in marked[0]


async def test_a_search_that_finds_more_than_it_shows_says_how_many(
    staff_client: Client, sessions: SessionFactory
):
    await stored(sessions, *(make_therapist(id=number) for number in range(1, 12)))
    found = await submit(staff_client, "/search", {"q": "schmidt"}, htmx=True)
    assert found.text.count('role="option"') == 8
    assert "3 more; go on typing" in found.text


async def test_of_each_group_the_first_are_shown_and_all_are_counted_and_can_be_opened(
    staff_client: Client, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(desk, "ROWS", 2)
    monkeypatch.setattr(desk, "MOST_ROWS", 3)
    some = (1, 2, 3, 4)
    await stored(
        sessions,
        *(make_therapist(id=n, nachname=f"Nr{n}") for n in some),
        *(make_call(id=n, therapist_id=n, geplantes_datum=TODAY - timedelta(days=n)) for n in some),
    )
    today = (await staff_client.get("/")).text
    assert ["Nr4" in today, "Nr3" in today, "Nr2" in today, "Nr1" in today] == [True, True, False, False]
    assert "<b>4</b> open" in today
    assert "<b>4</b> overdue" in today
    assert '2 more. <a href="/?rows=all">Show all</a>' in today
    every = (await staff_client.get("/?rows=all")).text
    assert ["Nr2" in every, "Nr1" in every] == [True, False]
    assert '1 more. <a href="/open">' in every
    oldest = (await staff_client.get("/open")).text
    assert oldest.index("Nr4") < oldest.index("Nr3") < oldest.index("Nr2") < oldest.index("Nr1")
    assert "1 to 4 of 4" in oldest
    assert (await staff_client.get("/open?page=999999999")).status_code == 200
    taken = await submit(staff_client, "/calls/3/claim")
    assert taken.headers["location"] == "/calls/3#panel"


async def test_the_page_of_open_calls_has_a_row_for_each_therapist(
    staff_client: Client, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(pages_of_today, "ROWS", 2)
    first, second, third = 1, 2, 3
    await stored(
        sessions,
        *(make_therapist(id=n, nachname=f"Nr{n}") for n in (first, second, third)),
        make_call(id=11, therapist_id=first),
        make_call(id=12, therapist_id=second, geplantes_datum=TODAY - timedelta(days=1), leitung=2),
        make_call(id=13, therapist_id=second, geplante_zeit=time(11, 30), leitung=2),
        make_call(id=14, therapist_id=third, geplantes_datum=TODAY - timedelta(days=3), leitung=3),
        make_call(id=15, therapist_id=first, geplantes_datum=TODAY - timedelta(days=2)),
        make_call(id=16, therapist_id=first, geplantes_datum=TODAY + timedelta(days=1)),
    )
    page = (await staff_client.get("/open")).text
    shown = page.split('<ul class="rows">')[1].split("</ul>")[0]
    assert shown.count('<li class="row') == 2
    assert shown.index("Nr3") < shown.index("Nr1")
    rows = shown.split("</li>")
    assert "matters" not in rows[0]
    assert "2 matters" in rows[1], "tomorrow's is left out"
    assert "planned Mon 12 Oct 11:00" in rows[1]
    assert "1 to 2 of 3" in page
    last = (await staff_client.get("/open?page=2")).text
    assert "Nr2" in last
    assert last.count("2 matters") == 1
    assert "3 to 3 of 3" in last


@pytest.mark.parametrize(
    "address", ["+49301234567", "%2B49301234567", "tel:+49301234567", "0301234567", "4567"]
)
async def test_an_address_with_a_number_opens_the_one_person(
    staff_client: Client, sessions: SessionFactory, address: str
):
    await stored(
        sessions, make_therapist(), make_therapist(id=2, nachname="Wendt", telefon_e164="+4940765432")
    )
    opened = await staff_client.get(f"/search?q={address}", follow_redirects=False)
    assert (opened.status_code, opened.headers["location"]) == (303, "/therapists/1")
    assert "Record a ring-back" in (await staff_client.get("/therapists/1")).text


async def test_who_is_typed_into_the_search_of_a_page_is_taken_without_its_panel_as_well(
    staff_client: Client, sessions: SessionFactory
):
    await stored(sessions, make_therapist())
    for page in ("/", "/statistics", "/emails", "/inbox"):
        assert 'id="find"' in (await staff_client.get(page)).text, page
    found = await submit(staff_client, "/search", {"q": "berlin"}, htmx=True)
    assert "hx-post" not in found.text
    assert 'formaction="/ring-backs/1"' in found.text
