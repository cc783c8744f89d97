"""One open follow-up call a therapist, each e-mail on exactly one, whoever does what at the same time."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.linked_emails import open_follow_up
from services.calls.locking import CallNotScheduled, lock_follow_ups
from services.calls.outcomes import Outcome, record_outcome
from services.calls.undo import NextAttemptChanged, TimeTaken, TooLateToUndo
from services.conversations.undo import undo_settlement
from services.emails.replies import record_reply
from services.emails.reply import Reply
from services.errors import NotFound
from services.follow_ups.automatic import create_due
from services.follow_ups.pending import cancel_pending
from services.models import CallEmail, Email, EmailStatus, OutcomeKind, PhoneCall, Therapist
from services.work import SYSTEM
from tests.eventually import eventually
from tests.factories import NOW, make_email, make_therapist
from tests.integration.follow_ups.conftest import FollowedUp
from tests.work import tx_of, work_of

EMAILS, THERAPISTS, WORKERS = 2_000, 700, 3


def columns(row: Email | Therapist) -> dict[str, object]:
    return {key: value for key, value in vars(row).items() if not key.startswith("_")}


async def open_links(session: AsyncSession) -> list[tuple[int, int, int]]:
    """Return therapist, call and e-mail of all open follow-up calls."""
    async with session.begin():
        rows = await session.execute(
            select(PhoneCall.therapist_id, PhoneCall.id, CallEmail.email_id)
            .join(CallEmail, CallEmail.call_id == PhoneCall.id)
            .where(PhoneCall.status == "scheduled")
        )
        return [(row.therapist_id, row.id, row.email_id) for row in rows]


@pytest.mark.timeout(1800)
async def test_three_workers_let_many_emails_join_one_call_for_each_therapist(
    desk: FollowedUp, session: AsyncSession
):
    desk.rules = replace(desk.rules, lines=20)
    sent = {"status": EmailStatus.SENT, "sent_at": NOW - timedelta(days=7)}
    mails = [make_email(therapist_id=1 + number % THERAPISTS, **sent) for number in range(EMAILS)]
    async with session.begin():
        therapists = [columns(make_therapist(id=number)) for number in range(2, THERAPISTS + 1)]
        await session.execute(insert(Therapist), therapists)
        await session.execute(insert(Email), [columns(mail) for mail in mails])

    async def worker() -> None:
        while await desk.look():
            pass

    await asyncio.gather(*(worker() for _ in range(WORKERS)))
    links = await open_links(session)
    assert len(links) == EMAILS
    assert len({email for _, _, email in links}) == EMAILS
    assert len({call for _, call, _ in links}) == len({therapist for therapist, _, _ in links}) == THERAPISTS
    async with session.begin():
        owners = dict((await session.execute(select(Email.id, Email.therapist_id))).all())  # pyright: ignore[reportArgumentType]
    assert all(owners[email] == therapist for therapist, _, email in links)


@pytest.mark.parametrize("seed", range(4))
async def test_joining_answers_outcomes_and_undo_at_once_lose_no_email(
    desk: FollowedUp, session: AsyncSession, seed: int
):
    """Who is first does not matter: what nobody has answered is in the one open call, all else in none."""
    desk.rules = replace(desk.rules, max_attempts=10_000)
    order = random.Random(seed)
    sent = {"status": EmailStatus.SENT, "sent_at": NOW - timedelta(days=7)}
    mails = [make_email(**sent) for _ in range(16)]
    await desk.add(*mails)
    answered = [mail.id for mail in order.sample(mails, 6)]

    async def latest() -> int:
        async with desk.sessions() as own:
            return await own.scalar(select(PhoneCall.id).order_by(PhoneCall.id.desc()).limit(1)) or 1

    async def reply(email_id: int) -> None:
        async with desk.sessions() as own:
            await record_reply(work_of(own, now=NOW, rules=desk.rules), email_id, Reply())

    async def miss() -> None:
        await tolerant(desk.rang(await latest(), order.choice([OutcomeKind.NOT_REACHED, OutcomeKind.BUSY])))

    async def undo() -> None:
        call_id = await latest()
        await tolerant(desk.does(undo_settlement, call_id - 1))
        await tolerant(desk.does(undo_settlement, call_id))

    async def tolerant(doing: Awaitable[object]) -> None:
        with suppress(CallNotScheduled, NotFound, TooLateToUndo, NextAttemptChanged, TimeTaken):
            await doing

    async def look() -> None:
        async with desk.sessions() as own:
            await create_due(work_of(own, now=NOW, rules=desk.rules), desk.directory, limit=3)

    doings: list[Callable[[], Awaitable[None]]] = [look] * 12 + [miss] * 8 + [undo] * 8
    doings += [lambda email_id=email_id: reply(email_id) for email_id in answered]
    order.shuffle(doings)
    queue = list(doings)

    async def somebody() -> None:
        while queue:
            await queue.pop()()

    await asyncio.gather(*(somebody() for _ in range(6)))
    while await desk.look():
        pass
    links = await open_links(session)
    assert len({call for _, call, _ in links}) == 1
    waiting = [mail.id for mail in mails if mail.id not in answered]
    assert Counter(email for _, _, email in links) == Counter(waiting)


async def waits(session: AsyncSession) -> bool:
    async with session.begin():
        return bool(await session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


async def test_what_becomes_due_while_the_call_is_cancelled_gets_one_of_its_own(
    desk: FollowedUp, session: AsyncSession
):
    first = await desk.due_email()
    async with desk.sessions() as answering:
        async with answering.begin():
            await tx_of(answering).locked(Email, first, key_share=True)
            await cancel_pending(tx_of(answering, rules=desk.rules, actor=SYSTEM), first)
            joining = asyncio.create_task(desk.due_email())
            await eventually(lambda: waits(session))
        second = await joining
    assert await desk.about() == {1: ("canceled", [first]), 2: ("scheduled", [second])}


async def test_what_becomes_due_while_an_outcome_is_saved_joins_the_next_attempt(
    desk: FollowedUp, session: AsyncSession
):
    first = await desk.due_email()
    async with desk.sessions() as claiming:
        async with claiming.begin():
            await tx_of(claiming).locked(PhoneCall, 1, key_share=True)
            saving = asyncio.create_task(desk.rang(1))
            await eventually(lambda: waits(session))
            joining = asyncio.create_task(desk.due_email())
            await eventually(lambda: waiting_for_follow_ups(session))
        await saving
        second = await joining
    assert await desk.about() == {1: ("failed", [first]), 2: ("scheduled", [first, second])}


async def waiting_for_follow_ups(session: AsyncSession) -> bool:
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    async with session.begin():
        return bool(await session.scalar(waiting))


async def test_a_look_goes_on_while_somebody_is_at_a_therapists_follow_ups(
    desk: FollowedUp, session: AsyncSession
):
    sent = {"status": EmailStatus.SENT, "sent_at": NOW - timedelta(days=7)}
    await desk.add(make_therapist(id=2))
    await desk.add(make_email(therapist_id=1, **sent), make_email(therapist_id=2, **sent))
    async with desk.sessions.begin() as deciding:
        await lock_follow_ups(tx_of(deciding), 1)
        looking = asyncio.create_task(desk.look())
        await eventually(lambda: waiting_for_follow_ups(session))
        assert [call.therapist_id for call in await desk.calls()] == [2]
    assert await looking == 2
    assert [call.therapist_id for call in await desk.calls()] == [2, 1]


async def test_an_answer_while_the_outcome_is_saved_finds_the_next_attempt(
    desk: FollowedUp, session: AsyncSession
):
    first, second = [await desk.due_email() for _ in range(2)]
    async with desk.sessions() as claiming:
        async with claiming.begin():
            await open_follow_up(tx_of(claiming), 1)
            saving = asyncio.create_task(
                desk.does(record_outcome, 1, Outcome(art=OutcomeKind.BUSY), version=None)
            )
            await eventually(lambda: waits(session))
            answering = asyncio.create_task(desk.answered(first))
        await saving
        await answering
    assert (await desk.about())[2] == ("scheduled", [second])
