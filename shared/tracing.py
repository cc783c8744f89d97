"""Spans by OpenTelemetry: what a trace shows of requests, deliveries and events.

There are none, and nothing of OpenTelemetry is imported, unless `OTEL_EXPORTER_OTLP_ENDPOINT` is set and the
extra `otel` installed; the SDK's other variables count as well. Attributes are ids, kinds and numbers: never
an address, a name, a text or a path as it was asked for.

Spans are handed to a collector by a thread of their own, over OTLP/HTTP. Nobody waits for that: an export has
`EXPORT_SECONDS`, and what finds no room in the queue meanwhile is dropped.
"""

# pyright: reportMissingImports=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
import os
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import structlog

from shared.outage import Outage

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
TIMEOUT = "OTEL_EXPORTER_OTLP_TIMEOUT"
EXPORT_SECONDS = 5
"""For one export, unless `OTEL_EXPORTER_OTLP_TIMEOUT` says otherwise."""

STOP_SECONDS = 2
"""For what is left at the end of a process."""

Attributes = Mapping[str, str | int | None]

log = structlog.get_logger(__name__)


class Kind(StrEnum):
    """What a span is to who sees it in the trace, as OpenTelemetry names it."""

    SERVER = "SERVER"
    CLIENT = "CLIENT"
    PRODUCER = "PRODUCER"


class NotExported(Exception):
    """The collector took no spans in time, or refused them."""


@dataclass(frozen=True, slots=True)
class _Tracing:
    """What of OpenTelemetry is needed once it is there."""

    provider: Any
    tracer: Any
    trace: Any
    context_of: Any
    """Makes a parent of the headers that name it."""

    def begin(self, name: str, kind: Kind, traceparent: str | None, since: datetime | None = None) -> Any:
        """Begin a span of the trace that `traceparent` names, or of a new one."""
        return self.tracer.start_span(
            name,
            context=self.context_of({"traceparent": traceparent} if traceparent else {}),
            kind=self.trace.SpanKind[kind],
            start_time=since and _nanoseconds(since),
            record_exception=False,
            set_status_on_exception=False,
        )

    def end(self, span: Any, attributes: Attributes, *, failed: bool, until: datetime | None = None) -> None:
        """End a span."""
        span.set_attributes({name: value for name, value in attributes.items() if value is not None})
        if failed:
            span.set_status(self.trace.StatusCode.ERROR)
        span.end(until and _nanoseconds(until))


@dataclass(slots=True)
class Serving:
    """A request that is being answered, as its span; what it came to is said before it ends.

    Attributes:
        traceparent: the trace it is part of and itself, as the parent of what follows from it.
    """

    traceparent: str | None
    name: str = ""
    attributes: Attributes | None = None
    failed: bool = False


_tracing: _Tracing | None = None


def start(service: str) -> None:
    """Begin to trace where the environment says to; `OTEL_SERVICE_NAME` goes before `service`."""
    global _tracing
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
    except ImportError:
        log.warning("tracing_off", reason=f"{ENDPOINTS[0]} is set, but the extra `otel` is not installed")
        return
    named = {"service.name": os.environ.get("OTEL_SERVICE_NAME") or service}
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_exporter()))
    extract = TraceContextTextMapPropagator().extract
    _tracing = _Tracing(provider, provider.get_tracer("calldesk"), trace, extract)
    log.info("tracing_on")


def stop() -> None:
    """Hand over what is left, within `STOP_SECONDS`, and trace no more."""
    global _tracing
    if _tracing is None:
        return
    ending = threading.Thread(target=_tracing.provider.shutdown, name="spans end", daemon=True)
    ending.start()
    ending.join(STOP_SECONDS)
    _tracing = None


@contextmanager
def serving(traceparent: str | None) -> Generator[Serving]:
    """Trace a request that is answered in the block, which says on the way what it came to."""
    if _tracing is None:
        yield Serving(traceparent)
        return
    tracing, span = _tracing, _tracing.begin("request", Kind.SERVER, traceparent)
    at = span.get_span_context()
    served = Serving(f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags & 1:02x}")
    try:
        yield served
    finally:
        span.update_name(served.name)
        tracing.end(span, served.attributes or {}, failed=served.failed)


def record(
    name: str,
    kind: Kind,
    traceparent: str | None,
    *,
    since: datetime,
    until: datetime,
    failed: bool = False,
    attributes: Attributes,
) -> None:
    """Add to a trace what was done between two instants; without a trace it is one of its own."""
    if _tracing is not None:
        span = _tracing.begin(name, kind, traceparent, since)
        _tracing.end(span, attributes, failed=failed, until=until)


def is_on() -> bool:
    """Whether spans are of use to anybody."""
    return _tracing is not None


def _exporter() -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import SpanExportResult

    timeout = None if os.environ.get(TIMEOUT) else EXPORT_SECONDS
    return _Exporter(OTLPSpanExporter(timeout=timeout), SpanExportResult.SUCCESS)


class _Exporter:
    """Hands spans to the collector, and says once if that does not work."""

    def __init__(self, exporter: Any, success: Any) -> None:
        self._exporter = exporter
        self._success = success
        self._outage = Outage("spans_not_exported")
        self.shutdown, self.force_flush = exporter.shutdown, exporter.force_flush

    def export(self, spans: Any) -> Any:
        result = self._exporter.export(spans)
        if result is self._success:
            self._outage.over()
        else:
            self._outage.note(NotExported())
        return result


def _nanoseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000_000) * 1000
