"""Four stories of people: a forgotten password, a second factor, a lost one, a colleague who has left."""

import re

from playwright.async_api import Page, expect
from pyotp.totp import TOTP

from services.accounts.staff import add_staff
from shared.clock import get_clock
from tests.e2e.accessibility import violations
from tests.e2e.app_process import RunningApp
from tests.e2e.browser import log_in
from tests.e2e.conftest import OpenBrowser
from tests.e2e.desk import send_hint
from tests.work import work_of

PASSWORD = "drei Worte reichen"
OWN = "vier Worte sind besser"


async def add(app: RunningApp, name: str) -> None:
    """Give somebody an account who is in no other test."""
    now = get_clock(app.config)()
    await app.execute(lambda session: add_staff(work_of(session, now=now), name, PASSWORD, admin=False))


async def open_person(anna: Page, name: str) -> None:
    await anna.goto("/system")
    await anna.get_by_role("link", name=name, exact=True).click()
    await anna.wait_for_url("**/system/staff/*")


def next_code(app: RunningApp, secret: str, steps: int = 0) -> str:
    """Return what the app shows, or will show so many half minutes later: taken as well, so nobody waits."""
    totp = TOTP(secret)
    return totp.generate_otp(totp.timecode(get_clock(app.config)()) + steps)


async def set_up(page: Page, app: RunningApp, password: str) -> tuple[str, str]:
    """Set up a second factor; return its secret and a recovery code."""
    await page.goto("/account")
    await page.get_by_role("link", name="Zweiten Faktor einrichten").click()
    await page.get_by_label("Ihr Passwort").fill(password)
    await page.get_by_role("button", name="Einrichten").click()
    await expect(page.get_by_role("img", name="QR-Code für die App")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_text("Keine Kamera?").click()
    secret = (await page.locator("code.key").inner_text()).replace(" ", "")
    await page.get_by_label("Code mit sechs Ziffern").fill(next_code(app, secret))
    await page.get_by_role("button", name="In Gebrauch nehmen").click()
    codes = page.locator(".recovery-codes li")
    await expect(codes).to_have_count(10)
    assert await violations(page) == []
    return secret, await codes.first.inner_text()


async def log_out(page: Page) -> None:
    await page.locator(".menu summary").click()
    await page.get_by_role("button", name="Abmelden").click()
    await page.wait_for_url("**/login")


async def give_password(page: Page, name: str, password: str) -> None:
    await page.goto("/login")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Passwort").fill(password)
    await page.get_by_role("button", name="Anmelden").click()


async def test_what_a_page_asks_for_by_itself_says_so_and_what_somebody_does_does_not(
    anna: Page, app: RunningApp
) -> None:
    await anna.goto("/")
    async with anna.expect_request(lambda request: request.headers.get("hx-target") == "list-frame") as asked:
        await send_hint(app, "calls")
    assert (await asked.value).headers.get("x-unasked") == "true"
    async with anna.expect_request(lambda request: "/search" in request.url) as typed:
        await anna.locator("input[type=search]").press_sequentially("sch")
    assert "x-unasked" not in (await typed.value).headers


async def test_whoever_forgot_the_password_gets_another_and_chooses_their_own(
    anna: Page, open_browser: OpenBrowser, app: RunningApp
) -> None:
    await add(app, "Dora")
    await open_person(anna, "Dora")
    assert await violations(anna) == []
    await anna.get_by_text("Passwort vergessen …").click()
    await anna.get_by_role("button", name="Dora ein Einmalpasswort geben").click()
    given = await anna.locator("code.key").inner_text()
    assert await violations(anna) == []

    dora = await open_browser()
    await give_password(dora, "Dora", given)
    await expect(dora.get_by_role("heading", level=1)).to_have_text("Wählen Sie ein eigenes Passwort")
    assert await violations(dora) == []
    await dora.goto("/week")
    await dora.get_by_label("Ihr Passwort").fill(given)
    await dora.get_by_label("Neues Passwort", exact=True).fill("Passwort2026!")
    await dora.get_by_label("Neues Passwort noch einmal").fill("Passwort2026!")
    await dora.get_by_role("button", name="Passwort ändern").click()
    await expect(dora.locator(".error-summary")).to_be_focused()
    await expect(dora.locator(".error-summary")).to_contain_text("ein übliches Wort")
    assert await violations(dora) == []
    await dora.get_by_label("Ihr Passwort").fill(given)
    await dora.get_by_label("Neues Passwort", exact=True).fill(OWN)
    await dora.get_by_label("Neues Passwort noch einmal").fill(OWN)
    await dora.get_by_role("button", name="Passwort ändern").click()
    await dora.wait_for_url("**/week")
    await log_out(dora)
    await log_in(dora, "Dora", OWN)


async def test_a_second_factor_is_set_up_and_asked_for(open_browser: OpenBrowser, app: RunningApp) -> None:
    await add(app, "Emil")
    emil = await open_browser()
    await log_in(emil, "Emil", PASSWORD)
    secret, _ = await set_up(emil, app, PASSWORD)
    await emil.get_by_role("link", name="Ich habe sie aufbewahrt").click()
    await expect(emil.get_by_text("noch 10 Ersatzcodes")).to_be_visible()
    await log_out(emil)

    await give_password(emil, "Emil", PASSWORD)
    await expect(emil.get_by_label("Code aus Ihrer App")).to_be_focused()
    assert await violations(emil) == []
    await emil.get_by_label("Code aus Ihrer App").fill("000 000")
    await emil.keyboard.press("Enter")
    await expect(emil.get_by_role("alert")).to_be_focused()
    await emil.get_by_label("Code aus Ihrer App").fill(next_code(app, secret, 1))
    await emil.keyboard.press("Enter")
    await expect(emil.get_by_role("navigation")).to_be_visible()


async def test_whoever_lost_the_second_factor_gets_in_by_a_recovery_code_or_an_administrator(
    anna: Page, open_browser: OpenBrowser, app: RunningApp
) -> None:
    await add(app, "Fritz")
    fritz = await open_browser(java_script_enabled=False)
    await log_in(fritz, "Fritz", PASSWORD)
    _, recovery = await set_up_without_scripts(fritz, app)
    await fritz.context.clear_cookies()
    await give_password(fritz, "Fritz", PASSWORD)
    await fritz.get_by_label("Code aus Ihrer App").fill(recovery)
    await fritz.get_by_role("button", name="Anmelden").click()
    await fritz.goto("/account")
    await expect(fritz.get_by_text("noch 9 Ersatzcodes")).to_be_visible()

    await open_person(anna, "Fritz")
    await anna.get_by_text("Zweiten Faktor verloren …").click()
    await expect(anna.get_by_text("Vergewissern Sie sich")).to_be_visible()
    assert await violations(anna) == []
    await anna.get_by_role("button", name="Zweiten Faktor von Fritz entfernen").click()
    await expect(anna.locator("#done")).to_contain_text("Der zweite Faktor von Fritz ist entfernt")
    await fritz.goto("/account")
    await expect(fritz.get_by_role("heading", level=1)).to_have_text("Anmelden")
    await log_in(fritz, "Fritz", PASSWORD)


async def set_up_without_scripts(page: Page, app: RunningApp) -> tuple[str, str]:
    await page.goto("/account/second-factor")
    await page.get_by_label("Ihr Passwort").fill(PASSWORD)
    await page.get_by_role("button", name="Einrichten").click()
    await page.get_by_text("Keine Kamera?").click()
    secret = (await page.locator("code.key").inner_text()).replace(" ", "")
    await page.get_by_label("Code mit sechs Ziffern").fill(next_code(app, secret))
    await page.get_by_role("button", name="In Gebrauch nehmen").click()
    return secret, await page.locator(".recovery-codes li").first.inner_text()


async def test_a_colleague_who_has_left_is_out_at_once_and_what_they_did_is_still_told(
    anna: Page, open_browser: OpenBrowser, app: RunningApp
) -> None:
    await add(app, "Gerda")
    gerda = await open_browser(console=False)
    await log_in(gerda, "Gerda", PASSWORD)
    await gerda.goto("/account")
    await expect(gerda.get_by_text("dieser Browser")).to_be_visible()
    assert await violations(gerda) == []

    await open_person(anna, "Gerda")
    await anna.locator("summary", has_text="Konto schließen").click()
    await anna.get_by_role("button", name="Konto von Gerda schließen").click()
    await expect(anna.locator("#done")).to_contain_text("Das Konto von Gerda ist geschlossen")
    assert await violations(anna) == []
    await gerda.goto("/week")
    await expect(gerda.get_by_role("heading", level=1)).to_have_text("Anmelden")
    await give_password(gerda, "Gerda", PASSWORD)
    await expect(gerda.get_by_role("alert")).to_be_visible()

    await anna.get_by_role("link", name="Wer hat was getan").click()
    await anna.get_by_label("Was").select_option(label="Konto geschlossen")
    await anna.get_by_role("button", name="Zeigen").click()
    row = anna.get_by_role("row").filter(has_text="Gerda")
    await expect(row).to_contain_text(re.compile("Anna.*Konto geschlossen", re.DOTALL))
    assert await violations(anna) == []

    await open_person(anna, "Gerda")
    await anna.get_by_role("button", name="Konto von Gerda öffnen").click()
    await expect(anna.locator("#done")).to_contain_text("ist wieder offen")
    await log_in(gerda, "Gerda", PASSWORD)
