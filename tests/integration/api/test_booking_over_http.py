"""Many bookings at once through everything that is real: uvicorn, a process, sockets, a Therapist Service."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from services.models import OutboxEvent, PhoneCall
from shared.config import Settings
from shared.database import SessionFactory
from tests.served_app import served_app, therapist_service
from tests.therapist_service import therapist_json

AT_ONCE = 64
MANY = range(1, 51)
OFTEN_THERE = 51
RARELY_THERE = 52


@pytest.fixture
async def api(
    config: Settings, sessions: SessionFactory, tmp_path: Path
) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of the web process that may open as many connections as there are requests.

    One of the therapists answers the phone ten minutes a week.
    """
    therapists = [therapist_json(number) for number in (*MANY, OFTEN_THERE)]
    rarely = {"thursday": ["15:00-15:10"]}
    therapists.append(therapist_json(RARELY_THERE, telefonische_erreichbarkeit=rarely))
    async with (
        therapist_service(therapists) as directory,
        served_app(config, sessions, tmp_path, THERAPIST_SERVICE_URL=directory) as app,
        httpx.AsyncClient(
            base_url=app.url,
            headers={"Authorization": f"Bearer {app.key}"},
            limits=httpx.Limits(max_connections=AT_ONCE),
            timeout=60,
            trust_env=False,
        ) as client,
    ):
        yield client


async def book_at_once(api: httpx.AsyncClient, therapists: Sequence[int]) -> Counter[int]:
    answers = await asyncio.gather(
        *(api.post("/api/phone-calls", json={"therapist_id": one}) for one in therapists)
    )
    return Counter(answer.status_code for answer in answers)


async def test_bookings_at_the_same_moment_are_all_answered_and_never_overlap(
    api: httpx.AsyncClient, sessions: SessionFactory
):
    for_one = await book_at_once(api, [OFTEN_THERE] * AT_ONCE)
    for_many = await book_at_once(api, [MANY[number % len(MANY)] for number in range(AT_ONCE)])
    for_two_slots = await book_at_once(api, [RARELY_THERE] * AT_ONCE)

    assert for_one == {201: AT_ONCE}
    assert for_many == {201: AT_ONCE}
    assert for_two_slots == {201: 2, 422: AT_ONCE - 2}
    booked = (for_one + for_many + for_two_slots)[201]
    async with sessions() as session:
        slots = (await session.execute(select(*_slot(PhoneCall.therapist_id)))).all()
        lines = (await session.execute(select(*_slot(PhoneCall.leitung)))).all()
        events = await session.scalar(select(func.count()).select_from(OutboxEvent))
    assert len(set(slots)) == len(set(lines)) == len(slots) == events == booked


def _slot(column):
    return column, PhoneCall.geplantes_datum, PhoneCall.geplante_zeit
