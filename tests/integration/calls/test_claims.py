"""Calls in somebody's hands."""

import asyncio
from collections import Counter
from datetime import date, time, timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.claims import (
    ClaimedByOther,
    ClaimLost,
    NothingReachable,
    claim_call,
    claim_next,
    release_claim,
    renew_claim,
)
from services.emails.replies import record_reply
from services.emails.reply import Reply
from services.errors import Conflict, NotFound
from services.models import PhoneCall
from services.rules import DeskRules
from services.work import Actor
from shared.database import SessionFactory
from tests.eventually import eventually
from tests.factories import NOW, make_call, make_email, make_staff, make_therapist
from tests.work import tx_of, work_of

ANNA, BEN = 1, 2


def hours(*windows: str) -> dict[str, object]:
    return {"wednesday": list(windows)}


async def fill(session: AsyncSession, windows: dict[int, str]) -> None:
    """Make Anna and Ben, and one call today (with the same id) for each therapist with these phone hours."""
    async with session.begin():
        session.add_all([make_staff(id=ANNA), make_staff(id=BEN)])
        for number, (therapist_id, window) in enumerate(windows.items()):
            session.add(make_therapist(id=therapist_id, telefonische_erreichbarkeit=hours(window)))
            session.add(
                make_call(
                    id=therapist_id, therapist_id=therapist_id, geplante_zeit=time(11), leitung=number + 1
                )
            )


async def held(session: AsyncSession) -> dict[int, int | None]:
    async with session.begin():
        rows = await session.execute(
            select(PhoneCall.id, PhoneCall.bearbeitet_von).where(PhoneCall.bearbeitet_von.is_not(None))
        )
        return dict(rows.all())


async def test_next_is_whose_window_closes_first(session: AsyncSession, rules: DeskRules):
    await fill(session, {1: "10:00-12:00", 2: "10:30-11:00", 3: "11:00-11:10", 4: "09:00-10:42"})
    call = (await claim_next(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)))).call
    assert (call.id, call.bearbeitet_von, call.bearbeitet_bis) == (2, ANNA, NOW + timedelta(minutes=10))
    assert (call.version, await held(session)) == (1, {2: ANNA})


async def test_next_again_walks_through_everybody(session: AsyncSession, rules: DeskRules):
    await fill(session, {1: "10:00-11:00", 2: "10:00-11:30", 3: "10:00-12:00"})
    seen = [
        (await claim_next(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)))).call.id
        for _ in range(4)
    ]
    assert seen == [1, 2, 3, 1]
    assert await held(session) == {1: ANNA}


async def test_next_passes_over_what_others_hold(session: AsyncSession, rules: DeskRules):
    await fill(session, {1: "10:00-11:00", 2: "10:00-11:30"})
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", BEN)), 1)
    assert (await claim_next(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)))).call.id == 2


async def test_next_says_when_nobody_is_left(session: AsyncSession, rules: DeskRules):
    await fill(session, {1: "10:00-11:00", 2: "15:00-16:00"})
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", BEN)), 1)
    with pytest.raises(NothingReachable):
        await claim_next(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)))


async def test_next_with_only_ones_own_call_left_keeps_it(session: AsyncSession, rules: DeskRules):
    await fill(session, {1: "10:00-11:00"})
    await claim_next(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)))
    with pytest.raises(NothingReachable):
        await claim_next(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)))
    assert await held(session) == {1: ANNA}


@pytest.mark.parametrize("what", [{"nicht_anrufen": True}, {"telefon": None}, {"telefon": ""}])
async def test_who_cannot_be_rung_is_not_handed_out(
    session: AsyncSession, rules: DeskRules, what: dict[str, object]
):
    async with session.begin():
        session.add_all([make_staff(id=ANNA), make_therapist(**what), make_call()])
    with pytest.raises(NothingReachable):
        await claim_next(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)))


async def test_two_calls_to_one_therapist_are_not_handed_out_to_two(session: AsyncSession, rules: DeskRules):
    await fill(session, {1: "10:00-11:00"})
    async with session.begin():
        session.add(make_call(id=50, therapist_id=1, geplantes_datum=date(2026, 10, 13)))
    first = await claim_next(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)))
    with pytest.raises(NothingReachable):
        await claim_next(work_of(session, now=NOW, rules=rules, actor=Actor("staff", BEN)))
    with pytest.raises(ClaimedByOther):
        await claim_call(
            work_of(session, now=NOW, rules=rules, actor=Actor("staff", BEN)), {1: 50, 50: 1}[first.call.id]
        )


async def test_an_expired_claim_is_free(session: AsyncSession, rules: DeskRules):
    await fill(session, {1: "10:00-12:00"})
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), 1)
    later = NOW + rules.claim
    assert (
        await claim_next(work_of(session, now=later, rules=rules, actor=Actor("staff", BEN)))
    ).call.bearbeitet_von == BEN


async def test_claiming_another_call_lets_go_of_the_first(session: AsyncSession, rules: DeskRules):
    await fill(session, {1: "10:00-12:00", 2: "15:00-16:00"})
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), 1)
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), 2)
    assert await held(session) == {2: ANNA}


async def test_a_refused_claim_keeps_what_one_has(session: AsyncSession, rules: DeskRules):
    await fill(session, {1: "10:00-12:00", 2: "10:00-12:00"})
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), 1)
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", BEN)), 2)
    with pytest.raises(ClaimedByOther) as refused:
        await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), 2)
    assert refused.value.values == {"staff_id": BEN}
    assert await held(session) == {1: ANNA, 2: BEN}


async def test_a_claim_is_no_change_of_the_call(session: AsyncSession, rules: DeskRules):
    await fill(session, {1: "10:00-12:00"})
    async with session.begin():
        before = (await session.execute(select(PhoneCall.version, PhoneCall.updated_at))).one()
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), 1)
    await renew_claim(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), 1)
    await release_claim(work_of(session, actor=Actor("staff", ANNA)), 1)
    async with session.begin():
        assert (await session.execute(select(PhoneCall.version, PhoneCall.updated_at))).one() == before


async def test_only_scheduled_calls_can_be_claimed(session: AsyncSession, rules: DeskRules):
    async with session.begin():
        session.add_all([make_staff(id=ANNA), make_call(id=1, status="completed", abgeschlossen_at=NOW)])
    with pytest.raises(Conflict):
        await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), 1)
    with pytest.raises(NotFound):
        await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), 2)


async def test_a_claim_is_renewed_by_its_holder_only(session: AsyncSession, rules: DeskRules):
    await fill(session, {1: "10:00-12:00"})
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), 1)
    later = NOW + timedelta(minutes=9)
    assert (
        await renew_claim(work_of(session, now=later, rules=rules, actor=Actor("staff", ANNA)), 1)
        == later + rules.claim
    )
    with pytest.raises(ClaimLost):
        await renew_claim(work_of(session, now=later, rules=rules, actor=Actor("staff", BEN)), 1)
    await release_claim(work_of(session, actor=Actor("staff", BEN)), 1)
    assert await held(session) == {1: ANNA}
    await release_claim(work_of(session, actor=Actor("staff", ANNA)), 1)
    with pytest.raises(ClaimLost):
        await renew_claim(work_of(session, now=later, rules=rules, actor=Actor("staff", ANNA)), 1)


async def two_calls_to_one_therapist(session: AsyncSession) -> None:
    await fill(session, {1: "10:00-12:00"})
    async with session.begin():
        session.add(make_call(id=2, geplante_zeit=time(11, 30)))


async def test_a_claim_that_ran_out_is_not_renewed_while_a_colleague_has_the_therapist(
    session: AsyncSession, rules: DeskRules
):
    await two_calls_to_one_therapist(session)
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), 1)
    later = NOW + timedelta(minutes=11)
    await claim_call(work_of(session, now=later, rules=rules, actor=Actor("staff", BEN)), 2)
    with pytest.raises(ClaimLost):
        await renew_claim(work_of(session, now=later, rules=rules, actor=Actor("staff", ANNA)), 1)
    await release_claim(work_of(session, actor=Actor("staff", BEN)), 2)
    assert (
        await renew_claim(work_of(session, now=later, rules=rules, actor=Actor("staff", ANNA)), 1)
        == later + rules.claim
    )


async def test_who_takes_two_calls_at_once_holds_one(
    session: AsyncSession, sessions: SessionFactory, rules: DeskRules
):
    await fill(session, dict.fromkeys((1, 2, 3, 4), "10:00-12:00"))

    async def take(call_id: int | None) -> None:
        async with sessions() as own:
            if call_id is None:
                await claim_next(work_of(own, now=NOW, rules=rules, actor=Actor("staff", ANNA)))
            else:
                await claim_call(work_of(own, now=NOW, rules=rules, actor=Actor("staff", ANNA)), call_id)

    await asyncio.gather(*(take(call_id) for call_id in (1, 2, None, 3, None)))
    assert list((await held(session)).values()) == [ANNA]


async def test_twenty_pressing_next_at_once_get_twenty_calls(
    session: AsyncSession, sessions: SessionFactory, rules: DeskRules
):
    async with session.begin():
        for number in range(1, 26):
            session.add_all(
                [
                    make_staff(id=number),
                    make_therapist(id=number, telefonische_erreichbarkeit=hours(f"10:00-11:{number + 10}")),
                    make_call(id=number, therapist_id=number, leitung=number),
                ]
            )

    async def press(staff_id: int) -> int:
        async with sessions() as own:
            return (
                await claim_next(work_of(own, now=NOW, rules=rules, actor=Actor("staff", staff_id)))
            ).call.id

    claimed = await asyncio.gather(*(press(staff_id) for staff_id in range(1, 21)))
    assert sorted(claimed) == list(range(1, 21))
    assert await held(session) == {call_id: staff_id for staff_id, call_id in enumerate(claimed, 1)}


async def test_twenty_pressing_next_for_three_calls_share_them_fairly(
    session: AsyncSession, sessions: SessionFactory, rules: DeskRules
):
    async with session.begin():
        session.add_all(make_staff(id=number) for number in range(1, 21))
        for number in (1, 2, 3):
            session.add(make_therapist(id=number))
            session.add(make_call(therapist_id=number, leitung=number))

    async def press(staff_id: int) -> str | int:
        async with sessions() as own:
            try:
                return (
                    await claim_next(work_of(own, now=NOW, rules=rules, actor=Actor("staff", staff_id)))
                ).call.id
            except NothingReachable:
                return "none"

    results = Counter(await asyncio.gather(*(press(staff_id) for staff_id in range(1, 21))))
    assert results.pop("none") == 17
    assert set(results.values()) == {1}


async def test_of_many_claiming_the_same_call_one_gets_it(
    session: AsyncSession, sessions: SessionFactory, rules: DeskRules
):
    async with session.begin():
        session.add_all(make_staff(id=number) for number in range(1, 9))
        session.add_all([make_therapist(), make_call(id=1)])

    async def claim(staff_id: int) -> bool:
        async with sessions() as own:
            try:
                await claim_call(work_of(own, now=NOW, rules=rules, actor=Actor("staff", staff_id)), 1)
            except ClaimedByOther:
                return False
            return True

    assert sum(await asyncio.gather(*(claim(staff_id) for staff_id in range(1, 9)))) == 1


async def test_exchanging_calls_at_once_never_deadlocks(
    session: AsyncSession, sessions: SessionFactory, rules: DeskRules
):
    await fill(session, {1: "10:00-12:00", 2: "10:00-12:00"})

    async def claim(call_id: int, staff_id: int) -> None:
        async with sessions() as own:
            try:
                await claim_call(work_of(own, now=NOW, rules=rules, actor=Actor("staff", staff_id)), call_id)
            except ClaimedByOther:
                return

    for _ in range(5):
        await asyncio.gather(claim(1, ANNA), claim(2, BEN))
        await asyncio.gather(claim(2, ANNA), claim(1, BEN), claim(1, ANNA), claim(2, BEN))
        assert Counter((await held(session)).values()).most_common(1)[0][1] == 1


async def test_next_reaches_the_oldest_of_many(session: AsyncSession, rules: DeskRules):
    await fill(session, {1: "10:00-12:00", 2: "15:00-16:00", 3: "15:00-16:00", 4: "15:00-16:00"})
    async with session.begin():
        await session.execute(
            update(PhoneCall).where(PhoneCall.id == 1).values(geplantes_datum=date(2026, 10, 1))
        )
    anna = work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA))
    assert (await claim_next(anna)).call.id == 1
    with pytest.raises(NothingReachable):
        await claim_next(anna)


async def test_a_claim_and_a_reply_lock_calls_about_one_email_in_the_same_order(
    sessions: SessionFactory, session: AsyncSession, rules: DeskRules
):
    mail = make_email(status="SENT", sent_at=NOW)
    async with session.begin():
        session.add_all([make_staff(id=ANNA), make_therapist(), mail])
    later, sooner = make_call(email_id=mail.id, geplante_zeit=time(11, 30)), make_call(email_id=mail.id)
    async with session.begin():
        session.add(later)
        await session.flush()
        session.add(sooner)
    anna = Actor("staff", ANNA)
    await claim_call(work_of(session, now=NOW, rules=rules, actor=anna), sooner.id)
    async with sessions() as holding, sessions() as own, sessions() as answering:
        async with holding.begin():
            await tx_of(holding).locked(PhoneCall, later.id)
            claiming = asyncio.create_task(
                claim_call(work_of(own, now=NOW, rules=rules, actor=anna), later.id)
            )
            await eventually(lambda: rows_wanted_by(session, 1))
            recording = asyncio.create_task(
                record_reply(work_of(answering, now=NOW, rules=rules, actor=anna), mail.id, Reply())
            )
            await eventually(lambda: rows_wanted_by(session, 2))
        assert (await claiming).call.id == later.id
        await recording
    assert await held(session) == {}


async def rows_wanted_by(session: AsyncSession, count: int) -> bool:
    waiting = text("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
    async with session.begin():
        return await session.scalar(waiting) == count
