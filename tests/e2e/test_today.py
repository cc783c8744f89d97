"""The working screen over a morning: by keyboard, by pointer, without scripts, on a phone."""

import asyncio
import re

from playwright.async_api import Browser, Page, expect

from tests.e2e.accessibility import violations
from tests.e2e.app_process import RunningApp
from tests.e2e.browser import DESK, PHONE, log_in
from tests.e2e.conftest import OpenBrowser
from tests.e2e.desk import NOTE, release, rows, take_next, title


async def test_a_call_from_next_to_undo_by_keyboard_alone(anna: Page) -> None:
    assert await violations(anna) == []
    name = await take_next(anna)
    await expect(title(anna)).to_be_focused()
    assert await violations(anna) == []

    await anna.keyboard.press("2")
    await expect(anna.get_by_label("Nicht erreicht")).to_be_checked()
    await expect(anna.locator("#again-retry")).to_have_text(re.compile(r"\w\w \d\d\.\d\d\. \d\d:\d\d"))
    await anna.keyboard.press("a")
    await expect(anna.get_by_label("Anrufbeantworter")).to_be_checked()
    assert await violations(anna) == []

    await anna.keyboard.press("Enter")
    toast = anna.locator("#status .toast")
    await expect(toast).to_contain_text(f"{name}: Anrufbeantworter, gespeichert.")
    await expect(title(anna)).to_be_focused()
    assert await violations(anna) == []

    await anna.keyboard.press("u")
    await expect(title(anna)).to_have_text(name)
    await expect(anna.get_by_label("Anrufbeantworter")).to_be_checked()
    await anna.keyboard.press("r")
    await expect(anna.locator(".call-mine")).to_have_count(0)


async def test_an_outcome_is_taken_back_when_the_next_call_is_in_hand_already(anna: Page) -> None:
    name = await take_next(anna)
    await anna.keyboard.press("2")
    await anna.keyboard.press("b")
    await anna.keyboard.press("Enter")
    toast = anna.locator("#status .toast")
    await expect(toast).to_contain_text(f"{name}: Besetzt, gespeichert.")
    following = await take_next(anna)
    assert following != name
    await expect(toast).to_be_visible()
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
        assert await anna.locator("#q").evaluate("field => field === document.activeElement") is works


async def test_keys_do_nothing_while_typing(anna: Page) -> None:
    name = await take_next(anna)
    note = anna.get_by_label("Notiz zum Gespräch")
    await note.click()
    await anna.keyboard.type("nur 2 Plätze")
    await expect(note).to_have_value("nur 2 Plätze")
    await expect(title(anna)).to_have_text(name)
    await expect(anna.locator("#draft-state")).to_contain_text("Als Entwurf gemerkt")
    await note.fill("")
    await release(anna)


async def test_a_session_that_ends_while_typing_costs_no_text(anna: Page) -> None:
    await take_next(anna)
    await anna.context.clear_cookies(name="calldesk_session")
    await anna.get_by_label("Notiz zum Gespräch").fill(NOTE)
    dialog = anna.get_by_role("dialog", name="Ihre Sitzung")
    await expect(dialog).to_be_visible()
    assert await violations(anna) == []
    await dialog.get_by_label("Name").fill("Anna")
    await dialog.get_by_label("Passwort").fill("anruf-am-pult")
    await dialog.get_by_role("button", name="Anmelden").click()
    await expect(dialog).to_be_hidden()
    await expect(anna.get_by_label("Notiz zum Gespräch")).to_have_value(NOTE)
    await anna.get_by_role("radio", name="Erreicht 1").check()
    await anna.get_by_role("button", name="Ergebnis speichern").click()
    await expect(anna.locator("#status .toast")).to_contain_text("Erreicht, gespeichert.")
    await anna.get_by_role("button", name="Rückgängig").click()
    await expect(anna.get_by_label("Notiz zum Gespräch")).to_have_value(NOTE)
    await anna.get_by_label("Notiz zum Gespräch").fill("")
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
    await expect(anna.locator("#draft-state")).to_contain_text("Als Entwurf gemerkt")
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
    await page.get_by_role("radio", name="Nicht erreicht 2").check()
    await page.get_by_role("radio", name="Niemand nimmt ab").check()
    await page.get_by_label("Notiz zum Gespräch").fill(NOTE)
    await page.get_by_role("button", name="Ergebnis speichern").click()
    await expect(page.locator("#status")).to_contain_text(f"{name}: Nicht erreicht, gespeichert.")
    await page.get_by_role("button", name="Rückgängig").click()
    await expect(title(page)).to_have_text(name)
    await expect(page.get_by_label("Notiz zum Gespräch")).to_have_value(NOTE)
    await page.get_by_role("button", name="Ergebnis speichern").click()
    await expect(page.locator("#status")).to_contain_text("gespeichert")
    await page.get_by_role("button", name="Rückgängig").click()
    await page.get_by_role("button", name="Freigeben").click()


async def test_a_faulty_form_says_so_and_keeps_the_text(anna: Page) -> None:
    await take_next(anna)
    await anna.keyboard.press("3")
    await anna.get_by_label("Vereinbarter Termin").check()
    note = anna.get_by_label("Notiz zum Gespräch")
    await note.fill(NOTE)
    await note.press("Control+Enter")
    await expect(anna.get_by_role("alert")).to_be_focused()
    await expect(anna.get_by_role("alert")).to_contain_text("Geben Sie das Datum")
    await expect(note).to_have_value(NOTE)
    assert await violations(anna) == []
    await note.fill("")
    await release(anna)


async def test_whoever_rings_back_is_found_by_number(anna: Page) -> None:
    await anna.keyboard.press("/")
    await anna.keyboard.type("030/231 25")
    found = anna.locator("#found")
    await expect(found.get_by_role("button").first).to_be_visible()
    assert await violations(anna) == []
    name = await found.locator("a.row-name").first.inner_text()
    await found.get_by_role("button").first.click()
    await expect(title(anna)).to_have_text(name)
    await expect(found).to_be_empty()
    await release(anna)


async def test_the_page_of_a_search_opens_the_call_of_who_rings_back(anna: Page) -> None:
    await anna.keyboard.press("/")
    await anna.keyboard.type("030/231 25")
    await anna.keyboard.press("Enter")
    await anna.wait_for_url("**/search?q=*")
    assert await violations(anna) == []
    found = anna.locator(".found-box")
    name = await found.locator("a.row-name").first.inner_text()
    await found.get_by_role("button").first.click()
    await expect(title(anna)).to_have_text(name)
    await expect(anna.locator(".call-mine")).to_be_visible()
    await release(anna)


async def test_minutes_are_right_from_the_first_moment_on_a_computer_whose_clock_is_wrong(
    open_browser: OpenBrowser,
) -> None:
    """The tests' desk has another time than the browser; here nothing later can correct the first tick."""
    page = await open_browser(console=False)
    await page.context.route("**/live", lambda route: route.abort())
    await page.context.add_init_script("window.setInterval = () => 0")
    await log_in(page, "Anna")
    assert re.search(r"noch [1-9]\d* min", await rows(page).last.inner_text())


async def test_on_a_phone_the_list_comes_first_and_the_call_follows(open_browser: OpenBrowser) -> None:
    page = await open_browser("Anna", viewport=PHONE, has_touch=True, locale="en-GB")
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_role("button", name="Next call").tap()
    await expect(title(page)).to_be_focused()
    await expect(title(page)).to_be_in_viewport()
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_role("button", name="Release").tap()
    await expect(page.locator(".call-mine")).to_have_count(0)
