"""What monitoring reads: everything the dashboard and the alarms use is there, and no label holds an id."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.api_keys import JSON_API, KeyTerms, create_key
from services.calls.outcome_said import Outcome
from services.calls.outcomes import record_outcome
from services.models import OutcomeKind
from tests.clock import FakeClock
from tests.factories import make_call, make_therapist
from tests.integration.conftest import Client
from tests.work import work_of
from webapp.measured import UNMATCHED

DEPLOY = Path(__file__).parents[3] / "deploy"
NAME = re.compile(r"\b(?:calldesk|process)_[a-z_]+")
ALERT = re.compile(r"- alert: (\w+)")


@pytest.fixture
async def monitoring(client: Client, session: AsyncSession, clock: FakeClock) -> Client:
    """A client with a key for the figures and the API."""
    terms = KeyTerms(scopes=[*JSON_API, "metrics"])
    key = await create_key(work_of(session, now=clock()), "prometheus", terms)
    client.headers["Authorization"] = f"Bearer {key}"
    return client


async def scraped(monitoring: Client) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return every sample by its name and labels."""
    text = (await monitoring.get("/metrics")).text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def grown(before: dict, after: dict, name: str, **labels: str) -> float:
    key = (name, frozenset(labels.items()))
    return after.get(key, 0) - before.get(key, 0)


async def test_all_that_dashboard_and_alarms_use_is_there(monitoring: Client):
    await monitoring.get("/health")
    names = {name for name, _ in await scraped(monitoring)}
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    used = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in NAME.findall(target["expr"])
    } | set(NAME.findall((DEPLOY / "alerts.yaml").read_text()))
    assert used
    assert used - names == set()


def test_every_alarm_is_fired_by_a_test():
    alerts = set(ALERT.findall((DEPLOY / "alerts.yaml").read_text()))
    tests = (DEPLOY / "alerts.test.yaml").read_text()
    assert alerts
    assert {alert for alert in alerts if f"{alert} fires" not in tests} == set()


async def test_requests_are_counted_by_route_and_by_the_status_they_were_answered_with(monitoring: Client):
    before = await scraped(monitoring)
    await monitoring.get("/api/emails/99")
    await monitoring.get("/api/emails/98", headers={"Authorization": "Bearer wrong"})
    await monitoring.get("/nowhere/at/all")
    await monitoring.request("FOO", "/api/emails")
    after = await scraped(monitoring)
    total, route = "calldesk_http_requests_total", "/api/emails/{email_id}"
    assert grown(before, after, total, method="GET", path=route, status_code="404") == 1
    assert grown(before, after, total, method="GET", path=route, status_code="401") == 1
    assert grown(before, after, total, method="GET", path=UNMATCHED, status_code="404") == 1
    assert grown(before, after, total, method="other", path=UNMATCHED, status_code="405") == 1
    seconds = "calldesk_http_request_duration_seconds_count"
    assert grown(before, after, seconds, method="GET", path=route) == 2


async def test_no_label_holds_a_number(monitoring: Client):
    await monitoring.get("/api/emails/99")
    paths = {value for _, labels in await scraped(monitoring) for name, value in labels if name == "path"}
    assert {path for path in paths if re.search(r"\d", path)} == set()


async def test_outcomes_and_bookings_are_counted(monitoring: Client, session: AsyncSession, clock: FakeClock):
    async with session.begin():
        session.add(therapist := make_therapist())
        await session.flush()
        session.add(call := make_call(therapist_id=therapist.id))
    before = await scraped(monitoring)
    await record_outcome(
        work_of(session, now=clock()), call.id, Outcome(art=OutcomeKind.NOT_REACHED), version=None
    )
    after = await scraped(monitoring)
    assert grown(before, after, "calldesk_call_outcomes_total", outcome="nicht_erreicht") == 1
    assert grown(before, after, "calldesk_bookings_total", result="booked") == 1
    assert grown(before, after, "calldesk_booking_seconds_count") == 1


async def test_the_pool_and_the_loops_are_shown(monitoring: Client):
    figures = await scraped(monitoring)
    assert figures["calldesk_database_pool_size", frozenset()] == 10
    assert figures["calldesk_loop_hung", frozenset({("loop", "listener")})] == 0
    turned = figures["calldesk_loop_last_turn_timestamp_seconds", frozenset({("loop", "listener")})]
    assert turned > 1_700_000_000
