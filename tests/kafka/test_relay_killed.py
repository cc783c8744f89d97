import asyncio
from collections import Counter
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.config import Settings
from tests.eventually import eventually
from tests.kafka.outbox import collect, first_copies, waiting
from tests.kafka.relay_process import PAUSE_BEFORE_MARKING_SECONDS, RelayProcesses

pytestmark = [pytest.mark.kafka, pytest.mark.chaos]

KILLS = 20
EVENTS = 2000
KEYS = 400


async def test_a_relay_killed_at_random_loses_nothing_and_keeps_the_order_of_every_key(
    session: AsyncSession,
    through_proxy: Settings,
    direct: Settings,
    topic: str,
    capsys: pytest.CaptureFixture[str],
):
    async with session.begin():
        await session.execute(
            text("""
            INSERT INTO communication_service.event_outbox
                (event_id, event_type, topic, key, payload, created_at, available_at)
            SELECT gen_random_uuid(), 'communication.email_sent', :topic, 'email:' || number % :keys,
                jsonb_build_object('number', number), now(), now()
            FROM generate_series(0, :events - 1) AS number
            """),
            {"topic": topic, "keys": KEYS, "events": EVENTS},
        )

    async def all_out() -> bool:
        return await waiting(session) == 0

    dice = Random(20261014)
    async with RelayProcesses(through_proxy) as relays:
        for _ in range(KILLS):
            pid = await relays.start()
            for _ in range(dice.randint(1, 3)):
                await relays.sent(pid)
            await asyncio.sleep(dice.uniform(0, 2 * PAUSE_BEFORE_MARKING_SECONDS))
            assert await waiting(session) > 0
            relays.kill(pid)
        await relays.start()
        await eventually(all_out)

    received = await collect(direct, topic, EVENTS)
    assert first_copies(received) == {f"email:{key}": list(range(key, EVENTS, KEYS)) for key in range(KEYS)}
    copies = Counter(item.event.event_id for item in received)
    assert len(copies) == EVENTS
    assert len(received) > EVENTS, "no kill came between sending and marking"
    with capsys.disabled():
        print(
            f"\nrelay killed {KILLS} times under {EVENTS} events: all arrived, every key in order,"
            f" {len(received) - EVENTS} second copies under the same eventId"
        )
