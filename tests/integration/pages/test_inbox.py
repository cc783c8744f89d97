"""The inbox: what waits for a person, what would follow, deciding it and taking it back; no script."""

import re
from datetime import date, timedelta

from sqlalchemy import select

from services.accounts.staff import add_staff
from services.models import (
    CallStatus,
    Draft,
    EmailStatus,
    Incoming,
    IncomingKind,
    IncomingState,
    PhoneCall,
)
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import NOW, make_email, make_therapist
from tests.incoming import make_incoming, suggested
from tests.integration.conftest import PASSWORD, Client, submit
from tests.integration.pages.conftest import WEEK_AGO, Store, load_email
from tests.work import work_of

EFFECT = "The call on Thu 15 Oct 10:00 is cancelled. The e-mail counts as answered."


async def load(sessions: SessionFactory, incoming_id: int) -> Incoming:
    async with sessions() as session:
        return await session.get_one(Incoming, incoming_id)


async def calls(sessions: SessionFactory) -> list[str]:
    async with sessions() as session:
        return list(await session.scalars(select(PhoneCall.status).order_by(PhoneCall.id)))


def panel(page: str) -> str:
    return page.split('<section id="inbox-message"')[1].split("</section>\n")[0]


def rows(page: str) -> list[str]:
    return re.findall(r'<span class="row-name">([^<]*)</span>', page)


async def test_what_waits_stands_oldest_first_and_its_first_message_is_open(
    staff_client: Client, sent: int, store: Store
):
    await store(suggested(sent, empfangen_at=NOW - timedelta(minutes=5), absender_name="Zuletzt"))
    await store(
        make_incoming(empfangen_at=NOW - timedelta(hours=5), absender_name="Zuerst", therapist_id=None)
    )
    await store(make_incoming(zustand=IncomingState.DONE, absender_name="Erledigt"))
    await store(
        make_incoming(zustand=IncomingState.ASIDE, absender_name="Beiseite", art=IncomingKind.NEWSLETTER)
    )
    page = (await staff_client.get("/inbox")).text
    assert rows(page) == ["Zuerst", "Dr. Jürgen Schmidt"]
    assert "<strong>Zuerst</strong>" in panel(page)
    assert 'aria-current="true"' in page.split("Zuerst")[0]
    for show, shown in (
        ("suggestions", ["Dr. Jürgen Schmidt"]),
        ("aside", ["Beiseite"]),
        ("all", ["Beiseite", "Erledigt", "Zuerst", "Dr. Jürgen Schmidt"]),
        ("nonsense", ["Zuerst", "Dr. Jürgen Schmidt"]),
    ):
        assert rows((await staff_client.get(f"/inbox?show={show}")).text) == shown


async def test_every_page_counts_what_waits(staff_client: Client, sent: int, store: Store):
    count = '<span class="count"><span class="visually-hidden">, waiting: </span>2</span>'
    assert count not in (await staff_client.get("/week")).text
    await store(suggested(sent), make_incoming(), make_incoming(zustand=IncomingState.DONE))
    for path in ("/", "/week", "/emails", "/system", "/emails/4711"):
        assert count in (await staff_client.get(path)).text, path
    assert count in (await staff_client.get("/inbox/count?shown=1", headers={"HX-Request": "true"})).text
    known = await staff_client.get("/inbox/count?shown=2", headers={"HX-Request": "true"})
    assert known.status_code == 204


async def test_a_suggestion_says_why_and_what_will_follow(staff_client: Client, sent: int, store: Store):
    incoming_id = await store(suggested(sent, anhaenge=[{"name": "Anfahrt <1>.pdf", "size": 2_340_000}]))
    page = panel((await staff_client.get(f"/inbox/{incoming_id}")).text)
    assert (
        f'<a href="/emails/{sent}">Anfrage für drei Patientinnen</a> to Dr. Jürgen Schmidt, sent Thu 8 Oct'
        in page
    )
    assert (
        "because the sender&#39;s address is the one that was written to" in page
        or "because the sender's address" in page
    )
    assert EFFECT in page
    assert "Ab November ist ein Platz frei." in page
    assert "Show the whole text" in page
    assert "&gt; Guten Tag" in page
    assert 'Anfahrt &lt;1&gt;.pdf <span class="muted">2.3 MB</span>' in page


async def test_a_suggestion_is_accepted_and_taken_back(
    staff_client: Client, sent: int, store: Store, sessions: SessionFactory
):
    later = await store(make_incoming(empfangen_at=NOW, absender_name="Danach"))
    incoming_id = await store(suggested(sent))
    answer = await submit(staff_client, f"/inbox/{incoming_id}", {"action": "accept", "version": 1})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/inbox/{later}?done=accept&about={incoming_id}"
    assert (await load(sessions, incoming_id)).zustand == IncomingState.DONE
    email = await load_email(sessions, sent)
    assert email.antwort_erhalten
    assert email.antwortinhalt == "Ab November ist ein Platz frei."
    assert await calls(sessions) == [CallStatus.CANCELED]
    page = (await staff_client.get(answer.headers["location"])).text
    assert "Recorded: the message of Dr. Jürgen Schmidt." in page
    assert "<strong>Danach</strong>" in panel(page)

    version = (await load(sessions, incoming_id)).version
    undone = await submit(staff_client, f"/inbox/{incoming_id}", {"action": "undo", "version": version})
    assert undone.status_code == 303
    assert not (await load_email(sessions, sent)).antwort_erhalten
    assert await calls(sessions) == [CallStatus.SCHEDULED]
    page = (await staff_client.get(undone.headers["location"])).text
    assert "waits again." in page
    assert EFFECT in panel(page)


async def test_a_swap_brings_message_list_count_and_what_was_done(
    staff_client: Client, sent: int, store: Store
):
    incoming_id = await store(suggested(sent))
    form = {"action": "accept", "version": 1, "show": "open"}
    answer = await submit(staff_client, f"/inbox/{incoming_id}", form, htmx=True)
    assert answer.headers["hx-replace-url"] == "/inbox"
    page = answer.text
    assert "<html" not in page
    assert 'id="inbox-list" class="call-list inbox-list"' in page
    assert page.count("hx-swap-oob") >= 4
    assert "Nothing to decide" in page
    assert 'name="action" value="undo" data-key="u"' in page


async def test_a_message_is_given_to_another_email(
    staff_client: Client, sent: int, store: Store, sessions: SessionFactory
):
    await store(make_therapist(id=2, vorname="Ada", nachname="Kern"))
    other = await store(
        make_email(
            therapist_id=2,
            betreff="Nachfrage",
            empfaenger_name="Ada Kern",
            empfaenger_email="kern@example.org",
            status=EmailStatus.SENT,
            created_at=WEEK_AGO,
            sent_at=WEEK_AGO,
        )
    )
    incoming_id = await store(make_incoming(absender="unbekannt@example.net"))
    page = (await staff_client.get(f"/inbox/{incoming_id}")).text
    assert "Nothing fits by itself: search above." in panel(page)
    found = await submit(
        staff_client, f"/inbox/{incoming_id}", {"action": "find", "version": 1, "q": "kern", "art": "reply"}
    )
    assert f'value="email:{other}"' in found.text
    assert "Only to Dr. Ada Kern, to no e-mail" in found.text
    chosen = {"version": 1, "art": "reply", "ziel": f"email:{other}", "q": "kern"}
    effect = await submit(staff_client, f"/inbox/{incoming_id}/effect", chosen, htmx=True)
    assert "The e-mail counts as answered; no call follows by itself." in effect.text
    await submit(staff_client, f"/inbox/{incoming_id}", {"action": "correct", **chosen})
    assert (await load_email(sessions, other)).antwort_erhalten
    assert not (await load_email(sessions, sent)).antwort_erhalten


async def test_kind_match_and_date_are_corrected_afterwards(
    staff_client: Client, sent: int, store: Store, sessions: SessionFactory
):
    incoming_id = await store(suggested(sent))
    await submit(staff_client, f"/inbox/{incoming_id}", {"action": "accept", "version": 1})
    page = panel((await staff_client.get(f"/inbox/{incoming_id}?show=all")).text)
    assert "Correct" in page
    form = {
        "action": "correct",
        "version": 2,
        "art": "out_of_office",
        "ziel": f"email:{sent}",
        "wieder_da_am": "2026-10-26",
    }
    answer = await submit(staff_client, f"/inbox/{incoming_id}", form)
    assert answer.headers["location"].startswith(f"/inbox/{incoming_id}?done=correct")
    email = await load_email(sessions, sent)
    assert (email.antwort_erhalten, email.antwort_art) == (False, "abwesenheit")
    assert await calls(sessions) == [CallStatus.SCHEDULED]
    assert (await load(sessions, incoming_id)).wieder_da_am == date(2026, 10, 26)


async def test_a_message_is_only_for_a_therapist(
    staff_client: Client, sent: int, store: Store, sessions: SessionFactory
):
    incoming_id = await store(make_incoming(worte="Unsere Nummer hat sich geändert."))
    form = {"version": 1, "art": "reply", "ziel": "therapist:1"}
    effect = await submit(staff_client, f"/inbox/{incoming_id}/effect", form, htmx=True)
    assert "It stands in the history of Dr. Jürgen Schmidt; nothing else follows." in effect.text
    await submit(staff_client, f"/inbox/{incoming_id}", {"action": "correct", **form})
    assert not (await load_email(sessions, sent)).antwort_erhalten
    assert "Unsere Nummer hat sich geändert." in (await staff_client.get("/therapists/1")).text


async def test_a_message_is_put_aside_and_fetched_back(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    incoming_id = await store(make_incoming(art=IncomingKind.UNCLEAR))
    answer = await submit(staff_client, f"/inbox/{incoming_id}", {"action": "put_aside", "version": 1})
    page = (await staff_client.get(answer.headers["location"])).text
    assert "Put aside: the message of Praxis Schmidt." in page
    assert "Nothing to decide" in page
    await submit(staff_client, f"/inbox/{incoming_id}", {"action": "undo", "version": 2})
    assert (await load(sessions, incoming_id)).zustand == IncomingState.OPEN


async def test_a_form_with_something_missing_comes_back_with_what_was_chosen(
    staff_client: Client, sent: int, store: Store
):
    incoming_id = await store(make_incoming())
    form = {
        "action": "correct",
        "version": 1,
        "art": "out_of_office",
        "wieder_da_am": "gestern",
        "q": "schmidt",
    }
    answer = await submit(staff_client, f"/inbox/{incoming_id}", form)
    assert answer.status_code == 422
    assert "<title>Error: Inbox" in answer.text
    assert '<a href="#ziel">Choose what it belongs to.</a>' in answer.text
    assert '<a href="#wieder_da_am">Give a date, or leave it empty.</a>' in answer.text
    assert 'value="out_of_office" checked' in answer.text
    past = form | {"wieder_da_am": "2026-10-01", "ziel": f"email:{sent}"}
    answer = await submit(staff_client, f"/inbox/{incoming_id}", past)
    assert answer.status_code == 422
    assert "This lies in the past." in answer.text


async def test_what_somebody_else_did_meanwhile_is_said_and_nothing_done_twice(
    staff_client: Client, sent: int, store: Store, sessions: SessionFactory, client: Client, clock: FakeClock
):
    incoming_id = await store(suggested(sent))
    async with sessions() as session:
        await add_staff(work_of(session, now=clock()), "Ben", PASSWORD, admin=False)
    await submit(client, "/login", {"name": "Ben", "password": PASSWORD})
    await submit(client, f"/inbox/{incoming_id}", {"action": "put_aside", "version": 1})
    await submit(client, "/login", {"name": "Anna", "password": PASSWORD})
    said = "Ben has put this message aside meanwhile (10:42)."
    state = await staff_client.get(f"/inbox/{incoming_id}/state?version=1", headers={"HX-Request": "true"})
    assert said in state.text
    answer = await submit(
        staff_client, f"/inbox/{incoming_id}", {"action": "accept", "version": 1}, htmx=True
    )
    assert answer.status_code == 409
    assert said in answer.text
    assert not (await load_email(sessions, sent)).antwort_erhalten


async def test_what_is_being_chosen_outlasts_the_page(
    staff_client: Client, store: Store, sessions: SessionFactory
):
    incoming_id = await store(make_incoming())
    form = {"version": 1, "art": "receipt", "q": "Schmi"}
    assert (
        "Kept as a draft" in (await submit(staff_client, f"/inbox/{incoming_id}/draft", form, htmx=True)).text
    )
    page = (await staff_client.get(f"/inbox/{incoming_id}")).text
    assert "Your draft is here again." in page
    assert 'value="Schmi"' in page
    late = await submit(staff_client, f"/inbox/{incoming_id}/draft", form | {"version": 7}, htmx=True)
    assert late.status_code == 204
    await submit(staff_client, f"/inbox/{incoming_id}", {"action": "put_aside", "version": 1})
    async with sessions() as session:
        assert (await session.scalars(select(Draft.id))).all() == []


async def test_html_and_commands_of_a_message_are_only_text(staff_client: Client, store: Store):
    words = "<script>alert(1)</script><img src=https://example.net/x.png>"
    incoming_id = await store(make_incoming(worte=words, text=words, betreff=words, absender_name=words))
    page = (await staff_client.get(f"/inbox/{incoming_id}")).text
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
