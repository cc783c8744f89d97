"""My day, the panel without a call, and the notes for the next shift."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import Activity, EmailStatus, PhoneCall, ShiftNote, Staff
from services.shifts.notes import leave_note, list_notes, remove_old_notes
from services.work import Actor
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_email, make_therapist
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import outcome, stored
from tests.work import work_of

FAILED = {"status": "failed", "abgeschlossen_at": NOW}


async def test_my_day_counts_ones_own_calls_and_lists_what_is_not_finished(
    staff_client: Client, sessions: SessionFactory, ben: Staff
):
    await stored(
        sessions,
        *(make_therapist(id=n, nachname=f"Nr{n}") for n in (1, 2, 3)),
        make_email(id=5, therapist_id=3, status=EmailStatus.SENT, sent_at=NOW),
        *(make_call(id=n, therapist_id=n, leitung=n) for n in (1, 2, 3)),
    )
    for call, kind in ((1, "erreicht"), (2, "besetzt")):
        await submit(staff_client, f"/calls/{call}/claim", htmx=True)
        await outcome(staff_client, call, ergebnis_art=kind)
    await submit(staff_client, "/calls/3/claim", htmx=True)
    await submit(staff_client, "/calls/3/draft", {"version": 1, "ergebnis": "Halber Satz"}, htmx=True)
    page = (await staff_client.get("/my-day")).text
    figures = page.split('class="my-day-figures"')[1].split("</dl>")[0]
    assert ["<dd>2</dd>" in figures, "<dd>1</dd>" in figures, "<dd>0</dd>" in figures] == [True] * 3
    assert '<a href="/calls/3">Note on a call: Dr. Jürgen Nr3</a>' in page
    await submit(staff_client, "/calls/1/undo", htmx=True)
    figures = (await staff_client.get("/my-day")).text.split('class="my-day-figures"')[1].split("</dl>")[0]
    assert "<dd>1</dd>" in figures
    assert "<dd>2</dd>" not in figures
    await submit(staff_client, "/logout")
    await submit(staff_client, "/login", {"name": "Ben", "password": "correct horse battery"})
    page = (await staff_client.get("/my-day")).text
    assert "Halber" not in page
    assert "Nr3" not in page
    assert page.count("<dd>0</dd>") == 3


async def test_a_therapist_rung_once_for_several_matters_is_one_call_of_my_day(
    staff_client: Client, sessions: SessionFactory
):
    await stored(sessions, make_therapist(), make_call(id=1), make_call(id=2, geplante_zeit=time(11, 30)))
    await submit(staff_client, "/calls/1/claim", htmx=True)
    await outcome(staff_client, 1, ergebnis_art="erreicht", gezeigt="1", anliegen="2")
    figures = (await staff_client.get("/my-day")).text.split('class="my-day-figures"')[1].split("</dl>")[0]
    assert figures.count("<dd>1</dd>") == 2


async def test_who_is_next_is_shown_with_number_hint_and_last_note(
    staff_client: Client, sessions: SessionFactory
):
    await stored(
        sessions,
        make_therapist(anruf_hinweis="Lange klingeln lassen"),
        make_call(id=6, ergebnis_art="besetzt", ergebnis="Kollegin fragt nach", **FAILED),
        make_call(id=7),
    )
    offer = (await staff_client.get("/")).text.split('id="idle"')[1].split("</form>")[0]
    for words in ("030 1234567", "Lange klingeln lassen", "Last note", "Kollegin fragt nach"):
        assert words in offer
    async with sessions() as session, session.begin():
        (await session.get_one(PhoneCall, 7)).notizen = "Nach Plätzen ab Mai fragen"
    assert (
        "Nach Plätzen ab Mai fragen"
        in (await staff_client.get("/?part=idle", headers={"HX-Request": "true"})).text
    )


async def test_where_nobody_can_be_rung_the_panel_says_what_is_left_to_do(
    staff_client: Client, sessions: SessionFactory
):
    friday = {"friday": [{"start": "10:00", "end": "12:00"}]}
    await stored(
        sessions,
        make_therapist(telefonische_erreichbarkeit=friday),
        make_email(id=1, status=EmailStatus.FAILED),
        make_email(id=2, status=EmailStatus.DRAFT, naechster_versuch_at=None, queued_at=None),
        make_call(id=7, geplantes_datum=date(2026, 10, 9)),
        make_call(id=8, ergebnis_art="falsche_nummer", klaerung_noetig=True, **FAILED),
    )
    idle = (await staff_client.get("/")).text.split('id="idle"')[1].split("</ul>")[0]
    for address, words in {
        "#group-overdue": "1 therapist with an overdue call",
        "#group-decide": "1 call asks for a decision",
        "/emails?show=failed": "1 failed e-mail",
        "/emails?show=drafts": "1 draft",
    }.items():
        assert f'<a href="{address}">{words}</a>' in idle
    assert "/inbox" not in idle


async def test_a_note_for_the_next_shift_stands_on_today_for_everybody_until_it_is_taken_down(
    staff_client: Client, sessions: SessionFactory, ben: Staff
):
    text = "Praxis Roth ruft an.\nBitte durchstellen."
    await submit(staff_client, "/shift-notes", {"uebergabe": text})
    await submit(staff_client, "/logout")
    await submit(staff_client, "/login", {"name": "Ben", "password": "correct horse battery"})
    page = (await staff_client.get("/")).text
    assert f'<p class="typed">{text}</p>' in page
    assert "Anna, Wed 14 Oct 10:42" in page
    async with sessions() as session:
        note = (await session.scalars(select(ShiftNote))).one()
        left = (await session.scalars(select(Activity).where(Activity.object_type == "shift_note"))).one()
    assert (note.gilt_bis, left.details) == (date(2026, 10, 15), {})
    taken_down = await submit(staff_client, f"/shift-notes/{note.id}/take-down", htmx=True)
    assert "Roth" not in taken_down.text
    assert (await submit(staff_client, f"/shift-notes/{note.id}/take-down")).status_code == 303
    async with sessions() as session:
        assert (await session.scalars(select(ShiftNote))).all() == []


async def test_a_note_is_out_of_date_after_the_next_working_day(session: AsyncSession, anna: Staff):
    friday = work_of(session, now=NOW + timedelta(days=2), actor=Actor("staff", anna.id))
    await leave_note(friday, "Am Freitag gelassen")
    for days, shown in ((5, 1), (6, 0)):
        later = friday.at(NOW + timedelta(days=days))
        async with later.transaction() as tx:
            await remove_old_notes(tx)
        assert len(await list_notes(later)) == shown


@pytest.mark.parametrize("text", ["", "  \n ", "\u200b", "x" * 2001])
async def test_a_note_that_says_nothing_or_too_much_is_refused(staff_client: Client, text: str):
    refused = await submit(staff_client, "/shift-notes", {"uebergabe": text})
    assert refused.status_code == 422
    assert 'id="uebergabe-error"' in refused.text
