"""The list of e-mails, without any script."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.models import Email, EmailStatus
from shared.database import SessionFactory
from tests.factories import NOW, make_email
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import WEEK_AGO, Store, load_email

ROW = re.compile(r'data-row="([^"]+)"')


async def test_list_shows_status_attempts_answer_and_planned_call(
    staff_client: Client, store: Store, sent: int
):
    answered = make_email(
        status=EmailStatus.SENT,
        sent_at=WEEK_AGO,
        antwort_erhalten=True,
        antwortdatum=NOW,
        empfaenger_name="Frau Özdemir",
    )
    await store(make_email(status=EmailStatus.FAILED, empfaenger_name="Herr Klein"), answered)
    page = (await staff_client.get("/emails")).text
    assert "Frau Özdemir" in page
    assert "Failed" in page
    assert "Answered" in page
    assert "Thu 15 Oct 10:00" in page
    assert "6 days ago" in page


async def test_search_and_view_stay_in_the_address_and_in_the_links(staff_client: Client, store: Store):
    await store(
        make_email(status=EmailStatus.FAILED, empfaenger_name="Herr Klein"),
        make_email(status=EmailStatus.FAILED, empfaenger_name="Frau Lang"),
        make_email(status=EmailStatus.SENT, sent_at=NOW, empfaenger_name="Frau Klein"),
    )
    page = (await staff_client.get("/emails", params={"show": "failed", "q": "klein"})).text
    assert "Herr Klein" in page
    assert "Frau Lang" not in page
    assert "Frau Klein" not in page
    assert 'href="/emails?show=unclear&amp;q=klein"' in page
    assert 'value="klein"' in page


async def test_htmx_gets_the_list_without_the_page(staff_client: Client, store: Store):
    await store(make_email())
    page = await staff_client.get("/emails?q=schmidt", headers={"HX-Request": "true"})
    assert page.text.lstrip().startswith('<div id="emails"')
    assert "Dr. Jürgen Schmidt" in page.text


async def test_unreadable_parts_of_the_address_are_left_out(staff_client: Client, store: Store):
    await store(make_email())
    page = await staff_client.get("/emails?show=nonsense&von=never&bis=9999-12-31&page=-3&therapist=x")
    assert page.status_code == 200
    assert "Dr. Jürgen Schmidt" in page.text


async def test_dates_limit_the_list_to_whole_local_days(staff_client: Client, store: Store):
    just_before = datetime(2026, 10, 12, 21, 59, tzinfo=UTC)
    at_midnight = datetime(2026, 10, 12, 22, 0, tzinfo=UTC)
    await store(
        make_email(empfaenger_name="Zu früh", created_at=just_before),
        make_email(empfaenger_name="Genau richtig", created_at=at_midnight),
    )
    page = (await staff_client.get("/emails?von=2026-10-13&bis=2026-10-13")).text
    assert "Genau richtig" in page
    assert "Zu früh" not in page


async def test_long_list_is_split_into_pages(staff_client: Client, store: Store):
    await store(*(make_email(empfaenger_name=f"Praxis {number:02}") for number in range(51)))
    first = (await staff_client.get("/emails")).text
    second = (await staff_client.get("/emails?page=2")).text
    assert "Praxis 50" in first
    assert "Praxis 00" not in first
    assert 'href="/emails?page=2"' in first
    assert "Praxis 00" in second


async def test_ticked_failed_emails_are_queued_again(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    ticked = await store(make_email(status=EmailStatus.FAILED))
    left = await store(make_email(status=EmailStatus.FAILED))
    back = "/emails?show=failed&q=praxis"
    answer = await submit(staff_client, "/emails/retry", {"email": f"{ticked}:1", "back": back})
    assert answer.headers["location"] == f"{back}&done=retried_many&n=1&left=0"
    assert "1 e-mail is in the queue again." in (await staff_client.get(answer.headers["location"])).text
    assert (await load_email(sessions, ticked)).status is EmailStatus.QUEUED
    assert (await load_email(sessions, left)).status is EmailStatus.FAILED


async def test_nothing_ticked_queues_nothing(staff_client: Client, store: Store, sessions: SessionFactory):
    failed = await store(make_email(status=EmailStatus.FAILED))
    answer = await submit(staff_client, "/emails/retry")
    assert answer.status_code == 422
    assert "Tick at least one e-mail." in answer.text
    assert "in the queue again" not in answer.text
    assert f'href="/emails/{failed}"' in answer.text
    assert (await load_email(sessions, failed)).status is EmailStatus.FAILED


@pytest.mark.parametrize(
    ("decision", "status", "words"),
    [
        ("was_sent", EmailStatus.SENT, "1 e-mail counts as sent."),
        ("resend", EmailStatus.QUEUED, "1 e-mail goes out once more."),
    ],
)
async def test_ticked_unclear_emails_are_decided_together(
    staff_client: Client,
    store: Store,
    sessions: SessionFactory,
    decision: str,
    status: EmailStatus,
    words: str,
):
    unclear: dict[str, Any] = {"status": EmailStatus.SENDING, "uebergabe_begonnen_at": NOW}
    ticked = await store(make_email(**unclear))
    changed = await store(make_email(version=2, **unclear))
    form = {"email": [f"{ticked}:1", f"{changed}:1"], "decision": decision, "back": "//evil.example"}
    answer = await submit(staff_client, "/emails/decide", form)
    assert answer.headers["location"] == f"/emails?done={decision}_many&n=1&left=1"
    page = (await staff_client.get(answer.headers["location"])).text
    assert words in page
    assert "1 ticked one has changed meanwhile and was left out." in page
    assert (await load_email(sessions, ticked)).status is status
    assert (await load_email(sessions, changed)).zustellung_unklar
    again = await submit(staff_client, "/emails/decide", form)
    assert "Nothing was decided" in (await staff_client.get(again.headers["location"])).text


@pytest.mark.parametrize("path", ["/emails/decide", "/emails/retry"])
async def test_enter_on_a_ticked_row_does_nothing(
    staff_client: Client, store: Store, sessions: SessionFactory, path: str
):
    """A browser presses the first button of the form then."""
    status = EmailStatus.SENDING if path == "/emails/decide" else EmailStatus.FAILED
    email_id = await store(make_email(status=status, uebergabe_begonnen_at=NOW))
    show = "unclear" if path == "/emails/decide" else "failed"
    page = (await staff_client.get(f"/emails?show={show}")).text
    first = re.search(r'<form id="ticked".*?<button[^>]* name="(\w+)" value="(\w+)"', page, re.DOTALL)
    assert first
    form = {"email": f"{email_id}:1", first[1]: first[2], "back": f"/emails?show={show}"}
    answer = await submit(staff_client, path, form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/emails?show={show}")
    assert (await load_email(sessions, email_id)).status is status


@pytest.mark.parametrize(("form", "status"), [({"decision": "resend"}, 422), ({"email": ["1:1"]}, 404)])
async def test_a_decision_about_nothing_or_none_about_something_changes_nothing(
    staff_client: Client, store: Store, sessions: SessionFactory, form: dict[str, object], status: int
):
    email_id = await store(make_email(status=EmailStatus.SENDING, uebergabe_begonnen_at=NOW))
    assert (await submit(staff_client, "/emails/decide", form)).status_code == status
    assert (await load_email(sessions, email_id)).zustellung_unklar


async def test_what_has_been_answered_is_not_sent_again_with_all_that_failed(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    failed = await store(make_email(status=EmailStatus.FAILED))
    answered = await store(make_email(status=EmailStatus.FAILED, antwort_erhalten=True, antwortdatum=NOW))
    assert "Send all failed ones again (1)" in (await staff_client.get("/emails?show=failed")).text
    await submit(staff_client, "/emails/retry", {"all": "1"})
    assert (await load_email(sessions, failed)).status is EmailStatus.QUEUED
    assert (await load_email(sessions, answered)).status is EmailStatus.FAILED


async def test_a_row_that_is_sent_meanwhile_counts_as_changed(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    """What the worker does leaves the version as it is."""
    email_id = await store(make_email())
    before = ROW.findall((await staff_client.get("/emails")).text)
    async with sessions() as session, session.begin():
        email = await session.get_one(Email, email_id)
        email.status, email.sent_at, email.naechster_versuch_at = EmailStatus.SENT, NOW, None
    after = ROW.findall((await staff_client.get("/emails")).text)
    assert len(before) == len(after) == 1
    assert before != after


async def test_what_does_not_count_as_failed_any_more_is_no_success(staff_client: Client, store: Store):
    queued = await store(make_email())
    answer = await submit(staff_client, "/emails/retry", {"email": f"{queued}:1"})
    page = (await staff_client.get(answer.headers["location"])).text
    assert "Nothing was put into the queue" in page
    assert "banner-good" not in page


async def test_the_age_counts_from_what_the_list_is_sorted_by(staff_client: Client, store: Store):
    old = NOW - timedelta(days=9)
    await store(
        make_email(status=EmailStatus.SENT, created_at=old, sent_at=NOW, empfaenger_name="Spät gesendet"),
        make_email(status=EmailStatus.SENT, created_at=NOW - timedelta(days=2), sent_at=NOW),
    )
    page = (await staff_client.get("/emails")).text
    assert page.index("2 days ago") < page.index("Spät gesendet") < page.index("9 days ago")
