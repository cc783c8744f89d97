"""What a start does ahead for whoever comes first."""

from services.models import Staff
from shared.config import Settings
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_call, make_therapist
from tests.integration.conftest import Client, let_in
from webapp.app import create_app


async def test_whoever_comes_after_it_waits_for_no_template_of_today(
    config: Settings, clock: FakeClock, sessions: SessionFactory, anna: Staff
):
    async with sessions.begin() as session:
        session.add(make_therapist(id=1))
        await session.flush()
        session.add(make_call(therapist_id=1))
    app = create_app(config, clock=clock, warm=True)
    assert app.template_engine is not None
    templates = app.template_engine.engine.cache
    async with Client(app) as client:
        await let_in(client, anna, sessions, clock())
        await app.state.warm_up
        compiled = set(templates.keys())
        listed = await client.get("/", headers={"HX-Request": "true"})
        page = await client.get("/")
        assert "data-row=" in listed.text
        assert page.status_code == 200
        assert set(templates.keys()) == compiled
