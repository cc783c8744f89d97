"""What a collector is told over HTTP of requests and deliveries; and that none is missed."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from services.models import Email, EmailStatus
from shared import tracing
from shared.config import Settings
from shared.database import SessionFactory
from tests.collector import FROM_CALLER, PARENT, STORED, TRACE, Collector, known, running_collector
from tests.eventually import eventually
from tests.factories import NOW
from tests.integration.api.test_email_contract import NEW
from tests.integration.conftest import Client
from tests.mail import add_emails, mail_settings, queued_email, running_sender, until_email
from tests.smtp_server import scripted_smtp


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with running_collector(monkeypatch) as collector:
        yield collector


def is_sent(email: Email) -> bool:
    return email.status is EmailStatus.SENT


async def test_a_request_is_part_of_its_callers_trace_and_what_it_made_of_its_own_span(
    collector: Collector, api: Client, session: AsyncSession
):
    tracing.start("communication-service")
    made = await api.post("/api/emails", json=NEW, headers=FROM_CALLER)
    assert made.status_code == 201, made.text
    tracing.stop()
    span = collector.spans["POST /api/emails"]
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert span.kind == Span.SPAN_KIND_SERVER
    assert known(span) == {
        "http.request.method": "POST",
        "http.route": "/api/emails",
        "http.response.status_code": 201,
        "request.id": "matching-17",
    }
    [email] = await session.scalars(select(Email))
    assert email.traceparent == f"00-{TRACE}-{span.span_id.hex()}-01"
    assert collector.services == {"communication-service"}


async def test_what_was_looked_for_is_in_no_span(collector: Collector, staff_client: Client):
    tracing.start("communication-service")
    await staff_client.get("/emails?q=Quittenbaum", headers={"User-Agent": "Quittenbrowser"})
    await staff_client.get("/Quittenweg/7")
    await staff_client.get("/health/live")
    tracing.stop()
    assert collector.spans.keys() == {"GET /emails", "GET unmatched"}
    assert b"Quitten" not in b"".join(request.SerializeToString() for request in collector.requests)


async def test_a_delivery_attempt_is_part_of_the_trace_and_names_nobody(
    collector: Collector, config: Settings, sessions: SessionFactory
):
    tracing.start("communication-service")
    async with scripted_smtp() as smtp, running_sender(mail_settings(config, smtp.port)):
        email = queued_email(**STORED, empfaenger_email="ottokar@quittenbaum.example")
        (email_id,) = await add_emails(sessions, email)
        await until_email(sessions, email_id, is_sent)
    tracing.stop()
    span = collector.spans["deliver email"]
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert span.start_time_unix_nano < span.end_time_unix_nano
    assert known(span) == {
        "email.id": email_id,
        "email.attempt.stage": "accepted",
        "email.attempt.outcome": "sent",
        "smtp.response.code": 250,
        "request.id": "matching-17",
    }
    assert b"quittenbaum" not in b"".join(request.SerializeToString() for request in collector.requests)


@pytest.mark.parametrize("gone", [True, False])
async def test_a_collector_that_is_gone_or_never_answers_stops_no_email_and_no_process(
    collector: Collector,
    config: Settings,
    sessions: SessionFactory,
    monkeypatch: pytest.MonkeyPatch,
    gone: bool,
):
    collector.silent.set()
    if gone:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "4")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")
    tracing.start("communication-service")
    async with scripted_smtp() as smtp, running_sender(mail_settings(config, smtp.port)):
        ids = await add_emails(sessions, *(queued_email(**STORED) for _ in range(20)))
        for email_id in ids:
            await until_email(sessions, email_id, is_sent)
    if not gone:
        assert collector.asked.is_set()
    tracing.stop()
    assert not tracing.is_on()
    assert collector.requests == []


async def test_a_collector_that_is_gone_is_said_once(collector: Collector, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.2")

    def said(lines: Any) -> int:
        return len([line for line in lines if line["event"] == "spans_not_exported"])

    with capture_logs() as lines:
        tracing.start("communication-service")
        for _ in range(3):
            tracing.record("x", tracing.Kind.CLIENT, None, since=NOW, until=NOW, attributes={})

        async def is_said() -> bool:
            return said(lines) > 0

        await eventually(is_said)
        tracing.stop()
    assert said(lines) == 1


IMPORTED = "import sys; {}; print(*(name for name in sys.modules if name.startswith('opentelemetry')))"


def test_without_an_endpoint_nothing_is_imported():
    started = "import webapp.server, services.worker; from shared import tracing; tracing.start('x')"
    command = [sys.executable, "-c", IMPORTED.format(started)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == ""


def test_without_the_extra_the_log_says_so_and_all_goes_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with capture_logs() as said:
        tracing.start("communication-service")
    assert [(line["event"], "`otel`" in line["reason"]) for line in said] == [("tracing_off", True)]
    assert not tracing.is_on()
    with tracing.serving("given") as served:
        assert served.traceparent == "given"
