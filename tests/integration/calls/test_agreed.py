"""What follows from speaking to somebody: a call back at its minute, a question later, another number."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.claims import claim_next
from services.calls.due_calls import load_open_calls
from services.calls.offers import Offer
from services.calls.outcome_said import Outcome
from services.calls.outcomes import OutcomeResult, record_outcome
from services.calls.placed import place_now
from services.calls.reachability import Group
from services.conversations.undo import undo_settlement
from services.errors import InvalidInput
from services.models import (
    Audience,
    CallBackBy,
    CallReason,
    NoRetry,
    OutboxEvent,
    OutcomeKind,
    PhoneCall,
    Therapist,
)
from services.rules import DeskRules
from services.scheduling.booking import CallCollision
from services.therapists.directory import store
from services.work import Actor
from tests.factories import NOW, make_call, make_staff, make_therapist
from tests.work import tx_of, work_of

WEDNESDAY = date(2026, 10, 14)
ANNA = Actor("staff", 1)

Record = Callable[..., Awaitable[OutcomeResult]]


@pytest.fixture
async def call(session: AsyncSession) -> PhoneCall:
    """Planned for 11:00 today; the phone hours are 10 to 12 on weekdays; it is 10:42."""
    call = make_call()
    async with session.begin():
        session.add_all([make_staff(id=1, name="Anna"), make_therapist(), call])
    return call


@pytest.fixture
def record(session: AsyncSession, rules: DeskRules, call: PhoneCall) -> Record:
    async def record_it(art: OutcomeKind, **values: object) -> OutcomeResult:
        outcome = Outcome(art=art, **values)  # pyright: ignore[reportArgumentType]
        return await record_outcome(
            work_of(session, now=NOW, rules=rules, actor=ANNA), call.id, outcome, version=None
        )

    return record_it


async def board(session: AsyncSession, rules: DeskRules, now: datetime) -> list[tuple[int, Group]]:
    async with session.begin():
        tx = tx_of(session, now=now, rules=rules)
        return [
            (row.call.call_id, row.placement.group) for row in await place_now(tx, await load_open_calls(tx))
        ]


@pytest.mark.parametrize("at", [time(11, 30), time(16, 10)])
async def test_a_call_back_comes_back_at_its_minute(
    session: AsyncSession, rules: DeskRules, call: PhoneCall, record: Record, at: time
):
    """Within the phone hours or outside of them, and not before."""
    result = await record(
        OutcomeKind.CALL_BACK_AGREED, neuer_termin=(WEDNESDAY, at), rueckruf_durch=CallBackBy.THEM
    )
    assert (result.call.status, result.no_retry) == ("completed", None)
    agreed = result.next_call
    assert agreed is not None
    assert (agreed.geplantes_datum, agreed.geplante_zeit, agreed.grund) == (
        WEDNESDAY,
        at,
        CallReason.CALL_BACK,
    )
    assert (agreed.vorheriger_anruf_id, agreed.rueckruf_durch, agreed.vereinbart_von) == (
        call.id,
        "therapeut",
        1,
    )
    minute = rules.instant(WEDNESDAY, at)
    assert await board(session, rules, minute - timedelta(minutes=1)) == [(agreed.id, Group.SOON)]
    assert await board(session, rules, minute) == [(agreed.id, Group.REACHABLE_NOW)]


async def test_what_was_agreed_goes_first_at_its_minute(
    session: AsyncSession, rules: DeskRules, record: Record
):
    soon_over = {"wednesday": [{"start": "10:00", "end": "11:35"}]}
    async with session.begin():
        session.add(make_therapist(id=2, telefonische_erreichbarkeit=soon_over))
        session.add(make_call(therapist_id=2, leitung=2))
    agreed = (await record(OutcomeKind.CALL_BACK_AGREED, neuer_termin=(WEDNESDAY, time(11, 30)))).next_call
    assert agreed is not None
    at = rules.instant(WEDNESDAY, time(11, 30))
    taken = await claim_next(work_of(session, now=at, rules=rules, actor=ANNA))
    assert taken.call.id == agreed.id


async def test_a_time_taken_changes_nothing(session: AsyncSession, call: PhoneCall, record: Record):
    async with session.begin():
        session.add(make_call(geplante_zeit=time(11, 30)))
    with pytest.raises(CallCollision):
        await record(OutcomeKind.CALL_BACK_AGREED, neuer_termin=(WEDNESDAY, time(11, 32)))
    async with session.begin():
        await session.refresh(call)
        assert (call.status, call.version) == ("scheduled", 1)


async def test_a_call_back_needs_its_time(record: Record):
    with pytest.raises(InvalidInput) as refused:
        await record(OutcomeKind.CALL_BACK_AGREED)
    assert [error.field for error in refused.value.fields] == ["geplantes_datum"]


async def test_asking_again_is_a_call_of_that_day(
    session: AsyncSession, rules: DeskRules, call: PhoneCall, record: Record
):
    offer = Offer(
        plaetze=0, plaetze_fuer=(Audience.ADULTS,), warteliste=True, wieder_fragen_am=date(2027, 1, 11)
    )
    result = await record(OutcomeKind.REACHED, angebot=offer)
    assert Offer.of(result.call) == offer
    asked = result.next_call
    assert asked is not None
    assert (asked.geplantes_datum, asked.grund, asked.versuch) == (date(2027, 1, 11), CallReason.MANUAL, 1)
    async with session.begin():
        event = await session.scalar(select(OutboxEvent).order_by(OutboxEvent.id).limit(1))
    assert event is not None
    assert event.event_type == "communication.call_completed"
    told = {"plaetze": 0, "plaetze_fuer": ["erwachsene"], "warteliste": True, "plaetze_ab": None}
    assert {name: event.payload[name] for name in told} == told
    assert event.payload["wieder_fragen_am"] == "2027-01-11"
    await undo_settlement(work_of(session, now=NOW, rules=rules, actor=ANNA), call.id)
    async with session.begin():
        assert list(await session.scalars(select(PhoneCall.id))) == [call.id]
        await session.refresh(call)
        assert Offer.of(call) == Offer()


@pytest.mark.parametrize(
    ("art", "values", "field"),
    [
        (OutcomeKind.REACHED, {"angebot": Offer(plaetze=4)}, "plaetze"),
        (OutcomeKind.REACHED, {"angebot": Offer(plaetze_ab=date(2040, 1, 1))}, "plaetze_ab"),
        (OutcomeKind.REACHED, {"angebot": Offer(wieder_fragen_am=WEDNESDAY)}, "wieder_fragen_am"),
        (OutcomeKind.BUSY, {"angebot": Offer(plaetze=1)}, "plaetze"),
        (OutcomeKind.BUSY, {"richtige_nummer": "030 23125103"}, "richtige_nummer"),
        (OutcomeKind.WRONG_NUMBER, {"richtige_nummer": "12 34"}, "richtige_nummer"),
        (OutcomeKind.WRONG_NUMBER, {"richtige_nummer": "030 1234567"}, "richtige_nummer"),
        (OutcomeKind.WRONG_NUMBER, {"richtige_nummer": "030 23125103, 030 23125104"}, "richtige_nummer"),
    ],
)
async def test_what_can_not_be_is_refused_by_its_field(
    record: Record, art: OutcomeKind, values: dict[str, object], field: str
):
    with pytest.raises(InvalidInput) as refused:
        await record(art, **values)
    assert [error.field for error in refused.value.fields] == [field]


async def test_the_right_number_is_rung_next_and_outlives_a_fetch(
    session: AsyncSession, rules: DeskRules, record: Record
):
    result = await record(OutcomeKind.WRONG_NUMBER, richtige_nummer="(030) 231 25-103")
    following = result.next_call
    assert following is not None
    assert (following.geplantes_datum, following.versuch) == (WEDNESDAY, 1)
    assert not result.call.klaerung_noetig
    async with session.begin():
        fetched = {"id": 1, "vorname": "Jürgen", "nachname": "Schmidt", "telefon": "030 999999"}
        await store(tx_of(session, now=NOW + timedelta(days=1)), [fetched])
    async with session.begin():
        therapist = await session.get_one(Therapist, 1, populate_existing=True)
        assert (therapist.telefon, therapist.phone) == ("030 999999", "030 23125103")
        told = list(
            await session.scalars(
                select(OutboxEvent).where(OutboxEvent.event_type == "communication.therapist_phone_corrected")
            )
        )
    assert [(event.key, event.payload) for event in told] == [
        ("therapist:1", {"therapist_id": 1, "telefon_korrigiert_at": "2026-10-14T08:42:00Z"})
    ]
    await undo_settlement(work_of(session, now=NOW, rules=rules, actor=ANNA), result.call.id)
    async with session.begin():
        assert (await session.get_one(Therapist, 1, populate_existing=True)).phone == "030 999999"
        assert await session.scalar(select(OutboxEvent.id)) is None


async def test_without_the_right_number_somebody_decides(record: Record):
    result = await record(OutcomeKind.WRONG_NUMBER)
    assert (result.next_call, result.no_retry) == (None, NoRetry.WRONG_NUMBER)
