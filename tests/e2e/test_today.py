"""The working screen over a morning: by keyboard, by pointer, without scripts, on a phone."""

import asyncio
import re

import pytest
from playwright.async_api import Browser, FloatRect, Locator, Page, expect

from tests.e2e.accessibility import violations
from tests.e2e.app_process import RunningApp
from tests.e2e.browser import DESK, PHONE, log_in
from tests.e2e.conftest import OpenBrowser
from tests.e2e.desk import NOTE, release, rows, take_next, title

BORDER = "field => getComputedStyle(field).borderColor"


async def box(element: Locator) -> FloatRect:
    """Return where on the page an element is."""
    await expect(element).to_be_visible()
    place = await element.bounding_box()
    assert place is not None
    return place


async def test_a_call_from_next_to_undo_by_keyboard_alone(anna: Page) -> None:
    assert await violations(anna) == []
    name = await take_next(anna)
    await expect(title(anna)).to_be_focused()
    assert await violations(anna) == []

    await anna.keyboard.press("3")
    await expect(anna.get_by_label("Nicht erreicht")).to_be_checked()
    await expect(anna.locator("#again-retry")).to_have_text(re.compile(r"\w\w \d\d\.\d\d\. \d\d:\d\d"))
    await anna.keyboard.press("5")
    await expect(anna.get_by_label("Anrufbeantworter")).to_be_checked()
    assert await violations(anna) == []

    await anna.keyboard.press("Enter")
    toast = anna.locator("#status .toast")
    await expect(toast).to_contain_text(f"{name}: Anrufbeantworter, gespeichert")
    await expect(title(anna)).to_be_focused()
    assert await violations(anna) == []

    await anna.keyboard.press("u")
    await expect(title(anna)).to_have_text(name)
    await expect(anna.get_by_label("Anrufbeantworter")).to_be_checked()
    await anna.keyboard.press("r")
    await expect(anna.locator(".call-mine")).to_have_count(0)


async def test_an_outcome_is_taken_back_when_the_next_call_is_in_hand_already(anna: Page) -> None:
    name = await take_next(anna)
    await anna.keyboard.press("4")
    await anna.keyboard.press("Enter")
    toast = anna.locator("#status .toast")
    await expect(toast).to_contain_text(f"{name}: Besetzt, gespeichert")
    await expect(title(anna)).not_to_have_text(name)
    following = await title(anna).inner_text()
    await expect(anna.locator(".call-mine")).to_be_visible()
    await anna.keyboard.press("u")
    await expect(title(anna)).to_have_text(name)
    await expect(anna.get_by_label("Besetzt")).to_be_checked()
    await expect(rows(anna).filter(has_text=following)).to_be_visible()
    await release(anna)


async def test_the_keys_are_listed_and_can_be_switched_off(anna: Page) -> None:
    await anna.keyboard.press("?")
    keys = anna.get_by_role("dialog", name="Tastenkürzel")
    await expect(keys).to_be_visible()
    assert await violations(anna) == []
    await anna.keyboard.press("n")
    await anna.keyboard.press("Escape")
    await expect(keys).to_be_hidden()
    await expect(anna.locator(".call-mine")).to_have_count(0)
    for switch, works in (("ab", False), ("ein", True)):
        await anna.locator("details.menu summary").click()
        await anna.get_by_role("button", name=f"Tastenkürzel {switch}schalten").click()
        await expect(anna.locator("body")).to_have_attribute("data-shortcuts", "on" if works else "off")
        await anna.keyboard.press("/")
        assert await anna.locator("#find").evaluate("field => field === document.activeElement") is works
        await expect(anna.locator(".button-next kbd")).to_be_visible(visible=works)
        if not works:
            await anna.get_by_role("button", name="Tastenkürzel").click()
            await expect(keys).to_contain_text("Sie sind abgeschaltet")
            await keys.get_by_role("button", name="Schließen").click()


async def test_what_belongs_to_the_outcome_chosen_is_open_and_in_sight(anna: Page) -> None:
    await take_next(anna)
    note = anna.get_by_label("Notiz zum Gespräch")
    opened = {"1": "wieder_fragen_am", "2": "geplante_zeit", "3": "wiederholen_nach", "6": "richtige_nummer"}
    for key, name in opened.items():
        opens = anna.locator(f"#{name}")
        await anna.keyboard.press(key)
        await expect(opens).to_be_in_viewport(ratio=1)
        await expect(note).to_be_in_viewport(ratio=1)
        field, foot = await box(opens), await box(anna.locator(".outcome-foot"))
        assert field["y"] + field["height"] <= foot["y"]
        assert await violations(anna) == []
    await anna.keyboard.press("8")
    await expect(anna.locator(".outcome-more:visible")).to_have_text("Der Anruf entfällt; es folgt keiner.")
    await anna.keyboard.press("1")
    for key, label in (("d", "2"), ("i", "Kinder"), ("w", "Warteliste")):
        await anna.keyboard.press(key)
        await expect(anna.locator(".offer").get_by_label(label, exact=False).first).to_be_checked()
    await release(anna)


async def test_ctrl_enter_saves_the_outcome_from_wherever_one_is(anna: Page) -> None:
    name = await take_next(anna)
    await anna.keyboard.press("1")
    await title(anna).focus()
    await anna.keyboard.press("Control+Enter")
    toast = anna.locator("#status .toast")
    await expect(toast).to_contain_text(f"{name}: Erreicht, gespeichert")
    await anna.keyboard.press("u")
    await expect(title(anna)).to_have_text(name)
    await rows(anna).last.locator(".row-take").focus()
    await anna.keyboard.press("Control+Enter")
    await expect(toast).to_contain_text(f"{name}: Erreicht, gespeichert")
    await anna.keyboard.press("u")
    await expect(title(anna)).to_have_text(name)
    await release(anna)


async def test_what_was_saved_covers_nothing_of_the_next_call(anna: Page) -> None:
    name = await take_next(anna)
    await anna.keyboard.press("1")
    await anna.keyboard.press("Control+Enter")
    toast = anna.locator("#status .toast")
    await expect(toast).to_contain_text(name)
    await expect(title(anna)).not_to_have_text(name)
    over, panel = await box(toast), await box(anna.locator("#panel"))
    assert over["x"] + over["width"] <= panel["x"]
    await anna.keyboard.press("u")
    await expect(title(anna)).to_have_text(name)
    await release(anna)


async def test_the_clock_and_the_line_of_the_day_go_on_by_themselves(open_browser: OpenBrowser) -> None:
    """In the time of the practices, wherever the browser is."""
    page = await open_browser(console=False, timezone_id="America/New_York")
    await page.clock.install()
    await log_in(page, "Anna")
    clock, line = page.locator("[data-clock]"), page.locator(".band-now")
    hours, minutes = map(int, (await clock.inner_text()).split(":"))
    before = float((await line.get_attribute("x1") or "").rstrip("%"))
    assert hours in (10, 11)
    await page.context.set_offline(True)
    await page.clock.fast_forward("06:00")
    later = hours * 60 + minutes + 6
    await expect(clock).to_have_text(
        re.compile(f"{later // 60}:{later % 60:02}|{later // 60}:{later % 60 + 1:02}")
    )
    assert float((await line.get_attribute("x1") or "").rstrip("%")) - before == pytest.approx(1, abs=0.3)


async def test_keys_do_nothing_while_typing(anna: Page) -> None:
    name = await take_next(anna)
    note = anna.get_by_label("Notiz zum Gespräch")
    await note.click()
    await anna.keyboard.type("nur 2 Plätze")
    await expect(note).to_have_value("nur 2 Plätze")
    await expect(title(anna)).to_have_text(name)
    await expect(anna.locator("#draft-state")).to_contain_text("Entwurf gespeichert")
    await note.fill("")
    await release(anna)


async def test_a_restart_of_the_server_costs_no_text(browser: Browser, app: RunningApp) -> None:
    """In a browser whose console nobody watches: while the server is away it has errors."""
    context = await browser.new_context(base_url=app.base_url, locale="de-DE", viewport=DESK)
    anna = await context.new_page()
    await log_in(anna, "Anna")
    await expect(anna.get_by_text("Live", exact=True)).to_be_visible()
    name = await take_next(anna)
    note = anna.get_by_label("Notiz zum Gespräch")
    await note.fill(NOTE)
    await expect(anna.locator("#draft-state")).to_contain_text("Entwurf gespeichert")
    await asyncio.to_thread(app.restart_web)
    await expect(note).to_have_value(NOTE)
    await anna.reload()
    await expect(title(anna)).to_have_text(name)
    await expect(note).to_have_value(NOTE)
    await note.fill("")
    await release(anna)
    await context.close()


async def test_without_scripts_a_call_is_taken_saved_and_undone(anna_without_scripts: Page) -> None:
    page = anna_without_scripts
    await page.get_by_role("button", name="Nächster Anruf").click()
    name = await title(page).inner_text()
    await expect(page.locator("kbd:visible")).to_have_count(0)
    await page.get_by_role("radio", name="Nicht erreicht").check()
    await page.get_by_label("Notiz zum Gespräch").fill(NOTE)
    await page.get_by_role("button", name="Nur speichern").click()
    await expect(page.locator("#status")).to_contain_text(f"{name}: Nicht erreicht, gespeichert")
    await page.get_by_role("button", name="Rückgängig").click()
    await expect(title(page)).to_have_text(name)
    await expect(page.get_by_label("Notiz zum Gespräch")).to_have_value(NOTE)
    await page.get_by_role("button", name="Nur speichern").click()
    await expect(page.locator("#status")).to_contain_text("gespeichert")
    await page.get_by_role("button", name="Rückgängig").click()
    await page.get_by_role("button", name="Freigeben").click()


async def test_a_faulty_form_says_so_and_keeps_the_text(anna: Page) -> None:
    await take_next(anna)
    await anna.keyboard.press("7")
    await anna.get_by_label("Vereinbarter Termin").check()
    await anna.get_by_label("Datum").fill("2026-10-17")
    await anna.get_by_label("Uhrzeit").fill("20:30")
    await anna.get_by_label("Uhrzeit").blur()
    await expect(anna.locator(".more-agreed")).to_contain_text("Außerhalb der Telefonzeiten")
    await anna.get_by_label("Datum").fill("")
    note = anna.get_by_label("Notiz zum Gespräch")
    await note.fill(NOTE)
    await note.press("Control+Enter")
    await expect(anna.get_by_role("alert")).to_be_focused()
    await expect(anna.get_by_role("alert")).to_contain_text("Geben Sie das Datum")
    await expect(note).to_have_value(NOTE)
    edges = [await anna.get_by_label(label).evaluate(BORDER) for label in ("Datum", "Uhrzeit")]
    assert edges[0] != edges[1]
    assert await violations(anna) == []
    await note.fill("")
    await release(anna)


async def test_what_lies_open_closes_when_one_goes_elsewhere(anna: Page) -> None:
    search, found = anna.locator("#find"), anna.locator("#hits .found-box")
    await anna.keyboard.press("/")
    await anna.keyboard.type("sch")
    await expect(found).to_be_visible()
    await anna.locator("#panel").click(position={"x": 5, "y": 5})
    await expect(found).to_be_hidden()
    await anna.keyboard.press("/")
    await expect(found).to_be_visible()
    await anna.keyboard.type("ob")
    await expect(search).to_have_value("ob")
    await found.get_by_role("button").first.focus()
    await anna.keyboard.press("Escape")
    await expect(found).to_be_hidden()
    await expect(search).to_be_focused()

    menu = anna.locator("details.menu")
    for leave in (anna.keyboard.press("Escape"), anna.locator(".summary").click()):
        await menu.locator("summary").click()
        await expect(menu.get_by_role("button", name="Abmelden")).to_be_visible()
        await leave
        await expect(menu.get_by_role("button", name="Abmelden")).to_be_hidden()


async def test_j_and_k_walk_the_list_and_take_nothing(anna: Page) -> None:
    names = await anna.locator("#list .row-name").all_inner_texts()
    for key, at in (("j", 0), ("j", 1), ("j", 2), ("k", 1)):
        await anna.keyboard.press(key)
        await expect(title(anna)).to_have_text(names[at].split("\n")[0])
        await expect(title(anna)).to_be_focused()
        await expect(anna.locator('.row[aria-current="true"]')).to_have_count(1)
    await expect(anna.locator(".call-mine")).to_have_count(0)


async def test_minutes_are_right_from_the_first_moment_on_a_computer_whose_clock_is_wrong(
    open_browser: OpenBrowser,
) -> None:
    """The tests' desk has another time than the browser; here nothing later can correct the first tick."""
    page = await open_browser(console=False)
    await page.context.route("**/live?*", lambda route: route.abort())
    await page.context.add_init_script("window.setInterval = () => 0")
    await log_in(page, "Anna")
    assert re.search(r"noch (?:[1-9]\d* h \d+|[1-9]\d*) min", await rows(page).last.inner_text())


async def test_on_a_phone_the_list_comes_first_and_the_call_follows(open_browser: OpenBrowser) -> None:
    page = await open_browser("Anna", viewport=PHONE, has_touch=True, locale="en-GB")
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_role("button", name="Next call").tap()
    await expect(title(page)).to_be_focused()
    await expect(title(page)).to_be_in_viewport()
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    save = page.get_by_role("button", name="Only save")
    await expect(save).to_be_in_viewport(ratio=1)
    await expect(page.get_by_role("button", name="Next call")).not_to_be_in_viewport()
    await page.get_by_role("radio", name="Not reached").check()
    await page.get_by_label("Note on the call").tap()
    await page.get_by_label("Note on the call").fill(NOTE)
    await expect(page.locator("#draft-state")).to_contain_text("Kept as a draft")
    await save.tap()
    toast = page.locator("#status .toast")
    await expect(toast).to_contain_text("Not reached, saved.")
    take = page.locator("#panel").get_by_role("button", name="Take this call")
    over, button = await box(toast), await box(take)
    assert button["y"] + button["height"] <= over["y"]
    await toast.get_by_role("button", name="Undo").tap()
    await page.get_by_role("button", name="Release").tap()
    await expect(page.locator(".call-mine")).to_have_count(0)
