"""Takes a picture of every screen for the documentation: `python -m tests.e2e.take_screenshots [FOLDER]`."""

import asyncio
import sys
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from tests.e2e.app_process import RunningApp, running_app
from tests.e2e.browser import ARGUMENTS, DESK, PHONE, find_browser, log_in

FOLDER = Path("docs/screenshots")
PAGES = {
    "week": "/week",
    "emails": "/emails",
    "write": "/emails/new",
    "therapists": "/therapists",
    "therapist": "/therapists/1",
    "statistics": "/statistics",
    "system": "/system",
}


async def take_all(app: RunningApp, executable: Path, folder: Path) -> None:
    """Take the pictures: at the desk in German, light; Today also dark, on a phone, and in English."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        page = await _open(browser, app)
        await page.goto("/login")
        await _take(page, folder, "login")
        await log_in(page, "Anna")
        await page.locator(".row .row-take").first.click()
        await page.locator("#panel form.outcome").wait_for()
        await _take(page, folder, "today")
        for name, path in PAGES.items():
            answer = await page.goto(path)
            assert answer, path
            assert answer.ok, f"{path}: {answer.status}"
            await _take(page, folder, name)
        await page.goto("/emails")
        await page.locator("main a[href^='/emails/']:not([href*='new'])").first.click()
        await page.locator("#reply").wait_for()
        await _take(page, folder, "email")
        for name, options in {
            "today-dark": {"color_scheme": "dark"},
            "today-phone": {"viewport": PHONE},
            "today-english": {"locale": "en-GB"},
        }.items():
            page = await _open(browser, app, **options)
            await log_in(page, "Anna")
            await _take(page, folder, name)
        await browser.close()


async def _open(browser: Browser, app: RunningApp, **options: object) -> Page:
    settings = {"base_url": app.base_url, "locale": "de-DE", "viewport": DESK, **options}
    context = await browser.new_context(**settings)
    return await context.new_page()


async def _take(page: Page, folder: Path, name: str) -> None:
    await page.wait_for_load_state("load")
    await page.screenshot(path=folder / f"{name}.png")


def main() -> None:
    """Start the application, take the pictures, stop it."""
    executable = find_browser()
    assert executable, "no Chromium: run `python -m tests.e2e.ensure_browser`"
    app = running_app()
    try:
        asyncio.run(take_all(app, executable, Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
    finally:
        app.stop()


if __name__ == "__main__":
    main()
