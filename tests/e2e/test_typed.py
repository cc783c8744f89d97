"""What somebody types is not lost: not by an ended session, another action, or an answer that comes late."""

import asyncio
import re
from urllib.parse import quote

from playwright.async_api import Page, expect
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import Email, EmailStatus
from tests.e2e.accessibility import violations
from tests.e2e.app_process import NOW, RunningApp
from tests.e2e.conftest import OpenBrowser
from tests.e2e.desk import NOTE, Held, at_the_desk, release, rows, take_next, title
from tests.factories import make_email

SESSION = "calldesk_session"


async def draft_of_an_email(app: RunningApp) -> Email:
    """Have an e-mail that nobody has sent yet."""
    draft = make_email(status=EmailStatus.DRAFT, queued_at=None, naechster_versuch_at=None, created_at=NOW)

    async def write(session: AsyncSession) -> None:
        async with session.begin():
            session.add(draft)

    await app.execute(write)
    return draft


async def log_in_again(page: Page) -> None:
    dialog = page.get_by_role("dialog", name="Ihre Sitzung")
    await dialog.get_by_label("Name").fill("Anna")
    await dialog.get_by_label("Passwort").fill("anruf-am-pult")
    await dialog.get_by_role("button", name="Anmelden").click()
    await expect(dialog).to_be_hidden()


async def test_a_session_that_ends_while_typing_costs_no_text(anna: Page) -> None:
    typed = f"{NOTE} Sonst per E-Mail."  # by nobody else, so that it is not kept already
    await take_next(anna)
    await anna.get_by_label("Notiz zum Gespräch").fill(typed)
    await anna.context.clear_cookies(name="calldesk_session")
    await anna.keyboard.press("Control+Enter")
    dialog = anna.get_by_role("dialog", name="Ihre Sitzung")
    await expect(dialog).to_be_visible()
    assert await violations(anna) == []
    await log_in_again(anna)
    await expect(anna.get_by_label("Notiz zum Gespräch")).to_have_value(typed)
    await expect(anna.get_by_label("Notiz zum Gespräch")).to_be_focused()
    await expect(anna.locator("#draft-state")).to_contain_text("Entwurf gespeichert")
    await anna.get_by_role("radio", name="Erreicht 1").check()
    await anna.get_by_role("button", name="Nur speichern").click()
    await expect(anna.locator("#status .toast")).to_contain_text("Erreicht, gespeichert")
    await anna.get_by_role("button", name="Rückgängig").click()
    await expect(anna.get_by_label("Notiz zum Gespräch")).to_have_value(typed)
    await anna.get_by_label("Notiz zum Gespräch").fill("")
    await release(anna)


async def test_typing_without_a_pause_is_kept_meanwhile_and_to_its_last_letter(
    open_browser: OpenBrowser,
) -> None:
    anna = await at_the_desk(open_browser, "Anna")
    await take_next(anna)
    note = anna.get_by_label("Notiz zum Gespräch")
    text = f"{NOTE} {NOTE}"
    async with anna.expect_request(lambda sent: f"ergebnis={quote(text)}" in (sent.post_data or "")):
        typing = asyncio.create_task(note.press_sequentially(text, delay=60))
        await expect(anna.locator("#draft-state")).to_contain_text("Entwurf gespeichert", timeout=15_000)
        assert not typing.done()
        await typing
    await expect(note).to_have_value(text)
    await note.fill("")
    await release(anna)


async def test_a_session_that_ends_while_a_draft_is_edited_costs_no_text(anna: Page, app: RunningApp) -> None:
    draft = await draft_of_an_email(app)
    await anna.goto(f"/emails/{draft.id}/edit")
    await anna.get_by_label("Text").fill("Ganz neu geschrieben.")
    await anna.context.clear_cookies(name=SESSION)
    async with anna.expect_response(f"**/emails/{draft.id}/edit"):
        # What the page asks for by itself may have opened the dialog over the button by now.
        await anna.get_by_role("button", name="Entwurf speichern").dispatch_event("click")
    await expect(anna.get_by_role("dialog", name="Ihre Sitzung")).to_be_visible()
    await log_in_again(anna)
    await expect(anna.get_by_label("Text")).to_have_value("Ganz neu geschrieben.")
    await anna.get_by_label("Betreff").fill("")
    await anna.get_by_role("button", name="Entwurf speichern").click()
    await expect(anna.locator(".error-summary")).to_be_focused()
    assert await violations(anna) == []
    await anna.get_by_label("Betreff").fill("Neuer Betreff")
    await anna.get_by_label("Betreff").press("Control+Enter")
    await anna.wait_for_url(f"**/emails/{draft.id}?done=saved")
    await expect(anna.get_by_role("heading", level=1)).to_have_text("Neuer Betreff")


async def test_a_hint_that_is_not_saved_holds_up_what_would_lose_it(open_browser: OpenBrowser) -> None:
    anna = await at_the_desk(open_browser, "Anna")
    name = await take_next(anna)
    await anna.get_by_text("Hinweis, Abwesenheit, Anrufsperre").click()
    hint = anna.get_by_label("Hinweis zum Anruf")
    before = await hint.input_value()
    await hint.fill("Nur dienstags, und nicht vor zehn")
    await anna.get_by_role("radio", name="Erreicht 1").check()
    await anna.get_by_role("button", name="Nur speichern").click()
    await expect(anna.locator("#status")).to_contain_text("Der Hinweis ist noch nicht gespeichert.")
    await expect(hint).to_be_focused()
    await expect(title(anna)).to_have_text(name)
    await hint.fill(before)
    await release(anna)


async def test_a_look_that_is_answered_late_does_not_cover_the_call_in_hand(
    open_browser: OpenBrowser,
) -> None:
    anna = await at_the_desk(open_browser, "Anna")
    late = Held()
    await anna.route(re.compile(r"/calls/\d+$"), late, times=1)
    await rows(anna).last.locator(".row-take").click()
    await late.underway.wait()
    name = await take_next(anna)
    await anna.get_by_label("Notiz zum Gespräch").fill(NOTE)
    async with anna.expect_response(re.compile(r"/calls/\d+$")) as answer:
        late.through.set()
    await (await answer.value).finished()
    await expect(anna.locator("#draft-state")).to_contain_text("Entwurf gespeichert")
    await expect(title(anna)).to_have_text(name)
    await expect(anna.get_by_label("Notiz zum Gespräch")).to_have_value(NOTE)
    await anna.get_by_label("Notiz zum Gespräch").fill("")
    await release(anna)


async def test_what_is_too_large_is_said_and_stays(open_browser: OpenBrowser) -> None:
    anna = await open_browser("Anna", console=False)
    await anna.goto("/emails?show=unanswered")
    await anna.locator(".email-what a").first.click()
    text = anna.get_by_label("Inhalt")
    await text.evaluate("field => { field.value = 'x'.repeat(7e6); }")
    await anna.get_by_role("button", name="Antwort speichern").click()
    await expect(anna.locator("#status .toast")).to_contain_text("zu groß")
    assert len(await text.input_value()) == 7_000_000


async def test_a_written_email_is_sent_by_keys(anna: Page) -> None:
    await anna.goto("/emails/new?therapist=9")
    await anna.get_by_label("Betreff").fill("Kurze Frage")
    await anna.get_by_label("Text").fill("Haben Sie Plätze?")
    await anna.get_by_label("Text").press("Control+Enter")
    await anna.wait_for_url("**/emails/*?done=created")
    await expect(anna.get_by_role("heading", level=1)).to_have_text("Kurze Frage")


async def test_a_draft_that_is_sent_can_be_answered_on_the_same_page(
    anna: Page, open_browser: OpenBrowser, app: RunningApp
) -> None:
    draft = await draft_of_an_email(app)
    ben = await open_browser("Ben")
    for page in (anna, ben):
        await page.goto(f"/emails/{draft.id}")
        await expect(page.locator("#reply")).to_contain_text("Ein Entwurf ist nicht gesendet")
    await anna.locator("#email-state").get_by_role("button", name="Senden").click()
    for page in (anna, ben):
        await expect(page.get_by_role("button", name="Antwort speichern")).to_be_visible()
