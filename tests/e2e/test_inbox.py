"""The inbox as people use it: with keys, live, two at once, on a phone, and without scripts."""

import re
from datetime import date, time, timedelta

import pytest
from playwright.async_api import Locator, Page, Response, expect
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.hints import INCOMING
from services.models import CallReason, EmailStatus, Incoming, IncomingKind, PhoneCall
from tests.e2e.accessibility import violations
from tests.e2e.app_process import NOW, RunningApp
from tests.e2e.browser import PHONE
from tests.e2e.conftest import OpenBrowser
from tests.e2e.desk import hear_a_hint, send_hint
from tests.factories import make_call, make_email, make_therapist
from tests.incoming import make_incoming, suggested

FIRST = 9101
"""The therapists of these tests count from here, each with a day of their own for the call."""

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WEEK_AGO = NOW - timedelta(days=6)
EFFECT = re.compile(
    r"^\s*Der Anruf \w\w \d\d\.11\. 10:00 wird abgesagt\. Die E-Mail gilt als beantwortet\.\s*$"
)


async def stored(app: RunningApp, *messages: Incoming) -> list[int]:
    """Store messages, let open pages hear of it, and return their ids."""

    async def store(session: AsyncSession) -> list[int]:
        async with session.begin():
            session.add_all(messages)
            await session.flush()
            return [message.id for message in messages]

    ids = await app.execute(store)
    await send_hint(app, INCOMING)
    return ids


async def written_to(app: RunningApp, therapist_id: int, nachname: str) -> int:
    """Have written to somebody a week ago, with an automatic call planned for November; return the e-mail."""

    async def store(session: AsyncSession) -> int:
        async with session.begin():
            address = f"{nachname.lower()}@praxis.example"
            session.add(make_therapist(id=therapist_id, nachname=nachname, email=address, telefon_e164=None))
            mail = make_email(
                therapist_id=therapist_id,
                empfaenger_name=f"Dr. Jürgen {nachname}",
                empfaenger_email=address,
                betreff=f"Anfrage an {nachname}",
                status=EmailStatus.SENT,
                created_at=WEEK_AGO,
                sent_at=WEEK_AGO,
            )
            session.add(mail)
            await session.flush()
            day = date(2026, 11, 1) + timedelta(days=therapist_id - FIRST)
            call = {"geplantes_datum": day, "geplante_zeit": time(10, 0)}
            about = {"therapist_id": therapist_id, "email_id": mail.id, "grund": CallReason.NO_REPLY}
            session.add(make_call(**about, **call))
            return mail.id

    return await app.execute(store)


async def answer_from(app: RunningApp, therapist_id: int, nachname: str, **values: object) -> tuple[int, int]:
    """Return an e-mail and the message that may be its answer."""
    email_id = await written_to(app, therapist_id, nachname)
    known = {"email_id": email_id, "therapist_id": therapist_id, "grund": "absender"}
    about = {
        "vorschlag": known,
        "absender_name": f"Praxis {nachname}",
        "betreff": f"AW: Anfrage an {nachname}",
    }
    [incoming_id] = await stored(app, suggested(email_id, **(about | values)))
    return email_id, incoming_id


async def is_planned(app: RunningApp, email_id: int) -> bool:
    async def look(session: AsyncSession) -> bool:
        found = await session.scalar(select(PhoneCall.status).where(PhoneCall.email_id == email_id))
        return found == "scheduled"

    return await app.execute(look)


def title(page: Page) -> Locator:
    return page.locator("#inbox-title")


def keeps(answer: Response, typed: str) -> bool:
    """Whether an answer says that a draft with something in it is kept."""
    return answer.url.endswith("/draft") and typed in (answer.request.post_data or "")


async def test_keys_walk_accept_and_take_back(anna: Page, app: RunningApp) -> None:
    email_id, first = await answer_from(app, 9101, "Tasteneins", empfangen_at=NOW - timedelta(days=3))
    await answer_from(app, 9102, "Tastenzwei", empfangen_at=NOW - timedelta(days=3) + timedelta(hours=1))
    await anna.goto("/inbox")
    await expect(title(anna)).to_have_text("AW: Anfrage an Tasteneins")
    assert await violations(anna) == []
    await anna.keyboard.press("j")
    await expect(title(anna)).to_have_text("AW: Anfrage an Tastenzwei")
    await expect(title(anna)).to_be_focused()
    await expect(anna.locator(".inbox-list .row[aria-current]")).to_contain_text("Tastenzwei")
    await anna.keyboard.press("k")
    await expect(title(anna)).to_have_text("AW: Anfrage an Tasteneins")
    await expect(anna.locator("#inbox-follows")).to_have_text(EFFECT)

    await anna.keyboard.press("a")
    await expect(anna.locator("#status")).to_contain_text("Aufgenommen: Nachricht von Dr. Jürgen Tasteneins.")
    await expect(title(anna)).to_have_text("AW: Anfrage an Tastenzwei")
    await expect(title(anna)).to_be_focused()
    await expect(anna.locator(".inbox-list")).not_to_contain_text("Tasteneins")
    assert not await is_planned(app, email_id)
    assert await violations(anna) == []

    await anna.keyboard.press("u")
    await expect(anna.locator("#status")).to_contain_text("wartet wieder")
    await expect(anna.locator("#inbox-follows")).to_have_text(EFFECT)
    assert await is_planned(app, email_id)

    await anna.keyboard.press("b")
    await expect(anna.locator("#status")).to_contain_text("Beiseitegelegt")
    await anna.goto("/inbox?show=aside")
    await expect(anna.locator(".inbox-list")).to_contain_text("Tasteneins")
    await anna.goto(f"/inbox/{first}")
    await anna.get_by_role("button", name="Zurückholen").click()
    await expect(anna.locator("#inbox-follows")).to_have_text(EFFECT)
    await anna.keyboard.press("a")
    await anna.keyboard.press("a")


async def test_a_message_is_found_its_email_while_typing(anna: Page, app: RunningApp) -> None:
    email_id = await written_to(app, 9103, "Suchfund")
    [incoming_id] = await stored(
        app, make_incoming(absender="privat@example.net", absender_name="Suchfund privat")
    )
    await anna.goto(f"/inbox/{incoming_id}")
    await anna.keyboard.press("w")
    await expect(anna.locator("#inbox-q")).to_be_focused()
    await anna.keyboard.type("suchfund")
    choice = anna.locator(f"input[name=ziel][value='email:{email_id}']")
    async with anna.expect_response(lambda answer: keeps(answer, "ziel=email")):
        await choice.check()
    await expect(anna.locator("#inbox-kept")).to_contain_text("Entwurf gespeichert")
    await expect(anna.locator("#inbox-effect")).to_have_text(EFFECT)
    assert await violations(anna) == []
    await anna.reload()
    await expect(choice).to_be_checked()
    await expect(anna.locator("#inbox-q")).to_have_value("suchfund")
    await anna.get_by_label("Abwesenheitsnotiz").check()
    await anna.locator("#wieder_da_am").fill("2026-10-26")
    await expect(anna.locator("#inbox-effect")).to_contain_text("26.10.")
    await anna.locator("#inbox-q").press("Control+Enter")
    await expect(anna.locator("#status")).to_contain_text("Aufgenommen")
    await anna.goto(f"/emails/{email_id}")
    await expect(anna.locator(".conversation")).to_contain_text("wieder da Mo 26.10.")
    assert await violations(anna) == []


async def test_what_is_missing_is_said_and_takes_the_focus(anna: Page, app: RunningApp) -> None:
    [incoming_id] = await stored(app, make_incoming(art=IncomingKind.UNCLEAR, absender="", absender_name=""))
    await anna.goto(f"/inbox/{incoming_id}")
    await anna.get_by_role("button", name="Speichern").click()
    await expect(anna.locator(".error-summary")).to_be_focused()
    assert await violations(anna) == []
    await anna.keyboard.press("b")
    await expect(anna.locator("#status")).to_contain_text("Beiseitegelegt")


async def test_two_people_hear_of_each_other(anna: Page, app: RunningApp, open_browser: OpenBrowser) -> None:
    ben = await open_browser("Ben")
    await ben.goto("/week")
    before = await ben.locator("#inbox-count").inner_text()
    _, incoming_id = await answer_from(app, 9104, "Zuzweit")
    await expect(ben.locator("#inbox-count")).not_to_have_text(before)
    for page in (anna, ben):
        await page.goto(f"/inbox/{incoming_id}")
    await hear_a_hint(ben, app, INCOMING, asks=f"/inbox/{incoming_id}/state")
    await anna.keyboard.press("a")
    await expect(anna.locator("#status")).to_contain_text("Zuzweit")
    change = ben.locator("#inbox-change")
    await expect(change).to_contain_text("Anna hat diese Nachricht inzwischen angenommen")
    await expect(ben.locator(".inbox-list")).not_to_contain_text("Zuzweit")
    assert await violations(ben) == []
    await ben.keyboard.press("a")
    await expect(ben.locator("#inbox-message [role=alert]")).to_contain_text("Anna hat diese Nachricht")


async def test_a_new_message_appears_in_an_open_list(anna: Page, app: RunningApp) -> None:
    await anna.goto("/inbox")
    await stored(app, make_incoming(absender_name="Gerade Gekommen", empfangen_at=NOW))
    await expect(anna.locator(".inbox-list")).to_contain_text("Gerade Gekommen")


@pytest.mark.parametrize(
    "look",
    [
        pytest.param({"locale": "en-GB", "color_scheme": "light"}, id="english-desk-light"),
        pytest.param({"locale": "de-DE", "color_scheme": "dark", "viewport": PHONE}, id="german-phone-dark"),
    ],
)
async def test_every_view_is_accessible_and_fits(
    open_browser: OpenBrowser, app: RunningApp, look: dict[str, object]
) -> None:
    long = "Donaudampfschifffahrtsgesellschaft" * 4
    words = {"betreff": long, "absender_name": long, "worte": long, "anhaenge": [{"name": long, "size": 1}]}
    [incoming_id] = await stored(app, make_incoming(**words))
    page = await open_browser("Anna", **look)
    for path in (
        f"/inbox/{incoming_id}",
        "/inbox",
        "/inbox?show=suggestions",
        "/inbox?show=all",
        "/inbox?show=aside",
    ):
        await page.goto(path)
        assert await violations(page) == [], path
        assert await page.evaluate(WIDER) <= 0, path


async def test_on_a_phone_list_and_message_take_turns(open_browser: OpenBrowser, app: RunningApp) -> None:
    await answer_from(app, 9105, "Unterwegs", empfangen_at=NOW - timedelta(minutes=2))
    phone = await open_browser("Anna", viewport=PHONE)
    await phone.goto("/inbox")
    await expect(phone.locator("#inbox-message")).to_be_hidden()
    await phone.get_by_role("link", name=re.compile("Unterwegs")).click()
    await expect(title(phone)).to_have_text("AW: Anfrage an Unterwegs")
    await expect(phone.locator(".inbox-list")).to_be_hidden()
    assert await violations(phone) == []
    await phone.get_by_role("link", name="‹ Eingang").click()
    await expect(phone.locator("#inbox-message")).to_be_hidden()
    await phone.get_by_role("link", name=re.compile("Unterwegs")).click()
    await phone.get_by_role("button", name="Annehmen").click()
    await expect(phone.locator("#status")).to_contain_text("Unterwegs")
    assert await violations(phone) == []


async def test_all_of_it_works_without_scripts(anna_without_scripts: Page, app: RunningApp) -> None:
    page = anna_without_scripts
    email_id, incoming_id = await answer_from(app, 9106, "Skriptlos")
    other = await written_to(app, 9107, "Zweitpraxis")
    await page.goto(f"/inbox/{incoming_id}")
    await page.locator("summary", has_text="Andere wählen").click()
    await page.locator("#inbox-q").fill("zweitpraxis")
    await page.locator("#inbox-q").press("Enter")
    await page.locator(f"input[value='email:{other}']").check()
    await page.get_by_role("button", name="Wirkung meiner Auswahl zeigen").click()
    await expect(page.locator("#inbox-effect")).to_have_text(EFFECT)
    await page.get_by_role("button", name="Speichern").click()
    await expect(page.locator("#status")).to_contain_text("Aufgenommen")
    assert await is_planned(app, email_id)
    assert not await is_planned(app, other)
    await page.get_by_role("button", name="Rückgängig").click()
    await expect(page.locator("#status")).to_contain_text("wartet wieder")
    assert await is_planned(app, other)
