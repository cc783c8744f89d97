"""What is too old is blanked, what somebody still needs is not, and the skeleton stays."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.models import (
    Activity,
    Base,
    CallReason,
    CallStatus,
    Email,
    EmailStatus,
    EmailVersuch,
    FollowUpObstacle,
    Incoming,
    IncomingKind,
    IncomingState,
    PhoneCall,
    ReplyKind,
    Unsent,
)
from services.privacy.classes import DataClass, Months, months_before
from services.privacy.retention import Retention, look_ahead
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import NOW, make_call, make_email, make_staff
from tests.work import work_of, workplace_of

MONTHS = 12
OLD = months_before(NOW, MONTHS) - timedelta(days=1)
JUST_NOT = months_before(NOW, MONTHS)
ALL: Months = dict.fromkeys(DataClass, MONTHS)
NONE: Months = dict.fromkeys(DataClass, 0)

Make = Callable[..., Any]


def old_email(**values: Any) -> Email:
    sent = {"status": EmailStatus.SENT, "sent_at": OLD, "antwort_erhalten": True, "antwortdatum": OLD}
    return make_email(
        **({"created_at": OLD, "updated_at": OLD, "antwortinhalt": "Ja, im Herbst"} | sent | values)
    )


def old_message(**values: Any) -> Incoming:
    defaults = {
        "empfangen_at": OLD,
        "created_at": OLD,
        "absender": "praxis@example.org",
        "absender_name": "Dr. Schmidt",
        "betreff": "AW: Anfrage",
        "text": "Ja",
        "worte": "Ja",
        "anhaenge": [{"name": "Lebenslauf Schmidt.pdf", "size": 1}],
        "message_id": "<1@praxis-schmidt.example>",
        "art": IncomingKind.REPLY,
        "zustand": IncomingState.DONE,
        "wirkung": {"before": {"fehlermeldung": "praxis@example.org"}},
    }
    return Incoming(**(defaults | values))


def old_call(**values: Any) -> PhoneCall:
    over = {"status": CallStatus.COMPLETED, "abgeschlossen_at": OLD, "geplantes_datum": OLD.date()}
    texts = {"ergebnis": "Frau Roth ruft zurück", "notizen": "0171 2345678"}
    return make_call(**({"created_at": OLD} | over | texts | values))


async def keep(session: AsyncSession, *rows: Base) -> None:
    async with session.begin():
        session.add_all(rows)


async def turn(sessions: SessionFactory, clock: FakeClock, months: Months = ALL) -> dict[DataClass, int]:
    return await Retention(workplace_of(sessions, clock), months, rest_seconds=0).turn()


async def again(session: AsyncSession, row: Any) -> Any:
    async with session.begin():
        return (
            await session.scalars(
                select(type(row)).where(type(row).id == row.id).execution_options(populate_existing=True)
            )
        ).one()


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        ((2026, 3, 31), 1, (2026, 2, 28)),
        ((2024, 3, 31), 1, (2024, 2, 29)),
        ((2026, 1, 15), 25, (2023, 12, 15)),
    ],
)
def test_a_month_ago_is_the_same_day_or_the_last_of_a_shorter_month(
    day: tuple[int, int, int], months: int, before: tuple[int, int, int]
):
    assert months_before(datetime(*day, tzinfo=UTC), months) == datetime(*before, tzinfo=UTC)


async def test_an_old_email_loses_texts_names_and_addresses_and_keeps_its_skeleton(
    session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    email = old_email(
        aktenzeichen="P-17", nachverfolgung_notizen="Frau Roth", fehlermeldung="praxis@example.org"
    )
    await keep(session, email)
    attempt = EmailVersuch(
        email_id=email.id,
        nummer=1,
        begonnen_at=OLD,
        beendet_at=OLD,
        stufe="rcpt",
        ergebnis="sent",
        smtp_code=250,
        smtp_text="250 praxis@example.org",
    )
    await keep(session, attempt)
    before = {name: getattr(email, name) for name in ("message_id", "created_at", "sent_at", "updated_at")}

    assert (await turn(sessions, clock))[DataClass.EMAILS] == 1

    email, attempt = await again(session, email), await again(session, attempt)
    assert email.geloescht_at == NOW
    texts = (email.betreff, email.body_html, email.body_text, email.empfaenger_email, email.empfaenger_name)
    assert texts == ("", "", "", "", "")
    assert (email.antwortinhalt, email.aktenzeichen, email.fehlermeldung) == (None, None, None)
    assert email.nachverfolgung_notizen is None
    assert before == {name: getattr(email, name) for name in before}
    assert (email.status, email.antwort_erhalten) == (EmailStatus.SENT, True)
    assert (attempt.smtp_text, attempt.smtp_code) == (None, 250)
    assert (await turn(sessions, clock))[DataClass.EMAILS] == 0


async def test_what_was_planned_ahead_is_as_old_as_its_time(
    session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    """Written long ago for a day that is to come, or has just been, an e-mail is not old."""
    draft = {"status": EmailStatus.DRAFT, "sent_at": None, "queued_at": None}
    open_ = {"antwort_erhalten": False, "antwortdatum": None, "antwortinhalt": None, "sent_at": None}
    expired = {"status": EmailStatus.FAILED, "fehlermeldung": Unsent.EXPIRED, "naechster_versuch_at": None}
    waits = old_email(**open_, status=EmailStatus.QUEUED, send_at=NOW + timedelta(days=1))
    planned = old_email(**open_ | draft, send_at=NOW + timedelta(days=1))
    just_expired = old_email(**open_, **expired, expires_at=NOW)
    refused = old_email(**open_ | expired | {"fehlermeldung": "552"}, expires_at=NOW)
    await keep(session, waits, planned, just_expired, refused)
    assert (await turn(sessions, clock))[DataClass.EMAILS] == 1
    for email in (waits, planned, just_expired):
        assert (await again(session, email)).geloescht_at is None
    assert (await again(session, refused)).geloescht_at == NOW


async def test_a_blanked_email_forgets_where_answers_went_and_keeps_the_callers_reference(
    session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    email = old_email(antwort_an="frau.roth@example.org", extern_id="bundle-7")
    await keep(session, email)
    await turn(sessions, clock)
    email = await again(session, email)
    assert (email.antwort_an, email.extern_id) == (None, "bundle-7")


async def test_an_answer_that_comes_to_a_blanked_email_has_a_time_of_its_own(
    session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    email = old_email()
    await keep(session, email)
    await turn(sessions, clock)
    async with session.begin():
        late = await session.get_one(Email, email.id)
        late.antwortinhalt, late.antwortdatum = "Doch nicht", NOW
    assert (await turn(sessions, clock))[DataClass.EMAILS] == 0
    clock.advance(days=400)
    assert (await turn(sessions, clock))[DataClass.EMAILS] == 1
    assert (await again(session, email)).antwortinhalt is None


UNANSWERED: dict[str, Any] = {"antwort_erhalten": False, "antwortdatum": None, "antwortinhalt": None}
NEEDED: dict[str, Callable[[], Sequence[Base]]] = {
    "queued": lambda: [old_email(**UNANSWERED, status=EmailStatus.QUEUED, sent_at=None)],
    "unclear": lambda: [
        old_email(**UNANSWERED, status=EmailStatus.SENDING, sent_at=None, uebergabe_begonnen_at=OLD)
    ],
    "sent lately": lambda: [old_email(sent_at=JUST_NOT)],
    "answered lately": lambda: [old_email(antwortdatum=JUST_NOT)],
    "not followed up yet": lambda: [old_email(**UNANSWERED)],
    "follow-up moved": lambda: [old_email(**UNANSWERED, nachverfolgung_ab=NOW + timedelta(days=9))],
    "a person has to follow up": lambda: [
        old_email(
            **UNANSWERED,
            nachgefasst=True,
            nachverfolgung_erforderlich=True,
            nachverfolgung_hindernis=FollowUpObstacle.NO_WINDOW,
        )
    ],
    "call planned": lambda: [
        old_email(id=7, **UNANSWERED, nachgefasst=True),
        make_call(email_id=7, grund=CallReason.NO_REPLY),
    ],
    "call to decide on": lambda: [
        old_email(id=7, **UNANSWERED, nachgefasst=True),
        old_call(email_id=7, grund=CallReason.NO_REPLY, status=CallStatus.FAILED, klaerung_noetig=True),
    ],
    "message waits": lambda: [
        old_email(id=7), old_message(email_id=7, art=IncomingKind.UNCLEAR, zustand=IncomingState.OPEN)
    ],
    "message may be about it": lambda: [
        old_email(id=7), old_message(vorschlag={"email_id": 7}, zustand=IncomingState.SUGGESTED)
    ],
    "draft touched lately": lambda: [
        old_email(**UNANSWERED, status=EmailStatus.DRAFT, sent_at=None, updated_at=JUST_NOT)
    ],
}  # fmt: skip


@pytest.mark.parametrize("case", NEEDED)
async def test_what_is_still_needed_stays_whole_however_old(
    case: str, session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    rows = NEEDED[case]()
    for row in rows:
        await keep(session, row)
    assert sum((await turn(sessions, clock)).values()) == 0
    assert (await again(session, rows[0])).betreff == "Anfrage für drei Patientinnen"


NEEDLESS: dict[str, dict[str, Any]] = {
    "answered": {},
    "failed": {**UNANSWERED, "status": EmailStatus.FAILED, "sent_at": None, "fehlermeldung": "550"},
    "undeliverable": {**UNANSWERED, "antwort_art": ReplyKind.UNDELIVERABLE},
    "followed up": {**UNANSWERED, "nachgefasst": True},
    "draft": {**UNANSWERED, "status": EmailStatus.DRAFT, "sent_at": None},
}


@pytest.mark.parametrize("case", NEEDLESS)
async def test_what_is_over_goes(
    case: str, session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    email = old_email(**NEEDLESS[case])
    await keep(session, email)
    assert sum((await turn(sessions, clock)).values()) == 1
    assert (await again(session, email)).betreff == ""


async def test_messages_calls_and_activity_have_times_of_their_own(
    session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    staff = make_staff()
    email = old_email()
    await keep(session, staff, email)
    message, call = old_message(email_id=email.id), old_call()
    did = Activity(
        at=OLD,
        staff_id=staff.id,
        actor="staff",
        action="email_changed",
        object_type="email",
        object_id=email.id,
        details={"fields": ["betreff"]},
    )
    await keep(session, message, call, did)

    only_calls = {**NONE, DataClass.CALLS: MONTHS}
    assert await turn(sessions, clock, only_calls) == dict.fromkeys(DataClass, 0) | {DataClass.CALLS: 1}
    call = await again(session, call)
    assert (call.ergebnis, call.notizen, call.status) == (None, None, CallStatus.COMPLETED)
    assert (await again(session, message)).worte == "Ja"

    await turn(sessions, clock)
    message, did = await again(session, message), await again(session, did)
    assert (message.absender, message.absender_name, message.text, message.worte) == ("", "", "", "")
    assert (message.anhaenge, message.wirkung, message.email_id) == ([], None, email.id)
    assert "praxis-schmidt" not in message.message_id
    assert (did.staff_id, did.details, did.action, did.object_id) == (None, {}, "email_changed", email.id)
    assert sum((await turn(sessions, clock)).values()) == 0


@pytest.mark.parametrize(
    "values",
    [
        {"status": CallStatus.SCHEDULED, "geplantes_datum": date(2026, 10, 20), "abgeschlossen_at": None},
        {"klaerung_noetig": True},
        {"ergebnis_art": "erreicht", "wieder_fragen_am": NOW.date()},
        {"abgeschlossen_at": JUST_NOT},
        {"rueckgaengig_bis": NOW + timedelta(seconds=1)},
    ],
)
async def test_calls_that_are_open_keep_what_was_written(
    values: dict[str, Any], session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    call = old_call(**values)
    await keep(session, call)
    assert sum((await turn(sessions, clock)).values()) == 0


async def test_what_was_said_before_the_next_attempt_is_kept_for_who_makes_it(
    session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    first = old_call(status=CallStatus.FAILED)
    await keep(session, first)
    await keep(session, make_call(vorheriger_anruf_id=first.id, versuch=2))
    assert sum((await turn(sessions, clock)).values()) == 0


LEAD, ALONG, BEFORE_ALONG, NEXT, LAST = 1, 2, 3, 4, 5


def a_conversation(**last: Any) -> list[PhoneCall]:
    """Two calls settled with one outcome, one of them a second attempt, then two attempts for both."""
    missed = {"status": CallStatus.FAILED}
    return [
        old_call(id=BEFORE_ALONG, **missed),
        old_call(id=LEAD, **missed),
        old_call(id=ALONG, **missed, gemeinsam_mit_id=LEAD, vorheriger_anruf_id=BEFORE_ALONG),
        old_call(id=NEXT, **missed, vorheriger_anruf_id=LEAD),
        old_call(id=LAST, vorheriger_anruf_id=NEXT, **last),
    ]


@pytest.mark.parametrize(
    "last",
    [
        {"status": CallStatus.SCHEDULED, "geplantes_datum": date(2026, 10, 20), "abgeschlossen_at": None},
        {"status": CallStatus.FAILED, "klaerung_noetig": True},
    ],
)
async def test_what_was_settled_along_is_kept_while_any_later_attempt_is_open(
    last: dict[str, Any], session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    for call in a_conversation(**last):
        await keep(session, call)
    assert sum((await turn(sessions, clock)).values()) == 0
    async with session.begin():
        open_call = await session.get_one(PhoneCall, LAST)
        open_call.status, open_call.klaerung_noetig = CallStatus.COMPLETED, False
        open_call.abgeschlossen_at = OLD
    assert (await turn(sessions, clock))[DataClass.CALLS] == 5


@pytest.mark.parametrize(
    "lead",
    [
        {"status": CallStatus.SCHEDULED, "abgeschlossen_at": None},
        {"ergebnis_art": "erreicht", "wieder_fragen_am": NOW.date()},
        {"klaerung_noetig": True},
    ],
)
async def test_what_was_settled_along_is_kept_as_long_as_the_call_it_was_settled_with(
    lead: dict[str, Any], session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    await keep(session, old_call(id=LEAD, **lead))
    await keep(session, old_call(id=ALONG, gemeinsam_mit_id=LEAD))
    assert sum((await turn(sessions, clock)).values()) == 0


async def test_the_call_that_was_made_is_kept_while_one_settled_along_is_open(
    session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    await keep(session, old_call(id=LEAD))
    await keep(session, old_call(id=ALONG, gemeinsam_mit_id=LEAD, klaerung_noetig=True))
    assert sum((await turn(sessions, clock)).values()) == 0


async def test_nothing_goes_while_nothing_is_set(
    session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    await keep(session, old_email(), old_message(), old_call())
    assert sum((await turn(sessions, clock, NONE)).values()) == 0
    assert [(due.months, due.goes) for due in await look_ahead(work_of(session), NONE)] == [(0, 0)] * 5


async def test_looking_ahead_says_what_would_go_and_what_would_stay(
    session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    await keep(session, old_email(), old_email(), old_email(**UNANSWERED), old_call(), make_email())
    found = {due.data_class: (due.goes, due.stays) for due in await look_ahead(work_of(session), ALL)}
    assert found[DataClass.EMAILS] == (2, 1)
    assert found[DataClass.CALLS] == (1, 0)
    assert found[DataClass.DRAFTS] == found[DataClass.INCOMING] == (0, 0)
    done = await turn(sessions, clock)
    assert {each: goes for each, (goes, _) in found.items()} == done


async def test_what_somebody_is_changing_has_its_turn_later(
    session: AsyncSession, sessions: SessionFactory, clock: FakeClock
):
    held, free = old_email(), old_email()
    await keep(session, held, free)
    async with session.begin():
        await session.execute(select(Email.id).where(Email.id == held.id).with_for_update(key_share=True))
        assert (await turn(sessions, clock))[DataClass.EMAILS] == 1
    assert (await again(session, held)).geloescht_at is None
    assert (await turn(sessions, clock))[DataClass.EMAILS] == 1
