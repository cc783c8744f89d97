"""What the tests of the working screen do at the desk."""

import asyncio
import re

from playwright.async_api import Locator, Page, Route, expect
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from shared.notifications import CHANNEL
from tests.e2e.app_process import RunningApp
from tests.e2e.browser import PHONE
from tests.e2e.conftest import OpenBrowser

LOOKS: dict[str, dict[str, object]] = {
    "desk": {},
    "phone": {"viewport": PHONE, "has_touch": True},
    "no-scripts": {"java_script_enabled": False},
}
"""How somebody may look at the desk: options of a browser."""

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


async def at_the_desk(open_browser: OpenBrowser, name: str, look: str = "desk") -> Page:
    """Log somebody in who has no call in hand."""
    page = await open_browser(name, **LOOKS[look])
    if await page.locator(".call-mine").count():
        await release(page)
    return page


async def release(page: Page) -> None:
    await page.get_by_role("button", name="Freigeben").click()
    await expect(page.locator(".call-mine")).to_have_count(0)


async def send_hint(app: RunningApp, subject: str) -> None:
    async def notify(session: AsyncSession) -> None:
        async with session.begin():
            await session.execute(select(func.pg_notify(CHANNEL, subject)))

    await app.execute(notify)


async def hear_a_hint(page: Page, app: RunningApp, subject: str, asks: str) -> None:
    """Send a hint and wait until the page has made what it makes of it, and of all hints before."""
    async with page.expect_response(re.compile(asks)) as answer:
        await send_hint(app, subject)
    await (await answer.value).finished()
    await page.evaluate("() => new Promise(requestAnimationFrame)")


async def is_put_off(page: Page, list_id: str) -> bool:
    """Whether a page has heard of a change to a list and waits for something else to be through."""
    return await page.evaluate(
        """async (id) => {
            const main = document.querySelector("script[type=module]").src;
            return (await import(new URL("lists.js", main))).isPutOff(id);
        }""",
        list_id,
    )


class Held:
    """Holds an answer back until it is let through."""

    def __init__(self) -> None:
        self.underway, self.through = asyncio.Event(), asyncio.Event()

    async def __call__(self, route: Route) -> None:
        answer = await route.fetch()
        self.underway.set()
        await self.through.wait()
        await route.fulfill(response=answer)
