"""E-mails in the browser: found, read, answered by keyboard, by two people at once, and written."""

import re

from playwright.async_api import Page, expect

from tests.e2e.accessibility import violations
from tests.e2e.app_process import RunningApp
from tests.e2e.browser import PHONE
from tests.e2e.conftest import OpenBrowser
from tests.eventually import eventually


async def sent_email(app: RunningApp, therapist_id: int, name: str) -> int:
    """Have the service send an e-mail, and wait until the mail server has taken it."""
    async with app.api() as api:
        answer = await api.post(
            "/api/emails",
            json={
                "therapist_id": therapist_id,
                "betreff": f"Anfrage an {name}",
                "body_html": "<h1>Guten Tag</h1><p>Haben Sie Plätze?</p>",
                "empfaenger_email": f"kontakt-{therapist_id}@praxis.example",
                "empfaenger_name": name,
            },
        )
        assert answer.status_code == 201, answer.text
        email_id: int = answer.json()["id"]

        async def is_sent() -> bool:
            return (await api.get(f"/api/emails/{email_id}")).json()["status"] == "SENT"

        await eventually(is_sent, within=20)
    return email_id


async def test_the_list_is_searched_while_typing_and_the_address_says_so(anna: Page) -> None:
    await anna.goto("/emails")
    assert await violations(anna) == []
    await anna.keyboard.press("/")
    await expect(anna.locator("#q")).to_be_focused()
    await anna.keyboard.type("obermeier")
    await anna.wait_for_url(re.compile(r"q=obermeier"))
    await expect(anna.locator("#emails tbody tr").first).to_contain_text("Florian Obermeier")
    await expect(anna.locator("#q")).to_be_focused()
    await anna.get_by_role("link", name=re.compile("Unklar")).click()
    await expect(anna.locator("#emails tbody tr")).to_have_count(1)
    assert await violations(anna) == []
    await anna.go_back()
    await expect(anna.locator("#q")).to_have_value("obermeier")


async def test_a_new_email_appears_in_an_open_list(anna: Page, app: RunningApp) -> None:
    await anna.goto("/emails")
    await sent_email(app, 12, "Dr. Neu Angekommen")
    await expect(anna.locator("#emails tbody tr").first).to_contain_text("Dr. Neu Angekommen")


async def test_an_email_that_pushes_another_out_of_a_full_list_is_one_change(
    anna: Page, app: RunningApp
) -> None:
    await anna.goto("/emails")
    rows = anna.locator("#emails tbody tr")
    await expect(rows).to_have_count(50)
    await rows.first.hover()
    await sent_email(app, 15, "Dr. Voll Belegt")
    await expect(anna.locator("#emails [data-live-count]")).to_have_text("1 Änderung")
    await anna.get_by_role("button", name="Aktualisieren").click()
    await expect(anna.locator("#emails")).to_be_focused()
    await expect(rows.first).to_contain_text("Dr. Voll Belegt")
    await expect(rows).to_have_count(50)


async def test_a_reply_is_recorded_with_the_keyboard_alone(anna: Page, app: RunningApp) -> None:
    email_id = await sent_email(app, 10, "Saskia Böhme")
    await anna.goto(f"/emails/{email_id}")
    await expect(anna.frame_locator(".mail-frame").get_by_role("heading", name="Guten Tag")).to_be_visible()
    await anna.get_by_role("button", name="Anruf planen").press("Enter")
    await expect(anna.locator("#email-state")).to_contain_text("Anruf geplant")
    assert await violations(anna) == []

    effect = anna.locator("#reply-effect")
    await anna.get_by_label("Antwort", exact=True).focus()
    await anna.keyboard.press("ArrowDown")
    await expect(effect).to_contain_text("Gilt nicht als Antwort.")
    await expect(anna.get_by_label(re.compile("Zurück am"))).to_be_visible()
    await anna.keyboard.press("ArrowUp")
    await anna.get_by_label("Inhalt").focus()
    await anna.keyboard.press("Control+Enter")
    summary = anna.locator("#reply .error-summary")
    await expect(summary).to_be_focused()
    await expect(summary).to_contain_text("Halten Sie fest, was geantwortet wurde.")
    await anna.evaluate("scrollTo(0, 0)")  # a link half under the search of the top bar is too small a target
    assert await violations(anna) == []

    await anna.get_by_label("Inhalt").focus()
    await anna.keyboard.type("Bitte rufen Sie mich an.")
    await expect(anna.locator("#reply-kept")).to_contain_text("Entwurf gespeichert")
    await anna.keyboard.press("Control+Enter")
    await expect(anna.get_by_role("heading", level=1)).to_be_focused()
    await expect(anna.locator("#reply blockquote")).to_have_text("Bitte rufen Sie mich an.")
    await expect(anna.locator("#email-state")).to_contain_text("Abgesagt")
    assert await violations(anna) == []


async def test_two_people_answer_the_same_email(
    anna: Page, open_browser: OpenBrowser, app: RunningApp
) -> None:
    email_id = await sent_email(app, 14, "Dr. Konstantin Thieme")
    ben = await open_browser("Ben")
    for page in (anna, ben):
        await page.goto(f"/emails/{email_id}")
    await ben.get_by_label("Inhalt").press_sequentially("Von Ben getippt.")
    await expect(ben.locator("#reply-kept")).to_contain_text("Entwurf gespeichert")
    await expect(anna.locator("#reply-news")).to_contain_text("Ben erfasst gerade eine Antwort.")

    await anna.get_by_label("Inhalt").fill("Von Anna gespeichert.")
    await anna.get_by_role("button", name="Antwort speichern").click()
    await expect(anna.locator("#reply blockquote")).to_have_text("Von Anna gespeichert.")
    news = ben.locator("#reply-news")
    await expect(news).to_contain_text("Anna hat hier inzwischen eine Antwort erfasst")
    await expect(ben.get_by_label("Inhalt")).to_have_value("Von Ben getippt.")
    await expect(ben.locator("#reply-effect")).to_contain_text("Noch keine: Die E-Mail hat sich geändert")
    await expect(anna.locator("#reply-news")).not_to_contain_text("inzwischen")

    await ben.get_by_role("button", name="Antwort speichern").click()
    conflict = ben.locator("#reply").get_by_role("alert")
    await expect(conflict).to_be_focused()
    await expect(conflict).to_contain_text("Anna")
    await expect(ben.get_by_label("Inhalt")).to_have_value("Von Ben getippt.")
    assert await violations(ben) == []


async def test_everything_works_without_scripts(anna_without_scripts: Page, app: RunningApp) -> None:
    page = anna_without_scripts
    email_id = await sent_email(app, 16, "Dr. Ngozi Okafor")
    await page.goto("/emails")
    await page.locator("#q").fill("okafor")
    await page.get_by_role("button", name="Suchen").click()
    await page.locator(f"a[href='/emails/{email_id}']").click()
    await page.get_by_role("link", name="Text", exact=True).click()
    await expect(page.locator(".mail-text")).to_contain_text("Haben Sie Plätze?")
    await page.get_by_role("radio", name="Abwesenheitsnotiz").check()
    await page.get_by_label(re.compile("Zurück am")).fill("2026-10-26")
    await page.get_by_role("button", name="Wirkung meiner Auswahl zeigen").click()
    await expect(page.locator("#reply-effect")).to_contain_text("Mo 26.10.")
    await page.get_by_placeholder("Was zu tun ist").fill("Nach der Rückkehr erinnern")
    await page.get_by_role("button", name="Antwort speichern").click()
    await expect(page.locator("main").get_by_role("status")).to_contain_text(
        "Die Abwesenheitsnotiz ist gespeichert."
    )
    await expect(page.locator(".follow-up-needed")).to_contain_text("Nach der Rückkehr erinnern")


async def test_the_effect_follows_what_is_chosen_and_what_happens_beside_it(
    anna: Page, app: RunningApp
) -> None:
    email_id = await sent_email(app, 13, "Dr. Wirkung")
    await anna.goto(f"/emails/{email_id}")
    effect = anna.locator("#reply-effect")
    await expect(effect).to_contain_text("es folgt kein automatischer Anruf")
    await anna.get_by_role("button", name="Anruf planen").click()
    await expect(effect).to_contain_text("wird abgesagt")
    await anna.get_by_placeholder("Was zu tun ist").fill("Plätze melden")
    await expect(effect).to_contain_text("Die E-Mail ist nachzuverfolgen.")


async def test_ones_own_reply_is_no_news(anna: Page, app: RunningApp) -> None:
    """A list fetched before a reply was saved may be answered after it."""
    email_id = await sent_email(app, 15, "Dr. Eigene")
    await anna.goto(f"/emails/{email_id}")
    stale = await anna.locator("#email-state").get_attribute("hx-get")
    assert stale
    await anna.get_by_label("Inhalt").fill("Zwei Plätze ab März.")
    await anna.get_by_role("button", name="Antwort speichern").click()
    await expect(anna.locator("#reply blockquote")).to_have_text("Zwei Plätze ab März.")
    await anna.evaluate("url => htmx.ajax('GET', url, {target: '#email-state', swap: 'outerHTML'})", stale)
    await expect(anna.locator("#reply-news")).not_to_contain_text("inzwischen")


async def test_a_mail_is_written_from_a_template_with_a_preview_that_follows(anna: Page) -> None:
    await anna.goto("/emails/new")
    assert await violations(anna) == []
    await anna.locator("#q").press_sequentially("petersen")
    await anna.get_by_role("link", name="Dr. Ole Petersen").click()
    await anna.get_by_label("Vorlage").select_option("follow_up")
    letter = anna.frame_locator("#preview iframe").locator("body")
    await expect(letter).to_contain_text("Sehr geehrter Herr Dr. Petersen,")
    await anna.locator("#var_anrede").fill("Moin Herr Petersen")
    await expect(letter).to_contain_text("Moin Herr Petersen,")
    assert await violations(anna) == []

    await anna.get_by_role("button", name="Senden", exact=True).click()
    summary = anna.locator(".error-summary")
    await expect(summary).to_be_focused()
    await expect(summary).to_contain_text("Wie viele Menschen einen Platz suchen: Dieses Feld muss")
    bar, told = await anna.locator(".topbar").bounding_box(), await summary.bounding_box()
    assert bar
    assert told
    assert told["y"] >= bar["height"]
    assert await violations(anna) == []
    await anna.locator("#var_anfrage_vom").fill("2026-10-07")
    await anna.locator("#var_anzahl").fill("2")
    await anna.get_by_role("button", name="Senden", exact=True).click()
    await anna.wait_for_url(re.compile(r"/emails/\d+"))
    await expect(anna.get_by_role("heading", level=1)).to_contain_text("Nachfrage zu unserer Anfrage")
    await expect(anna.locator("#email-marks")).to_contain_text("Gesendet")


async def test_a_summary_stays_clear_of_the_bar_on_a_page_scrolled_down(anna: Page) -> None:
    await anna.goto("/emails/new?therapist=18&template=base")
    await anna.locator("#var_anrede").fill("")
    await anna.locator("#var_aktenzeichen").scroll_into_view_if_needed()
    await anna.get_by_role("button", name="Senden", exact=True).click()
    summary = anna.locator(".error-summary")
    await expect(summary).to_be_focused()
    told = await summary.bounding_box()
    assert told
    assert told["y"] >= 48


async def test_nothing_ticked_is_said(anna: Page) -> None:
    await anna.goto("/emails?show=failed")
    await anna.get_by_role("button", name="Angekreuzte erneut senden").click()
    warning = anna.get_by_role("alert")
    await expect(warning).to_have_text("Kreuzen Sie mindestens eine E-Mail an.")
    await expect(warning).to_be_focused()
    assert await violations(anna) == []


async def test_list_and_email_fit_a_phone(open_browser: OpenBrowser, app: RunningApp) -> None:
    email_id = await sent_email(app, 4, "Annegret Lang")
    page = await open_browser("Anna", viewport=PHONE)
    for path in ("/emails", f"/emails/{email_id}", "/therapists", "/therapists/4", "/emails/new?therapist=4"):
        await page.goto(path)
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], f"{path} is {width} px wide"
        assert await violations(page) == [], path
