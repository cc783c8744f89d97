"""Every page in each language, light or dark, at the desk or on a phone: accessible, and it fits."""

import re
from collections.abc import AsyncGenerator

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import OutcomeKind, PhoneCall, Therapist
from services.reach.patterns import learn_pattern
from tests.e2e.accessibility import violations
from tests.e2e.app_process import NOW, RunningApp
from tests.e2e.browser import DESK, PHONE
from tests.e2e.conftest import OpenBrowser
from tests.factories import make_call, make_therapist
from tests.habits import HOURS, MACHINE, MISSED, THURSDAY, WEDNESDAY, made, others
from tests.work import work_of

REACHED = OutcomeKind.REACHED
WAITS = 9_201

PAGES = {
    "/": ("Heute", "Today"),
    "/search?q=030": ("Heute", "Today"),
    "/calls/1": ("Heute", "Today"),
    "/?rows=all": ("Heute", "Today"),
    "/open": ("Heute", "Today"),
    "/week": ("Woche", "Week"),
    "/emails": ("E-Mails", "E-mails"),
    "/emails?show=failed": ("E-Mails", "E-mails"),
    "/emails/1": ("E-Mails", "E-mails"),
    "/emails/new": ("E-Mails", "E-mails"),
    "/therapists": ("Therapeuten", "Therapists"),
    "/therapists/1": ("Therapeuten", "Therapists"),
    "/statistics?days=90": ("Statistik", "Statistics"),
    "/system": ("System", "System"),
    "/system/staff/new": ("System", "System"),
    "/system/staff/2": ("System", "System"),
    "/activity": ("System", "System"),
    "/help": None,
    "/account": None,
    "/account/password": None,
    "/account/second-factor": None,
    "/system/privacy": ("System", "System"),
}
LOOKS = [
    pytest.param({"locale": "en-GB", "viewport": DESK, "color_scheme": "light"}, 1, id="english-desk-light"),
    pytest.param({"locale": "de-DE", "viewport": PHONE, "color_scheme": "dark"}, 0, id="german-phone-dark"),
]


@pytest.mark.parametrize(("look", "language"), LOOKS)
async def test_pages_are_accessible_and_fit_the_screen(
    open_browser: OpenBrowser, look: dict[str, object], language: int
) -> None:
    page = await open_browser("Anna", **look)
    found: list[str] = []
    for path, names in PAGES.items():
        answer = await page.goto(path)
        assert answer, path
        assert answer.ok, f"{path}: {answer.status}"
        if names:
            assert await page.locator(".nav a[aria-current=page]").inner_text() == names[language]
        found += [f"{path}: {violation}" for violation in await violations(page)]
        found += [f"{path}: {trouble}" for trouble in await _sticks_out(page)]
    assert found == []


@pytest.fixture
async def waiting_call(app: RunningApp) -> AsyncGenerator[None]:
    """A call left for a better hour, after others to the same therapist."""
    told = [made(WAITS, WEDNESDAY, 10, [MISSED, MACHINE, MISSED]), made(WAITS, THURSDAY, 12, [REACHED] * 4)]
    calls = [call for some in [others(), *told] for call in some]

    async def fill(session: AsyncSession) -> None:
        hours = HOURS | {"wednesday": "10:00-18:00"}
        async with session.begin():
            session.add(make_therapist(id=WAITS, nachname="Warte", telefonische_erreichbarkeit=hours))
            session.add_all([make_call(therapist_id=WAITS, leitung=75), *calls])
        await learn_pattern(work_of(session, now=NOW))

    async def clear(session: AsyncSession) -> None:
        taught = {call.therapist_id for call in calls}
        async with session.begin():
            await session.execute(delete(PhoneCall).where(PhoneCall.therapist_id.in_(taught)))
            await session.execute(delete(Therapist).where(Therapist.id == WAITS))
        await learn_pattern(work_of(session, now=NOW))

    await app.execute(fill)
    yield
    await app.execute(clear)


@pytest.mark.parametrize(("look", "language"), LOOKS)
async def test_what_opens_on_today_is_accessible_and_fits_the_screen(
    open_browser: OpenBrowser, waiting_call: None, look: dict[str, object], language: int
) -> None:
    page = await open_browser("Anna", **look)
    row = page.locator(".group-later .row", has_text="Warte")
    why = ("meist .* erreichbar: .*; jetzt", "usually reachable .*: .*; now")[language]
    await expect(row.locator(".row-why")).to_have_text(re.compile(why))
    found = [*await violations(page), *await _sticks_out(page)]
    await row.locator(".row-take").click()
    await expect(page.locator("#panel-title")).to_contain_text("Warte")
    panel = page.locator("#panel")
    for closed in (".call-guide", ".call-known .known-more"):
        await panel.locator(f"{closed} > summary").click()
    await expect(panel.locator("#wieder_da_am")).to_be_visible()
    found += [*await violations(page), *await _sticks_out(page)]
    await panel.locator(".history a").first.click()
    await panel.locator(".correction > summary").click()
    await expect(panel.locator(".correction #ergebnis")).to_be_visible()
    found += [*await violations(page), *await _sticks_out(page)]
    assert found == []


@pytest.mark.parametrize("path", ["/nowhere", "/emails/999999", "/week?start=someday"])
async def test_a_page_that_is_not_there_says_so_and_leads_back(open_browser: OpenBrowser, path: str) -> None:
    page = await open_browser("Anna", console=False)
    answer = await page.goto(path)
    assert answer
    assert answer.status in (404, 422)
    assert await violations(page) == []
    await page.locator("main a").first.click()
    await page.wait_for_url(lambda url: url.endswith("/"))


async def test_a_call_is_moved_from_the_week(anna: Page) -> None:
    await anna.goto("/week")
    await anna.locator(".week-move").last.click()
    await anna.locator("#day").fill("2026-10-22")
    await expect(anna.get_by_text("Frei am Do 22.10.")).to_be_visible()
    assert await violations(anna) == []
    slot = anna.locator("input[name=slot][value*=T]").last
    at = (await slot.input_value())[-5:]
    await slot.check()
    await anna.get_by_role("button", name="Verschieben").click()
    await anna.wait_for_url("**/week?start=2026-10-19&moved=*")
    message = anna.get_by_role("status").filter(has_text=f"Do 22.10., {at} Uhr geplant.")
    await expect(message).to_be_focused()
    await expect(anna.locator(".week-moved .week-time")).to_have_text(at)
    assert await violations(anna) == []


async def test_a_phone_shows_the_week_from_today_on_with_whole_names(open_browser: OpenBrowser) -> None:
    page = await open_browser("Anna", viewport=PHONE, java_script_enabled=False)
    await page.goto("/week")
    first = page.locator(".week thead th:not(:first-child):visible").first
    await expect(first).to_contain_text("heute")
    names = page.locator(".week-name:visible")
    assert await names.count()
    await expect(first).to_be_in_viewport(ratio=1)
    cut = await names.evaluate_all("all => all.filter(name => name.scrollWidth > name.clientWidth).length")
    assert cut == 0
    await page.get_by_role("link", name="Auch die Tage vor heute zeigen").click()
    await expect(page.locator(".week thead th:visible").nth(1)).to_contain_text("Mo 12.10.")


async def test_a_key_is_revoked_only_after_its_consequence_was_read(anna: Page) -> None:
    await anna.goto("/system")
    await anna.locator("#key_name").fill("Wegwerfdienst")
    await anna.get_by_role("button", name="Schlüssel erstellen").click()
    row = anna.get_by_role("row", name="Wegwerfdienst")
    await row.locator("summary").click()
    await expect(row).to_contain_text("Der Dienst kann keine E-Mails mehr versenden")
    assert await violations(anna) == []
    await row.get_by_role("button", name="Wegwerfdienst endgültig widerrufen").click()
    await expect(anna.locator("#done")).to_have_text(
        "Der Schlüssel Wegwerfdienst ist widerrufen: Anfragen mit ihm werden abgewiesen."
    )
    await expect(anna.locator("#done")).to_be_focused()
    await expect(row).to_contain_text("widerrufen")


async def test_an_account_is_added_and_closed_again(anna: Page) -> None:
    await anna.goto("/system")
    await anna.get_by_text("Jemanden hinzufügen").click()
    await anna.locator("#name").fill("Clara")
    await anna.locator("#password").fill("kurz")
    await anna.get_by_role("button", name="Hinzufügen", exact=True).click()
    await anna.locator(".error-summary").wait_for()
    assert (await anna.title()).startswith("Fehler:")
    assert await violations(anna) == []
    await anna.locator("#password").fill("lang genug 1")
    await anna.get_by_role("button", name="Hinzufügen", exact=True).click()
    await expect(anna.locator("#done")).to_contain_text("Clara hat jetzt ein Konto")
    await anna.get_by_role("link", name="Clara", exact=True).click()
    await anna.locator("summary", has_text="Konto schließen").click()
    await anna.get_by_role("button", name="Konto von Clara schließen").click()
    await expect(anna.locator("#done")).to_contain_text("Das Konto von Clara ist geschlossen")
    await anna.get_by_role("button", name="Konto von Clara wieder öffnen").click()
    await expect(anna.locator("#done")).to_contain_text("Das Konto von Clara ist wieder offen")


async def _sticks_out(page: Page) -> list[str]:
    """Return how far the page is wider than the screen, if it is."""
    excess = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return [f"{excess} px wider than the screen"] if excess > 0 else []
