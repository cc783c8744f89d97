"""The page of an e-mail: what happened to it, and what staff do about it, without any script."""

import re
from dataclasses import replace
from datetime import timedelta
from html import escape

import pytest
from litestar import Litestar
from sqlalchemy import select

from services.models import (
    AttemptOutcome,
    AttemptStage,
    CallReason,
    EmailStatus,
    EmailVersuch,
    Ending,
    PhoneCall,
    Unsent,
)
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_email, make_therapist
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import Store, load_email


async def test_detail_tells_the_delivery_with_the_servers_words(staff_client: Client, store: Store):
    email_id = await store(make_email(status=EmailStatus.FAILED, fehlermeldung="550 5.1.1 User unknown"))
    await store(
        EmailVersuch(
            email_id=email_id,
            nummer=1,
            begonnen_at=NOW,
            beendet_at=NOW,
            stufe=AttemptStage.RCPT,
            smtp_code=451,
            smtp_text="4.7.1 Greylisted",
            ergebnis=AttemptOutcome.RETRY,
        )
    )
    page = (await staff_client.get(f"/emails/{email_id}")).text
    assert "550 5.1.1 User unknown" in page
    assert "451 4.7.1 Greylisted" in page
    assert "Attempt 1: put off" in page
    assert "Call instead" in page
    assert '<a class="button" href="/emails/new?therapist=1">Write anew</a>' in page


@pytest.mark.parametrize(
    ("code", "planned", "primary"),
    [
        (550, False, "Call instead"),
        (550, True, "Write anew"),
        (451, False, "Send it again"),
        (None, False, "Send it again"),
    ],
)
async def test_after_a_final_refusal_the_same_message_is_no_first_choice(
    staff_client: Client, store: Store, code: int | None, planned: bool, primary: str
):
    email_id = await store(make_therapist(), make_email(status=EmailStatus.FAILED, fehlermeldung="refused"))
    for number, smtp_code in ((1, 451), (2, code)):
        await store(
            EmailVersuch(
                email_id=email_id,
                nummer=number,
                begonnen_at=NOW,
                beendet_at=NOW,
                stufe=AttemptStage.RCPT,
                smtp_code=smtp_code,
                smtp_text="refused",
                ergebnis=AttemptOutcome.FAILED,
            )
        )
    if planned:
        await store(make_call(email_id=email_id, grund=CallReason.UNDELIVERED))
    page = (await staff_client.get(f"/emails/{email_id}")).text
    banner = page.split('class="banner banner-bad"')[1].split("</div>")[0]
    choices = re.findall(r'class="button( button-primary)?"[^>]*>([^<]+)<', banner)
    assert choices[0] == (" button-primary", primary)
    assert [text for emphasis, text in choices if emphasis] == [primary]
    assert "Send it again" in [text for _, text in choices]


async def test_what_ended_an_attempt_without_a_reply_is_said_in_the_readers_language(
    staff_client: Client, store: Store
):
    email_id = await store(make_email(status=EmailStatus.SENDING, uebergabe_begonnen_at=NOW))
    attempt = {"email_id": email_id, "begonnen_at": NOW, "beendet_at": NOW, "stufe": AttemptStage.BODY}
    await store(EmailVersuch(nummer=1, ergebnis=AttemptOutcome.RETRY, ende=Ending.TIMEOUT, **attempt))
    await store(EmailVersuch(nummer=2, ergebnis=AttemptOutcome.UNCLEAR, ende=Ending.WORKER_ENDED, **attempt))
    await store(
        EmailVersuch(
            nummer=3, ergebnis=AttemptOutcome.UNCLEAR, ende=Ending.LOST, smtp_text="Unexpected EOF", **attempt
        )
    )
    english = (await staff_client.get(f"/emails/{email_id}")).text
    assert "no reply in time" in english
    assert "the worker ended while the message was being handed over" in english
    assert "Unexpected EOF" in english
    await submit(staff_client, "/settings", {"sprache": "de"}, page="/")
    german = (await staff_client.get(f"/emails/{email_id}")).text
    assert "no reply in time" not in german


async def test_an_obstacle_and_why_a_call_was_cancelled_are_said_in_the_readers_language(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    obstacle = {"nachverfolgung_hindernis": "therapeut_unbekannt", "nachverfolgung_erforderlich": True}
    email_id = await store(
        make_email(status=EmailStatus.SENT, sent_at=NOW, nachverfolgung_notizen="Eilt", **obstacle)
    )
    canceled = {"status": "canceled", "ergebnis_art": "abgesagt", "abgeschlossen_at": NOW}
    call_id = await store(make_call(email_id=email_id, absage_grund="keine_zeit_frei", **canceled))
    await store(make_therapist())
    pages = (f"/emails/{email_id}", f"/calls/{call_id}", "/therapists/1")
    for page in pages:
        assert "After the absence no time is free" in (await staff_client.get(page)).text
    assert "No automatic call: the therapist is unknown." in (await staff_client.get(pages[0])).text
    await submit(staff_client, "/settings", {"sprache": "de"}, page="/")
    for page in pages:
        assert "Nach der Abwesenheit ist in den Telefonzeiten" in (await staff_client.get(page)).text
    german = (await staff_client.get(pages[0])).text
    assert "Kein automatischer Anruf: Therapeut unbekannt." in german
    assert 'value="Eilt"' in german, "the form holds what the staff wrote and nothing else"
    await submit(staff_client, pages[0], {"action": "followed_up", "version": 1})
    email = await load_email(sessions, email_id)
    assert (email.nachverfolgung_erforderlich, email.nachverfolgung_hindernis) == (False, None)
    assert email.nachverfolgung_notizen == "Eilt"


async def test_preview_runs_and_fetches_nothing(staff_client: Client, store: Store):
    email_id = await store(make_email(body_html="<script>alert(1)</script><p>Guten Tag</p>"))
    page = (await staff_client.get(f"/emails/{email_id}")).text
    assert f'src="/emails/{email_id}/preview" sandbox ' in page
    assert "alert(1)" not in page
    frame = await staff_client.get(f"/emails/{email_id}/preview")
    policy = frame.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert frame.headers["content-type"] == "text/html; charset=utf-8"


async def test_text_view_needs_no_script(staff_client: Client, store: Store):
    email_id = await store(make_email(body_text="Nur <Text>"))
    page = (await staff_client.get(f"/emails/{email_id}?view=text")).text
    assert "Nur &lt;Text&gt;" in page
    assert "<iframe" not in page


async def test_unknown_email_is_not_found(staff_client: Client):
    assert (await staff_client.get("/emails/4711")).status_code == 404
    assert (await staff_client.get("/emails/99999999999999")).status_code == 404


async def test_buttons_send_take_back_and_send_again(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    for before, action, after in (
        (EmailStatus.DRAFT, "queue", EmailStatus.QUEUED),
        (EmailStatus.QUEUED, "cancel", EmailStatus.DRAFT),
        (EmailStatus.FAILED, "retry", EmailStatus.QUEUED),
    ):
        email_id = await store(make_email(status=before))
        answer = await submit(staff_client, f"/emails/{email_id}", {"action": action, "version": 1})
        assert answer.status_code == 303
        assert (await load_email(sessions, email_id)).status is after
        page = (await staff_client.get(answer.headers["location"])).text
        assert '<span class="muted">Anna</span>' in page


async def test_an_unclear_delivery_is_decided(staff_client: Client, store: Store, sessions: SessionFactory):
    for decision, after in (("resend", EmailStatus.QUEUED), ("was_sent", EmailStatus.SENT)):
        email_id = await store(make_email(status=EmailStatus.SENDING, uebergabe_begonnen_at=NOW))
        assert f'href="/emails/{email_id}"' in (await staff_client.get("/emails?show=unclear")).text
        message_id = (await load_email(sessions, email_id)).message_id
        assert escape(message_id) in (await staff_client.get(f"/emails/{email_id}")).text
        answer = await submit(staff_client, f"/emails/{email_id}", {"action": decision, "version": 1})
        assert answer.status_code == 303
        assert (await load_email(sessions, email_id)).status is after


async def test_a_button_pressed_too_late_says_why_on_the_page(staff_client: Client, store: Store):
    email_id = await store(make_email(status=EmailStatus.SENT, sent_at=NOW))
    answer = await submit(staff_client, f"/emails/{email_id}", {"action": "cancel", "version": 1})
    assert answer.status_code == 409
    assert "This is not possible any more: the e-mail has changed meanwhile." in answer.text
    assert "Record a reply" in answer.text


async def test_a_button_nobody_made_changes_nothing(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    email_id = await store(make_email())
    answer = await submit(staff_client, f"/emails/{email_id}", {"action": "explode", "version": 1})
    assert answer.status_code == 404
    assert (await load_email(sessions, email_id)).version == 1


async def test_follow_up_is_ticked_off(staff_client: Client, store: Store, sessions: SessionFactory):
    email_id = await store(make_email(status=EmailStatus.SENT, sent_at=NOW, nachverfolgung_erforderlich=True))
    await submit(staff_client, f"/emails/{email_id}", {"action": "followed_up", "version": 1})
    assert not (await load_email(sessions, email_id)).nachverfolgung_erforderlich


async def test_a_failed_email_is_followed_by_a_call_once(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    email_id = await store(make_therapist(), make_email(status=EmailStatus.FAILED))
    form: dict[str, object] = {"action": "call", "version": 1, "key": "abc"}
    assert (await submit(staff_client, f"/emails/{email_id}", form)).status_code == 303
    again = await submit(staff_client, f"/emails/{email_id}", form)
    assert again.status_code == 409
    async with sessions() as session:
        calls = (await session.scalars(select(PhoneCall))).all()
    assert [(call.email_id, call.grund) for call in calls] == [(email_id, CallReason.UNDELIVERED)]


async def test_a_form_sent_twice_plans_one_call(staff_client: Client, store: Store, sessions: SessionFactory):
    email_id = await store(make_therapist(), make_email(status=EmailStatus.SENT, sent_at=NOW))
    form: dict[str, object] = {"action": "call", "version": 1, "key": "abc"}
    for _ in range(2):
        assert (await submit(staff_client, f"/emails/{email_id}", form)).status_code == 303
    async with sessions() as session:
        assert len((await session.scalars(select(PhoneCall))).all()) == 1


async def test_nobody_who_can_be_called_is_said_on_the_page(staff_client: Client, store: Store):
    email_id = await store(
        make_therapist(telefonische_erreichbarkeit={}), make_email(status=EmailStatus.SENT, sent_at=NOW)
    )
    answer = await submit(staff_client, f"/emails/{email_id}", {"action": "call", "version": 1})
    assert answer.status_code == 422
    assert "no phone hours" in answer.text


async def test_what_the_caller_said_of_an_email_is_shown(staff_client: Client, store: Store):
    later = NOW + timedelta(hours=20)
    email_id = await store(
        make_email(
            antwort_an="team@example.de",
            extern_id="bundle-<4711>",
            send_at=later,
            naechster_versuch_at=later,
            expires_at=later + timedelta(hours=8),
        )
    )
    page = re.sub(r"<[^>]+>", "", (await staff_client.get(f"/emails/{email_id}")).text)
    for words in (
        "Answers to: team@example.de",
        "Reference: bundle-&lt;4711&gt;",
        "Not sent after: Thu 15 Oct 14:42",
        "planned for Thu 15 Oct, 06:42",
        "To be sent",
    ):
        assert words in page, words


async def test_an_email_whose_time_was_over_says_so_and_is_not_offered_to_be_sent_again(
    staff_client: Client, store: Store
):
    failed = {"status": EmailStatus.FAILED, "fehlermeldung": Unsent.EXPIRED}
    email_id = await store(make_therapist(), make_email(**failed, expires_at=NOW))
    page = (await staff_client.get(f"/emails/{email_id}")).text
    assert "This e-mail was not sent any more: the time to send it was over." in page
    assert "The server said" not in page
    assert ("Send it again" in page, "Call instead" in page) == (False, True)
    refused = await submit(staff_client, f"/emails/{email_id}", {"action": "retry", "version": 1})
    assert refused.status_code == 409
    assert "The time to send this e-mail is over." in refused.text


async def test_a_sender_of_another_domain_is_named_where_an_email_is_queued(
    staff_client: Client, store: Store, sessions: SessionFactory, app: Litestar
):
    email_id = await store(make_email(status=EmailStatus.DRAFT, naechster_versuch_at=None))
    app.state.rules = replace(app.state.rules, sender_domains=frozenset({"example.de"}))
    refused = await submit(staff_client, f"/emails/{email_id}", {"action": "queue", "version": 1})
    assert refused.status_code == 422
    assert "Nothing is sent in the name of this domain. Possible are: example.de." in refused.text
    assert (await load_email(sessions, email_id)).status is EmailStatus.DRAFT
