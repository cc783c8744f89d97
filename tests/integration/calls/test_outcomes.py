"""What each outcome does to the call, the next attempt, the claim and the events."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.claims import ClaimedByOther, claim_call
from services.calls.locking import CallNotScheduled
from services.calls.next_attempt import preview_next_attempt
from services.calls.outcomes import Outcome, OutcomeResult, record_outcome, settle
from services.errors import InvalidInput, NotFound, StaleVersion
from services.models import (
    Activity,
    CallReason,
    EmailStatus,
    NoRetry,
    OutboxEvent,
    OutcomeKind,
    PhoneCall,
    Therapist,
)
from services.rules import DeskRules
from services.scheduling.booking import CallCollision
from services.scheduling.calendar import NoFreeSlot
from services.work import API, Actor
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_email, make_staff, make_therapist
from tests.work import work_of

WEDNESDAY = date(2026, 10, 14)
THURSDAY = date(2026, 10, 15)
TWO_WINDOWS = {"wednesday": ["10:00-12:00", "15:00-16:00"], "thursday": ["10:00-12:00"]}


async def save(session: AsyncSession, *rows: object) -> None:
    async with session.begin():
        for row in rows:
            session.add(row)
            await session.flush()


@pytest.fixture
async def call(session: AsyncSession) -> PhoneCall:
    """Planned for 11:00 today; the phone hours are 10 to 12 on weekdays; it is 10:42."""
    call = make_call()
    await save(session, make_therapist(), call)
    return call


async def record(
    session: AsyncSession,
    call: PhoneCall,
    rules: DeskRules,
    art: OutcomeKind,
    *,
    version: int | None = None,
    now: datetime = NOW,
    actor: Actor = API,
    **values: object,
) -> OutcomeResult:
    outcome = Outcome(art=art, **values)  # pyright: ignore[reportArgumentType]
    return await record_outcome(
        work_of(session, now=now, rules=rules, actor=actor), call.id, outcome, version=version
    )


async def events(session: AsyncSession) -> list[OutboxEvent]:
    async with session.begin():
        return list(await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id)))


def planned(call: PhoneCall | None) -> tuple[date, time] | None:
    return (call.geplantes_datum, call.geplante_zeit) if call else None


async def test_reached_completes_the_call_now(session: AsyncSession, call: PhoneCall, rules: DeskRules):
    result = await record(session, call, rules, OutcomeKind.REACHED, ergebnis="Nimmt zwei", notizen="nett")
    done = result.call
    assert (done.status, done.ergebnis_art, done.ergebnis, done.notizen) == (
        "completed",
        "erreicht",
        "Nimmt zwei",
        "nett",
    )
    assert (done.tatsaechliches_datum, done.tatsaechliche_zeit) == (WEDNESDAY, time(10, 42))
    assert (done.abgeschlossen_at, done.version) == (NOW, 2)
    assert (result.next_call, done.klaerung_noetig) == (None, False)
    [event] = await events(session)
    assert (event.event_type, event.payload["ergebnis_art"]) == ("communication.call_completed", "erreicht")


@pytest.mark.parametrize("art", [OutcomeKind.NOT_REACHED, OutcomeKind.ANSWERING_MACHINE, OutcomeKind.BUSY])
async def test_who_was_not_reached_is_rung_again(session: AsyncSession, rules: DeskRules, art: OutcomeKind):
    mail = make_email(status=EmailStatus.SENT, sent_at=NOW)
    call = make_call(grund=CallReason.NO_REPLY, dauer_minuten=10)
    async with session.begin():
        session.add_all([make_therapist(), mail])
        await session.flush()
        call.email_id = mail.id
        session.add(call)
    result = await record(session, call, rules, art)
    following = result.next_call
    assert result.call.status == "failed"
    assert following is not None
    assert (following.versuch, following.vorheriger_anruf_id) == (2, call.id)
    assert (following.grund, following.email_id, following.dauer_minuten) == (
        CallReason.NO_REPLY,
        mail.id,
        10,
    )
    assert [event.event_type for event in await events(session)] == [
        "communication.call_failed",
        "communication.call_scheduled",
    ]


async def test_no_answer_waits_for_the_next_window_later_today(session: AsyncSession, rules: DeskRules):
    call = make_call()
    await save(session, make_therapist(telefonische_erreichbarkeit=TWO_WINDOWS), call)
    result = await record(session, call, rules, OutcomeKind.NOT_REACHED)
    assert planned(result.next_call) == (WEDNESDAY, time(15, 0))


async def test_no_answer_outside_any_window_waits_for_the_next(session: AsyncSession, rules: DeskRules):
    call = make_call()
    await save(session, make_therapist(telefonische_erreichbarkeit=TWO_WINDOWS), call)
    result = await record(session, call, rules, OutcomeKind.NOT_REACHED, now=NOW + timedelta(hours=2))
    assert planned(result.next_call) == (WEDNESDAY, time(15, 0))


async def test_busy_is_tried_again_in_the_same_window(
    session: AsyncSession, call: PhoneCall, rules: DeskRules
):
    result = await record(session, call, rules, OutcomeKind.BUSY)
    assert planned(result.next_call) == (WEDNESDAY, time(11, 15))


async def test_a_day_given_by_staff_moves_the_next_attempt_back(
    session: AsyncSession, call: PhoneCall, rules: DeskRules
):
    monday = date(2026, 10, 19)
    result = await record(session, call, rules, OutcomeKind.BUSY, wiederholen_nach=monday)
    assert planned(result.next_call) == (monday, time(10, 0))
    assert result.call.wiederholen_nach == monday


@pytest.mark.parametrize("art", [art for art in OutcomeKind if art != OutcomeKind.CALL_BACK_AGREED])
async def test_the_preview_is_what_saving_then_does(
    session: AsyncSession, call: PhoneCall, rules: DeskRules, art: OutcomeKind
):
    preview = await preview_next_attempt(work_of(session, now=NOW, rules=rules), call, art)
    result = await record(session, call, rules, art)
    shown = (preview.slot.day, preview.slot.start) if preview.slot else None
    assert shown == planned(result.call if art == OutcomeKind.POSTPONED else result.next_call)
    if art != OutcomeKind.POSTPONED:
        assert preview.reason == result.no_retry


async def test_after_the_last_attempt_a_person_decides(session: AsyncSession, rules: DeskRules):
    call = make_call(versuch=rules.max_attempts)
    await save(session, make_therapist(), call)
    result = await record(session, call, rules, OutcomeKind.NOT_REACHED)
    assert (result.next_call, result.no_retry) == (None, NoRetry.ATTEMPTS_USED_UP)
    assert result.call.klaerung_noetig


async def test_a_chain_of_attempts_ends_with_a_person(
    session: AsyncSession, call: PhoneCall, rules: DeskRules
):
    attempts = [call]
    now = NOW
    while True:
        result = await record(session, attempts[-1], rules, OutcomeKind.NOT_REACHED, now=now)
        if result.next_call is None:
            break
        attempts.append(result.next_call)
        now = rules.instant(result.next_call.geplantes_datum, result.next_call.geplante_zeit)
    assert [attempt.versuch for attempt in attempts] == [1, 2, 3, 4, 5]
    assert [attempt.klaerung_noetig for attempt in attempts] == [False] * 4 + [True]
    assert [attempt.geplantes_datum.day for attempt in attempts] == [14, 15, 16, 19, 20]


@pytest.mark.parametrize(
    ("therapist", "reason"),
    [
        ({"telefonische_erreichbarkeit": None}, NoRetry.NO_WINDOW),
        ({"telefonische_erreichbarkeit": {"monday": "10:00-10:04"}}, NoRetry.HOURS_TOO_SHORT),
        ({"telefonische_erreichbarkeit": {"monday": "vormittags"}}, NoRetry.UNREADABLE_HOURS),
        ({"nicht_anrufen": True}, NoRetry.NOT_TO_BE_CALLED),
        ({"status": "gesperrt"}, NoRetry.NOT_TO_BE_CALLED),
    ],
)
async def test_an_outcome_is_kept_also_when_no_next_attempt_can_be(
    session: AsyncSession, rules: DeskRules, therapist: dict[str, object], reason: NoRetry
):
    call = make_call()
    await save(session, make_therapist(**therapist), call)
    result = await record(session, call, rules, OutcomeKind.NOT_REACHED, notizen="zweimal versucht")
    assert (result.no_retry, result.call.status, result.call.klaerung_noetig) == (reason, "failed", True)
    assert result.call.notizen == "zweimal versucht"


async def test_an_outcome_is_kept_when_the_calendar_is_full(session: AsyncSession, rules: DeskRules):
    call = make_call()
    full = [
        make_call(therapist_id=2, geplantes_datum=THURSDAY, geplante_zeit=time(10 + hour), dauer_minuten=60)
        for hour in range(2)
    ]
    await save(session, make_therapist(), call, *full)
    tight = replace(rules, lines=1, horizon_days=2)
    result = await record(session, call, tight, OutcomeKind.NOT_REACHED)
    assert (result.no_retry, result.call.klaerung_noetig) == (NoRetry.NO_FREE_SLOT, True)


async def test_an_outcome_is_kept_for_an_unknown_therapist(session: AsyncSession, rules: DeskRules):
    call = make_call()
    await save(session, call)
    result = await record(session, call, rules, OutcomeKind.NOT_REACHED)
    assert (result.no_retry, result.call.klaerung_noetig) == (NoRetry.UNKNOWN_THERAPIST, True)


async def test_what_somebody_else_has_found_out_since_about_the_therapist_counts(
    sessions: SessionFactory, session: AsyncSession, call: PhoneCall, rules: DeskRules
):
    async with session.begin():
        known = await session.get(Therapist, call.therapist_id)
    async with sessions() as other, other.begin():
        therapist = await other.get_one(Therapist, call.therapist_id)
        therapist.telefonische_erreichbarkeit = {"tuesday": ["10:00-12:00"]}
    result = await record(session, call, rules, OutcomeKind.NOT_REACHED)
    assert known is not None
    assert planned(result.next_call) == (date(2026, 10, 20), time(10))


async def test_nobody_is_rung_again_once_the_mail_is_answered(session: AsyncSession, rules: DeskRules):
    mail = make_email(status=EmailStatus.SENT, sent_at=NOW, antwort_erhalten=True, antwortdatum=NOW)
    call = make_call(grund=CallReason.NO_REPLY)
    async with session.begin():
        session.add_all([make_therapist(), mail])
        await session.flush()
        call.email_id = mail.id
        session.add(call)
    result = await record(session, call, rules, OutcomeKind.NOT_REACHED)
    assert (result.no_retry, result.call.klaerung_noetig) == (NoRetry.ANSWERED, False)


async def test_a_wrong_number_asks_for_a_person_until_settled(
    session: AsyncSession, call: PhoneCall, rules: DeskRules
):
    result = await record(session, call, rules, OutcomeKind.WRONG_NUMBER)
    assert (result.call.status, result.next_call) == ("failed", None)
    assert result.call.klaerung_noetig
    settled = await settle(work_of(session, now=NOW, actor=API), call.id, version=result.call.version)
    assert (settled.klaerung_noetig, settled.status) == (False, "failed")


async def test_postponed_to_a_time_moves_the_same_call(
    session: AsyncSession, call: PhoneCall, rules: DeskRules
):
    result = await record(
        session, call, rules, OutcomeKind.POSTPONED, neuer_termin=(THURSDAY, time(19, 30)), notizen="abends"
    )
    moved = result.call
    assert planned(moved) == (THURSDAY, time(19, 30))
    assert (moved.id, moved.status, moved.versuch, moved.ergebnis_art) == (
        call.id,
        "scheduled",
        1,
        OutcomeKind.POSTPONED,
    )
    assert moved.ausserhalb_erreichbarkeit
    assert (moved.notizen, moved.tatsaechliches_datum, moved.abgeschlossen_at) == ("abends", None, None)
    [event] = await events(session)
    assert (event.event_type, event.payload["geplante_zeit"]) == ("communication.call_scheduled", "19:30")


async def test_postponed_goes_to_the_next_window(session: AsyncSession, call: PhoneCall, rules: DeskRules):
    result = await record(session, call, rules, OutcomeKind.POSTPONED)
    assert planned(result.call) == (THURSDAY, time(10, 0))


async def test_postponing_onto_another_call_changes_nothing(
    session: AsyncSession, call: PhoneCall, rules: DeskRules
):
    await save(session, make_call(geplante_zeit=time(11, 30)))
    with pytest.raises(CallCollision):
        await record(
            session, call, rules, OutcomeKind.POSTPONED, neuer_termin=(WEDNESDAY, time(11, 30)), notizen="x"
        )
    async with session.begin():
        await session.refresh(call)
    assert (planned(call), call.notizen, call.version) == ((WEDNESDAY, time(11, 0)), None, 1)
    assert await events(session) == []


async def test_postponing_needs_a_free_time(session: AsyncSession, call: PhoneCall, rules: DeskRules):
    with pytest.raises(NoFreeSlot):
        await record(session, call, replace(rules, horizon_days=1), OutcomeKind.POSTPONED)


async def test_canceled_says_so_and_nothing_was_rung(
    session: AsyncSession, call: PhoneCall, rules: DeskRules
):
    result = await record(session, call, rules, OutcomeKind.CANCELED)
    assert (result.call.status, result.call.ergebnis_art) == ("canceled", "abgesagt")
    assert (result.call.tatsaechliches_datum, result.next_call) == (None, None)
    assert [event.event_type for event in await events(session)] == ["communication.call_canceled"]


@pytest.mark.parametrize("art", [OutcomeKind.REACHED, OutcomeKind.NOT_REACHED, OutcomeKind.POSTPONED])
async def test_events_wait_until_nobody_can_undo(
    session: AsyncSession, call: PhoneCall, rules: DeskRules, art: OutcomeKind
):
    result = await record(session, call, rules, art)
    assert result.undo_until == NOW + timedelta(seconds=15)
    assert all(event.available_at > result.undo_until for event in await events(session))


async def test_events_go_out_at_once_without_undo(session: AsyncSession, call: PhoneCall, rules: DeskRules):
    await record(session, call, replace(rules, undo=timedelta()), OutcomeKind.REACHED)
    [event] = await events(session)
    assert event.available_at == NOW


async def test_a_closed_call_keeps_its_outcome(session: AsyncSession, call: PhoneCall, rules: DeskRules):
    await record(session, call, rules, OutcomeKind.REACHED)
    with pytest.raises(CallNotScheduled):
        await record(session, call, rules, OutcomeKind.NOT_REACHED)


async def test_a_stale_form_learns_what_happened_meanwhile(
    session: AsyncSession, call: PhoneCall, rules: DeskRules
):
    ben = make_staff(id=7, name="Ben")
    await save(session, ben)
    await record(session, call, rules, OutcomeKind.POSTPONED, actor=Actor("staff", 7))
    with pytest.raises(StaleVersion) as stale:
        await record(session, call, rules, OutcomeKind.REACHED, version=1)
    assert stale.value.values == {
        "action": "outcome_recorded",
        "at": NOW,
        "actor": "staff",
        "staff_id": 7,
        "staff_name": "Ben",
    }


async def test_a_call_in_somebody_elses_hands_is_theirs(
    session: AsyncSession, call: PhoneCall, rules: DeskRules
):
    anna, ben = 1, 2
    await save(session, make_staff(id=anna), make_staff(id=ben))
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", anna)), call.id)
    with pytest.raises(ClaimedByOther) as refused:
        await record(session, call, rules, OutcomeKind.REACHED, actor=Actor("staff", ben))
    assert refused.value.values == {"staff_id": anna}
    async with session.begin():
        await session.refresh(call)
    result = await record(session, call, rules, OutcomeKind.REACHED, actor=Actor("staff", anna))
    assert (result.call.bearbeitet_von, result.call.bearbeitet_bis) == (None, None)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"tatsaechliches_datum": THURSDAY}, "tatsaechliches_datum"),
        ({"tatsaechliche_zeit": time(10, 43)}, "tatsaechliche_zeit"),
    ],
)
async def test_nobody_rang_in_the_future(
    session: AsyncSession, call: PhoneCall, rules: DeskRules, values: dict[str, object], field: str
):
    with pytest.raises(InvalidInput) as refused:
        await record(session, call, rules, OutcomeKind.REACHED, **values)
    assert [error.field for error in refused.value.fields] == [field]


async def test_an_unknown_call_has_no_outcome(session: AsyncSession, rules: DeskRules):
    with pytest.raises(NotFound):
        await record(session, make_call(id=77), rules, OutcomeKind.REACHED)


async def test_what_was_done_is_noted_without_its_text(
    session: AsyncSession, call: PhoneCall, rules: DeskRules
):
    result = await record(session, call, rules, OutcomeKind.NOT_REACHED, notizen="geheim", ergebnis="geheim")
    assert result.next_call is not None
    async with session.begin():
        entries = list(await session.scalars(select(Activity)))
    assert [(entry.action, entry.object_id, entry.details) for entry in entries] == [
        (
            "outcome_recorded",
            call.id,
            {"ergebnis_art": "nicht_erreicht", "next_call_id": result.next_call.id},
        )
    ]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("tatsaechliches_datum", {"tatsaechliches_datum": date(1, 1, 1)}),
        ("wiederholen_nach", {"wiederholen_nach": date(2226, 10, 14)}),
        ("wiederholen_nach", {"wiederholen_nach": date(1, 1, 1)}),
    ],
)
async def test_days_nobody_can_mean_are_refused(
    session: AsyncSession, call: PhoneCall, rules: DeskRules, field: str, values: dict[str, object]
):
    with pytest.raises(InvalidInput) as refused:
        await record(session, call, rules, OutcomeKind.NOT_REACHED, **values)
    assert [error.field for error in refused.value.fields] == [field]


async def test_a_time_agreed_after_the_desk_has_closed_is_one_outside_the_phone_hours(
    session: AsyncSession, rules: DeskRules
):
    call = make_call()
    await save(session, make_therapist(telefonische_erreichbarkeit={"wednesday": ["17:00-20:00"]}), call)
    agreed = (WEDNESDAY, time(19))
    result = await record(session, call, rules, OutcomeKind.POSTPONED, neuer_termin=agreed)
    assert result.call.ausserhalb_erreichbarkeit
