"""A working day of 60 calls by the keyboard: what each of them costs in keys, besides what is typed."""

from collections import Counter
from collections.abc import AsyncGenerator
from datetime import time, timedelta
from itertools import count
from typing import NamedTuple

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import CallEmail, Email, EmailStatus, OutcomeKind, PhoneCall, Therapist
from tests.e2e.app_process import NOW, RunningApp
from tests.e2e.conftest import OpenBrowser
from tests.e2e.desk import at_the_desk
from tests.factories import make_call, make_email, make_therapist

PLACE = "Tastingen"
ALL_DAY = {
    day: [{"start": "08:00", "end": "18:00"}]
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
}
MOST_KEYS = 3


class Call(NamedTuple):
    """An outcome's key, the key of what goes with it, and what is typed there."""

    key: str
    more: str = ""
    field: str = ""
    typed: str = ""


REACHED, PLACES = Call("1", "0", "#ergebnis", "Erst wieder im Mai."), Call("1", "s")
AGREED, MISSED, BUSY, MACHINE = Call("2", "t", "#geplante_zeit"), Call("3"), Call("4"), Call("5")
WRONG, POSTPONED = Call("6", "t", "#richtige_nummer"), Call("7")
HALF_AN_HOUR = [REACHED, MACHINE, MISSED, PLACES, AGREED, MACHINE, MISSED, BUSY, REACHED, MACHINE]
AN_HOUR = [*HALF_AN_HOUR, PLACES, MISSED, REACHED, MACHINE]
DAY = [*AN_HOUR, WRONG, *AN_HOUR, POSTPONED, *AN_HOUR, WRONG, *AN_HOUR, POSTPONED]
IDS = range(8_001, 8_001 + len(DAY) + 1)
"""One more than is rung: whoever has saved the last call has another in hand."""

CAME_OF_IT = {
    OutcomeKind.REACHED: 20,
    OutcomeKind.CALL_BACK_AGREED: 4,
    OutcomeKind.NOT_REACHED: 12,
    OutcomeKind.BUSY: 4,
    OutcomeKind.ANSWERING_MACHINE: 16,
    OutcomeKind.WRONG_NUMBER: 2,
    OutcomeKind.POSTPONED: 2,
}


class Keys:
    """Counts keys pressed; one with Ctrl held down is one, what is typed is none."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.pressed = 0

    async def press(self, key: str) -> None:
        self.pressed += 1
        await self._page.keyboard.press(key)


@pytest.fixture
async def many_calls(app: RunningApp) -> AsyncGenerator[None]:
    """Calls of one place, each to somebody who is there all day; every fourth with more matters."""
    several = IDS[::4]

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
                for n in IDS
            )
            await session.flush()
            session.add_all(planned(n, leitung=70) for n in IDS)
            session.add_all(planned(n, leitung=71, notizen="Rechnung vom Mai") for n in several)
            session.add_all(
                make_email(
                    therapist_id=n,
                    status=EmailStatus.SENT,
                    sent_at=NOW - timedelta(days=8),
                    nachgefasst=True,
                )
                for n in several
            )

    async def clear(session: AsyncSession) -> None:
        theirs = select(PhoneCall.id).where(PhoneCall.therapist_id.in_(IDS))
        async with session.begin():
            await session.execute(delete(CallEmail).where(CallEmail.call_id.in_(theirs)))
            for table, column in (
                (PhoneCall, PhoneCall.therapist_id),
                (Email, Email.therapist_id),
                (Therapist, Therapist.id),
            ):
                await session.execute(delete(table).where(column.in_(IDS)))

    await app.execute(fill)
    yield
    await app.execute(clear)


def planned(therapist_id: int, *, leitung: int, notizen: str | None = None) -> PhoneCall:
    """Return a call planned for this morning."""
    place = IDS.index(therapist_id)
    shift = timedelta(minutes=0 if leitung == 70 else 5)
    at = (NOW.replace(hour=4, minute=0) + place * timedelta(minutes=5) + shift).time()
    return make_call(
        therapist_id=therapist_id,
        geplantes_datum=NOW.date(),
        geplante_zeit=time(at.hour, at.minute),
        leitung=leitung,
        notizen=notizen,
    )


async def came_of_it(session: AsyncSession) -> dict[str, int]:
    """Return how often what came of the calls; those settled together with another count with that one."""
    query = select(PhoneCall.ergebnis_art, func.count()).where(
        PhoneCall.therapist_id.in_(IDS),
        PhoneCall.ergebnis_art.is_not(None),
        PhoneCall.gemeinsam_mit_id.is_(None),
    )
    async with session.begin():
        return {art: n for art, n in await session.execute(query.group_by(PhoneCall.ergebnis_art)) if art}


async def test_a_call_costs_three_keys_at_most_besides_typing(
    open_browser: OpenBrowser, app: RunningApp, many_calls: None
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
    times = (f"{16 + n // 4}:{n % 4 * 15:02}" for n in count())
    numbers = (f"030 231251{n}" for n in count(90))
    for call in DAY:
        keys, before = Keys(page), await outcome.get_attribute("action") or ""
        await keys.press(call.key)
        if call.more:
            await keys.press(call.more)
        if call.field:
            await expect(page.locator(call.field)).to_be_focused()
            typed = call.typed or next(times if call is AGREED else numbers)
            await page.locator(call.field).fill(typed)
        await keys.press("Control+Enter")
        await expect(outcome).not_to_have_attribute("action", before)
        spent.append((call.key, keys.pressed))
    assert [cost for cost in spent if cost[1] > MOST_KEYS] == []
    assert len(spent) == 60
    assert Counter(await app.execute(came_of_it)) == CAME_OF_IT
    await page.get_by_role("button", name="Freigeben").click()
    await expect(outcome).to_have_count(0)
    await page.get_by_role("button", name="Alle Anrufe zeigen").click()
    await expect(page.locator(".queue-filter-on")).to_have_count(0)
