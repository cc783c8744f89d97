"""What is done to an e-mail with the mouse is seen under the mouse, and nothing moves away from it."""

import asyncio
import re

from playwright.async_api import Page, Route, expect
from sqlalchemy.ext.asyncio import AsyncSession

from services.hints import EMAILS
from services.models import EmailStatus
from tests.e2e.accessibility import violations
from tests.e2e.app_process import NOW, RunningApp
from tests.e2e.conftest import OpenBrowser
from tests.e2e.desk import hear_a_hint, is_put_off
from tests.e2e.test_emails import sent_email
from tests.eventually import eventually
from tests.factories import make_email


async def test_what_was_done_with_the_mouse_is_shown_where_it_rests(
    anna: Page, app: RunningApp, open_browser: OpenBrowser
) -> None:
    email_id = await sent_email(app, 21, "Dr. Kasimir Plan")
    ben = await open_browser("Ben")
    for page in (anna, ben):
        await page.goto(f"/emails/{email_id}")
    await anna.get_by_role("button", name="Anruf planen").click()
    state = anna.locator("#email-state")
    await expect(state).to_contain_text("Anruf geplant")
    await expect(anna.locator("#status .toast")).to_have_text("Der Anruf ist geplant.")
    await expect(anna.locator("#follow-up-title")).to_be_focused()

    await expect(ben.locator("#email-state")).to_contain_text("Anruf geplant")
    await hear_a_hint(anna, app, EMAILS, asks="[?]seen=")
    await expect(anna.locator("[data-live-refresh]")).to_be_hidden()
    await expect(anna.locator("#follow-up-title")).to_be_focused()


async def test_what_changes_while_the_page_is_being_refreshed_is_not_missed(
    anna: Page, app: RunningApp, open_browser: OpenBrowser
) -> None:
    email_id = await sent_email(app, 23, "Dr. Gerade Eben")
    ben = await open_browser("Ben")
    underway, done = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        answer = await route.fetch()
        underway.set()
        await done.wait()
        await route.fulfill(response=answer)

    await ben.route(re.compile("[?]seen="), hold)
    await anna.goto(f"/emails/{email_id}")
    await ben.goto(f"/emails/{email_id}")
    await underway.wait()
    await anna.get_by_role("button", name="Anruf planen").click()
    await expect(anna.locator("#email-state")).to_contain_text("Anruf geplant")
    await eventually(lambda: is_put_off(ben, "email-state"))
    done.set()
    await expect(ben.locator("#email-state")).to_contain_text("Anruf geplant")
    await ben.unroute_all(behavior="ignoreErrors")


async def test_a_failed_email_is_followed_by_a_call_with_one_click(anna: Page) -> None:
    await anna.goto("/emails?show=failed")
    await anna.locator(".email-what a").first.click()
    await anna.get_by_role("button", name="Stattdessen anrufen").click()
    await expect(anna.locator("#email-state")).to_contain_text("Anruf geplant")
    await expect(anna.get_by_role("button", name="Stattdessen anrufen")).to_have_count(0)
    await expect(anna.locator("#email-state h2:focus")).to_have_count(1)


async def test_nothing_moves_under_a_mouse_that_rests_on_an_email(anna: Page, app: RunningApp) -> None:
    await anna.goto("/emails")
    row = anna.locator("#emails tbody tr").nth(2)
    await row.hover()
    before = await row.bounding_box()
    await sent_email(app, 22, "Dr. Neu Dazwischen")
    refresh = anna.get_by_role("button", name="Aktualisieren")
    await expect(refresh).to_be_visible()
    assert await row.bounding_box() == before
    await refresh.click()
    await expect(anna.locator("#emails tbody tr").first).to_contain_text("Dr. Neu Dazwischen")


async def test_all_unclear_emails_that_are_shown_are_decided_together(anna: Page, app: RunningApp) -> None:
    async def broke_off(session: AsyncSession) -> None:
        async with session.begin():
            for name in ("Dr. Pilz Eins", "Dr. Pilz Zwei"):
                unclear = {"status": EmailStatus.SENDING, "uebergabe_begonnen_at": NOW, "created_at": NOW}
                session.add(make_email(empfaenger_name=name, **unclear))

    await app.execute(broke_off)
    await anna.goto("/emails?show=unclear&q=pilz")
    boxes = anna.locator("#emails tbody input[type=checkbox]")
    await expect(boxes).to_have_count(2)
    await anna.get_by_label("Alle gezeigten ankreuzen").check()
    for number in range(2):
        await expect(boxes.nth(number)).to_be_checked()
    assert await violations(anna) == []
    await boxes.first.press("Enter")
    await expect(boxes).to_have_count(2)
    await anna.get_by_role("button", name="Angekreuzte sind angekommen").click()
    await expect(anna.get_by_text("2 E-Mails gelten als gesendet.")).to_be_visible()
    await anna.goto("/emails?q=pilz")
    await expect(anna.locator("#emails .email-status", has_text="Gesendet")).to_have_count(2)
