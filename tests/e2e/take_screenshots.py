"""Takes a picture of every screen for the documentation: `python -m tests.e2e.take_screenshots [FOLDER]`."""

import asyncio
import sys
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from tests.e2e.app_process import RunningApp, running_app
from tests.e2e.browser import ARGUMENTS, DESK, PHONE, find_browser, log_in

FOLDER = Path("docs/screenshots")
GUIDE = Path("webapp/static/guide")
"""Parts of screens, for the guide that the screens show."""

PAGES = {
    "week": "/week",
    "emails": "/emails",
    "email-to-whom": "/emails/new",
    "inbox": "/inbox",
    "search": "/search?q=030",
    "therapists": "/therapists",
    "therapist": "/therapists/1",
    "statistics": "/statistics",
    "system": "/system",
}
LOOKS: dict[str, dict[str, object]] = {
    "today-dark": {"color_scheme": "dark"},
    "today-phone": {"viewport": PHONE},
    "today-english": {"locale": "en-GB"},
}
EMAIL_IN_EVERY_LOOK = "/emails/1"


async def take_all(app: RunningApp, executable: Path, folder: Path) -> None:
    """Take the pictures: at the desk in German, light; two screens also dark, on a phone and in English."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        page = await _open(browser, app)
        await page.goto("/login")
        await _take(page, folder, "login")
        await log_in(page, "Anna")
        await page.locator(".row .row-claim").first.click()
        await page.locator("#panel form.outcome").wait_for()
        await _take(page, folder, "today")
        await _take_guide(page)
        for name, path in PAGES.items():
            answer = await page.goto(path)
            assert answer, path
            assert answer.ok, f"{path}: {answer.status}"
            await _take(page, folder, name)
        await _take_emails(page, folder)
        await page.goto("/week")
        await page.locator(".week-move").last.click()
        await _take(page, folder, "move")
        for name, options in LOOKS.items():
            page = await _open(browser, app, **options)
            await log_in(page, "Anna")
            await _take(page, folder, name)
            await page.goto(EMAIL_IN_EVERY_LOOK)
            await _take(page, folder, name.replace("today", "email"))
        await browser.close()


async def _take_guide(page: Page) -> None:
    """Take what the guide for staff shows of a call in hand."""
    await page.screenshot(path=GUIDE / "heute.png", clip={"x": 0, "y": 0, "width": 1280, "height": 560})
    await page.locator("#panel .outcome-choices").screenshot(path=GUIDE / "ergebnisse.png")


async def _take_emails(page: Page, folder: Path) -> None:
    """Take an e-mail that waits for an answer, one that failed, one in doubt, and one being written."""
    for show in ("unanswered", "failed", "unclear"):
        await page.goto(f"/emails?show={show}")
        await page.locator("#emails .email-what a").first.click()
        await page.locator("#reply").wait_for()
        await _take(page, folder, f"email-{show}")
    await page.goto("/emails/new?therapist=1&template=follow_up")
    await page.locator(".compose-preview").wait_for()
    await _take(page, folder, "email-written")


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
