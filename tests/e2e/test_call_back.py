"""A call back agreed: with scripts, without, and on a phone; said ten minutes before, taken back by undo."""

from datetime import timedelta

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import PhoneCall
from tests.e2e.accessibility import violations
from tests.e2e.app_process import NOW, RunningApp
from tests.e2e.conftest import OpenBrowser
from tests.e2e.desk import LOOKS, NOTE, at_the_desk, release, rows, take_next, title

SOON = NOW + timedelta(minutes=9)


async def agree(page: Page, at: str) -> None:
    """Say in the form of the call in hand that somebody rings back."""
    await page.get_by_role("radio", name="Rückruf vereinbart").check()
    await page.locator("#geplante_zeit").fill(at)
    await page.get_by_role("radio", name="Praxis ruft an").check()
    await page.get_by_label("Notiz zum Gespräch").fill(NOTE)


@pytest.mark.parametrize("look", LOOKS)
async def test_a_call_back_is_agreed_and_taken_back(open_browser: OpenBrowser, look: str) -> None:
    page, ben = await at_the_desk(open_browser, "Anna", look), await at_the_desk(open_browser, "Ben")
    await page.get_by_role("button", name="Nächster Anruf").first.click()
    name = await title(page).inner_text()
    await agree(page, "17:40")
    if look != "no-scripts":
        assert await violations(page) == []
    await page.get_by_role("button", name="Nur speichern").click()
    status = page.locator("#status")
    await expect(status).to_contain_text(f"{name}: Rückruf vereinbart, gespeichert")
    await expect(status).to_contain_text("17:40")
    await expect(rows(ben).filter(has_text=name)).to_have_count(0)
    await status.get_by_role("button", name="Rückgängig").click()
    await expect(title(page)).to_have_text(name)
    await expect(page.get_by_role("radio", name="Rückruf vereinbart")).to_be_checked()
    await expect(page.get_by_label("Notiz zum Gespräch")).to_have_value(NOTE)
    await page.get_by_label("Notiz zum Gespräch").fill("")
    await page.get_by_role("button", name="Freigeben").click()
    await expect(page.locator(".call-mine")).to_have_count(0)


async def test_who_agreed_it_is_told_ten_minutes_before_wherever_they_are(
    open_browser: OpenBrowser, app: RunningApp
) -> None:
    """On an open page, live; the call waits for its minute and opens from the hint."""
    anna = await at_the_desk(open_browser, "Anna")
    name = await take_next(anna)
    await agree(anna, "17:40")
    await anna.get_by_role("button", name="Nur speichern").click()
    await expect(anna.locator("#status")).to_contain_text("Rückruf vereinbart, gespeichert")
    await anna.goto("/statistics")
    hint = anna.locator("#due-call-backs")
    await expect(hint.locator(".due-call-back")).to_have_count(0)

    async def bring_forward(session: AsyncSession) -> None:
        async with session.begin():
            await session.execute(
                update(PhoneCall)
                .where(PhoneCall.rueckruf_durch == "therapeut", PhoneCall.status == "scheduled")
                .values(geplante_zeit=SOON.time().replace(second=0, microsecond=0))
            )

    await app.execute(bring_forward)
    await anna.reload()
    await expect(hint).to_contain_text(f"vereinbart: {name}.")
    await expect(hint).to_contain_text("Die Praxis ruft an.")
    assert await violations(anna) == []
    await hint.get_by_role("link", name="Anruf öffnen").click()
    await expect(title(anna)).to_have_text(name)
    await expect(anna.locator(".call-agreed")).to_contain_text("vereinbart von Anna")
    await anna.get_by_role("button", name="Anruf übernehmen").last.click()
    await expect(hint.locator(".due-call-back")).to_have_count(0)
    await release(anna)
