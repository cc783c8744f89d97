"""What came back stands on other pages, too; addresses nobody writes to, and a mailbox in trouble."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from services.models import (
    IncomingKind,
    IncomingState,
    MailboxCursor,
    StopEntry,
)
from shared.database import SessionFactory
from tests.factories import NOW, make_therapist
from tests.incoming import make_incoming, suggested
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import Store
from tests.integration.pages.test_inbox import panel


async def test_an_undeliverable_email_is_red_wherever_it_appears(
    staff_client: Client, sent: int, store: Store, sessions: SessionFactory
):
    words = "550 5.1.1 <praxis@example.org>: User unknown"
    incoming_id = await store(
        suggested(
            sent,
            art=IncomingKind.HARD_BOUNCE,
            serverworte=words,
            adresse_tot="praxis@example.org",
            worte="",
            text="",
        )
    )
    page = panel((await staff_client.get(f"/inbox/{incoming_id}")).text)
    assert "Nobody writes to praxis@example.org any more until it is released." in page
    await submit(staff_client, f"/inbox/{incoming_id}", {"action": "accept", "version": 1})
    red = '<span class="badge badge-bad">Undeliverable</span>'
    shown = "550 5.1.1 &lt;praxis@example.org&gt;: User unknown"
    for path in (f"/emails/{sent}", "/therapists/1"):
        page = (await staff_client.get(path)).text
        assert red in page, path
        assert shown in page, path
        assert '<span class="badge badge-good">Sent</span>' not in page, path
    assert red in (await staff_client.get("/emails")).text
    assert "E-mail undelivered" in (await staff_client.get("/calls/1")).text
    assert (
        "Call instead" in (await staff_client.get(f"/emails/{sent}")).text
        or "Call planned" in (await staff_client.get(f"/emails/{sent}")).text
    )


async def test_the_pages_of_email_and_therapist_show_the_conversation_in_order(
    staff_client: Client, sent: int, store: Store
):
    about = {"email_id": sent, "therapist_id": 1, "zustand": IncomingState.DONE}
    await store(make_incoming(**about, empfangen_at=NOW, worte="Zweite Antwort"))
    await store(
        make_incoming(
            **about,
            empfangen_at=NOW - timedelta(days=1),
            worte="Wir sind im Urlaub",
            art=IncomingKind.OUT_OF_OFFICE,
            wieder_da_am=date(2026, 10, 26),
        )
    )
    await store(
        make_incoming(
            **about, empfangen_at=NOW - timedelta(days=2), worte="Ihre Mail ist da", art=IncomingKind.RECEIPT
        )
    )
    page = (await staff_client.get(f"/emails/{sent}")).text
    order = [
        page.index(words)
        for words in ("Ihre Mail ist da", "Wir sind im Urlaub", "back on Mon 26 Oct", "Zweite Antwort")
    ]
    assert order[0] < order[1]
    assert order[1] < order[3]
    timeline = (await staff_client.get("/therapists/1")).text
    order = [timeline.index(words) for words in ("Zweite Antwort", "Wir sind im Urlaub", "Ihre Mail ist da")]
    assert order == sorted(order)


async def test_an_answer_stands_once_in_the_history(staff_client: Client, sent: int, store: Store):
    incoming_id = await store(suggested(sent))
    await submit(staff_client, f"/inbox/{incoming_id}", {"action": "accept", "version": 1})
    assert (await staff_client.get("/therapists/1")).text.count("Ab November ist ein Platz frei.") == 1


@pytest.mark.parametrize("page", ["/system", "/therapists/1"])
async def test_a_stopped_address_is_shown_and_released(
    staff_client: Client, sent: int, store: Store, sessions: SessionFactory, page: str
):
    entry = await store(
        StopEntry(adresse="praxis@example.org", grund="unzustellbar", seit=NOW, email_id=sent)
    )
    shown = (await staff_client.get(page)).text
    assert "Nobody can be reached at this address." in shown
    assert f'href="/emails/{sent}"' in shown
    if page == "/system":
        answer = await submit(staff_client, f"/system/stop-list/{entry}/release")
    else:
        answer = await submit(staff_client, page, {"action": "release_address", "sperre": entry})
    assert answer.status_code == 303
    after = (await staff_client.get(answer.headers["location"])).text
    assert "The address is released: it can be written to again." in after
    assert f'href="/emails/{sent}"' not in after.split('id="timeline-title"')[0]
    async with sessions() as session:
        released = await session.get_one(StopEntry, entry)
    assert (released.aufgehoben_at, released.aufgehoben_von) == (NOW, 1)


async def test_a_person_stops_an_address(staff_client: Client, store: Store, sessions: SessionFactory):
    await store(make_therapist())
    bad = await submit(staff_client, "/system/stop-list", {"adresse": "keine"})
    assert bad.status_code == 422
    assert "Give a complete e-mail address such as praxis@example.de." in bad.text
    await submit(staff_client, "/system/stop-list", {"adresse": "Fort@Example.org", "grund": "unzustellbar"})
    await submit(staff_client, "/therapists/1", {"action": "stop_address"})
    async with sessions() as session:
        found = (
            await session.execute(select(StopEntry.adresse, StopEntry.grund).order_by(StopEntry.id))
        ).all()
    assert found == [("fort@example.org", "unzustellbar"), ("praxis@example.org", "unerwuenscht")]


async def test_trouble_of_the_mailbox_is_said_in_the_servers_words(
    staff_client: Client, sessions: SessionFactory
):
    assert "No mailbox is read" in (await staff_client.get("/system")).text
    read_at, words = NOW - timedelta(hours=2), "[AUTHENTICATIONFAILED] Invalid credentials"
    cursor = MailboxCursor(
        postfach="imap.example.org/INBOX",
        uidvalidity=1,
        uid=3,
        seit=date(2026, 10, 1),
        zuletzt_at=read_at,
        fehler=words,
    )
    async with sessions() as session, session.begin():
        session.add(cursor)
    for path in ("/system", "/inbox"):
        assert words in (await staff_client.get(path)).text, path
    assert "2 hours ago" in (await staff_client.get("/system")).text


async def test_an_unknown_message_is_not_found(staff_client: Client):
    assert (await staff_client.get("/inbox/4711")).status_code == 404
    assert (await submit(staff_client, "/inbox/4711", {"action": "accept", "version": 1})).status_code == 404
