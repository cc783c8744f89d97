"""What a person does about a message, and the way back."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy import select

from services.calls.absences import set_absence
from services.emails.replies import record_reply
from services.emails.reply import Reply
from services.errors import InvalidInput, StaleVersion
from services.follow_ups.automatic import due_follow_ups
from services.models import (
    AbsenceSource,
    CallStatus,
    EmailStatus,
    IncomingKind,
    IncomingState,
    ReplyKind,
    StopEntry,
    Therapist,
)
from services.receiving.decisions import (
    NoSuchMessage,
    NothingSuggested,
    accept,
    correct,
    put_aside,
    undo,
)
from services.receiving.effects import Correction
from services.rules import DeskRules
from services.work import Actor
from tests.factories import make_call, make_email, make_staff, make_therapist
from tests.incoming_mail import mail, report
from tests.integration.receiving.conftest import NOW, SENT, Desk
from tests.integration.receiving.test_store import ANSWER, REFUSED, UNKNOWN
from tests.work import a_moment, work_of

ANNA = Actor("staff", staff_id=1)


@pytest.fixture(autouse=True)
async def anna(desk: Desk) -> None:
    await desk.add(make_staff())


async def test_what_is_accepted_follows_as_if_it_had_been_sure(desk: Desk) -> None:
    suggested = await desk.known(mail(ANSWER, **UNKNOWN))
    handled = await desk.does(accept, suggested.id, actor=ANNA)

    assert (handled.incoming.zustand, handled.incoming.email_id) == (IncomingState.DONE, 1)
    assert handled.effect is not None
    assert handled.effect.canceled is not None
    assert (await desk.email()).antwort_erhalten
    assert await desk.events() == ["call_canceled", "email_replied"]
    with pytest.raises(NothingSuggested):
        await desk.does(accept, suggested.id, actor=ANNA)


async def test_undone_an_answer_leaves_no_trace_but_the_news_of_it(desk: Desk) -> None:
    incoming = await desk.known(mail(ANSWER))
    await desk.does(undo, incoming.id, actor=ANNA)

    email, call, (again,) = await desk.email(), await desk.call(), await desk.incoming()
    assert (email.antwort_erhalten, email.antwortdatum, email.antwortinhalt) == (False, None, None)
    assert (email.antwort_art, email.status) == (None, EmailStatus.SENT)
    assert (call.status, call.ergebnis, call.abgeschlossen_at) == (CallStatus.SCHEDULED, None, None)
    assert call.geplantes_datum == date(2026, 12, 23)
    assert (again.zustand, again.email_id, again.wirkung) == (IncomingState.OPEN, None, None)
    assert (await desk.events())[2:] == ["call_scheduled", "email_sent"]


async def test_a_call_whose_time_was_given_away_comes_back_at_the_next_one_free(desk: Desk) -> None:
    incoming = await desk.known(mail(ANSWER))
    was = await desk.call()
    await desk.add(make_call(geplantes_datum=was.geplantes_datum, geplante_zeit=was.geplante_zeit))
    await desk.does(undo, incoming.id)
    call = await desk.call()
    assert call.status == CallStatus.SCHEDULED
    assert (call.geplantes_datum, call.geplante_zeit) != (was.geplantes_datum, was.geplante_zeit)


async def test_what_somebody_changed_since_stays(desk: Desk) -> None:
    incoming = await desk.known(mail(ANSWER))
    later = Reply(inhalt="Am Telefon gesagt", eingang=NOW + timedelta(hours=1))
    await desk.does(record_reply, 1, later, now=NOW + timedelta(hours=2), actor=ANNA)
    await desk.does(undo, incoming.id, now=NOW + timedelta(hours=3))
    email = await desk.email()
    assert (email.antwort_erhalten, email.antwortinhalt) == (True, "Am Telefon gesagt")


async def test_the_next_answer_takes_the_place_of_one_taken_back(desk: Desk) -> None:
    first = await desk.known(mail(ANSWER))
    await desk.known(mail("Nachmittags bin ich da.", Message_ID="<2@kern-test.example>"))
    await desk.does(undo, first.id)
    email, (_, second) = await desk.email(), await desk.incoming()
    assert (email.antwort_erhalten, email.antwortinhalt) == (True, "Nachmittags bin ich da.")
    assert second.wirkung is not None
    assert (await desk.call()).status == CallStatus.CANCELED


async def test_corrected_an_answer_was_an_absence(desk: Desk) -> None:
    incoming = await desk.known(mail(ANSWER))
    said = Correction(art=IncomingKind.OUT_OF_OFFICE, email_id=1, wieder_da_am=date(2027, 1, 7))
    handled = await desk.does(correct, incoming.id, said, actor=ANNA)

    assert handled.effect is not None
    assert handled.effect.follow_up_from == date(2027, 1, 7)
    email, call = await desk.email(), await desk.call()
    assert (email.antwort_erhalten, email.antwort_art) == (False, "abwesenheit")
    assert call.status == CallStatus.SCHEDULED
    assert call.geplantes_datum >= date(2027, 1, 7)


async def test_the_day_somebody_is_back_can_be_corrected(desk: Desk, rules: DeskRules) -> None:
    note = mail("Ich bin bis 6. Januar 2027 im Urlaub.", Auto_Submitted="auto-replied")
    incoming = await desk.known(note)
    assert incoming.wieder_da_am == date(2027, 1, 7)
    said = Correction(art=IncomingKind.OUT_OF_OFFICE, email_id=1, wieder_da_am=date(2026, 12, 29))
    await desk.does(correct, incoming.id, said)
    email, call = await desk.email(), await desk.call()
    assert email.nachverfolgung_ab is not None
    assert rules.today(email.nachverfolgung_ab) == date(2026, 12, 29)
    assert date(2026, 12, 29) <= call.geplantes_datum < date(2027, 1, 7)


async def test_corrected_a_message_belongs_to_another_email(desk: Desk) -> None:
    await desk.add(
        make_therapist(id=2),
        make_email(therapist_id=2, status=EmailStatus.SENT, sent_at=SENT, created_at=SENT),
    )
    incoming = await desk.known(mail(ANSWER))
    await desk.does(correct, incoming.id, Correction(art=IncomingKind.REPLY, email_id=2))
    assert not (await desk.email(1)).antwort_erhalten
    assert (await desk.email(2)).antwort_erhalten
    (moved,) = await desk.incoming()
    assert (moved.email_id, moved.therapist_id) == (2, 2)


async def test_a_message_may_belong_to_a_therapist_alone(desk: Desk) -> None:
    incoming = await desk.known(mail("Haben Sie noch Patienten?", From="neu@x-test.example", **UNKNOWN))
    await desk.does(correct, incoming.id, Correction(art=IncomingKind.REPLY, therapist_id=1))
    (done,) = await desk.incoming()
    assert (done.zustand, done.email_id, done.therapist_id) == (IncomingState.DONE, None, 1)
    assert not (await desk.email()).antwort_erhalten


async def test_put_aside_takes_back_what_followed(desk: Desk) -> None:
    incoming = await desk.known(report(REFUSED))
    await desk.does(put_aside, incoming.id, actor=ANNA)
    (aside,) = await desk.incoming()
    email = await desk.email()
    assert aside.zustand == IncomingState.ASIDE
    assert (email.antwort_art, email.fehlermeldung) == (None, None)
    async with desk.sessions() as session:
        (entry,) = await session.scalars(select(StopEntry))
    assert (entry.aufgehoben_at, entry.aufgehoben_von) == (NOW, 1)
    assert await desk.events() == ["email_failed", "email_sent"]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (Correction(art=IncomingKind.UNCLEAR, email_id=1), "art"),
        (Correction(art=IncomingKind.REPLY), "email_id"),
        (Correction(art=IncomingKind.REPLY, email_id=99), "email_id"),
        (Correction(art=IncomingKind.REPLY, therapist_id=99), "therapist_id"),
        (
            Correction(art=IncomingKind.OUT_OF_OFFICE, email_id=1, wieder_da_am=date(2026, 1, 1)),
            "wieder_da_am",
        ),
    ],
)
async def test_a_correction_that_cant_be_changes_nothing(desk: Desk, said: Correction, field: str) -> None:
    incoming = await desk.known(mail(ANSWER))
    with pytest.raises(InvalidInput) as refused:
        await desk.does(correct, incoming.id, said)
    assert [error.field for error in refused.value.fields] == [field]
    assert (await desk.email()).antwort_erhalten
    assert (await desk.incoming())[0].version == incoming.version


async def test_who_has_seen_an_older_version_is_refused(desk: Desk) -> None:
    incoming = await desk.known(mail(ANSWER))
    await desk.does(undo, incoming.id)
    async with desk.sessions() as session:
        with pytest.raises(StaleVersion):
            await put_aside(work_of(session, now=NOW), incoming.id, version=incoming.version)
    with pytest.raises(NoSuchMessage):
        await desk.does(undo, 99)


async def test_a_note_recorded_by_hand_keeps_its_text_and_day(desk: Desk) -> None:
    came = NOW - timedelta(days=2)
    note = Reply(
        art=ReplyKind.OUT_OF_OFFICE, eingang=came, inhalt="Im Urlaub bis Neujahr", rueckkehr=date(2027, 1, 4)
    )
    await desk.does(record_reply, 1, note, actor=ANNA)
    await desk.does(record_reply, 1, note, actor=ANNA)

    (kept,) = await desk.incoming()
    assert (kept.art, kept.worte, kept.empfangen_at) == ("out_of_office", "Im Urlaub bis Neujahr", came)
    assert (kept.wieder_da_am, kept.email_id, kept.erfasst_von) == (date(2027, 1, 4), 1, 1)
    assert (await desk.call()).geplantes_datum >= date(2027, 1, 4)
    await desk.does(undo, kept.id, actor=ANNA)
    assert (await desk.call()).geplantes_datum == date(2026, 12, 23)
    assert (await desk.email()).nachverfolgung_ab is None


async def test_undeliverable_by_hand_is_followed_up_by_nobody_but_a_person(desk: Desk) -> None:
    notice = Reply(art=ReplyKind.UNDELIVERABLE, inhalt="550 5.1.1 User unknown", adresse_tot=True)
    effect = await desk.does(record_reply, 1, notice, actor=ANNA)
    assert effect.offer_call
    assert effect.stopped is not None
    (kept,) = await desk.incoming()
    assert (kept.art, kept.serverworte) == ("hard_bounce", "550 5.1.1 User unknown")

    await desk.add(
        make_email(status=EmailStatus.SENT, sent_at=SENT, created_at=SENT, antwort_art="unzustellbar")
    )
    async with desk.sessions() as session:
        due = await session.execute(due_follow_ups(a_moment(now=NOW + timedelta(days=60))))
        assert due.all() == []


NOTE = mail("Ich bin bis 6. Januar 2027 im Urlaub.", Auto_Submitted="auto-replied")
BACK = date(2027, 1, 7)


async def absence(desk: Desk, therapist_id: int = 1) -> tuple[date | None, str | None]:
    async with desk.sessions() as session:
        therapist = await session.get_one(Therapist, therapist_id)
        return therapist.wieder_da_am, therapist.abwesend_laut


async def test_a_note_sets_its_therapist_absent_and_taken_back_it_never_did(desk: Desk) -> None:
    await desk.add(make_call(id=71, geplantes_datum=date(2026, 12, 28), geplante_zeit=time(11)))
    incoming = await desk.known(NOTE)
    assert await absence(desk) == (BACK, "notiz")
    assert [(await desk.call(number)).geplantes_datum for number in (1, 71)] == [BACK, BACK]
    await desk.does(undo, incoming.id, actor=ANNA)
    assert await absence(desk) == (None, None)
    other = await desk.call(71)
    assert (other.geplantes_datum, other.geplante_zeit) == (date(2026, 12, 28), time(11))
    assert (await desk.call()).geplantes_datum == date(2026, 12, 23)


async def test_taken_back_a_note_leaves_what_is_known_otherwise(desk: Desk) -> None:
    until = {"wieder_da_am": date(2026, 12, 28), "abwesend_laut": "anruf", "abwesend_seit": SENT}
    await desk.add(
        make_therapist(id=2, **until),
        make_email(id=2, therapist_id=2, status=EmailStatus.SENT, sent_at=SENT, created_at=SENT),
    )
    incoming = await desk.known(NOTE)
    about_other = Correction(art=IncomingKind.OUT_OF_OFFICE, email_id=2, wieder_da_am=BACK)
    await desk.does(correct, incoming.id, about_other)
    assert (await absence(desk), await absence(desk, 2)) == ((None, None), (BACK, "notiz"))
    await desk.does(put_aside, incoming.id)
    assert await absence(desk, 2) == (date(2026, 12, 28), "anruf")

    await desk.does(correct, incoming.id, about_other)
    later = date(2027, 2, 1)
    await desk.does(set_absence, 2, later, AbsenceSource.HAND)
    await desk.does(undo, incoming.id)
    assert await absence(desk, 2) == (later, "hand")


async def test_a_note_of_a_therapist_without_an_email_sets_them_absent(desk: Desk) -> None:
    await desk.add(make_therapist(id=2), make_call(id=71, therapist_id=2, geplantes_datum=date(2026, 12, 28)))
    incoming = await desk.known(mail("Ich bin bis 6. Januar 2027 im Urlaub.", **UNKNOWN))
    said = Correction(art=IncomingKind.OUT_OF_OFFICE, therapist_id=2, wieder_da_am=BACK)
    await desk.does(correct, incoming.id, said)
    assert await absence(desk, 2) == (BACK, "notiz")
    assert (await desk.call(71)).geplantes_datum == BACK
    await desk.does(undo, incoming.id)
    assert await absence(desk, 2) == (None, None)
    assert (await desk.call(71)).geplantes_datum == date(2026, 12, 28)


async def test_a_note_that_comes_after_the_answer_still_tells_who_is_away(desk: Desk) -> None:
    await desk.known(mail(ANSWER))
    await desk.add(make_call(id=71, geplantes_datum=date(2026, 12, 28)))
    note = mail(
        "Ich bin bis 6. Januar 2027 im Urlaub.",
        Auto_Submitted="auto-replied",
        Message_ID="<2@kern-test.example>",
    )
    incoming = await desk.known(note)
    email = await desk.email()
    assert (email.antwort_erhalten, email.antwort_art, email.nachverfolgung_ab) == (True, "antwort", None)
    assert await absence(desk) == (BACK, "notiz")
    assert (await desk.call(71)).geplantes_datum == BACK
    await desk.does(put_aside, incoming.id)
    assert (await desk.email()).antwort_erhalten
    assert await absence(desk) == (None, None)
    assert (await desk.call(71)).geplantes_datum == date(2026, 12, 28)
