"""An operator's hold: nothing goes out, by no worker, whatever its state was."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from services.emails.states import decide_all_unclear
from services.models import Activity, Email, EmailStatus
from services.sending.hold import doubt_all, hold_queue, release_queue
from services.sending.ledger import Ledger
from services.sending.overview import queue_overview
from services.sending.queue import EmailQueue
from services.work import SYSTEM, Actor
from shared.clock import system_clock
from shared.config import Settings
from shared.database import SessionFactory
from tests.eventually import eventually
from tests.factories import NOW, make_email, make_staff
from tests.mail import (
    LEASE,
    add_emails,
    attempts_of,
    claim,
    mail_settings,
    queued_email,
    read_email,
    running_sender,
    until_email,
)
from tests.smtp_server import Hold, scripted_smtp
from tests.work import work_of

OLD = system_clock() - timedelta(hours=3)


def was_being_sent(**values: object) -> Email:
    claimed = {"status": EmailStatus.SENDING, "anspruch": uuid4(), "anspruch_bis": OLD, "updated_at": OLD}
    return queued_email(**(claimed | values))


async def hold(sessions: SessionFactory, actor: Actor = SYSTEM, reason: str | None = None) -> int:
    async with sessions() as session:
        return await hold_queue(work_of(session, now=system_clock(), actor=actor), reason)


async def release(sessions: SessionFactory) -> bool:
    async with sessions() as session:
        return await release_queue(work_of(session, now=system_clock()))


async def states(sessions: SessionFactory) -> Counter[str]:
    async with sessions() as session:
        emails = await session.scalars(select(Email))
        return Counter("UNCLEAR" if e.zustellung_unklar else e.status.value for e in emails)


async def until(sessions: SessionFactory, **wanted: int) -> None:
    async def reached() -> bool:
        return await states(sessions) == Counter(wanted)

    await eventually(reached)


async def test_of_an_older_state_restored_nothing_goes_out_until_somebody_has_decided(
    config: Settings, sessions: SessionFactory
) -> None:
    """Whether handed over or only claimed at the time: what came after, the older state doesn't say."""
    handed_over = [was_being_sent(uebergabe_begonnen_at=OLD) for _ in range(25)]
    claimed = [was_being_sent() for _ in range(10)]
    unclear = await add_emails(sessions, *handed_over, *claimed)
    await add_emails(sessions, *(queued_email() for _ in range(5)))
    await hold(sessions)
    async with scripted_smtp() as smtp:
        async with (
            running_sender(mail_settings(config, smtp.port)),
            running_sender(mail_settings(config, smtp.port, smtp_connections=3)),
        ):
            await until(sessions, UNCLEAR=35, QUEUED=5)
            async with sessions() as session:
                again = dict.fromkeys(unclear[:2], 1)
                await decide_all_unclear(work_of(session, now=system_clock()), again, "resend")
            await until(sessions, UNCLEAR=33, QUEUED=7)
        assert smtp.connections == 0
        assert await release(sessions)
        async with running_sender(mail_settings(config, smtp.port)):
            await until(sessions, UNCLEAR=33, SENT=7)
        assert len(smtp.messages) == 7


async def test_what_was_claimed_before_an_older_state_counts_as_sent_when_it_was_claimed(
    queue: EmailQueue, sessions: SessionFactory
) -> None:
    (email_id,) = await add_emails(sessions, was_being_sent())
    await hold(sessions)
    await queue.sweep(now=system_clock())
    unclear = await read_email(sessions, email_id)
    assert unclear.uebergabe_begonnen_at == OLD
    assert unclear.fehlermeldung == "it was being sent, and the queue is held: what became of it is not known"
    async with sessions() as session:
        seen = {email_id: unclear.version}
        assert await decide_all_unclear(work_of(session, now=system_clock()), seen, "was_sent") == 1
    assert (await read_email(sessions, email_id)).sent_at == OLD


async def test_all_that_waits_in_an_older_state_can_be_made_a_persons_decision(
    sessions: SessionFactory,
) -> None:
    waiting, later, claimed, unclear, sent = await add_emails(
        sessions,
        make_email(naechster_versuch_at=NOW - timedelta(hours=1)),
        make_email(naechster_versuch_at=NOW + timedelta(hours=1)),
        make_email(status="SENDING", anspruch=uuid4(), anspruch_bis=NOW + LEASE, updated_at=NOW),
        make_email(status="SENDING", uebergabe_begonnen_at=NOW - LEASE, version=7),
        make_email(status="SENT", sent_at=NOW),
    )
    async with sessions() as session:
        await hold_queue(work_of(session))
        assert await doubt_all(work_of(session)) == 3
    emails = [await read_email(sessions, email_id) for email_id in (waiting, later, claimed, unclear, sent)]
    assert [email.zustellung_unklar for email in emails] == [True] * 4 + [False]
    assert [email.version for email in emails] == [2, 2, 2, 7, 1]
    assert [email.uebergabe_begonnen_at for email in emails] == [
        NOW - timedelta(hours=1),
        NOW,
        NOW,
        NOW - LEASE,
        None,
    ]
    async with sessions() as session:
        entry = (Activity.action, Activity.object_type, Activity.object_id)
        noted = await session.execute(select(*entry).order_by(Activity.id))
        doubted = [("email_doubted", "email", email_id) for email_id in (waiting, later, claimed)]
        assert noted.all() == [("queue_held", "queue", 1), *doubted]


async def test_a_hold_stops_every_lane_before_data_and_lets_only_the_hand_over_under_way_finish(
    config: Settings, sessions: SessionFactory
) -> None:
    answered, accepted = asyncio.Event(), asyncio.Event()
    ids = await add_emails(sessions, *(queued_email() for _ in range(30)))
    async with scripted_smtp() as smtp:
        smtp.on("dot", Hold(accepted, "250 2.0.0 queued"))
        smtp.on("rcpt", *[Hold(answered, "250 2.1.5 ok")] * 4)
        async with running_sender(mail_settings(config, smtp.port, smtp_connections=4)):
            await until_seen(lambda: smtp.commands["rcpt"] == 4)
            assert await hold(sessions) == 0
            answered.set()
            await until(sessions, QUEUED=30)
            assert smtp.commands["data"] == 0
            await release(sessions)
            await until_seen(lambda: bool(smtp.messages))
            assert await hold(sessions) >= 1
            accepted.set()
            await eventually(lambda: nothing_under_way(sessions))
        assert len(smtp.messages) == (await states(sessions))["SENT"]
    attempts = [await attempts_of(sessions, email_id) for email_id in ids]
    assert {attempt.ergebnis for of_one in attempts for attempt in of_one} == {"sent"}


async def until_seen(condition: Callable[[], bool]) -> None:
    async def seen() -> bool:
        return condition()

    await eventually(seen)


async def nothing_under_way(sessions: SessionFactory) -> bool:
    return "SENDING" not in await states(sessions)


async def test_a_held_queue_is_neither_claimed_nor_probed_and_nothing_begins(
    queue: EmailQueue, ledger: Ledger, sessions: SessionFactory
) -> None:
    await add_emails(sessions, make_email(), make_email())
    (claimed,) = await claim(queue, limit=1)
    await hold(sessions)
    assert not await ledger.begin(claimed)
    assert await claim(queue) == []
    assert await queue.pause(0, until=NOW, reason="down")
    assert await queue.probe(now=NOW, lease_end=NOW + LEASE, next_probe_at=NOW) == []
    await release(sessions)
    assert await ledger.begin(claimed)
    assert len(await queue.probe(now=NOW, lease_end=NOW + LEASE, next_probe_at=NOW)) == 1


async def test_who_holds_the_queue_since_when_and_why_is_known_until_it_is_released(
    sessions: SessionFactory,
) -> None:
    async with sessions() as session, session.begin():
        anna = make_staff(name="Anna")
        session.add(anna)
    async with sessions() as session:
        by_anna = work_of(session, actor=Actor("staff", anna.id))
        await hold_queue(by_anna, "  Falscher Anhang ")
        async with by_anna.transaction() as tx:
            first = (await queue_overview(tx)).hold
        assert first is not None
        assert (first.since, first.who, first.reason) == (NOW, "Anna", "Falscher Anhang")
        later = work_of(session, now=NOW + LEASE)
        await hold_queue(later)
        async with later.transaction() as tx:
            again = (await queue_overview(tx)).hold
        assert again is not None
        assert (again.since, again.who, again.reason) == (NOW, None, None)
        assert await release_queue(later)
        assert not await release_queue(later)
        async with later.transaction() as tx:
            assert (await queue_overview(tx)).hold is None


@pytest.mark.parametrize("held", [False, True])
async def test_outside_a_hold_a_lease_that_ends_before_data_puts_the_email_back(
    queue: EmailQueue, sessions: SessionFactory, held: bool
) -> None:
    (email_id,) = await add_emails(sessions, was_being_sent())
    if held:
        await hold(sessions)
        await release(sessions)
    assert (await queue.sweep(now=system_clock())).requeued == [email_id]
    await until_email(sessions, email_id, lambda email: email.status is EmailStatus.QUEUED)
