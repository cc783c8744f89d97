"""What staff do to write an e-mail and to change a draft, without any script."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from services.models import Email, EmailStatus
from shared.database import SessionFactory
from tests.factories import make_email, make_therapist
from tests.integration.conftest import Client, submit


@pytest.fixture
async def schmidt(sessions: SessionFactory) -> None:
    async with sessions() as session, session.begin():
        session.add(make_therapist())


@pytest.fixture
async def draft(sessions: SessionFactory) -> int:
    async with sessions() as session, session.begin():
        email = make_email(status=EmailStatus.DRAFT, body_html="<p><b>Guten Tag</b></p>")
        session.add(email)
        await session.flush()
        return email.id


async def emails(sessions: SessionFactory) -> list[Email]:
    async with sessions() as session:
        return list(await session.scalars(select(Email).order_by(Email.id)))


def follow_up(**changes: object) -> dict[str, object]:
    form: dict[str, object] = {
        "therapist_id": 1,
        "template": "follow_up",
        "empfaenger_name": "Dr. Jürgen Schmidt",
        "empfaenger_email": "praxis@example.org",
        "var_anrede": "Sehr geehrter Herr Dr. Schmidt",
        "var_anfrage_vom": "2026-10-07",
        "var_anzahl": "3",
        "action": "send",
        "key": "k1",
    }
    return form | changes


@pytest.mark.usefixtures("schmidt")
async def test_the_recipient_is_searched_and_the_form_opens_filled_in(staff_client: Client):
    found = (await staff_client.get("/emails/new?q=schmi&template=follow_up")).text
    assert 'href="/emails/new?therapist=1&amp;template=follow_up"' in found
    page = (await staff_client.get("/emails/new?therapist=1&template=follow_up")).text
    assert 'value="praxis@example.org"' in page
    assert 'value="Sehr geehrter Herr Dr. Schmidt"' in page
    assert 'name="var_anfrage_vom"' in page


@pytest.mark.usefixtures("schmidt")
async def test_a_preview_that_comes_after_sending_is_no_draft(staff_client: Client):
    await submit(staff_client, "/emails/new", follow_up())
    await submit(staff_client, "/emails/new/preview", follow_up(), htmx=True)
    again = "Your draft is here again."
    assert again not in (await staff_client.get("/emails/new?therapist=1")).text
    await submit(staff_client, "/emails/new/preview", follow_up(key="k2"), htmx=True)
    assert again in (await staff_client.get("/emails/new?therapist=1")).text


@pytest.mark.usefixtures("schmidt")
async def test_a_mail_from_a_template_is_sent_once(staff_client: Client, sessions: SessionFactory):
    for _ in range(2):
        answer = await submit(staff_client, "/emails/new", follow_up())
        assert answer.status_code == 303
    (email,) = await emails(sessions)
    assert answer.headers["location"] == f"/emails/{email.id}?done=created"
    assert email.status is EmailStatus.QUEUED
    assert email.betreff == "Nachfrage zu unserer Anfrage vom 7. Oktober 2026"
    assert "Sehr geehrter Herr Dr. Schmidt," in email.body_text
    assert email.created_at == datetime(2026, 10, 14, 8, 42, tzinfo=UTC)


@pytest.mark.usefixtures("schmidt")
async def test_a_form_whose_answer_was_lost_makes_no_second_mail_unasked(
    staff_client: Client, sessions: SessionFactory
):
    await submit(staff_client, "/emails/new/preview", follow_up(), htmx=True)
    reopened = (await staff_client.get("/emails/new?therapist=1")).text
    assert 'name="key" value="k1"' in reopened
    await submit(staff_client, "/emails/new", follow_up())
    changed = await submit(staff_client, "/emails/new", follow_up(var_anzahl="4"))
    assert changed.status_code == 409
    (made,) = await emails(sessions)
    assert f'<a href="/emails/{made.id}">This form has made an e-mail already.</a>' in changed.text
    assert 'value="4"' in changed.text
    key = changed.text.split('name="key" value="')[1].split('"')[0]
    assert key != "k1"
    assert (await submit(staff_client, "/emails/new", follow_up(var_anzahl="4", key=key))).status_code == 303
    assert len(await emails(sessions)) == 2


@pytest.mark.usefixtures("schmidt")
async def test_a_mail_written_freely_is_kept_as_a_draft(staff_client: Client, sessions: SessionFactory):
    form = follow_up(
        template="", betreff="Kurze Frage", body_text="Guten Tag,\r\n\r\nnoch frei?", action="draft"
    )
    assert (await submit(staff_client, "/emails/new", form)).status_code == 303
    (email,) = await emails(sessions)
    assert (email.status, email.body_text) == (EmailStatus.DRAFT, "Guten Tag,\n\nnoch frei?")


@pytest.mark.usefixtures("schmidt")
async def test_what_is_missing_is_named_and_the_rest_stays_typed(
    staff_client: Client, sessions: SessionFactory
):
    form = follow_up(var_anzahl="viele", var_anfrage_vom="", empfaenger_email="praxis", var_telefon="030 99")
    answer = await submit(staff_client, "/emails/new", form)
    assert answer.status_code == 422
    assert 'href="#var_anzahl"' in answer.text
    assert 'href="#var_anfrage_vom"' in answer.text
    assert 'href="#empfaenger_email">Address: ' in answer.text
    assert 'href="#var_anfrage_vom">When we first wrote: This field is required.' in answer.text
    assert 'value="030 99"' in answer.text
    assert "<title>Error:" in answer.text
    assert await emails(sessions) == []


@pytest.mark.usefixtures("schmidt")
async def test_the_preview_follows_what_is_typed_and_runs_nothing(
    staff_client: Client, sessions: SessionFactory
):
    typed = follow_up(var_anrede="Hallo <b>Jürgen</b>", var_anzahl="", action="")
    shown = await submit(staff_client, "/emails/new/preview", typed, htmx=True)
    assert 'src="/emails/new/preview?therapist=1&amp;template=follow_up' in shown.text
    assert "How many people look for a place" in shown.text
    frame = await staff_client.get("/emails/new/preview?therapist=1&template=follow_up")
    assert "Hallo &lt;b&gt;Jürgen&lt;/b&gt;," in frame.text
    assert "sandbox" in frame.headers["content-security-policy"]
    assert await emails(sessions) == []


@pytest.mark.usefixtures("schmidt")
async def test_without_scripts_a_button_shows_the_preview_and_typed_text_comes_back_later(
    staff_client: Client,
):
    page = await submit(staff_client, "/emails/new", follow_up(action="preview", var_anrede="Moin"))
    assert page.status_code == 200
    assert 'value="Moin"' in page.text
    again = (await staff_client.get("/emails/new?therapist=1")).text
    assert 'value="Moin"' in again
    assert "Your draft is here again." in again
    await submit(staff_client, "/emails/new/discard", {"therapist_id": 1})
    assert "Moin" not in (await staff_client.get("/emails/new?therapist=1")).text


async def test_an_unknown_therapist_or_template_starts_over(staff_client: Client):
    page = await staff_client.get("/emails/new?therapist=4711&template=nonsense")
    assert page.status_code == 200
    assert "Whom do you write to?" in page.text


async def test_a_drafts_text_is_changed_and_sent(staff_client: Client, draft: int, sessions: SessionFactory):
    page = (await staff_client.get(f"/emails/{draft}/edit")).text
    assert "Anfrage für drei Patientinnen" in page
    form: dict[str, object] = {
        "version": 1,
        "action": "send",
        "empfaenger_name": "Dr. Jürgen Schmidt",
        "empfaenger_email": "praxis@example.org",
        "betreff": "Neuer Betreff",
        "body_text": "Guten Tag",
    }
    answer = await submit(staff_client, f"/emails/{draft}/edit", form)
    assert answer.status_code == 303
    (email,) = await emails(sessions)
    assert (email.betreff, email.status) == ("Neuer Betreff", EmailStatus.QUEUED)
    assert email.body_html == "<p><b>Guten Tag</b></p>"


async def test_a_drafts_errors_and_conflicts_keep_what_was_typed(
    staff_client: Client, draft: int, sessions: SessionFactory
):
    form: dict[str, object] = {
        "version": 1,
        "empfaenger_name": "Dr. Jürgen Schmidt",
        "empfaenger_email": "keine Adresse",
        "betreff": "Getippt",
        "body_text": "Guten Tag",
    }
    wrong = await submit(staff_client, f"/emails/{draft}/edit", form)
    assert wrong.status_code == 422
    assert "Give a complete e-mail address" in wrong.text
    late = await submit(
        staff_client, f"/emails/{draft}/edit", form | {"version": 7, "empfaenger_email": "a@example.org"}
    )
    assert late.status_code == 409
    assert 'value="Getippt"' in late.text
    assert 'name="version" value="1"' in late.text
    assert (await emails(sessions))[0].betreff == "Anfrage für drei Patientinnen"


async def test_what_was_sent_is_not_edited(staff_client: Client, sessions: SessionFactory):
    async with sessions() as session, session.begin():
        session.add(make_email(id=5))
    answer = await staff_client.get("/emails/5/edit", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/emails/5")


LATER = datetime(2026, 10, 15, 6, 30, tzinfo=UTC)


@pytest.mark.usefixtures("schmidt")
async def test_an_email_is_planned_for_a_time_of_the_practices(
    staff_client: Client, sessions: SessionFactory
):
    answer = await submit(staff_client, "/emails/new", follow_up(send_at="2026-10-15T08:30"))
    (email,) = await emails(sessions)
    assert (email.status, email.send_at, email.naechster_versuch_at) == (EmailStatus.QUEUED, LATER, LATER)
    page = (await staff_client.get(answer.headers["location"])).text
    assert "goes out at its time: Thu 15 Oct, 08:30" in page
    assert page.count("15 Oct, 08:30") == 2, "said when it was sent off, and beside the status"
    assert "planned for Thu 15 Oct, 08:30" in page
    assert "To be sent" in page
    assert "planned for Thu 15 Oct, 08:30" in (await staff_client.get("/emails")).text


@pytest.mark.usefixtures("schmidt")
@pytest.mark.parametrize(
    ("at", "words"), [("morgen", "Give a day and a time."), ("2027-10-31T08:30", "At most 366 days ahead.")]
)
async def test_a_time_that_can_not_be_is_named_beside_its_field(staff_client: Client, at: str, words: str):
    answer = await submit(staff_client, "/emails/new", follow_up(send_at=at))
    assert answer.status_code == 422
    assert f'id="send_at-error">{words}' in answer.text
    assert 'aria-describedby="send_at-hint send_at-error"' in answer.text


EDITED = {
    "version": "1",
    "action": "save",
    "empfaenger_name": "Dr. Jürgen Schmidt",
    "empfaenger_email": "praxis@example.org",
    "betreff": "Anfrage",
    "body_text": "Guten Tag",
}


async def test_a_draft_can_be_given_a_time_and_lose_it(
    staff_client: Client, sessions: SessionFactory, draft: int
):
    page = f"/emails/{draft}/edit"
    await submit(staff_client, page, EDITED | {"send_at": "2026-10-15T08:30"})
    assert [email.send_at for email in await emails(sessions)] == [LATER]
    assert 'value="2026-10-15T08:30"' in (await staff_client.get(page)).text
    wrong = await submit(staff_client, page, EDITED | {"version": "2", "send_at": "x"})
    assert (wrong.status_code, 'id="send_at-error"' in wrong.text) == (422, True)
    far = await submit(staff_client, page, EDITED | {"version": "2", "send_at": "2027-10-31T08:30"})
    assert (far.status_code, 'id="send_at-error">At most 366 days' in far.text) == (422, True)
    await submit(staff_client, page, EDITED | {"version": "2", "send_at": "", "action": "send"})
    (email,) = await emails(sessions)
    assert (email.send_at, email.status) == (None, EmailStatus.QUEUED)


@pytest.mark.usefixtures("schmidt")
async def test_where_answers_go_and_until_when_it_is_sent_can_be_said(
    staff_client: Client, sessions: SessionFactory
):
    form = follow_up(antwort_an=" buero@example.org ", expires_at="2026-10-15T08:30")
    assert 'data-keep-open="more-fields">' in (await staff_client.get("/emails/new?therapist=1")).text
    shown = await submit(staff_client, "/emails/new", form | {"action": "preview"})
    assert 'data-keep-open="more-fields" open>' in shown.text
    answer = await submit(staff_client, "/emails/new", form)
    (email,) = await emails(sessions)
    assert (email.antwort_an, email.expires_at) == ("buero@example.org", LATER)
    page = (await staff_client.get(answer.headers["location"])).text
    assert "Not sent after: Thu 15 Oct 08:30" in page


@pytest.mark.usefixtures("schmidt")
@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("antwort_an", "buero", "Give a complete e-mail address"),
        ("expires_at", "2026-10-14T08:30", "Give an instant that is to come"),
        ("expires_at", "bald", "Give a day and a time."),
    ],
)
async def test_what_is_wrong_with_the_further_details_stands_beside_them(
    staff_client: Client, field: str, typed: str, words: str
):
    answer = await submit(staff_client, "/emails/new", follow_up(**{field: typed}))
    assert answer.status_code == 422
    assert 'data-keep-open="more-fields" open>' in answer.text
    assert f'id="{field}-error">{words}' in answer.text
    assert f'aria-invalid="true" aria-describedby="{field}-hint {field}-error"' in answer.text


async def test_a_draft_whose_time_is_over_is_sent_with_a_new_one(
    staff_client: Client, sessions: SessionFactory
):
    past = datetime(2026, 10, 14, 8, 0, tzinfo=UTC)
    async with sessions() as session, session.begin():
        session.add(make_email(id=1, status=EmailStatus.DRAFT, expires_at=past, antwort_an="a@example.org"))
    assert "The time to send it is over." in (await staff_client.get("/emails/1")).text
    refused = await submit(staff_client, "/emails/1", {"action": "queue", "version": "1"})
    assert "The time to send this e-mail is over." in refused.text
    page = "/emails/1/edit"
    form = EDITED | {"action": "send", "antwort_an": "a@example.org"}
    over = await submit(staff_client, page, form | {"expires_at": "2026-10-14T10:00"})
    assert (over.status_code, 'id="expires_at-error">Give an instant that' in over.text) == (409, True)
    await submit(staff_client, page, form | {"expires_at": "2026-10-15T08:30", "antwort_an": ""})
    (email,) = await emails(sessions)
    assert (email.status, email.expires_at, email.antwort_an) == (EmailStatus.QUEUED, LATER, None)
