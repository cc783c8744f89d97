"""The main job from end to end: a service asks, the mail goes out, staff ring and record, events follow."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.e2e.accessibility import violations
from tests.e2e.app_process import NOW, RunningApp
from tests.e2e.conftest import OpenBrowser
from tests.eventually import eventually

UNANSWERED = (26, 27)
SUBJECT = "Anfrage für drei Patientinnen aus Köln: Plätze im März?"
TEXT = "Sehr geehrte Damen und Herren,\n\nhaben Sie Plätze für größere Kinder?\n\nViele Grüße"


@dataclass(frozen=True)
class Story:
    """Who asks whom, in a browser with scripts or without."""

    staff: str
    therapist_id: int
    name: str
    scripts: bool


STORIES = [
    Story("Anna", 123, "Dr. Henriette Falkenberg", scripts=True),
    Story("Ben", 18, "Dr. Ole Petersen", scripts=False),
]


@pytest.mark.timeout(180)
async def test_the_main_job_from_request_to_event(app: RunningApp, open_browser: OpenBrowser) -> None:
    """With scripts and without side by side: outcomes are reported once they can't be undone any more."""

    async def told(story: Story) -> None:
        async with app.api() as api:
            email_id = await _send_an_email(app, api, story.therapist_id, story.name)
            call_id = await _plan_a_call(api, story.therapist_id)
            page = await open_browser(story.staff, locale="en-GB", java_script_enabled=story.scripts)
            await _ring(page, call_id, story.name, story.scripts)
            await _record_the_reply(page, email_id, story.scripts)
            await _see_the_outcome(app, api, email_id, call_id)

    async with asyncio.TaskGroup() as side_by_side:
        for story in STORIES:
            side_by_side.create_task(told(story))


async def test_unanswered_mail_has_become_one_call_each(app: RunningApp) -> None:
    async with app.api() as api:
        for therapist_id in UNANSWERED:

            async def planned(therapist_id: int = therapist_id) -> bool:
                return len(await _follow_ups(api, therapist_id)) == 1

            await eventually(planned)
            (call,) = await _follow_ups(api, therapist_id)
            email = (await api.get(f"/api/emails/{call['email_id']}")).json()
            assert email["therapist_id"] == therapist_id
            assert datetime.fromisoformat(email["sent_at"]) < NOW - timedelta(days=7)
            assert [event["eventType"] for event in await app.events(f"call:{call['id']}")] == [
                "communication.call_scheduled"
            ]


async def _send_an_email(app: RunningApp, api: httpx.AsyncClient, therapist_id: int, name: str) -> int:
    answer = await api.post(
        "/api/emails",
        json={
            "therapist_id": therapist_id,
            "betreff": SUBJECT,
            "body_text": TEXT,
            "empfaenger_email": f"praxis-{therapist_id}@praxis.example",
            "empfaenger_name": name,
        },
    )
    assert answer.status_code == 201, answer.text
    email_id: int = answer.json()["id"]

    async def sent() -> bool:
        return (await _read(api, f"/api/emails/{email_id}"))["status"] == "SENT"

    await eventually(sent, within=20)
    assert (await _read(api, f"/api/emails/{email_id}"))["sent_at"]
    (mail,) = [mail for mail in app.mails() if f"praxis-{therapist_id}@" in str(mail["X-Envelope-To"])]
    _check_message(mail, name)

    async def reported() -> bool:
        types = [event["eventType"] for event in await app.events(f"email:{email_id}")]
        return types == ["communication.email_created", "communication.email_sent"]

    await eventually(reported, within=20)
    return email_id


def _check_message(mail: EmailMessage, name: str) -> None:
    assert mail["Subject"] == SUBJECT
    assert mail["To"].addresses[0].display_name == name
    assert mail["Message-ID"].startswith("<")
    assert abs(parsedate_to_datetime(mail["Date"]) - NOW) < timedelta(hours=1)
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert "größere Kinder" in text.get_content()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert "größere Kinder" in html.get_content()


async def _plan_a_call(api: httpx.AsyncClient, therapist_id: int) -> int:
    """Ask for a call as the Matching Service does, change it, find it in the list; cancel a second one."""
    ids: list[int] = []
    for _ in range(2):
        answer = await api.post(
            "/api/phone-calls",
            json={"therapist_id": therapist_id, "notizen": "Follow-up for bundle #456"},
        )
        assert answer.status_code == 201, answer.text
        ids.append(answer.json()["id"])
    first = await _read(api, f"/api/phone-calls/{ids[0]}")
    assert datetime.fromisoformat(f"{first['geplantes_datum']}T{first['geplante_zeit']}") >= NOW.replace(
        tzinfo=None
    )
    changed = await api.put(f"/api/phone-calls/{ids[0]}", json={"notizen": "Bundle #456, eilig"})
    assert changed.json()["notizen"] == "Bundle #456, eilig"
    canceled = await api.delete(f"/api/phone-calls/{ids[1]}")
    assert canceled.is_success, canceled.text
    listed = await api.get("/api/phone-calls", params={"therapist_id": therapist_id, "status": "scheduled"})
    assert [call["id"] for call in listed.json()["data"]] == [ids[0]]
    return ids[0]


async def _ring(page: Page, call_id: int, name: str, scripts: bool) -> None:
    """Find the call on Today, take it, record that the therapist was reached."""
    await page.goto("/")
    row = page.locator(f"[data-row^='{call_id}:']")
    await expect(row).to_contain_text(name)
    await row.get_by_role("link").click()
    panel = page.locator("#panel")
    await expect(panel.get_by_role("heading", level=2).first).to_contain_text(name)
    await panel.get_by_role("button", name="Take this call").click()
    await expect(panel.locator("a[href^='tel:']")).to_be_visible()
    if scripts:
        assert await violations(page) == []
    await panel.locator("input[name=ergebnis_art][value=erreicht]").check()
    await panel.locator("textarea[name=ergebnis]").fill("Hat einen Platz ab März.")
    await panel.get_by_role("button", name="Only save").click()
    await expect(page.get_by_role("button", name="Undo")).to_be_visible()
    await page.goto("/")
    await expect(page.locator(f".group:not(details) [data-row^='{call_id}:']")).to_have_count(0)


async def _record_the_reply(page: Page, email_id: int, scripts: bool) -> None:
    await page.goto(f"/emails/{email_id}")
    await expect(page.get_by_role("heading", level=1)).to_contain_text(SUBJECT)
    reply = page.locator("#reply")
    await reply.get_by_text("Correct the reply").click()
    await reply.locator("input[name=art][value=antwort]").check()
    await reply.locator("textarea[name=antwortinhalt]").fill("Ab März ist ein Platz frei.")
    await reply.get_by_role("button", name="Save the reply").click()
    await expect(page.locator("#reply")).to_contain_text("Ab März ist ein Platz frei.")


async def _see_the_outcome(app: RunningApp, api: httpx.AsyncClient, email_id: int, call_id: int) -> None:
    call = await _read(api, f"/api/phone-calls/{call_id}")
    assert (call["status"], call["ergebnis"]) == ("completed", "Hat einen Platz ab März.")
    email = await _read(api, f"/api/emails/{email_id}")
    assert email["antwort_erhalten"]
    assert email["antwortinhalt"] == "Ab März ist ein Platz frei."
    assert NOW - timedelta(hours=1) < datetime.fromisoformat(email["antwortdatum"]) < NOW + timedelta(hours=1)

    async def reported() -> bool:
        call_events = [event["eventType"] for event in await app.events(f"call:{call_id}")]
        email_events = [event["eventType"] for event in await app.events(f"email:{email_id}")]
        return call_events[-1:] == ["communication.call_completed"] and email_events[-1:] == [
            "communication.email_replied"
        ]

    await eventually(reported, within=60)


async def _follow_ups(api: httpx.AsyncClient, therapist_id: int) -> list[dict[str, Any]]:
    calls = (await api.get("/api/phone-calls", params={"therapist_id": therapist_id, "limit": 100})).json()
    return [
        call for call in calls["data"] if call["grund"] == "keine_antwort" and call["status"] == "scheduled"
    ]


async def _read(api: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await api.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()
