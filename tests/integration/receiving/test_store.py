"""Taking messages in: what each is matched to, and that it is one row with one effect."""

import asyncio
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from services.models import (
    CallStatus,
    EmailStatus,
    Incoming,
    IncomingKind,
    IncomingState,
    MailboxCursor,
    StopEntry,
)
from services.receiving.store import begin_mailbox, cursor_of
from services.tokens import address_with_token, make_token
from tests.factories import make_email, make_therapist
from tests.incoming_mail import OUR_ADDRESS, US, mail, report
from tests.integration.receiving.conftest import MAILBOX, SENT, VALIDITY, Desk

SAMPLES = Path(__file__).parents[2] / "mail_samples"
EXPECTED: dict[str, dict[str, Any]] = json.loads((SAMPLES / "expected.json").read_text())
ANSWER = "Guten Tag,\n\nim Januar kann ich eine Patientin aufnehmen.\n\nViele Grüße\nEva Kern"
UNKNOWN = {"In_Reply_To": "", "References": ""}
REFUSED = (
    "Original-Recipient: rfc822; praxis@kern-test.example\n"
    "Final-Recipient: rfc822; praxis@kern-test.example\n"
    "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n"
)


async def count_of(desk: Desk, model: type) -> int | None:
    async with desk.sessions() as session:
        return await session.scalar(select(func.count()).select_from(model))


async def test_an_answer_is_stored_and_ends_the_matter(desk: Desk) -> None:
    incoming = await desk.known(mail(ANSWER))

    assert (incoming.art, incoming.zustand) == (IncomingKind.REPLY, IncomingState.DONE)
    assert (incoming.email_id, incoming.therapist_id) == (1, 1)
    email = await desk.email()
    assert email.antwort_erhalten
    assert "eine Patientin aufnehmen" in (email.antwortinhalt or "")
    assert email.antwortdatum == incoming.empfangen_at
    assert (await desk.call()).status == CallStatus.CANCELED
    assert await desk.events() == ["call_canceled", "email_replied"]


async def test_of_two_answers_the_first_counts(desk: Desk) -> None:
    await desk.known(mail(ANSWER))
    second = await desk.known(
        mail("Noch etwas: bitte nachmittags anrufen.", Message_ID="<2@kern-test.example>")
    )

    assert (second.email_id, second.zustand, second.wirkung) == (1, IncomingState.DONE, None)
    assert "nachmittags" not in ((await desk.email()).antwortinhalt or "")
    assert (await desk.events()).count("email_replied") == 1


async def test_a_message_is_taken_in_once_however_often_it_comes(desk: Desk) -> None:
    raw = mail(ANSWER)
    assert await desk.comes(raw, uid=4) is not None
    assert await desk.comes(raw, uid=4) is None
    assert await desk.comes(raw, uid=9) is None, "moved away and back"
    assert await desk.comes(raw, uid=1, validity=78) is None, "the mailbox was numbered anew"
    rewritten = raw.replace(b"MIME-Version: 1.0", b"X-Moved: yes\r\nMIME-Version: 1.0")
    assert await desk.comes(rewritten, uid=2, validity=79) is None, "another server writes headers anew"

    assert await count_of(desk, Incoming) == 1
    assert (await desk.events()).count("email_replied") == 1


async def test_one_id_with_other_words_is_another_message(desk: Desk) -> None:
    await desk.known(mail(ANSWER))
    await desk.known(mail("Diese Antwort hat dieselbe Message-ID."))
    assert await count_of(desk, Incoming) == 2


async def test_readers_at_once_have_one_row_and_one_effect(desk: Desk) -> None:
    raw = mail(ANSWER)
    taken = await asyncio.gather(*(desk.comes(raw, uid=5) for _ in range(6)))
    assert len([incoming for incoming in taken if incoming is not None]) == 1
    assert (await desk.events()).count("email_replied") == 1


async def test_a_message_whose_effect_fails_leaves_no_row_and_no_cursor(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.does(begin_mailbox, MAILBOX, VALIDITY, SENT.date())

    async def fails(*_: object, **__: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr("services.receiving.store.settle_by_itself", fails)
        with pytest.raises(ConnectionError):
            await desk.comes(mail(ANSWER), uid=3)
    cursor = await desk.does(cursor_of, MAILBOX)
    assert cursor is not None
    assert (cursor.uid, await count_of(desk, Incoming)) == (0, 0)
    assert await desk.comes(mail(ANSWER), uid=3) is not None


async def test_the_cursor_only_advances_and_begins_anew_under_another_uidvalidity(desk: Desk) -> None:
    async def uid() -> int:
        cursor = await desk.does(cursor_of, MAILBOX)
        assert cursor is not None
        return cursor.uid

    await desk.does(begin_mailbox, MAILBOX, VALIDITY, SENT.date())
    await desk.comes(mail("Eins"), uid=7)
    await desk.comes(mail("Zwei"), uid=6)
    await desk.does(begin_mailbox, MAILBOX, VALIDITY, date(2020, 1, 1))
    assert await uid() == 7
    await desk.does(begin_mailbox, MAILBOX, 78, SENT.date())
    assert await uid() == 0
    await desk.comes(mail("Drei"), uid=8)
    assert await uid() == 0, "a slow reader of the old numbers"
    async with desk.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(MailboxCursor)) == 1


async def test_what_cant_be_read_is_kept_and_named(desk: Desk) -> None:
    huge = mail("Zu viel", Subject="Riesig", **UNKNOWN) + b"x\n" * 400_000
    incoming = await desk.known(huge)
    assert (incoming.art, incoming.zustand) == (IncomingKind.UNREADABLE, IncomingState.OPEN)
    assert (incoming.betreff, incoming.absender) == ("Riesig", "praxis@kern-test.example")
    assert incoming.serverworte == "more lines than are read"
    broken = await desk.known(b"\xff\x00\xfe")
    assert broken.email_id is None


async def test_a_message_that_trips_the_reading_is_not_in_the_way(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trips(*_: object, **__: object) -> None:
        raise RecursionError

    with monkeypatch.context() as broken:
        broken.setattr("services.receiving.understanding.read_bounce", trips)
        incoming = await desk.known(mail(ANSWER))
    assert (incoming.art, incoming.zustand, incoming.betreff) == ("unlesbar", "offen", "AW: Anfrage")
    assert await desk.known(mail("Die nächste", Message_ID="<2@kern-test.example>"))


async def test_an_absence_moves_the_call_behind_it(desk: Desk) -> None:
    note = "Guten Tag, ich bin bis einschließlich 6. Januar 2027 im Urlaub und nicht erreichbar."
    incoming = await desk.known(mail(note, Auto_Submitted="auto-replied", Subject="Abwesenheit: Anfrage"))

    assert (incoming.art, incoming.wieder_da_am) == (IncomingKind.OUT_OF_OFFICE, date(2027, 1, 7))
    email, call = await desk.email(), await desk.call()
    assert (email.antwort_erhalten, email.antwort_art) == (False, "abwesenheit")
    assert call.geplantes_datum >= date(2027, 1, 7)
    assert await desk.events() == ["call_scheduled"]


async def test_a_bounce_says_so_and_stops_a_dead_address(desk: Desk) -> None:
    incoming = await desk.known(report(REFUSED))

    assert incoming.art == IncomingKind.HARD_BOUNCE
    assert "550 5.1.1 User unknown" in (incoming.serverworte or "")
    email = await desk.email()
    assert (email.status, email.antwort_art, email.antwort_erhalten) == (
        EmailStatus.SENT,
        "unzustellbar",
        False,
    )
    assert "User unknown" in (email.fehlermeldung or "")
    assert (await desk.call()).status == CallStatus.SCHEDULED
    assert await desk.events() == ["email_failed"]
    async with desk.sessions() as session:
        (entry,) = await session.scalars(select(StopEntry))
    assert (entry.adresse, entry.grund, entry.email_id, entry.eingang_id) == (
        "praxis@kern-test.example",
        "unzustellbar",
        1,
        incoming.id,
    )


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("4.2.2", "452 4.2.2 mailbox full"),
        ("5.2.2", "552 5.2.2 mailbox full"),
        ("5.7.1", "554 5.7.1 rejected by policy"),
    ],
)
async def test_what_may_pass_never_stops_an_address(desk: Desk, status: str, words: str) -> None:
    said = REFUSED.replace("5.1.1\n", f"{status}\n").replace("550 5.1.1 User unknown", words)
    incoming = await desk.known(report(said))
    assert (incoming.art, incoming.email_id) == (IncomingKind.HARD_BOUNCE, 1)
    assert await count_of(desk, StopEntry) == 0


async def test_a_bounce_after_an_answer_changes_nothing_but_the_timeline(desk: Desk) -> None:
    await desk.known(mail(ANSWER))
    before = await desk.email()
    bounce = await desk.known(report(REFUSED))
    after = await desk.email()

    assert (bounce.email_id, bounce.wirkung) == (1, None)
    assert (after.antwort_art, after.fehlermeldung, after.version) == ("antwort", None, before.version)
    assert "email_failed" not in await desk.events()
    assert await count_of(desk, StopEntry) == 0


async def test_an_answer_after_a_bounce_counts(desk: Desk) -> None:
    await desk.known(report(REFUSED))
    await desk.known(mail(ANSWER))
    email = await desk.email()
    assert (email.antwort_erhalten, email.antwort_art) == (True, "antwort")
    assert await desk.events() == ["email_failed", "call_canceled", "email_replied"]


async def test_a_delay_and_a_receipt_change_nothing(desk: Desk) -> None:
    delayed = REFUSED.replace("failed", "delayed").replace("5.1.1", "4.4.1")
    await desk.known(report(delayed))
    await desk.known(mail("Ihre Nachricht ist eingegangen. Ticket 4711.", Auto_Submitted="auto-generated"))
    assert [each.art for each in await desk.incoming()] == [IncomingKind.SOFT_BOUNCE, IncomingKind.RECEIPT]
    assert {(each.zustand, each.email_id) for each in await desk.incoming()} == {(IncomingState.DONE, 1)}
    assert (await desk.email()).antwort_art is None
    assert await desk.events() == []


async def test_a_report_is_known_by_the_token_it_was_sent_to(desk: Desk) -> None:
    to = address_with_token("bounce@platz-test.example", make_token(1, US.secret))
    incoming = await desk.known(report(REFUSED, returned="X-Nothing: of ours\n", to=to))
    assert incoming.email_id == 1
    forged = address_with_token("bounce@platz-test.example", make_token(1, b"another secret"))
    other = await desk.known(report(REFUSED, returned="X-Other: thing\n", to=forged))
    assert (other.email_id, other.zustand) == (None, IncomingState.SUGGESTED)
    assert other.vorschlag is not None
    assert (other.vorschlag["email_id"], other.vorschlag["grund"]) == (1, "empfaenger")


async def test_an_answer_to_the_reply_address_is_known_by_its_token(desk: Desk) -> None:
    to = address_with_token(OUR_ADDRESS, make_token(1, US.secret))
    assert (await desk.known(mail(ANSWER, To=to, **UNKNOWN))).email_id == 1


async def test_a_second_mail_in_answer_to_their_own_is_known_by_the_first(desk: Desk) -> None:
    await desk.known(mail(ANSWER))
    more = mail(
        "Nachtrag.", Message_ID="<2@kern-test.example>", In_Reply_To="<1@kern-test.example>", References=""
    )
    assert (await desk.known(more)).email_id == 1


async def test_an_answer_without_a_trace_is_suggested_by_its_sender(desk: Desk) -> None:
    incoming = await desk.known(mail(ANSWER, Subject="Therapieplatz", **UNKNOWN))
    assert (incoming.email_id, incoming.zustand) == (None, IncomingState.SUGGESTED)
    assert incoming.vorschlag == {"email_id": 1, "therapist_id": 1, "grund": "absender", "weitere": []}
    assert not (await desk.email()).antwort_erhalten
    assert await desk.events() == []


async def test_suggestions_go_by_reference_subject_and_directory(desk: Desk) -> None:
    sent = {"status": EmailStatus.SENT, "sent_at": SENT, "created_at": SENT}
    await desk.add(
        make_therapist(id=2, email="kontakt@roth-test.example"),
        make_email(**sent, therapist_id=2, aktenzeichen="TP 2026/17", empfaenger_email="a@roth-test.example"),
        make_email(**sent, betreff="Drei Anfragen aus Köln", empfaenger_email="b@roth-test.example"),
    )
    strange = {"From": "eva@anderswo-test.example", **UNKNOWN}

    async def suggested(text: str, **headers: str) -> tuple[object, object]:
        incoming = await desk.known(mail(text, **{**strange, "Subject": "Kurz", **headers}))
        vorschlag = incoming.vorschlag or {}
        return vorschlag.get("email_id"), vorschlag.get("grund")

    assert await suggested("Zu Ihrem Zeichen: TP 2026/17\nGern.") == (2, "aktenzeichen")
    assert await suggested("Gern.", Subject="AW: Re: Drei Anfragen aus Köln") == (3, "betreff")
    assert await suggested("Gern!", From="Kontakt@Roth-test.example") == (2, "therapeut")
    assert await suggested("Wer sind Sie?") == (None, None)
    last = (await desk.incoming())[-1]
    assert (last.zustand, last.vorschlag) == (IncomingState.OPEN, None)


async def test_what_nobody_wants_is_put_aside_and_kept(desk: Desk) -> None:
    letter = mail(
        "Neuigkeiten!", List_Id="<news.verlag-test.example>", List_Unsubscribe="<mailto:x@y>", **UNKNOWN
    )
    incoming = await desk.known(letter)
    assert (incoming.art, incoming.zustand) == (IncomingKind.NEWSLETTER, IncomingState.ASIDE)


async def test_a_draft_waits_for_a_person(desk: Desk) -> None:
    await desk.add(
        make_email(
            status=EmailStatus.DRAFT, queued_at=None, naechster_versuch_at=None, message_id="<d@x.example>"
        )
    )
    incoming = await desk.known(mail(ANSWER, In_Reply_To="<d@x.example>", References=""))
    assert (incoming.email_id, incoming.zustand) == (2, IncomingState.OPEN)


@pytest.mark.parametrize("name", EXPECTED)
async def test_a_sample_does_what_is_expected_of_it(desk: Desk, name: str) -> None:
    expected, raw = EXPECTED[name], (SAMPLES / name).read_bytes()
    sent = {"status": EmailStatus.SENT, "sent_at": SENT, "created_at": SENT}
    refers_to = expected.get("refers_to")
    if refers_to and f"<{refers_to}>" != (await desk.email()).message_id:
        await desk.add(
            make_email(
                **sent,
                message_id=f"<{refers_to}>",
                empfaenger_email=expected.get("recipient", "praxis@kern-test.example"),
            )
        )
    incoming = await desk.known(raw)
    assert incoming.art == expected["kind"]
    if refers_to:
        email = await desk.email(incoming.email_id or 0)
        assert email.message_id == f"<{refers_to}>"
        assert email.antwort_erhalten is (expected["kind"] == "reply")
        assert incoming.wieder_da_am == (
            date.fromisoformat(expected["back_on"]) if "back_on" in expected else None
        )
    if expected["match"] == "suggestion_by_sender":
        assert incoming.email_id is None
