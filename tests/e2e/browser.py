"""A browser for the tests: Playwright's own Chromium where it is installed, else the system's.

One that has no windows goes before others: a page in it takes a sixth of the processor time.
"""

import shutil
import subprocess
from pathlib import Path

from playwright.async_api import Page
from playwright.sync_api import sync_playwright

from webapp.demo.sample.staff import PASSWORD

ARTIFACTS = Path("artifacts")
SYSTEM_BROWSERS = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
SWITCHED_OFF = (
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
    "SpareRendererForSitePerProcess",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxPopup",
)
"""What Playwright switches off itself, and processes in reserve or for an address bar that nobody sees."""

ARGUMENTS = [
    f"--disable-features={','.join(SWITCHED_OFF)}",
    "--no-sandbox",
    "--js-flags=--no-opt --single-threaded-gc",  # no script here runs for long enough to pay for more
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
    shells = sorted(bundled.parents[2].glob("chromium_headless_shell-*/*/*headless*shell"), reverse=True)
    system = (shutil.which(name) for name in SYSTEM_BROWSERS)
    for candidate in (*shells, bundled, *(Path(path) for path in system if path)):
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
