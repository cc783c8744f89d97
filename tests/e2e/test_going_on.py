"""From one call to the next: what was chosen or typed goes along, whose call becomes free is said."""

import re

from playwright.async_api import Page, expect

from tests.e2e.accessibility import violations
from tests.e2e.desk import NOTE, release, rows, take_next, title


async def test_whoever_goes_on_to_the_next_call_hears_whose_call_is_free_again(anna: Page) -> None:
    names = [await take_next(anna)]
    note = anna.get_by_label("Notiz zum Gespräch")
    await note.fill(NOTE)
    await title(anna).focus()
    await anna.keyboard.press("n")
    question = anna.get_by_role("dialog", name=f"{names[0]}: noch nicht gespeichert")
    await expect(question).to_contain_text(NOTE)
    assert await violations(anna) == []
    await question.get_by_role("button", name="Zurück zu diesem Anruf").click()
    await expect(question).to_be_hidden()
    await expect(note).to_have_value(NOTE)
    await expect(title(anna)).to_have_text(names[0])
    await anna.keyboard.press("n")
    await question.get_by_role("button", name="Ohne Speichern weiter").click()
    await expect(title(anna)).not_to_have_text(names[0])
    await expect(question).to_have_count(0)
    names.append(await title(anna).inner_text())
    toast = anna.locator("#status .toast")
    await expect(toast).to_have_text(f"{names[0]} ist freigegeben; Ihre Notiz bleibt erhalten.")
    await take_next(anna)
    await expect(toast).to_have_text(f"{names[1]} ist freigegeben.")
    await expect(toast).to_have_count(1)
    await rows(anna).filter(has_text=names[0]).locator(".row-claim").click()
    await expect(note).to_have_value(NOTE)
    await note.fill("")
    await release(anna)


async def test_an_outcome_just_chosen_is_saved_on_the_way_to_the_next_call(anna: Page) -> None:
    name = await take_next(anna)
    await anna.keyboard.press("1")
    await anna.keyboard.press("n")
    question = anna.get_by_role("dialog", name=f"{name}: noch nicht gespeichert")
    await expect(question).to_contain_text("Gewählt: Erreicht")
    await question.get_by_role("button", name="Speichern und weiter").click()
    await expect(anna.locator("#status .toast")).to_contain_text(f"{name}: Erreicht, gespeichert")
    await expect(title(anna)).not_to_have_text(name)
    await expect(anna.locator(".call-mine")).to_be_visible()
    assert await violations(anna) == []
    await anna.keyboard.press("u")
    await expect(title(anna)).to_have_text(name)
    await release(anna)


async def test_a_click_on_another_row_only_looks(anna: Page) -> None:
    name = await take_next(anna)
    await anna.keyboard.press("1")
    note = anna.get_by_label("Notiz zum Gespräch")
    await note.fill(NOTE)
    looked_at = await rows(anna).last.locator(".row-name").inner_text()
    async with anna.expect_request(re.compile(r"/calls/\d+$")):  # what is typed stands in no address
        await rows(anna).last.locator(".row-take").click()
    await expect(title(anna)).to_have_text(looked_at)
    await expect(anna.locator(".row-mine")).to_contain_text(name)
    bar = anna.locator(".in-hand")
    await expect(bar).to_contain_text(name)
    assert await violations(anna) == []
    await bar.get_by_role("link", name="Zurück zu diesem Anruf").click()
    await expect(title(anna)).to_have_text(name)
    await expect(anna.get_by_role("radio", name="Erreicht 1")).to_be_checked()
    await expect(note).to_have_value(NOTE)
    await note.fill("")
    await release(anna)


async def test_without_scripts_going_on_takes_along_what_is_typed(anna_without_scripts: Page) -> None:
    page = anna_without_scripts
    on = page.get_by_role("button", name="Nächster Anruf")
    await on.click()
    name = await title(page).inner_text()
    await page.get_by_role("radio", name="Erreicht", exact=True).check()
    for typed in (NOTE, ""):
        await page.get_by_label("Notiz zum Gespräch").fill(typed)
        await on.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(f"{name}: noch nicht gespeichert")
        await page.get_by_role("link", name="Zurück zu diesem Anruf").click()
        await expect(page.get_by_label("Notiz zum Gespräch")).to_have_value(typed)
    await page.get_by_role("button", name="Freigeben").click()
