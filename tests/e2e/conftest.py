"""Browsers and the application they look at; all tests here share one event loop, application and browser.

Every page is watched: an error in the console, an exception in a script or a failed load fails the test. Only
a refusal that the page shows to its reader (401, 403, 409, 422) is none. What the pages of a failed test
looked like is kept in `artifacts/`.
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Request,
    StorageState,
    async_playwright,
    expect,
)

from tests.e2e.app_process import RunningApp, running_app
from tests.e2e.browser import ARGUMENTS, ARTIFACTS, DESK, find_browser, log_in
from tests.eventually import eventually

PATIENCE_MS = 30_000
REFUSED = re.compile(r"responded with a status of (401|403|409|422)")
OUTRUN = re.compile(r"^htmx:(sendAbort|afterRequest)")
"""A request that a newer one, or the end of the page, has made needless."""

OpenBrowser = Callable[..., Awaitable[Page]]

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningApp]:
    """The application with its sample day, Wednesday 14 October 2026 from 10:42 on."""
    app = running_app(tmp_path_factory.mktemp("app"))
    yield app
    app.stop()


@pytest.fixture(scope="session")
def browser_path() -> Path:
    path = find_browser()
    assert path, "no Chromium: run `make test`, or `python -m tests.e2e.ensure_browser` once"
    return path


@pytest.fixture(scope="session")
async def browser(browser_path: Path) -> AsyncGenerator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def logins() -> dict[str, StorageState]:
    """The cookies of who has logged in once; nobody logs out, so they last."""
    return {}


@pytest.fixture
async def open_browser(
    browser: Browser, app: RunningApp, logins: dict[str, StorageState], request: pytest.FixtureRequest
) -> AsyncGenerator[OpenBrowser]:
    """Open further browsers: `await open_browser("Ben", locale="en-GB", java_script_enabled=False)`.

    Each name logs in on its first page and keeps the cookies for later ones. Without a name nobody is logged
    in. `console=False` lets pages have errors. Other keyword arguments are Playwright's for a new context.
    """
    troubles: list[str] = []
    opened: list[Page] = []
    async with AsyncExitStack() as stack:

        async def open_one(name: str | None = None, *, console: bool = True, **options: Any) -> Page:
            settings = {"base_url": app.base_url, "locale": "de-DE", "viewport": DESK, **options}
            if name in logins:
                settings["storage_state"] = logins[name]
            context: BrowserContext = await browser.new_context(**settings)
            stack.push_async_callback(context.close)
            context.set_default_timeout(PATIENCE_MS)
            stack.push_async_callback(_Asked(context).all_answered)
            page = await context.new_page()
            opened.append(page)
            if console:
                _watch(page, troubles)
            if name in logins:
                await page.goto("/")
            elif name is not None:
                await log_in(page, name)
                logins[name] = await context.storage_state()
            return page

        yield open_one
        if FAILED in request.node.stash:
            await _keep_pictures(request.node.name, opened)
    assert not troubles


@pytest.fixture
async def page(open_browser: OpenBrowser) -> Page:
    """A browser in German with nobody logged in."""
    return await open_browser()


@pytest.fixture
async def anna(open_browser: OpenBrowser) -> Page:
    """Anna's browser, on Today."""
    return await open_browser("Anna")


@pytest.fixture
async def anna_without_scripts(open_browser: OpenBrowser) -> Page:
    """Anna's browser with JavaScript switched off, on Today."""
    return await open_browser("Anna", java_script_enabled=False)


async def _keep_pictures(test: str, pages: list[Page]) -> None:
    """Keep what the pages look like, as far as the browser can still say."""
    for number, page in enumerate(pages, 1):
        with suppress(Error):
            await page.screenshot(path=ARTIFACTS / f"{test}-{number}.png", full_page=True)


def _watch(page: Page, troubles: list[str]) -> None:
    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not REFUSED.search(message.text) and not OUTRUN.match(message.text):
            troubles.append(f"{page.url}: {message.text}")

    page.on("console", note)
    page.on("pageerror", lambda error: troubles.append(f"{page.url}: {error}"))


class _Asked:
    """What a browser has asked for and not been told: it would take place in the middle of the next test."""

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        self._open = set[Request]()
        context.on("request", self._note)
        context.on("requestfinished", self._forget)
        context.on("requestfailed", self._forget)

    def _note(self, request: Request) -> None:
        if request.resource_type != "eventsource":
            self._open.add(request)

    def _forget(self, request: Request) -> None:
        self._open.discard(request)

    async def all_answered(self) -> None:
        """Wait until there is nothing left; what was just pressed has been asked for once a page answers."""
        for page in self._context.pages:
            with suppress(Error):  # it is on its way to another page, which is asked for as well
                await page.evaluate("0")

        async def nothing_left() -> bool:
            return not self._open

        await eventually(nothing_left, within=PATIENCE_MS / 1000)
