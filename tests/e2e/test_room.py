"""Nothing sticks out of the screen, and nothing lies over what somebody reads or writes."""

from datetime import time, timedelta

import pytest
from playwright.async_api import Locator, Page, expect
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import (
    AttemptOutcome,
    AttemptStage,
    Email,
    EmailStatus,
    EmailVersuch,
    PhoneCall,
    Therapist,
)
from tests.e2e.app_process import NOW, RunningApp
from tests.e2e.browser import DESK, PHONE
from tests.e2e.conftest import OpenBrowser
from tests.e2e.desk import NOTE, at_the_desk, release, rows, take_next, title
from tests.factories import make_call, make_email, make_therapist

WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
STRANGER = 900
EXCESS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
async def long_words(app: RunningApp) -> list[str]:
    """Pages about a therapist whose every field is one long word."""

    async def fill(session: AsyncSession) -> list[str]:
        before = NOW - timedelta(days=8)
        address = f"{'a' * 60}@{'b' * 60}.example"
        async with session.begin():
            session.add(
                make_therapist(
                    id=STRANGER,
                    vorname=WORD,
                    nachname=WORD,
                    ort=WORD,
                    strasse=WORD,
                    anruf_hinweis=WORD,
                    email=address,
                )
            )
            await session.flush()
            failed = make_email(
                therapist_id=STRANGER,
                betreff=WORD,
                empfaenger_name=WORD,
                empfaenger_email=address,
                status=EmailStatus.FAILED,
                fehlermeldung=f"550 {WORD}",
                created_at=before,
                queued_at=before,
            )
            answered = make_email(
                therapist_id=STRANGER,
                status=EmailStatus.SENT,
                created_at=before,
                queued_at=before,
                sent_at=before,
                antwort_erhalten=True,
                antwortdatum=before,
                antwort_art="antwort",
                antwortinhalt=WORD,
                nachverfolgung_notizen=WORD,
            )
            call = make_call(therapist_id=STRANGER, geplante_zeit=time(9), notizen=WORD)
            session.add_all([failed, answered, call])
            await session.flush()
            session.add(
                EmailVersuch(
                    email_id=failed.id,
                    nummer=1,
                    begonnen_at=before,
                    beendet_at=before,
                    stufe=AttemptStage.RCPT,
                    smtp_code=550,
                    smtp_text=WORD,
                    ergebnis=AttemptOutcome.FAILED,
                )
            )
            return [
                f"/calls/{call.id}",
                f"/calls/{call.id}/move",
                f"/emails/{failed.id}",
                f"/emails/{answered.id}",
            ]

    pages = await app.execute(fill)
    yield [
        *pages,
        "/",
        "/week",
        "/emails",
        f"/therapists/{STRANGER}",
        "/therapists?q=Donau",
        "/search?q=Donau",
    ]

    async def clear(session: AsyncSession) -> None:
        async with session.begin():
            for table in (PhoneCall, Email):
                await session.execute(delete(table).where(table.therapist_id == STRANGER))
            await session.execute(delete(Therapist).where(Therapist.id == STRANGER))

    await app.execute(clear)


async def test_long_words_make_no_page_wider_than_the_screen(
    open_browser: OpenBrowser, long_words: list[str]
) -> None:
    for viewport in (PHONE, DESK):
        page = await open_browser("Anna", viewport=viewport)
        excess: dict[str, int] = {}
        for path in long_words:
            await page.goto(path)
            await expect(page.get_by_text(WORD[:30]).first).to_be_attached()
            excess[path] = await page.evaluate(EXCESS)
        assert excess == dict.fromkeys(long_words, 0)


async def test_what_is_said_in_passing_covers_no_call_of_the_list(open_browser: OpenBrowser) -> None:
    anna = await at_the_desk(open_browser, "Anna")
    name = await take_next(anna)
    await anna.keyboard.press("1")
    await anna.keyboard.press("Control+Enter")
    toast = anna.locator("#status .toast")
    await expect(toast).to_be_visible()
    frame = anna.locator("#list-frame")
    await frame.evaluate("list => { list.scrollTop = list.scrollHeight; }")
    assert await bottom(frame) <= await top(toast)
    await anna.keyboard.press("u")
    await expect(title(anna)).to_have_text(name)
    await release(anna)


@pytest.mark.parametrize("outcome", ["1", "3", "7"])
async def test_the_note_is_never_under_the_bar_that_saves(open_browser: OpenBrowser, outcome: str) -> None:
    anna = await at_the_desk(open_browser, "Anna")
    await take_next(anna)
    await anna.keyboard.press(outcome)
    if outcome == "7":
        await anna.get_by_label("Vereinbarter Termin").check()
    note, bar = anna.locator("#ergebnis"), anna.locator(".outcome .actions")
    assert await bottom(note) <= await top(bar)
    assert await bottom(bar) <= DESK["height"]
    await release(anna)


async def test_the_note_is_entered_behind_what_it_says(open_browser: OpenBrowser) -> None:
    anna = await at_the_desk(open_browser, "Anna")
    await take_next(anna)
    note = anna.locator("#ergebnis")
    await note.fill(NOTE)
    await anna.locator("#panel-title").focus()
    await anna.keyboard.press("0")
    await anna.keyboard.type(" Danke.")
    await expect(note).to_have_value(f"{NOTE} Danke.")
    await expect(anna.locator("#draft-state")).to_contain_text("Entwurf gespeichert")
    await note.fill("")
    await expect(rows(anna).first).to_be_visible()
    await release(anna)


async def test_top_bar_and_content_stand_above_each_other_on_a_wide_screen(open_browser: OpenBrowser) -> None:
    page = await open_browser("Anna", viewport={"width": 1920, "height": 1000})
    await page.goto("/emails")
    brand, heading = await left(page, ".brand"), await left(page, "main h1")
    assert abs(brand - heading) < 1


async def test_forced_colours_underline_the_current_page_only(open_browser: OpenBrowser) -> None:
    page = await open_browser("Anna", forced_colors="active")
    links = page.locator(".nav a")
    lines = await links.evaluate_all("all => all.map(link => getComputedStyle(link).borderBottomColor)")
    assert len(set(lines[1:])) == 1
    assert lines[0] != lines[1]


async def top(element: Locator) -> float:
    place = await element.bounding_box()
    assert place
    return place["y"]


async def bottom(element: Locator) -> float:
    place = await element.bounding_box()
    assert place
    return place["y"] + place["height"]


async def left(page: Page, selector: str) -> float:
    return await page.locator(selector).first.evaluate("element => element.getBoundingClientRect().left")
