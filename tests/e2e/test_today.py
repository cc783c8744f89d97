"""The working screen over a morning: by keyboard, by two people at once, without scripts, on a phone."""

import asyncio
import re

from playwright.async_api import Browser, Locator, Page, expect

from tests.e2e.accessibility import violations
from tests.e2e.app_process import RunningApp
from tests.e2e.browser import DESK, PHONE, log_in
from tests.e2e.conftest import OpenBrowser

NOTE = "Ruft selbst zurück, sobald der Kalender fürs Frühjahr steht."


def rows(page: Page) -> Locator:
    """Calls that are reachable now and in nobody's hands."""
    return page.locator(".group-now .row:not(.row-taken):not(.row-mine)")


def title(page: Page) -> Locator:
    return page.locator("#panel-title")


async def take_next(page: Page) -> str:
    """Take the next call by its key; return whose it is."""
    before = await page.locator(".call-mine #panel-title").count()
    shown = await title(page).inner_text() if before else ""
    await page.keyboard.press("n")
    await expect(page.locator(".call-mine")).to_be_visible()
    if before:
        await expect(title(page)).not_to_have_text(shown)
    return await title(page).inner_text()


async def at_the_desk(open_browser: OpenBrowser, name: str) -> Page:
    """Log somebody in who has no call in hand."""
    page = await open_browser(name)
    if await page.locator(".call-mine").count():
        await release(page)
    return page


async def release(page: Page) -> None:
    await page.get_by_role("button", name="Freigeben").click()
    await expect(page.locator(".call-mine")).to_have_count(0)


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


async def test_keys_do_nothing_while_typing(anna: Page) -> None:
    name = await take_next(anna)
    note = anna.get_by_label("Notiz zum Gespräch")
    await note.click()
    await anna.keyboard.type("nur 2 Plätze")
    await expect(note).to_have_value("nur 2 Plätze")
    await expect(title(anna)).to_have_text(name)
    await expect(anna.locator("#draft-state")).to_contain_text("Gespeichert")
    await note.fill("")
    await release(anna)


async def test_two_people_never_get_the_same_call(open_browser: OpenBrowser) -> None:
    anna, ben = await at_the_desk(open_browser, "Anna"), await at_the_desk(open_browser, "Ben")
    names = await asyncio.gather(take_next(anna), take_next(ben))
    assert names[0] != names[1]

    await expect(ben.locator(".row-taken", has_text=names[0])).to_contain_text("bei Anna")
    await expect(anna.locator(".row-taken", has_text=names[1])).to_contain_text("bei Ben")
    await release(ben)
    await expect(anna.locator(".row-taken", has_text=names[1])).to_have_count(0)
    await release(anna)


async def test_a_contested_call_goes_to_one_and_the_other_is_told(open_browser: OpenBrowser) -> None:
    anna, ben = await at_the_desk(open_browser, "Anna"), await at_the_desk(open_browser, "Ben")
    address = await rows(anna).first.locator("button").get_attribute("formaction")
    both = [page.locator(f'button[formaction="{address}"]') for page in (anna, ben)]
    await asyncio.gather(*(button.click() for button in both))

    told = re.compile("hat diesen Therapeuten gerade am Telefon")
    for page in (anna, ben):
        await expect(page.locator(".call-mine").or_(page.get_by_role("alert"))).to_be_visible()
    winners = [page for page in (anna, ben) if await page.locator(".call-mine").count()]
    assert len(winners) == 1
    loser = ben if winners == [anna] else anna
    await expect(loser.get_by_role("alert")).to_have_text(told)
    assert await violations(loser) == []
    await release(winners[0])


async def test_typed_text_and_focus_survive_what_others_do(open_browser: OpenBrowser) -> None:
    anna, ben = await at_the_desk(open_browser, "Anna"), await at_the_desk(open_browser, "Ben")
    await take_next(anna)
    note = anna.get_by_label("Notiz zum Gespräch")
    await note.click()
    await note.fill("")
    await anna.keyboard.type(NOTE[:20])
    taken = await take_next(ben)
    await expect(anna.locator(".row-taken", has_text=taken)).to_be_visible()
    await anna.keyboard.type(NOTE[20:])
    await expect(note).to_have_value(NOTE)
    await expect(note).to_be_focused()
    await release(ben)
    await note.fill("")
    await release(anna)


async def test_nothing_moves_under_the_pointer(open_browser: OpenBrowser) -> None:
    anna, ben = await at_the_desk(open_browser, "Anna"), await at_the_desk(open_browser, "Ben")
    await expect(anna.get_by_text("Live", exact=True)).to_be_visible()
    await rows(anna).first.locator("button").focus()
    taken = await take_next(ben)
    notice = anna.locator("[data-live-notice]")
    await expect(notice).to_contain_text("Änderung")
    await expect(anna.locator(".row-taken", has_text=taken)).to_have_count(0)
    await notice.get_by_role("button").click()
    await expect(anna.locator(".row-taken", has_text=taken)).to_be_visible()
    await release(ben)


async def without_hints(browser: Browser, app: RunningApp) -> Page:
    """Anna's page where no stream of hints can be had, in a browser whose console nobody watches."""
    context = await browser.new_context(base_url=app.base_url, locale="de-DE", viewport=DESK)
    await context.route("**/live", lambda route: route.abort())
    anna = await context.new_page()
    await anna.clock.install()
    await log_in(anna, "Anna")
    await expect(anna.get_by_text("Nicht live", exact=True)).to_be_visible()
    return anna


async def test_without_a_stream_of_hints_the_list_is_asked_for_again_and_again(
    browser: Browser, app: RunningApp, open_browser: OpenBrowser
) -> None:
    anna, ben = await without_hints(browser, app), await at_the_desk(open_browser, "Ben")
    taken = await take_next(ben)
    await anna.clock.fast_forward(31_000)
    await expect(anna.locator(".row-taken", has_text=taken)).to_be_visible()
    await release(ben)
    await anna.clock.fast_forward(31_000)
    await expect(anna.locator(".row-taken", has_text=taken)).to_have_count(0)
    await anna.context.close()


async def test_a_page_that_comes_back_into_view_asks_for_all_it_missed(
    browser: Browser, app: RunningApp, open_browser: OpenBrowser
) -> None:
    anna, ben = await without_hints(browser, app), await at_the_desk(open_browser, "Ben")
    for happens in (
        "document.dispatchEvent(new Event('visibilitychange'))",
        "window.dispatchEvent(new Event('online'))",
    ):
        taken = await take_next(ben)
        await anna.evaluate(happens)
        await expect(anna.locator(".row-taken", has_text=taken)).to_be_visible()
    await release(ben)
    await anna.context.close()


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
    await expect(anna.locator("#draft-state")).to_contain_text("Gespeichert")
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
