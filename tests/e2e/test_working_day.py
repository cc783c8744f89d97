"""An hour of calls by the keyboard: what each of them costs in keys, besides what is typed."""

from collections.abc import AsyncGenerator
from datetime import time

import pytest_asyncio
from playwright.async_api import Page, expect
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import PhoneCall, Therapist
from tests.e2e.app_process import NOW, RunningApp
from tests.e2e.conftest import OpenBrowser
from tests.e2e.desk import at_the_desk
from tests.factories import make_call, make_therapist

PLACE = "Tastingen"
FIRST, CALLS = 9_001, 12
ALL_DAY = {
    day: [{"start": "08:00", "end": "18:00"}]
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
}
KINDS = [
    ("1", "0", "Zwei Plätze ab Mai, bitte schriftlich anfragen."),
    ("3", "", ""),
    ("4", "", ""),
    ("5", "", ""),
    ("6", "t", "030 23125199"),
    ("7", "", ""),
]
"""An outcome's key, the key of the field that goes with it, and what is typed there."""

MOST_KEYS = 3


class Keys:
    """Counts keys pressed; one with Ctrl held down is one, what is typed is none."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.pressed = 0

    async def press(self, key: str) -> None:
        self.pressed += 1
        await self._page.keyboard.press(key)


@pytest_asyncio.fixture(loop_scope="session")
async def many_calls(app: RunningApp) -> AsyncGenerator[None]:
    """Calls of one place, each to somebody else who answers the phone all day."""
    ids = range(FIRST, FIRST + CALLS)

    async def fill(session: AsyncSession) -> None:
        async with session.begin():
            session.add_all(
                make_therapist(
                    id=n,
                    nachname=f"Taster{n}",
                    ort=PLACE,
                    telefon=f"030 23125 {n % 1000:03}",
                    telefon_e164=None,
                    telefonische_erreichbarkeit=ALL_DAY,
                )
                for n in ids
            )
            await session.flush()
            session.add_all(
                make_call(
                    therapist_id=n,
                    geplantes_datum=NOW.date(),
                    geplante_zeit=time(8, (n - FIRST) * 5 % 60),
                    leitung=70,
                )
                for n in ids
            )

    async def clear(session: AsyncSession) -> None:
        async with session.begin():
            for table, column in ((PhoneCall, PhoneCall.therapist_id), (Therapist, Therapist.id)):
                await session.execute(delete(table).where(column.in_(ids)))

    await app.execute(fill)
    yield
    await app.execute(clear)


async def test_a_call_costs_three_keys_at_most_besides_typing(
    open_browser: OpenBrowser, many_calls: None
) -> None:
    page = await at_the_desk(open_browser, "Anna")
    await page.locator(".queue-filter-head").click()
    await page.get_by_label("Ort", exact=True).select_option(PLACE)
    await page.get_by_role("button", name="Anwenden").click()
    await expect(page.locator(".queue-filter-on")).to_contain_text(PLACE)
    outcome = page.locator("#outcome")
    await page.keyboard.press("n")
    await expect(page.locator(".call-mine .muted").first).to_contain_text(PLACE)
    spent: list[tuple[str, int]] = []
    for number in range(CALLS - 1):
        keys, before = Keys(page), await outcome.get_attribute("action") or ""
        kind, field, typed = KINDS[number % len(KINDS)]
        await keys.press(kind)
        if field:
            await keys.press(field)
            await page.keyboard.type(typed)
        await keys.press("Control+Enter")
        await expect(outcome).not_to_have_attribute("action", before)
        await expect(page.locator(".call-mine")).to_contain_text(PLACE)
        spent.append((kind, keys.pressed))
    assert [cost for cost in spent if cost[1] > MOST_KEYS] == []
    assert sum(pressed for _, pressed in spent) <= MOST_KEYS * len(spent)
    await page.get_by_role("button", name="Freigeben").click()
    await expect(outcome).to_have_count(0)
    await page.get_by_role("button", name="Alle Anrufe zeigen").click()
    await expect(page.locator(".queue-filter-on")).to_have_count(0)
