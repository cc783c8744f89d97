"""A phone line is in one hand at a time, however many therapists share it and however it is spelled."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.claims import (
    ClaimedByOther,
    ClaimLost,
    LineTaken,
    NothingReachable,
    claim_call,
    claim_next,
    release_claim,
    renew_claim,
)
from services.calls.ring_backs import take_ring_back
from services.desk.board import load_board
from services.desk.today import load_change, load_desk
from services.models import PhoneCall, Therapist
from services.work import Actor, Work
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_staff, make_therapist
from tests.work import work_of

ANNA, BEN = 1, 2
FIRST, SECOND = 11, 12


def work(session: AsyncSession, staff_id: int, **values: object) -> Work:
    return work_of(session, actor=Actor("staff", staff_id), **values)  # pyright: ignore[reportArgumentType]


async def a_practice(session: AsyncSession, *fields: str) -> None:
    """Anna and Ben, and a call today for each therapist with such a phone field."""
    async with session.begin():
        session.add_all([make_staff(id=ANNA, name="Anna"), make_staff(id=BEN, name="Ben")])
        for number, telefon in enumerate(fields, FIRST):
            session.add(make_therapist(id=number, telefon=telefon))
            session.add(make_call(id=number, therapist_id=number, leitung=number))


SAME = [
    ("030 1234567", "+49 (0)30 / 12 34 567"),
    ("030 1234567", "0049301234567"),
    ("030 1234567", "089 7654321, Praxis 030-1234567"),
    ("Tel. 030 1234567 Durchwahl 12", "030 1234567"),
]
"""One line: spelled otherwise, a further number of the field, an extension."""


@pytest.mark.parametrize("fields", SAME)
async def test_two_people_do_not_ring_one_line(session: AsyncSession, fields: tuple[str, str]):
    await a_practice(session, *fields)
    await claim_call(work(session, BEN), FIRST)
    with pytest.raises(LineTaken) as refused:
        await claim_call(work(session, ANNA), SECOND)
    assert refused.value.values == {"staff_id": BEN}
    with pytest.raises(NothingReachable):
        await claim_next(work(session, ANNA))
    await release_claim(work(session, BEN), FIRST)
    assert (await claim_call(work(session, ANNA), SECOND)).call.id == SECOND


@pytest.mark.parametrize(
    "fields",
    [
        ("030 1234567", "030 1234568"),
        ("030 1234567, Fax 030 7654321", "030 1234568, Fax 030 7654321"),
        ("030 1234567", "unbekannt"),
    ],
)
async def test_other_lines_are_free(session: AsyncSession, fields: tuple[str, str]):
    await a_practice(session, *fields)
    await claim_call(work(session, BEN), FIRST)
    assert (await claim_call(work(session, ANNA), SECOND)).call.id == SECOND


async def test_a_number_the_desk_knows_better_is_the_line(session: AsyncSession):
    await a_practice(session, "030 1234567", "030 1234567")
    async with session.begin():
        second = await session.get_one(Therapist, SECOND)
        second.telefon_korrigiert, second.telefon_korrigiert_e164 = "030 7654321", "+49307654321"
        second.telefon_korrigiert_at = NOW
    await claim_call(work(session, BEN), FIRST)
    assert (await load_desk(work(session, ANNA), SECOND)).in_the_way is None
    assert (await claim_call(work(session, ANNA), SECOND)).call.id == SECOND


async def test_one_person_may_go_on_to_the_next_of_a_practice(session: AsyncSession):
    await a_practice(session, *SAME[0])
    await claim_next(work(session, ANNA))
    assert (await claim_next(work(session, ANNA))).call.id == SECOND


async def test_who_rings_back_is_heard_whoever_is_on_their_line(session: AsyncSession):
    await a_practice(session, *SAME[0])
    await claim_call(work(session, BEN), FIRST)
    assert (await take_ring_back(work(session, ANNA), SECOND)).call.id == SECOND
    with pytest.raises(ClaimedByOther):
        await take_ring_back(work(session, ANNA), FIRST)


async def test_a_claim_that_ran_out_is_not_renewed_while_a_colleague_is_on_the_line(session: AsyncSession):
    await a_practice(session, *SAME[0])
    await claim_call(work(session, ANNA), FIRST)
    later = NOW + timedelta(minutes=11)
    await claim_call(work(session, BEN, now=later), SECOND)
    with pytest.raises(ClaimLost):
        await renew_claim(work(session, ANNA, now=later), FIRST)


async def test_the_board_says_who_is_on_the_line_and_offers_nobody_there(session: AsyncSession):
    await a_practice(session, *SAME[0], "030 999888")
    await claim_call(work(session, BEN), FIRST)
    desk = await load_desk(work(session, ANNA), SECOND)
    lines = {row.call.call_id: row.line.staff_name if row.line else None for row in desk.board.reachable_now}
    assert lines == {FIRST: None, SECOND: "Ben", 13: None}
    assert (desk.board.counts.reachable_now, desk.board.counts.reachable_free) == (3, 1)
    offer = (await load_desk(work(session, ANNA))).offer
    assert offer is not None
    assert offer.row.call.call_id == 13
    assert desk.in_the_way is not None
    assert (desk.in_the_way.staff_name, desk.in_the_way.therapist_id) == ("Ben", FIRST)
    change = await load_change(work(session, ANNA), SECOND, version=1)
    assert change is not None
    assert change.hand == desk.in_the_way
    assert await load_change(work(session, BEN), SECOND, version=1) is None


async def test_an_expired_claim_takes_nobody_and_no_line(session: AsyncSession):
    await a_practice(session, *SAME[0])
    await claim_call(work(session, BEN), FIRST)
    before, after = NOW + timedelta(minutes=9, seconds=59), NOW + timedelta(minutes=10)
    taken = await load_board(work_of(session, now=before))
    free = await load_board(work_of(session, now=after))
    assert [row.is_taken(ANNA) for row in taken.reachable_now] == [True, True]
    assert [row.is_taken(ANNA) for row in free.reachable_now] == [False, False]
    assert await load_change(work(session, ANNA, now=after), SECOND, version=1) is None


async def test_of_many_at_once_one_gets_a_practice_with_several_lines(
    session: AsyncSession, sessions: SessionFactory
):
    """Each line links two neighbours, in fields that name them in either order; half press Next."""
    lines = [f"030 55500{number}" for number in range(10)]
    async with session.begin():
        for number in range(1, 11):
            session.add(make_staff(id=number))
            own = [lines[number - 1], lines[number % 10]]
            telefon = ", ".join(own if number % 2 else reversed(own))
            session.add(make_therapist(id=number, telefon=telefon))
            session.add(make_call(id=number, therapist_id=number, leitung=number))

    async def take(staff_id: int) -> int | None:
        async with sessions() as own:
            mine = work(own, staff_id)
            try:
                claim = await (claim_next(mine) if staff_id % 2 else claim_call(mine, staff_id))
            except (ClaimedByOther, NothingReachable):
                return None
            return claim.call.id

    taken = [call_id for call_id in await asyncio.gather(*map(take, range(1, 11))) if call_id]
    rung = Counter(line for call_id in taken for line in (call_id - 1, call_id % 10))
    assert set(rung.values()) == {1}
    async with session.begin():
        held = await session.scalar(select(func.count()).where(PhoneCall.bearbeitet_von.is_not(None)))
    assert held == len(taken) >= 1
