"""The form that records what came back for an e-mail, without any script."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from services.emails.changes import EmailChanges, update_email
from services.models import Activity, Draft, EmailStatus, OutboxEvent, PhoneCall, ReplyKind, Staff, Therapist
from services.rules import DeskRules
from services.work import API
from shared.database import SessionFactory
from tests.clock import BERLIN, FakeClock
from tests.factories import NOW, make_email, make_therapist
from tests.integration.conftest import CSRF_COOKIE, Client, submit
from tests.integration.pages.conftest import WEEK_AGO, BenRecords, Store, load_email
from tests.work import work_of

EFFECT = re.compile(r'hx-post="(/emails/\d+/reply/effect\?shown=\w+)"')


def reply_form(**changes: object) -> dict[str, object]:
    form: dict[str, object] = {
        "version": 1,
        "art": "antwort",
        "antwortdatum": "2026-10-14",
        "uhrzeit": "10:30",
        "antwortinhalt": "Ein Platz wird frei.",
    }
    return form | changes


async def part(client: Client, email_id: int, target: str, query: str = "") -> str:
    """Return a part of an e-mail's page as HTMX fetches it."""
    headers = {"HX-Request": "true", "HX-Target": target}
    return (await client.get(f"/emails/{email_id}{query}", headers=headers)).text


async def test_the_page_says_beforehand_that_the_call_is_cancelled(staff_client: Client, sent: int):
    page = (await staff_client.get(f"/emails/{sent}")).text
    assert "The call on Thu 15 Oct 10:00 is cancelled." in page
    assert 'value="2026-10-14"' in page
    assert 'value="10:42"' in page


async def test_saving_records_the_answer_and_cancels_the_call(
    staff_client: Client, sent: int, sessions: SessionFactory
):
    answer = await submit(staff_client, f"/emails/{sent}/reply", reply_form())
    assert answer.headers["location"] == f"/emails/{sent}?done=reply"
    email = await load_email(sessions, sent)
    assert email.antwortinhalt == "Ein Platz wird frei."
    assert email.antwortdatum == datetime(2026, 10, 14, 8, 30, tzinfo=UTC)
    async with sessions() as session:
        assert (await session.scalars(select(PhoneCall.status))).all() == ["canceled"]


async def test_an_out_of_office_note_moves_the_call(
    staff_client: Client, sent: int, sessions: SessionFactory
):
    form = reply_form(art="abwesenheit", antwortinhalt="", rueckkehr="2026-10-26")
    preview = await submit(staff_client, f"/emails/{sent}/reply", form | {"preview": "1"})
    assert "moves to the first free time from Mon 26 Oct on" in preview.text
    assert "The therapist is absent until then, back on Mon 26 Oct: nobody is rung before." in preview.text
    assert (await load_email(sessions, sent)).version == 1
    saved = await submit(staff_client, f"/emails/{sent}/reply", form)
    page = (await staff_client.get(saved.headers["location"])).text
    assert "The out-of-office note is saved." in page
    assert "The call is now planned for Mon 26 Oct, 10:00." in page
    assert "The therapist is absent, back on Mon 26 Oct: what was planned before is moved behind it." in page
    assert "The reply is saved." not in page
    assert "Out-of-office note recorded" in page
    async with sessions() as session:
        call = (await session.scalars(select(PhoneCall))).one()
    assert (call.status, call.geplantes_datum) == ("scheduled", date(2026, 10, 26))
    assert not (await load_email(sessions, sent)).antwort_erhalten


async def test_an_out_of_office_note_without_a_free_time_after_it_says_what_happens_instead(
    staff_client: Client, store: Store, sent: int, sessions: SessionFactory
):
    async with sessions() as session, session.begin():
        (await session.get_one(Therapist, 1)).telefonische_erreichbarkeit = {}
    form = reply_form(art="abwesenheit", antwortinhalt="", rueckkehr="2026-10-26")
    saved = await submit(staff_client, f"/emails/{sent}/reply", form)
    page = (await staff_client.get(saved.headers["location"])).text
    assert "No time is free after the absence: the call is cancelled" in page


async def test_undeliverable_offers_a_call(staff_client: Client, store: Store, sessions: SessionFactory):
    email_id = await store(make_therapist(), make_email(status=EmailStatus.SENT, sent_at=NOW))
    form = reply_form(art="unzustellbar", antwortinhalt="User unknown", uhrzeit="10:42")
    answer = await submit(staff_client, f"/emails/{email_id}/reply", form)
    assert answer.status_code == 303
    email = await load_email(sessions, email_id)
    assert (email.antwort_erhalten, email.fehlermeldung) == (False, "User unknown")
    page = (await staff_client.get(answer.headers["location"])).text
    assert "The notice is saved: the e-mail did not arrive." in page


async def test_the_effect_follows_the_choice(staff_client: Client, sent: int):
    path = f"/emails/{sent}/reply/effect"
    for art, words in (
        ("antwort", "The call on Thu 15 Oct 10:00 is cancelled."),
        ("abwesenheit", "moves to the first free time"),
        ("unzustellbar", "then you can plan a call instead"),
    ):
        assert words in (await submit(staff_client, path, reply_form(art=art), htmx=True)).text


async def test_the_effect_is_not_said_again_while_it_stays_the_same(
    staff_client: Client, sent: int, store: Store
):
    page = (await staff_client.get(f"/emails/{sent}")).text
    path = EFFECT.search(page)
    assert path
    assert (await submit(staff_client, path[1], reply_form(), htmx=True)).status_code == 204
    assert (await submit(staff_client, path[1], reply_form(art="abwesenheit"), htmx=True)).status_code == 200


async def test_the_effect_of_a_form_that_is_out_of_date_is_none(
    staff_client: Client, sent: int, ben_records: BenRecords
):
    await ben_records(sent)
    answer = await submit(staff_client, f"/emails/{sent}/reply/effect", reply_form(), htmx=True)
    assert "None yet: the e-mail has changed since you opened it." in answer.text


async def test_what_has_to_be_done_marks_the_email_without_a_tick_too(
    staff_client: Client, sent: int, sessions: SessionFactory
):
    form = reply_form(nachverfolgung_notizen="Warteliste anbieten")
    preview = await submit(staff_client, f"/emails/{sent}/reply", form | {"preview": "1"})
    assert "Somebody has to follow the e-mail up." in preview.text
    await submit(staff_client, f"/emails/{sent}/reply", form)
    email = await load_email(sessions, sent)
    assert (email.nachverfolgung_erforderlich, email.nachverfolgung_notizen) == (
        True,
        "Warteliste anbieten",
    )


async def test_what_was_done_already_is_not_marked_again_by_its_old_text(
    staff_client: Client, sent: int, sessions: SessionFactory
):
    form = reply_form(nachverfolgung_notizen="Warteliste anbieten")
    await submit(staff_client, f"/emails/{sent}/reply", form)
    await submit(staff_client, f"/emails/{sent}", {"action": "followed_up", "version": 2})
    await submit(staff_client, f"/emails/{sent}/reply", form | {"version": 3, "antwortinhalt": "Zwei Plätze"})
    email = await load_email(sessions, sent)
    assert (email.antwortinhalt, email.nachverfolgung_erforderlich) == ("Zwei Plätze", False)


async def test_what_is_wrong_is_named_and_the_text_stays(
    staff_client: Client, sent: int, sessions: SessionFactory
):
    for wrong, message in (
        ({"antwortinhalt": " "}, "Write down what they answered."),
        ({"antwortdatum": "gestern"}, "Give the day on which it came."),
        ({"uhrzeit": "25:99"}, "Give the time at which it came, such as 14:30."),
        ({"art": "postkarte"}, "Choose what came back."),
        ({"uhrzeit": "23:00"}, "This lies in the future."),
        ({"antwortdatum": "2026-01-01"}, "This lies before the e-mail was created."),
    ):
        form = reply_form(nachverfolgung_notizen="Nicht vergessen", **wrong)
        answer = await submit(staff_client, f"/emails/{sent}/reply", form)
        assert answer.status_code == 422
        assert answer.text.count(message) == 2
        assert "<title>Error:" in answer.text
        assert "Nicht vergessen" in answer.text
    assert (await load_email(sessions, sent)).version == 1


async def test_htmx_gets_the_panel_back_with_its_errors(staff_client: Client, sent: int):
    answer = await submit(staff_client, f"/emails/{sent}/reply", reply_form(antwortinhalt=""), htmx=True)
    assert answer.status_code == 422
    assert answer.headers["hx-retarget"] == "#reply"
    assert answer.text.lstrip().startswith('<section id="reply"')
    assert "data-focus" in answer.text


async def test_somebody_elses_change_is_told_and_the_text_stays(
    staff_client: Client, sent: int, sessions: SessionFactory
):
    await submit(staff_client, f"/emails/{sent}/reply", reply_form(antwortinhalt="Von Ben"))
    answer = await submit(staff_client, f"/emails/{sent}/reply", reply_form(antwortinhalt="Von mir"))
    assert answer.status_code == 409
    assert "This e-mail has changed since you opened it." in answer.text
    assert "Von mir" in answer.text
    assert 'id="reply-version" name="version" value="2"' in answer.text
    assert (await load_email(sessions, sent)).antwortinhalt == "Von Ben"


async def test_a_reply_in_the_minute_in_which_the_email_was_made_is_possible(
    staff_client: Client, store: Store, sessions: SessionFactory, clock: FakeClock
):
    made = clock.advance(seconds=20)
    email_id = await store(
        make_therapist(), make_email(status=EmailStatus.SENT, sent_at=made, created_at=made)
    )
    clock.advance(seconds=20)
    answer = await submit(staff_client, f"/emails/{email_id}/reply", reply_form(uhrzeit="10:42"))
    assert answer.status_code == 303
    assert (await load_email(sessions, email_id)).antwortdatum == made


async def test_a_recorded_reply_can_be_corrected(staff_client: Client, sent: int, sessions: SessionFactory):
    await submit(staff_client, f"/emails/{sent}/reply", reply_form())
    page = (await staff_client.get(f"/emails/{sent}")).text
    assert "Correct the reply" in page
    assert 'value="abwesenheit"' not in page
    form = reply_form(version=2, antwortinhalt="Zwei Plätze werden frei.")
    await submit(staff_client, f"/emails/{sent}/reply", form)
    assert (await load_email(sessions, sent)).antwortinhalt == "Zwei Plätze werden frei."


async def test_a_draft_has_no_reply(staff_client: Client, store: Store):
    email_id = await store(make_email(status=EmailStatus.DRAFT))
    assert "there can be no reply yet" in (await staff_client.get(f"/emails/{email_id}")).text
    answer = await submit(staff_client, f"/emails/{email_id}/reply", reply_form(uhrzeit="10:42"))
    assert answer.status_code == 409


async def test_typed_text_comes_back_until_it_is_saved_or_discarded(staff_client: Client, sent: int):
    typed = reply_form(antwortinhalt="Halb getippt", nachverfolgung_erforderlich="ja")
    kept = await submit(staff_client, f"/emails/{sent}/reply/draft", typed, htmx=True)
    assert "10:42" in kept.text
    page = (await staff_client.get(f"/emails/{sent}")).text
    assert "Halb getippt" in page
    assert "Your draft is here again." in page
    await submit(staff_client, f"/emails/{sent}/reply/discard")
    assert "Halb getippt" not in (await staff_client.get(f"/emails/{sent}")).text


async def test_a_page_older_than_ones_own_reply_says_that_it_keeps_nothing(staff_client: Client, sent: int):
    await submit(staff_client, f"/emails/{sent}/reply", reply_form())
    kept = await submit(staff_client, f"/emails/{sent}/reply/draft", reply_form(), htmx=True)
    assert "Not kept" in kept.text
    assert "Your draft is here again." not in (await staff_client.get(f"/emails/{sent}")).text
    nowhere = await submit(staff_client, "/emails/4711/reply/draft", reply_form(), htmx=True)
    assert nowhere.status_code == 404


async def test_correcting_the_text_leaves_the_second_at_which_it_came(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    came = NOW - timedelta(minutes=2, seconds=27)
    answer = {"antwort_erhalten": True, "antwortdatum": came, "antwortinhalt": "Ja,"}
    email_id = await store(
        make_email(status=EmailStatus.SENT, sent_at=WEEK_AGO, created_at=WEEK_AGO, **answer)
    )
    minute = f"{came.astimezone(BERLIN):%H:%M}"
    await submit(staff_client, f"/emails/{email_id}/reply", reply_form(uhrzeit=minute, antwortinhalt="Ja."))
    email = await load_email(sessions, email_id)
    assert (email.antwortinhalt, email.antwortdatum) == ("Ja.", came)
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(OutboxEvent)) == 0


async def test_colleagues_see_who_is_typing_for_a_minute(
    staff_client: Client, anna: Staff, sent: int, sessions: SessionFactory, clock: FakeClock
):
    await submit(staff_client, f"/emails/{sent}/reply/draft", reply_form(), htmx=True)
    assert "is recording a reply" not in (await staff_client.get(f"/emails/{sent}")).text
    async with sessions() as session, session.begin():
        ben = Staff(name="Ben", password_hash="unusable")
        session.add(ben)
        await session.flush()
        draft = (await session.scalars(select(Draft))).one()
        draft.staff_id = ben.id
    assert "Ben is recording a reply right now." in await part(staff_client, sent, "reply-news")
    clock.advance(seconds=61)
    assert "Ben" not in await part(staff_client, sent, "reply-news")


async def test_news_name_who_recorded_what_and_nobody_is_told_of_their_own(
    staff_client: Client, sent: int, ben_records: BenRecords
):
    await submit(staff_client, f"/emails/{sent}/reply", reply_form())
    for shown in ("reply-news", "email-state"):
        assert "meanwhile" not in await part(staff_client, sent, shown, "?seen=0")
    latest = await ben_records(sent, version=2)
    for shown in ("reply-news", "email-state"):
        assert "Ben has recorded a reply here meanwhile (10:42)." in await part(
            staff_client, sent, shown, "?seen=1"
        )
    assert "meanwhile" not in await part(staff_client, sent, "reply-news", f"?seen={latest}")
    assert "meanwhile" not in (await staff_client.get(f"/emails/{sent}")).text


@pytest.mark.parametrize(
    ("art", "words"),
    [
        (ReplyKind.OUT_OF_OFFICE, "Ben has recorded an out-of-office note here meanwhile (10:42)."),
        (
            ReplyKind.UNDELIVERABLE,
            "Ben has recorded here meanwhile that the e-mail is undeliverable (10:42).",
        ),
    ],
)
async def test_news_that_are_no_answer_are_called_what_they_are(
    staff_client: Client, sent: int, ben_records: BenRecords, art: ReplyKind, words: str
):
    await ben_records(sent, art=art)
    assert words in await part(staff_client, sent, "reply-news", "?seen=0")


async def test_news_by_a_service_are_told_once_it_is_news(
    staff_client: Client, sent: int, sessions: SessionFactory, rules: DeskRules
):
    answered = EmailChanges(antwort_erhalten=True, antwortinhalt="Zwei Plätze")
    for _ in range(2):
        async with sessions() as session:
            await update_email(work_of(session, now=NOW, rules=rules, actor=API), sent, answered)
    assert "Another service has recorded a reply here" in await part(
        staff_client, sent, "reply-news", "?seen=0"
    )
    async with sessions() as session:
        recorded = select(Activity).where(Activity.action == "reply_recorded")
        assert len((await session.scalars(recorded)).all()) == 1


async def test_a_button_pressed_beside_news_leaves_the_form_out_of_date(
    staff_client: Client, sent: int, ben_records: BenRecords
):
    await ben_records(sent, nachverfolgung_erforderlich=True)
    action = {"action": "followed_up", "version": 2, "seen": 0}
    headers = {"HX-Request": "true", "HX-Target": "email-state"}
    token = staff_client.cookies[CSRF_COOKIE]
    state = await staff_client.post(f"/emails/{sent}", data={**action, "_csrf_token": token}, headers=headers)
    assert "Ben has recorded a reply here meanwhile" in state.text
    assert 'id="reply-version"' not in state.text
