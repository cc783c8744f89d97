from playwright.async_api import Page, expect

from tests.e2e.accessibility import violations
from tests.e2e.browser import log_in


async def test_login_page_is_accessible_and_leads_to_the_desk(page: Page) -> None:
    await page.goto("/week")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Anmelden")
    assert await violations(page) == []

    await log_in(page, "Anna")

    await expect(page.get_by_role("navigation")).to_be_visible()


async def test_wrong_password_is_said_on_the_login_page(page: Page) -> None:
    await page.goto("/login")
    await page.get_by_label("Name").fill("Anna")
    await page.get_by_label("Passwort").fill("not the password")
    await page.get_by_role("button", name="Anmelden").click()

    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_role("alert")).to_be_focused()
