import re
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.api_keys import KeyState, list_keys, state_of
from services.accounts.staff import add_staff
from services.models import Activity, ApiKey, EmailStatus, MailQueueState, OutboxEvent, Staff
from services.sending.hold import hold_queue
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_call, make_email, make_therapist
from tests.integration.conftest import PASSWORD, Client, submit
from tests.work import work_of


async def after(client: Client, path: str, form: dict[str, object] | None = None) -> str:
    """Send a form and return the page it leads to, where the message takes the focus."""
    answer = await submit(client, path, form)
    assert answer.status_code == 303
    assert answer.headers["location"].endswith("#done")
    page = (await client.get(answer.headers["location"])).text
    assert '<p id="done" class="banner banner-good" role="status" tabindex="-1" data-focus>' in page
    return page


async def test_a_pause_shows_the_reason_and_can_be_ended(
    staff_client: Client, sessions: SessionFactory, clock: FakeClock
):
    async with sessions() as session, session.begin():
        session.add(MailQueueState(id=1, failures=2, reason="connection refused", paused_until=clock()))
    assert "connection refused" in (await staff_client.get("/system")).text
    assert "The mail server is tried again now." in await after(staff_client, "/system/queue/resume")


async def test_an_administrator_holds_the_queue_and_releases_it(
    staff_client: Client, sessions: SessionFactory
):
    async with sessions() as session, session.begin():
        session.add_all([make_email(), make_email()])
    too_long = await submit(staff_client, "/system/queue/hold", {"reason": "x" * 201})
    assert too_long.status_code == 422
    assert "At most 200 characters." in too_long.text
    page = await after(staff_client, "/system/queue/hold", {"reason": "Falscher Anhang"})
    assert "Sending is held: nothing goes out until it is released." in page
    assert "by Anna: nothing goes out." in page
    assert "Falscher Anhang" in page
    assert "2 e-mails that wait go out then." in page
    page = await after(staff_client, "/system/queue/release")
    assert "Sending is released." in page
    assert "Falscher Anhang" not in page
    async with sessions() as session:
        noted = await session.execute(select(Activity.action, Activity.staff_id).order_by(Activity.id))
    assert noted.all()[-2:] == [("queue_held", 1), ("queue_released", 1)]


async def test_failed_and_unclear_mails_and_exhausted_calls_are_counted(
    staff_client: Client, sessions: SessionFactory
):
    async with sessions() as session, session.begin():
        session.add_all([make_therapist(), make_email(status="FAILED"), make_call(klaerung_noetig=True)])
    page = (await staff_client.get("/system")).text
    assert '<a href="/emails?show=failed">1</a>' in page
    assert '<a href="/therapists/1">Dr. Jürgen Schmidt</a>' in page


async def test_a_set_aside_event_is_tried_again(
    staff_client: Client, sessions: SessionFactory, clock: FakeClock
):
    event = {"event_type": "communication.email_sent", "topic": "t", "key": "email:1", "payload": {}}
    async with sessions() as session, session.begin():
        session.add(
            OutboxEvent(
                event_id="00000000-0000-0000-0000-000000000001",
                available_at=clock(),
                set_aside_at=clock(),
                last_error="too large",
                anfrage_id="matching-17",
                **event,
            )
        )
    page = (await staff_client.get("/system")).text
    assert "too large" in page
    assert "request_id=matching-17" in page
    nothing = await submit(staff_client, "/system/events/retry")
    assert nothing.status_code == 422
    assert "Tick at least one event." in nothing.text
    page = await after(staff_client, "/system/events/retry", {"ids": "1"})
    assert "The chosen events are published once more." in page
    async with sessions() as session:
        assert (await session.scalars(select(OutboxEvent.set_aside_at))).all() == [None]


async def test_an_administrator_adds_and_closes_an_account(staff_client: Client, sessions: SessionFactory):
    page = await after(staff_client, "/system/staff", {"name": "Ben", "password": "long enough 1"})
    assert "Ben has an account now and can log in." in page
    page = await after(staff_client, "/system/staff/2/close")
    assert "The account of Ben is closed, and Ben is logged out everywhere." in page
    async with sessions() as session:
        ben = await session.get(Staff, 2)
        assert ben is not None
        assert not ben.aktiv
    assert "The account of Ben is open again." in await after(staff_client, "/system/staff/2/open")
    untrue = (await staff_client.get("/system?done=account_closed&about=2")).text
    assert "logged out everywhere" not in untrue


async def test_a_bad_account_form_comes_back_with_what_is_wrong(staff_client: Client):
    answer = await submit(staff_client, "/system/staff", {"name": "Ben", "password": "short"})
    assert answer.status_code == 422
    assert "A password has 10 to 200 characters." in answer.text
    assert 'value="Ben"' in answer.text
    taken = await submit(staff_client, "/system/staff", {"name": "anna", "password": "long enough 1"})
    assert taken.status_code == 409


async def test_nobody_closes_their_own_account(staff_client: Client, anna: Staff, sessions: SessionFactory):
    await submit(staff_client, f"/system/staff/{anna.id}/close")
    async with sessions() as session:
        assert (await session.get_one(Staff, anna.id)).aktiv


async def test_a_key_is_shown_once_and_revoked(staff_client: Client, sessions: SessionFactory):
    page = await submit(staff_client, "/system/keys", {"key_name": "matching", "scopes": "emails"})
    key = re.search(r"cd_[\w-]{20,}", page.text)
    assert key
    assert key[0] not in (await staff_client.get("/system")).text
    page = (await staff_client.get("/system")).text
    assert "Requests with this key are refused from then on" in page
    assert '<a href="/api/docs">' in page
    page = await after(staff_client, "/system/keys/1/revoke")
    assert "The key matching is revoked: requests with it are refused." in page
    assert "Requests with this key are refused from then on" not in page
    async with sessions() as session:
        assert (await session.get_one(ApiKey, 1)).revoked_at is not None


async def test_a_key_gets_the_terms_of_the_form_and_its_end_is_marked(
    staff_client: Client, sessions: SessionFactory, clock: FakeClock
):
    assert 'value="emails" checked' in (await staff_client.get("/system")).text
    typed = {"key_name": "reporting", "scopes": ["read", "metrics"], "expires": "2026-10-20", "limit": "60"}
    assert (await submit(staff_client, "/system/keys", typed)).status_code == 200
    async with sessions() as session:
        key = await session.get_one(ApiKey, 1)
        assert (key.scopes, key.requests_per_minute) == (["read", "metrics"], 60)
    page = (await staff_client.get("/system")).text
    assert "20 Oct 2026, 23:59" in page
    assert '<span class="badge badge-warn">ends in 6 days</span>' in page
    clock.set_local(2026, 10, 20, 23, 59)
    async with sessions() as session:
        keys = await list_keys(work_of(session, now=clock()))
        assert state_of(keys[0], clock()) is KeyState.EXPIRED


async def test_a_bad_key_form_says_at_each_field_what_is_wrong(staff_client: Client):
    typed = {"key_name": "x", "expires": "2026-10-01", "scopes": "read"}
    past = await submit(staff_client, "/system/keys", typed)
    assert past.status_code == 422
    assert '<p class="field-error" id="expires-error">This is over already.</p>' in past.text
    assert 'value="2026-10-01"' in past.text
    none = await submit(staff_client, "/system/keys", {"key_name": "x", "limit": "1000001"})
    assert 'id="scope-emails-error">Choose at least one.' in none.text
    assert 'id="limit-error">Give a whole number from 0 to 1000000.' in none.text
    word = await submit(staff_client, "/system/keys", {"key_name": "x", "scopes": "read", "limit": "many"})
    assert word.status_code == 422


async def test_only_administrators_manage_accounts_and_keys(
    client: Client, sessions: SessionFactory, clock: FakeClock
):
    async with sessions() as session:
        await add_staff(work_of(session, now=clock()), "Ben", PASSWORD, admin=False)
    await submit(client, "/login", {"name": "Ben", "password": PASSWORD})
    for path in ("staff", "keys", "staff/1/close", "keys/1/revoke", "queue/hold", "queue/release"):
        assert (await submit(client, f"/system/{path}", {"name": "x"})).status_code == 403
    page = (await client.get("/system")).text
    assert "Create a key" not in page
    assert "/api/docs" not in page
    assert "Hold sending" not in page
    async with sessions() as session:
        await hold_queue(work_of(session), "Falscher Anhang")
    page = (await client.get("/system")).text
    assert "by the command line: nothing goes out." in page
    assert "Falscher Anhang" in page
    assert "Release sending" not in page


async def test_metrics_need_a_key(client: Client):
    assert (await client.get("/metrics")).status_code == 401


async def test_it_begins_with_what_needs_attention_or_says_that_all_is_well(
    staff_client: Client, session: AsyncSession, clock: FakeClock
):
    page = (await staff_client.get("/system")).text
    assert "All is well: nothing is late" in page
    async with session.begin():
        session.add(
            make_email(status=EmailStatus.QUEUED, naechster_versuch_at=clock() - timedelta(minutes=6))
        )
    page = (await staff_client.get("/system")).text
    assert "1 e-mail is not leaving" in page
    assert "All is well" not in page
    async with session.begin():
        session.add(
            MailQueueState(id=1, failures=3, reason="535 5.7.8 bad credentials", paused_until=clock())
        )
    page = (await staff_client.get("/system")).text
    attention = page.partition('id="attention-title"')[2].partition("</section>")[0]
    assert "The mail server can't be used" in attention
    assert "535 5.7.8 bad credentials" in attention
    assert "is not leaving" not in attention
