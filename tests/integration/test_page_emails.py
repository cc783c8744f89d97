"""What staff do on the pages of e-mails, without any script."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from html import escape

import pytest
from sqlalchemy import func, select

from services.activity import API, Actor
from services.email_changes import EmailChanges, update_email
from services.email_replies import Reply, record_reply
from services.models import (
    Activity,
    AttemptOutcome,
    AttemptStage,
    CallReason,
    Draft,
    Email,
    EmailStatus,
    EmailVersuch,
    PhoneCall,
    ReplyKind,
    Staff,
    Therapist,
)
from services.rules import DeskRules
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import NOW, make_call, make_email, make_staff, make_therapist
from tests.integration.conftest import CSRF_COOKIE, Client, submit

EFFECT = re.compile(r'hx-post="(/emails/\d+/reply/effect\?shown=\w+)"')
WEEK_AGO = NOW - timedelta(days=6)
Store = Callable[..., Awaitable[int]]
BenRecords = Callable[..., Awaitable[int]]


@pytest.fixture
def store(sessions: SessionFactory) -> Store:
    """Stores rows, each flushed before the next; returns the id of the last."""

    async def store_rows(*rows: object) -> int:
        async with sessions() as session, session.begin():
            for row in rows:
                session.add(row)
                await session.flush()
        return rows[-1].id  # pyright: ignore[reportAttributeAccessIssue]

    return store_rows


@pytest.fixture
async def sent(store: Store) -> int:
    """An e-mail sent six days ago, with the automatic call already planned for tomorrow at ten."""
    email_id = await store(
        make_therapist(), make_email(status=EmailStatus.SENT, created_at=WEEK_AGO, sent_at=WEEK_AGO)
    )
    await store(
        make_call(
            email_id=email_id,
            grund=CallReason.NO_REPLY,
            geplantes_datum=date(2026, 10, 15),
            geplante_zeit=time(10, 0),
        )
    )
    return email_id


async def load(sessions: SessionFactory, email_id: int) -> Email:
    async with sessions() as session:
        return await session.get_one(Email, email_id)


async def part(client: Client, email_id: int, target: str, query: str = "") -> str:
    """Return a part of an e-mail's page as HTMX fetches it."""
    headers = {"HX-Request": "true", "HX-Target": target}
    return (await client.get(f"/emails/{email_id}{query}", headers=headers)).text


@pytest.fixture
def ben_records(sessions: SessionFactory, rules: DeskRules) -> BenRecords:
    """Has Ben record what came back for an e-mail; returns the id of the entry it leaves."""

    async def record(email_id: int, *, version: int = 1, **reply: object) -> int:
        async with sessions() as session:
            async with session.begin():
                ben = make_staff(name="Ben")
                session.add(ben)
            came = Reply(**({"inhalt": "Von Ben"} | reply))  # pyright: ignore[reportArgumentType]
            actor = Actor("staff", ben.id)
            await record_reply(session, email_id, came, version=version, now=NOW, actor=actor, rules=rules)
            entry = await session.scalar(select(func.max(Activity.id)))
            assert entry
            return entry

    return record


def reply_form(**changes: object) -> dict[str, object]:
    form: dict[str, object] = {
        "version": 1,
        "art": "antwort",
        "antwortdatum": "2026-10-14",
        "uhrzeit": "10:30",
        "antwortinhalt": "Ein Platz wird frei.",
    }
    return form | changes


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
    answer = await submit(staff_client, "/emails/retry", {"id": [str(ticked)]})
    assert answer.headers["location"] == "/emails?show=failed&done=retried_many&n=1"
    assert "1 e-mail is in the queue again." in (await staff_client.get(answer.headers["location"])).text
    assert (await load(sessions, ticked)).status is EmailStatus.QUEUED
    assert (await load(sessions, left)).status is EmailStatus.FAILED


async def test_nothing_ticked_queues_nothing(staff_client: Client, store: Store, sessions: SessionFactory):
    failed = await store(make_email(status=EmailStatus.FAILED))
    answer = await submit(staff_client, "/emails/retry")
    assert answer.status_code == 422
    assert "Tick at least one e-mail." in answer.text
    assert "in the queue again" not in answer.text
    assert f'href="/emails/{failed}"' in answer.text
    assert (await load(sessions, failed)).status is EmailStatus.FAILED


async def test_what_does_not_count_as_failed_any_more_is_no_success(staff_client: Client, store: Store):
    queued = await store(make_email())
    answer = await submit(staff_client, "/emails/retry", {"id": [str(queued)]})
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
        assert (await load(sessions, email_id)).status is after
        page = (await staff_client.get(answer.headers["location"])).text
        assert '<span class="muted">Anna</span>' in page


async def test_an_unclear_delivery_is_decided(staff_client: Client, store: Store, sessions: SessionFactory):
    for decision, after in (("resend", EmailStatus.QUEUED), ("was_sent", EmailStatus.SENT)):
        email_id = await store(make_email(status=EmailStatus.SENDING, uebergabe_begonnen_at=NOW))
        assert f'href="/emails/{email_id}"' in (await staff_client.get("/emails?show=unclear")).text
        message_id = (await load(sessions, email_id)).message_id
        assert escape(message_id) in (await staff_client.get(f"/emails/{email_id}")).text
        answer = await submit(staff_client, f"/emails/{email_id}", {"action": decision, "version": 1})
        assert answer.status_code == 303
        assert (await load(sessions, email_id)).status is after


async def test_a_button_pressed_too_late_says_why_on_the_page(staff_client: Client, store: Store):
    email_id = await store(make_email(status=EmailStatus.SENT, sent_at=NOW))
    answer = await submit(staff_client, f"/emails/{email_id}", {"action": "cancel", "version": 1})
    assert answer.status_code == 409
    assert "This is not possible while the e-mail is SENT." in answer.text
    assert "Record a reply" in answer.text


async def test_a_button_nobody_made_changes_nothing(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    email_id = await store(make_email())
    answer = await submit(staff_client, f"/emails/{email_id}", {"action": "explode", "version": 1})
    assert answer.status_code == 404
    assert (await load(sessions, email_id)).version == 1


async def test_follow_up_is_ticked_off(staff_client: Client, store: Store, sessions: SessionFactory):
    email_id = await store(make_email(status=EmailStatus.SENT, sent_at=NOW, nachverfolgung_erforderlich=True))
    await submit(staff_client, f"/emails/{email_id}", {"action": "followed_up", "version": 1})
    assert not (await load(sessions, email_id)).nachverfolgung_erforderlich


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


class TestReply:
    async def test_the_page_says_beforehand_that_the_call_is_cancelled(self, staff_client: Client, sent: int):
        page = (await staff_client.get(f"/emails/{sent}")).text
        assert "The call on Thu 15 Oct 10:00 is cancelled." in page
        assert 'value="2026-10-14"' in page
        assert 'value="10:42"' in page

    async def test_saving_records_the_answer_and_cancels_the_call(
        self, staff_client: Client, sent: int, sessions: SessionFactory
    ):
        answer = await submit(staff_client, f"/emails/{sent}/reply", reply_form())
        assert answer.headers["location"] == f"/emails/{sent}?done=reply"
        email = await load(sessions, sent)
        assert email.antwortinhalt == "Ein Platz wird frei."
        assert email.antwortdatum == datetime(2026, 10, 14, 8, 30, tzinfo=UTC)
        async with sessions() as session:
            assert (await session.scalars(select(PhoneCall.status))).all() == ["canceled"]

    async def test_an_out_of_office_note_moves_the_call(
        self, staff_client: Client, sent: int, sessions: SessionFactory
    ):
        form = reply_form(art="abwesenheit", antwortinhalt="", rueckkehr="2026-10-26")
        preview = await submit(staff_client, f"/emails/{sent}/reply", form | {"preview": "1"})
        assert "moves to the first free time from Mon 26 Oct on" in preview.text
        assert (await load(sessions, sent)).version == 1
        saved = await submit(staff_client, f"/emails/{sent}/reply", form)
        page = (await staff_client.get(saved.headers["location"])).text
        assert "The out-of-office note is saved." in page
        assert "The call is now planned for Mon 26 Oct, 10:00." in page
        assert "The reply is saved." not in page
        assert "Out-of-office note recorded" in page
        async with sessions() as session:
            call = (await session.scalars(select(PhoneCall))).one()
        assert (call.status, call.geplantes_datum) == ("scheduled", date(2026, 10, 26))
        assert not (await load(sessions, sent)).antwort_erhalten

    async def test_an_out_of_office_note_without_a_free_time_after_it_says_what_happens_instead(
        self, staff_client: Client, store: Store, sent: int, sessions: SessionFactory
    ):
        async with sessions() as session, session.begin():
            (await session.get_one(Therapist, 1)).telefonische_erreichbarkeit = {}
        form = reply_form(art="abwesenheit", antwortinhalt="", rueckkehr="2026-10-26")
        saved = await submit(staff_client, f"/emails/{sent}/reply", form)
        page = (await staff_client.get(saved.headers["location"])).text
        assert "No time is free after the absence: the call is cancelled" in page

    async def test_undeliverable_offers_a_call(
        self, staff_client: Client, store: Store, sessions: SessionFactory
    ):
        email_id = await store(make_therapist(), make_email(status=EmailStatus.SENT, sent_at=NOW))
        form = reply_form(art="unzustellbar", antwortinhalt="User unknown", uhrzeit="10:42")
        answer = await submit(staff_client, f"/emails/{email_id}/reply", form)
        assert answer.status_code == 303
        email = await load(sessions, email_id)
        assert (email.antwort_erhalten, email.fehlermeldung) == (False, "User unknown")
        page = (await staff_client.get(answer.headers["location"])).text
        assert "The notice is saved: the e-mail did not arrive." in page

    async def test_the_effect_follows_the_choice(self, staff_client: Client, sent: int):
        path = f"/emails/{sent}/reply/effect"
        for art, words in (
            ("antwort", "The call on Thu 15 Oct 10:00 is cancelled."),
            ("abwesenheit", "moves to the first free time"),
            ("unzustellbar", "then you can plan a call instead"),
        ):
            assert words in (await submit(staff_client, path, reply_form(art=art), htmx=True)).text

    async def test_the_effect_is_not_said_again_while_it_stays_the_same(
        self, staff_client: Client, sent: int, store: Store
    ):
        page = (await staff_client.get(f"/emails/{sent}")).text
        path = EFFECT.search(page)
        assert path
        assert (await submit(staff_client, path[1], reply_form(), htmx=True)).status_code == 204
        assert (
            await submit(staff_client, path[1], reply_form(art="abwesenheit"), htmx=True)
        ).status_code == 200

    async def test_the_effect_of_a_form_that_is_out_of_date_is_none(
        self, staff_client: Client, sent: int, ben_records: BenRecords
    ):
        await ben_records(sent)
        answer = await submit(staff_client, f"/emails/{sent}/reply/effect", reply_form(), htmx=True)
        assert "None yet: the e-mail has changed since you opened it." in answer.text

    async def test_what_has_to_be_done_marks_the_email_without_a_tick_too(
        self, staff_client: Client, sent: int, sessions: SessionFactory
    ):
        form = reply_form(nachverfolgung_notizen="Warteliste anbieten")
        preview = await submit(staff_client, f"/emails/{sent}/reply", form | {"preview": "1"})
        assert "Somebody has to follow the e-mail up." in preview.text
        await submit(staff_client, f"/emails/{sent}/reply", form)
        email = await load(sessions, sent)
        assert (email.nachverfolgung_erforderlich, email.nachverfolgung_notizen) == (
            True,
            "Warteliste anbieten",
        )

    async def test_what_was_done_already_is_not_marked_again_by_its_old_text(
        self, staff_client: Client, sent: int, sessions: SessionFactory
    ):
        form = reply_form(nachverfolgung_notizen="Warteliste anbieten")
        await submit(staff_client, f"/emails/{sent}/reply", form)
        await submit(staff_client, f"/emails/{sent}", {"action": "followed_up", "version": 2})
        await submit(
            staff_client, f"/emails/{sent}/reply", form | {"version": 3, "antwortinhalt": "Zwei Plätze"}
        )
        email = await load(sessions, sent)
        assert (email.antwortinhalt, email.nachverfolgung_erforderlich) == ("Zwei Plätze", False)

    async def test_what_is_wrong_is_named_and_the_text_stays(
        self, staff_client: Client, sent: int, sessions: SessionFactory
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
        assert (await load(sessions, sent)).version == 1

    async def test_htmx_gets_the_panel_back_with_its_errors(self, staff_client: Client, sent: int):
        answer = await submit(staff_client, f"/emails/{sent}/reply", reply_form(antwortinhalt=""), htmx=True)
        assert answer.status_code == 422
        assert answer.headers["hx-retarget"] == "#reply"
        assert answer.text.lstrip().startswith('<section id="reply"')
        assert "data-focus" in answer.text

    async def test_somebody_elses_change_is_told_and_the_text_stays(
        self, staff_client: Client, sent: int, sessions: SessionFactory
    ):
        await submit(staff_client, f"/emails/{sent}/reply", reply_form(antwortinhalt="Von Ben"))
        answer = await submit(staff_client, f"/emails/{sent}/reply", reply_form(antwortinhalt="Von mir"))
        assert answer.status_code == 409
        assert "This e-mail has changed since you opened it." in answer.text
        assert "Von mir" in answer.text
        assert 'id="reply-version" name="version" value="2"' in answer.text
        assert (await load(sessions, sent)).antwortinhalt == "Von Ben"

    async def test_a_reply_in_the_minute_in_which_the_email_was_made_is_possible(
        self, staff_client: Client, store: Store, sessions: SessionFactory, clock: FakeClock
    ):
        made = clock.advance(seconds=20)
        email_id = await store(
            make_therapist(), make_email(status=EmailStatus.SENT, sent_at=made, created_at=made)
        )
        clock.advance(seconds=20)
        answer = await submit(staff_client, f"/emails/{email_id}/reply", reply_form(uhrzeit="10:42"))
        assert answer.status_code == 303
        assert (await load(sessions, email_id)).antwortdatum == made

    async def test_a_recorded_reply_can_be_corrected(
        self, staff_client: Client, sent: int, sessions: SessionFactory
    ):
        await submit(staff_client, f"/emails/{sent}/reply", reply_form())
        page = (await staff_client.get(f"/emails/{sent}")).text
        assert "Correct the reply" in page
        assert 'value="abwesenheit"' not in page
        form = reply_form(version=2, antwortinhalt="Zwei Plätze werden frei.")
        await submit(staff_client, f"/emails/{sent}/reply", form)
        assert (await load(sessions, sent)).antwortinhalt == "Zwei Plätze werden frei."

    async def test_a_draft_has_no_reply(self, staff_client: Client, store: Store):
        email_id = await store(make_email(status=EmailStatus.DRAFT))
        assert "there can be no reply yet" in (await staff_client.get(f"/emails/{email_id}")).text
        answer = await submit(staff_client, f"/emails/{email_id}/reply", reply_form(uhrzeit="10:42"))
        assert answer.status_code == 409

    async def test_typed_text_comes_back_until_it_is_saved_or_discarded(
        self, staff_client: Client, sent: int
    ):
        typed = reply_form(antwortinhalt="Halb getippt", nachverfolgung_erforderlich="ja")
        kept = await submit(staff_client, f"/emails/{sent}/reply/draft", typed, htmx=True)
        assert "10:42" in kept.text
        page = (await staff_client.get(f"/emails/{sent}")).text
        assert "Halb getippt" in page
        assert "Your draft is here again." in page
        await submit(staff_client, f"/emails/{sent}/reply/discard")
        assert "Halb getippt" not in (await staff_client.get(f"/emails/{sent}")).text

    async def test_colleagues_see_who_is_typing_for_a_minute(
        self, staff_client: Client, anna: Staff, sent: int, sessions: SessionFactory, clock: FakeClock
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
        self, staff_client: Client, sent: int, ben_records: BenRecords
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
        self, staff_client: Client, sent: int, ben_records: BenRecords, art: ReplyKind, words: str
    ):
        await ben_records(sent, art=art)
        assert words in await part(staff_client, sent, "reply-news", "?seen=0")

    async def test_news_by_a_service_are_told_once_it_is_news(
        self, staff_client: Client, sent: int, sessions: SessionFactory, rules: DeskRules
    ):
        answered = EmailChanges(antwort_erhalten=True, antwortinhalt="Zwei Plätze")
        for _ in range(2):
            async with sessions() as session:
                await update_email(session, sent, answered, now=NOW, actor=API, rules=rules)
        assert "Another service has recorded a reply here" in await part(
            staff_client, sent, "reply-news", "?seen=0"
        )
        async with sessions() as session:
            recorded = select(Activity).where(Activity.action == "reply_recorded")
            assert len((await session.scalars(recorded)).all()) == 1

    async def test_a_button_pressed_beside_news_leaves_the_form_out_of_date(
        self, staff_client: Client, sent: int, ben_records: BenRecords
    ):
        await ben_records(sent, nachverfolgung_erforderlich=True)
        action = {"action": "followed_up", "version": 2, "seen": 0}
        headers = {"HX-Request": "true", "HX-Target": "email-state"}
        token = staff_client.cookies[CSRF_COOKIE]
        state = await staff_client.post(
            f"/emails/{sent}", data={**action, "_csrf_token": token}, headers=headers
        )
        assert "Ben has recorded a reply here meanwhile" in state.text
        assert 'id="reply-version"' not in state.text
