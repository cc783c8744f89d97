"""A collector of spans over OTLP/HTTP, as real as its protocol."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from shared import tracing

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
FROM_CALLER = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "matching-17"}
STORED = {"anfrage_id": "matching-17", "traceparent": FROM_CALLER["traceparent"]}


class Collector:
    """An OTLP/HTTP receiver that answers as it is told, and what it was sent."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.silent = threading.Event()
        self.asked = threading.Event()

    @property
    def spans(self) -> dict[str, Span]:
        """All spans by name."""
        return {
            span.name: span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }

    @property
    def services(self) -> set[str]:
        return {
            attribute.value.string_value
            for request in self.requests
            for resource in request.resource_spans
            for attribute in resource.resource.attributes
            if attribute.key == "service.name"
        }


@contextmanager
def running_collector(environment: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Run a collector that the environment names; at the end nobody traces any more."""
    collector, ended = Collector(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.asked.set()
            if collector.silent.is_set():
                ended.wait()
            if self.path == "/v1/traces":
                collector.requests.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    try:
        yield collector
    finally:
        tracing.stop()
        ended.set()
        server.shutdown()
        server.server_close()


def known(span: Span) -> dict[str, str | int]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}
