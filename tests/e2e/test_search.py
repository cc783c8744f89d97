"""Whoever rings back is found from any page, by name or number, with the keys and without scripts."""

from playwright.async_api import Page, expect

from tests.e2e.accessibility import violations
from tests.e2e.desk import release, title


async def test_whoever_rings_back_is_found_by_number(anna: Page) -> None:
    await anna.keyboard.press("/")
    await anna.keyboard.type("030/231 25")
    found = anna.locator("#hits")
    await expect(found.get_by_role("button").first).to_be_visible()
    assert await violations(anna) == []
    name = await found.locator(".row-name").first.inner_text()
    await found.get_by_role("button").first.click()
    await expect(title(anna)).to_have_text(name)
    await expect(found).to_be_empty()
    await expect(anna.locator("#find")).to_have_value("")
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


async def test_the_search_of_every_page_is_walked_with_the_arrow_keys(anna: Page) -> None:
    await anna.goto("/statistics")
    field, options = anna.get_by_role("combobox"), anna.get_by_role("option")
    await anna.keyboard.press("/")
    await expect(field).to_be_focused()
    addresses: list[str] = []
    anna.on("request", lambda request: addresses.append(request.url))
    await anna.keyboard.type("hamb")
    await expect(options.first).to_be_visible()
    await expect(field).to_have_attribute("aria-expanded", "true")
    assert await violations(anna) == []
    await anna.keyboard.press("ArrowDown")
    await anna.keyboard.press("ArrowDown")
    await expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    await expect(field).to_have_attribute("aria-activedescendant", "hit-2")
    await expect(field).to_be_focused()
    assert await violations(anna) == []
    await anna.keyboard.press("ArrowUp")
    await anna.keyboard.press("ArrowUp")
    await expect(options.last).to_have_attribute("aria-selected", "true")
    await anna.keyboard.press("Escape")
    await expect(options.first).to_be_hidden()
    await expect(field).to_have_attribute("aria-expanded", "false")
    await anna.keyboard.press("ArrowDown")
    name = await options.first.locator(".row-name").inner_text()
    await anna.keyboard.press("Enter")
    await expect(anna.locator("h1")).to_have_text(name)
    assert not any("hamb" in address for address in addresses)


async def test_enter_takes_the_only_hit_whether_it_is_shown_yet_or_not(anna: Page) -> None:
    for shown in (True, False):
        await anna.goto("/inbox")
        await anna.keyboard.press("/")
        await anna.keyboard.type("25103")
        if shown:
            await expect(anna.get_by_role("option")).to_have_count(1)
        await anna.keyboard.press("Enter")
        await expect(anna.locator("h1")).to_have_text("Matthias Weber")
