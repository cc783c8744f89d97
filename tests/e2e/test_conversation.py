"""One therapist is one conversation: the stories of several matters, one outcome, and one line."""

import re
from dataclasses import dataclass
from datetime import date, time, timedelta

import pytest
from playwright.async_api import Locator, Page, expect
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import (
    Activity,
    CallEmail,
    CallReason,
    Email,
    EmailStatus,
    PhoneCall,
    Therapist,
)
from tests.e2e.accessibility import violations
from tests.e2e.app_process import RunningApp
from tests.e2e.conftest import OpenBrowser
from tests.e2e.desk import LOOKS, at_the_desk, release, rows, title
from tests.factories import NOW, make_call, make_email, make_therapist

TODAY = date(2026, 10, 14)
HOURS = {day: ["10:00-18:00"] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")}
LINES = 30
"""Lines of calls made here lie behind those of the desk's own, so that no time is taken."""


@dataclass(frozen=True)
class Practice:
    """Two therapists under one number: one with three e-mails in one call and a call about none."""

    first: str = "Dr. Xenia Zwölfer"
    second: str = "Yusuf Zwölfer"


@pytest.fixture
async def practice(app: RunningApp) -> Practice:
    """Made anew for every test."""
    await app.execute(make_anew)
    return Practice()


async def make_anew(session: AsyncSession) -> None:
    ids = (9001, 9002)
    theirs = select(PhoneCall.id).where(PhoneCall.therapist_id.in_(ids))
    async with session.begin():
        await session.execute(delete(CallEmail).where(CallEmail.call_id.in_(theirs)))
        await session.execute(delete(Activity).where(Activity.object_id.in_(theirs)))
        await session.execute(delete(PhoneCall).where(PhoneCall.gemeinsam_mit_id.is_not(None)))
        await session.execute(delete(PhoneCall).where(PhoneCall.vorheriger_anruf_id.in_(theirs)))
        await session.execute(delete(PhoneCall).where(PhoneCall.therapist_id.in_(ids)))
        await session.execute(delete(Email).where(Email.therapist_id.in_(ids)))
        await session.execute(delete(Therapist).where(Therapist.id.in_(ids)))
    common = {"nachname": "Zwölfer", "telefonische_erreichbarkeit": HOURS}
    number = {"telefon_e164": "+493098765432"}
    emails = [
        make_email(
            therapist_id=9001,
            status=EmailStatus.SENT,
            sent_at=NOW - timedelta(days=8),
            betreff=f"Anfrage {which}",
            body_text=f"Guten Tag, haben Sie einen Platz für {which}?",
            nachgefasst=True,
        )
        for which in ("ein Kind", "ein Paar", "eine Gruppe")
    ]
    async with session.begin():
        session.add(make_therapist(id=9001, vorname="Xenia", telefon="030 98765432", **common, **number))
        session.add(
            make_therapist(
                id=9002, titel=None, vorname="Yusuf", telefon="+49 (0)30 / 987 654-32", **common, **number
            )
        )
        session.add_all(emails)
        await session.flush()
        lead = make_call(
            therapist_id=9001,
            grund=CallReason.NO_REPLY,
            email_id=emails[0].id,
            geplante_zeit=time(11),
            leitung=LINES,
        )
        session.add(lead)
        session.add(
            make_call(
                therapist_id=9001, geplante_zeit=time(11, 30), leitung=LINES + 1, notizen="Rechnung vom Mai"
            )
        )
        session.add(make_call(therapist_id=9002, geplante_zeit=time(11), leitung=LINES + 2))
        await session.flush()
        session.add_all(CallEmail(call_id=lead.id, email_id=email.id) for email in emails[1:])


def row(page: Page, name: str) -> Locator:
    return page.locator(".row").filter(has=page.get_by_text(name, exact=True))


async def take(page: Page, name: str) -> None:
    """Take a therapist by a click on the row's button, or without scripts from their page of the row."""
    await row(page, name).locator(".row-claim").click()
    await expect(page.locator(".call-mine")).to_be_visible()
    await expect(title(page)).to_have_text(name)


async def statuses(app: RunningApp, therapist_id: int = 9001) -> list[str]:
    async def read(session: AsyncSession) -> list[str]:
        async with session.begin():
            query = select(PhoneCall.status).where(PhoneCall.therapist_id == therapist_id)
            return sorted(await session.scalars(query))

    return await app.execute(read)


async def unanswered(app: RunningApp) -> int:
    async def read(session: AsyncSession) -> int:
        async with session.begin():
            query = select(Email.id).where(Email.therapist_id == 9001, ~Email.antwort_erhalten)
            return len((await session.scalars(query)).all())

    return await app.execute(read)


async def test_three_mails_are_one_call_and_reached_settles_all(
    open_browser: OpenBrowser, app: RunningApp, practice: Practice
) -> None:
    anna = await at_the_desk(open_browser, "Anna")
    await expect(row(anna, practice.first)).to_have_count(1)
    await expect(row(anna, practice.first).locator(".row-matters")).to_have_text("4 Anliegen")
    await take(anna, practice.first)
    matters = anna.locator(".matters")
    await expect(matters.get_by_role("heading", name="4 Anliegen")).to_be_visible()
    await expect(matters).to_contain_text("Rechnung vom Mai")
    words = matters.get_by_text("haben Sie einen Platz für ein Paar?")
    await expect(words).to_be_hidden()
    await matters.get_by_text("Anfrage ein Paar").click()
    await expect(words).to_be_visible()
    answered = matters.get_by_label("E-Mail gilt damit als beantwortet")
    await expect(answered.first).to_be_hidden()
    assert await violations(anna) == []

    await anna.keyboard.press("1")
    await expect(answered).to_have_count(3)
    for number in range(3):
        await expect(answered.nth(number)).to_be_checked()
    await answered.nth(2).uncheck()
    assert await violations(anna) == []
    await anna.get_by_role("button", name="Nur speichern").click()
    await expect(anna.locator("#status .toast")).to_contain_text(
        f"{practice.first}: Erreicht, gespeichert für 4 Anliegen."
    )
    await expect(anna.locator(".group-now .row", has_text=practice.first)).to_have_count(0)
    assert await statuses(app) == ["completed", "completed"]
    assert await unanswered(app) == 1

    await anna.keyboard.press("u")
    await expect(title(anna)).to_have_text(practice.first)
    await expect(answered.nth(2)).not_to_be_checked()
    await expect(answered.nth(1)).to_be_checked()
    assert await statuses(app) == ["scheduled", "scheduled"]
    assert await unanswered(app) == 3
    await release(anna)


@pytest.mark.parametrize("look", LOOKS)
async def test_an_answering_machine_is_over_for_the_therapist(
    open_browser: OpenBrowser, app: RunningApp, practice: Practice, look: str
) -> None:
    anna, ben = await at_the_desk(open_browser, "Anna", look), await at_the_desk(open_browser, "Ben")
    await expect(rows(ben).filter(has_text=practice.first)).to_have_count(1)
    await take(anna, practice.first)
    await anna.get_by_role("radio", name="Anrufbeantworter").check()
    await anna.get_by_role("button", name="Nur speichern").click()
    await expect(anna.locator("#status")).to_contain_text("Anrufbeantworter, gespeichert für 4 Anliegen.")
    for page in (anna, ben):
        await expect(rows(page).filter(has_text=practice.first)).to_have_count(0)
    assert await statuses(app) == ["failed", "failed", "scheduled"]
    await anna.get_by_role("button", name="Rückgängig").click()
    await expect(title(anna)).to_have_text(practice.first)
    assert await statuses(app) == ["scheduled", "scheduled"]
    await release(anna)


@pytest.mark.parametrize("look", LOOKS)
async def test_one_line_is_in_one_hand(open_browser: OpenBrowser, practice: Practice, look: str) -> None:
    anna, ben = await at_the_desk(open_browser, "Anna", look), await at_the_desk(open_browser, "Ben")

    async def looks_again() -> None:
        if look == "no-scripts":
            await anna.reload()
        else:
            await anna.locator("#panel").hover()

    await row(anna, practice.second).locator(".row-take").click()
    await expect(title(anna)).to_have_text(practice.second)
    await take(ben, practice.first)
    await looks_again()
    told = "Ben telefoniert gerade unter dieser Nummer."
    await expect(anna.locator("#panel-change")).to_have_text(told)
    await expect(anna.locator("#panel").get_by_role("button", name="Anruf übernehmen")).to_be_hidden()
    await expect(anna.locator(".row-taken", has_text=practice.second)).to_contain_text(told)
    if look != "no-scripts":
        assert await violations(anna) == []
    await release(ben)
    await looks_again()
    await expect(anna.locator("#panel-change")).to_be_empty()
    await take(anna, practice.second)
    await release(anna)


async def test_a_matter_is_left_without_scripts(
    open_browser: OpenBrowser, app: RunningApp, practice: Practice
) -> None:
    page, ben = (
        await at_the_desk(open_browser, "Anna", "no-scripts"),
        await at_the_desk(open_browser, "Ben"),
    )
    await row(page, practice.first).locator(".row-take").click()
    await page.locator("#panel").get_by_role("button", name="Anruf übernehmen").click()
    await expect(title(page)).to_have_text(practice.first)
    await page.get_by_role("checkbox", name=re.compile("geplant")).uncheck()
    await page.get_by_role("radio", name="Erreicht", exact=True).check()
    await expect(page.get_by_label("E-Mail gilt damit als beantwortet").first).to_be_checked()
    await page.get_by_role("button", name="Nur speichern").click()
    await expect(page.locator("#status")).to_contain_text(
        f"{practice.first}: Erreicht, gespeichert für 3 Anliegen."
    )
    assert await statuses(app) == ["completed", "scheduled"]
    assert await unanswered(app) == 0
    await expect(row(ben, practice.first).locator(".row-matters")).to_have_count(0)
    await page.get_by_role("button", name="Rückgängig").click()
    await expect(page.get_by_role("checkbox", name=re.compile("geplant"))).not_to_be_checked()
    assert await unanswered(app) == 3
    await page.get_by_role("button", name="Freigeben").click()


async def test_on_a_phone_reached_settles_what_there_is_to_talk_about(
    open_browser: OpenBrowser, app: RunningApp, practice: Practice
) -> None:
    page, ben = await at_the_desk(open_browser, "Anna", "phone"), await at_the_desk(open_browser, "Ben")
    await row(page, practice.first).locator(".row-claim").tap()
    await expect(title(page)).to_have_text(practice.first)
    await page.get_by_role("radio", name="Erreicht", exact=True).check()
    await expect(page.get_by_label("E-Mail gilt damit als beantwortet").first).to_be_visible()
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_role("button", name="Nur speichern").tap()
    await expect(page.locator("#status")).to_contain_text(
        f"{practice.first}: Erreicht, gespeichert für 4 Anliegen."
    )
    await expect(rows(ben).filter(has_text=practice.first)).to_have_count(0)
    assert await statuses(app) == ["completed", "completed"]
    assert await unanswered(app) == 0
