"""The Matching Service, for who plans calls."""

import pytest

from services.accounts.api_keys import create_key
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_therapist
from tests.integration.conftest import Client
from tests.work import work_of


@pytest.fixture
async def api(client: Client, sessions: SessionFactory, clock: FakeClock) -> Client:
    """The Matching Service, with its key; therapist 1 answers the phone on weekdays from 10 to 12."""
    async with sessions() as session:
        key = await create_key(work_of(session, now=clock()), "matching")
        async with session.begin():
            session.add(make_therapist())
    client.headers["Authorization"] = f"Bearer {key}"
    return client
