"""What staff do on the pages of therapists, without any script."""

import re
from datetime import date, datetime, time, timedelta

import httpx
import pytest
from litestar import Litestar
from sqlalchemy import select

from services.models import CallEmail, CallReason, CallStatus, EmailStatus, OutcomeKind, PhoneCall, Therapist
from services.therapists.client import TherapistClient
from shared.config import Settings
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_email, make_therapist
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import Store

PLAN_FOLDED = re.compile(r"<details>\s*<summary[^>]*>Plan a call all the same")


async def load(sessions: SessionFactory) -> Therapist:
    async with sessions() as session:
        return await session.get_one(Therapist, 1)


async def calls_of(sessions: SessionFactory) -> list[tuple[date, time, str]]:
    async with sessions() as session:
        calls = await session.scalars(select(PhoneCall).order_by(PhoneCall.id))
        return [(call.geplantes_datum, call.geplante_zeit, call.status) for call in calls]


async def test_any_spelling_of_a_number_and_any_part_of_a_name_finds_somebody(
    staff_client: Client, store: Store
):
    await store(
        make_therapist(), make_therapist(id=2, nachname="Özdemir", telefon_e164="+49409876543", telefon="040")
    )
    for q in ("030/1234567", "+49 30 1234567", "0049 (30) 12345", "schmi", "jürgen schm"):
        page = (await staff_client.get("/therapists", params={"q": q})).text
        assert "Schmidt" in page, q
        assert "Özdemir" not in page, q
    nobody = (await staff_client.get("/therapists?q=niemand", headers={"HX-Request": "true"})).text
    assert nobody.lstrip().startswith('<div id="therapists"')
    assert "Nobody of this name or number." in nobody


async def test_list_is_sorted_as_people_spell_and_shows_hours_and_next_call(
    staff_client: Client, store: Store
):
    await store(
        make_therapist(id=1, nachname="Petrović"),
        make_therapist(id=2, nachname="Özdemir"),
        make_therapist(id=3, nachname="Obermeier", nicht_anrufen=True),
        make_call(therapist_id=2, geplantes_datum=date(2026, 10, 16), geplante_zeit=time(11, 0)),
    )
    page = (await staff_client.get("/therapists")).text
    assert page.index("Obermeier") < page.index("Özdemir") < page.index("Petrović")
    assert "10:00–12:00" in page
    assert "Fri 16 Oct 11:00" in page
    assert "Do not call" in page


async def test_detail_shows_every_contact_on_one_timeline(staff_client: Client, store: Store):
    await store(
        make_therapist(),
        make_email(
            status=EmailStatus.SENT,
            sent_at=NOW,
            antwort_erhalten=True,
            antwortdatum=NOW,
            antwort_art="antwort",
            antwortinhalt="Rufen Sie bitte an.",
        ),
        make_call(
            status=CallStatus.FAILED,
            ergebnis_art=OutcomeKind.BUSY,
            abgeschlossen_at=NOW,
            geplantes_datum=date(2026, 10, 12),
        ),
        make_call(geplantes_datum=date(2026, 10, 15), grund=CallReason.NO_REPLY),
    )
    page = (await staff_client.get("/therapists/1")).text
    assert "Rufen Sie bitte an." in page
    assert "Busy" in page
    assert "Call planned" in page
    assert page.index("Call planned") < page.index("Rufen Sie bitte an.")


async def test_what_of_the_phone_hours_was_not_understood_is_told_with_its_reason(
    staff_client: Client, store: Store
):
    hours = {"tuesday": ["10:00-12:00"], "friday": ["nach Vereinbarung"], "Feiertag": ["9-10"]}
    await store(make_therapist(telefonische_erreichbarkeit=hours))
    page = (await staff_client.get("/therapists/1")).text
    assert "10:00–12:00" in page
    assert "<rect" in page
    assert "nach Vereinbarung" in page
    assert "This is neither a start and an end" in page
    assert "This is not a day of the week." in page


async def test_calls_are_planned_next_now_or_at_a_given_time(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    await store(make_therapist())
    page = (await staff_client.get("/therapists/1")).text
    assert "Next free time: Wed 14 Oct, 11:15" in page
    for form in (
        {"action": "call_next"},
        {"action": "call_now"},
        {"action": "call_at", "geplantes_datum": "2026-10-19", "geplante_zeit": "10:30"},
    ):
        assert (await submit(staff_client, "/therapists/1", form)).status_code == 303
    assert await calls_of(sessions) == [
        (date(2026, 10, 14), time(11, 15), "scheduled"),
        (date(2026, 10, 14), time(10, 42), "scheduled"),
        (date(2026, 10, 19), time(10, 30), "scheduled"),
    ]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"nicht_anrufen": True}, "does not want to be called: nothing is planned by itself"),
        ({"status": "gesperrt"}, "is blocked: nothing is planned by itself"),
        ({"status": "inaktiv"}, "is not active any more: nothing is planned by itself"),
        ({"telefon": None, "telefon_e164": None}, "No phone number is known: a call could not be made."),
    ],
)
async def test_where_something_speaks_against_calling_a_person_has_to_say_all_the_same(
    staff_client: Client, store: Store, sessions: SessionFactory, values: dict[str, object], why: str
):
    await store(make_therapist(**values), make_call(geplantes_datum=date(2026, 10, 16)))
    page = (await staff_client.get("/therapists/1")).text
    assert why in page
    assert PLAN_FOLDED.search(page)
    assert "button-primary" not in page
    assert ("Next free time" in page) == ("telefon" in values)
    at = {"geplantes_datum": "2026-10-19", "geplante_zeit": "10:30"}
    for form in ({"action": "call_now"}, {"action": "call_at", **at}):
        refused = await submit(staff_client, "/therapists/1", form)
        assert refused.status_code == 409
        assert "Something speaks against calling this therapist." in refused.text
        assert not PLAN_FOLDED.search(refused.text)
    assert len(await calls_of(sessions)) == 1
    said = {"action": "call_at", "trotzdem": "ja", **at}
    assert (await submit(staff_client, "/therapists/1", said)).status_code == 303
    assert (await calls_of(sessions))[1] == (date(2026, 10, 19), time(10, 30), "scheduled")


async def test_nothing_is_planned_by_itself_for_who_does_not_want_it(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    await store(make_therapist(nicht_anrufen=True))
    form: dict[str, object] = {"action": "call_next", "trotzdem": "ja"}
    assert (await submit(staff_client, "/therapists/1", form)).status_code == 422
    assert await calls_of(sessions) == []


async def test_why_no_time_is_found_names_the_hours_of_the_desk(staff_client: Client, store: Store):
    await store(make_therapist(telefonische_erreichbarkeit={"monday": ["06:00-07:30"]}))
    page = (await staff_client.get("/therapists/1")).text
    assert "no phone hours within the desk's hours (08:00 to 18:00)." in page
    answer = await submit(staff_client, "/therapists/1", {"action": "call_next"})
    assert answer.status_code == 422
    assert "(08:00 to 18:00)" in answer.text


async def test_a_form_sent_twice_plans_one_call(staff_client: Client, store: Store, sessions: SessionFactory):
    await store(make_therapist())
    for _ in range(2):
        answer = await submit(staff_client, "/therapists/1", {"action": "call_next", "key": "k"})
        assert answer.status_code == 303
    assert len(await calls_of(sessions)) == 1


async def test_a_time_that_is_wrong_or_taken_is_told_and_stays_typed(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    await store(make_therapist(), make_call(geplantes_datum=date(2026, 10, 19)))
    for day, at, status, message in (
        ("", "", 422, "Give a date."),
        ("2026-10-19", "nachmittags", 422, "Give a time such as 14:30."),
        ("2026-10-12", "10:00", 422, "field-error"),
        ("2026-10-19", "11:00", 409, "This therapist already has call"),
    ):
        form = {"action": "call_at", "geplantes_datum": day, "geplante_zeit": at}
        answer = await submit(staff_client, "/therapists/1", form)
        assert answer.status_code == status
        assert message in answer.text
        assert f'value="{day}"' in answer.text
    assert len(await calls_of(sessions)) == 1


async def test_do_not_call_cancels_automatic_calls_and_can_be_lifted(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    await store(make_therapist(), make_call(grund=CallReason.NO_REPLY))
    form = {"action": "do_not_call", "version": 1, "nicht_anrufen_grund": "Möchte nur E-Mails."}
    answer = await submit(staff_client, "/therapists/1", form)
    page = (await staff_client.get(answer.headers["location"])).text
    assert "Möchte nur E-Mails." in page
    assert [status for _, _, status in await calls_of(sessions)] == ["canceled"]
    await submit(staff_client, "/therapists/1", {"action": "call_again", "version": 2})
    therapist = await load(sessions)
    assert (therapist.nicht_anrufen, therapist.nicht_anrufen_grund) == (False, None)


async def test_a_hint_is_saved_and_a_stale_one_keeps_the_typed_text(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    await store(make_therapist())
    await submit(
        staff_client, "/therapists/1", {"action": "hint", "version": 1, "anruf_hinweis": "Nach Haddad fragen"}
    )
    late = {"action": "hint", "version": 1, "anruf_hinweis": "Mein Hinweis"}
    answer = await submit(staff_client, "/therapists/1", late, htmx=True)
    assert answer.status_code == 409
    assert "This has changed since you opened the page." in answer.text
    assert "Mein Hinweis</textarea>" in answer.text
    assert (await load(sessions)).anruf_hinweis == "Nach Haddad fragen"


async def test_refresh_reads_the_directory_again(
    staff_client: Client, app: Litestar, config: Settings, store: Store, sessions: SessionFactory
):
    await store(make_therapist(abgerufen_at=datetime(2026, 10, 1, tzinfo=NOW.tzinfo)))

    def directory(request: httpx.Request) -> httpx.Response:
        assert request.url.path.endswith("/therapists/1")
        return httpx.Response(
            200, json={"id": 1, "vorname": "Jürgen", "nachname": "Schmidt-Neu", "telefon": "030 7654321"}
        )

    answering = httpx.AsyncClient(transport=httpx.MockTransport(directory))
    app.state.directory.client = TherapistClient(config, answering)
    answer = await submit(staff_client, "/therapists/1", {"action": "refresh"})
    assert answer.status_code == 303
    therapist = await load(sessions)
    assert (therapist.nachname, therapist.abgerufen_at) == ("Schmidt-Neu", NOW)


async def test_unknown_therapist_and_unknown_action_change_nothing(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    await store(make_therapist())
    assert (await submit(staff_client, "/therapists/1", {"action": "explode"})).status_code == 404
    assert (await staff_client.get("/therapists/99999999999999")).status_code == 404
    assert (await load(sessions)).version == 1


async def test_an_absence_is_set_by_hand_and_lifted(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    await store(make_therapist(), make_call(geplantes_datum=date(2026, 10, 16), geplante_zeit=time(11)))
    form = {"action": "absent", "version": 1, "wieder_da_am": "2026-10-14"}
    refused = await submit(staff_client, "/therapists/1", form)
    assert refused.status_code == 422
    assert "Give the first day back, after today." in refused.text
    answer = await submit(staff_client, "/therapists/1", form | {"wieder_da_am": "2026-10-26"})
    page = (await staff_client.get(answer.headers["location"])).text
    assert "What was planned before is moved behind it" in page
    assert "<strong>Absent, back on Mon 26 Oct</strong> (set by hand on Wed 14 Oct)." in page
    assert [day for day, *_ in await calls_of(sessions)] == [date(2026, 10, 26)]
    assert "Next free time: Mon 26 Oct, 10:10" in page
    assert "Absent, back on Mon 26 Oct" in (await staff_client.get("/therapists")).text
    answer = await submit(staff_client, "/therapists/1", {"action": "there", "version": 2})
    page = (await staff_client.get(answer.headers["location"])).text
    assert "is there again. Planned calls stay where they are." in page
    assert (await load(sessions)).wieder_da_am is None
    assert [day for day, *_ in await calls_of(sessions)] == [date(2026, 10, 26)]


async def test_every_email_of_a_planned_call_is_linked(staff_client: Client, store: Store):
    week_ago, sent = NOW - timedelta(days=7), EmailStatus.SENT
    first, second, other = (
        make_email(status=sent, sent_at=at, betreff=f"Anfrage vom {at:%d.%m.}")
        for at in (week_ago, week_ago + timedelta(days=1), NOW)
    )
    await store(make_therapist(), first, second, other)
    follow_up = make_call(id=7, email_id=first.id, grund=CallReason.NO_REPLY)
    about_one = make_call(id=8, email_id=other.id, geplante_zeit=time(11, 30))
    await store(follow_up)
    await store(CallEmail(call_id=7, email_id=second.id), about_one)
    page = (await staff_client.get("/therapists/1")).text
    planned = page.split('class="planned-calls"')[1].split("</ul>")[0]
    several, one = planned.split("</li>")[:2]
    for email, on in ((first, "7 Oct"), (second, "8 Oct")):
        assert f'<a href="/emails/{email.id}" title="{email.betreff}">{on}</a>' in several
    assert f'href="/emails/{other.id}">E-mail</a>' in one
