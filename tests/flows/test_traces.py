"""A track as OpenTelemetry sees it: one trace, its flow with its tasks below, sent by OTLP to a collector."""

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from prefect.settings import PREFECT_API_URL

from flows.ingest import ingest
from scorekeeper.operations.sample import write_sample
from tests.flows.test_flows import run

INSTRUMENT = str(Path(sys.executable).with_name("opentelemetry-instrument"))
COMMAND = str(Path(sys.executable).with_name("scorekeeper"))
OK = 1


@dataclass
class Collector:
    """Receives traces over HTTP, as the protocol says; its address, and every span that came."""

    address: str = ""
    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                found.services |= {
                    one.value.string_value for one in resource.resource.attributes if one.key == "service.name"
                }
                found.spans += [span for scope in resource.scope_spans for span in scope.spans]
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_track_is_one_trace_of_its_flow_and_its_tasks(home: Path, collector: Collector) -> None:
    as_of = write_sample(home / "inbox", home / "market")
    run(ingest())
    telling = {
        "PREFECT_API_URL": str(PREFECT_API_URL.value()), "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "true",
        "OTEL_SERVICE_NAME": "scorekeeper", "OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
    }  # fmt: skip
    done = subprocess.run(
        [INSTRUMENT, COMMAND, "track", "--as-of", as_of.isoformat()], cwd=home, env=os.environ | telling,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert collector.services == {"scorekeeper"}
    (flow,) = [span for span in collector.spans if kind_of(span) == "flow"]
    tasks = [span for span in collector.spans if kind_of(span) == "task"]
    assert flow.name == "track"
    assert {span.name.rpartition("-")[0] for span in tasks} >= {"fetch candles", "settle trades"}
    assert {(span.trace_id, span.parent_span_id) for span in tasks} == {(flow.trace_id, flow.span_id)}
    assert {span.status.code for span in collector.spans} == {OK}
    for span in tasks:
        assert flow.start_time_unix_nano <= span.start_time_unix_nano < span.end_time_unix_nano
        assert span.end_time_unix_nano <= flow.end_time_unix_nano


def kind_of(span: Any) -> str:
    found = {one.key: one.value.string_value for one in span.attributes}
    return str(found.get("prefect.run.type", ""))
