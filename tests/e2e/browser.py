"""A browser for the tests: Playwright's own Chromium where it is installed, else the system's."""

import shutil
import subprocess
from pathlib import Path

from playwright.async_api import Page
from playwright.sync_api import sync_playwright

from webapp.demo.sample.staff import PASSWORD

ARTIFACTS = Path("artifacts")
SYSTEM_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
]
START_SECONDS = 30
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


def find_browser() -> Path | None:
    """Return the Chromium to use, one that really starts, or None."""
    with sync_playwright() as playwright:
        bundled = Path(playwright.chromium.executable_path)
    system = (shutil.which(name) for name in SYSTEM_BROWSERS)
    for candidate in (bundled, *(Path(path) for path in system if path)):
        if candidate.exists() and _starts(candidate):
            return candidate
    return None


def _starts(browser: Path) -> bool:
    try:
        answer = subprocess.run([browser, "--version"], capture_output=True, timeout=START_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


async def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Log a member of staff of the sample day in."""
    await page.goto("/login")
    await page.locator("input[name=name]").fill(name)
    await page.locator("input[name=password]").fill(password)
    await page.locator("main form button").first.click()
    await page.wait_for_url(lambda url: "/login" not in url)


async def screenshot(page: Page, name: str) -> None:
    """Keep what the page looks like as an artefact."""
    await page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)
