"""What the tests of the working screen do at the desk."""

from playwright.async_api import Locator, Page, expect

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
