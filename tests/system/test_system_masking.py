"""With JUNJO_MASK nothing of what is masked is in any file, whichever way the spans came."""

import asyncio
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import grpc
import pyarrow.parquet as pq
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from scripts.load.own_studio import OwnStudio
from studio.transfer.client import StudioClient
from studio.transfer.uploads import import_files
from tests.ingestion_service import IngestionService, serving
from tests.spans import any_value, logs_request, otlp_log, otlp_request, otlp_span
from tests.studio_process import start_studio

pytestmark = [pytest.mark.integration, pytest.mark.security, pytest.mark.requires_grpc_server]

SECRETS = ("anna@example.org", "4111 1111 1111 1111", "hunter2-of-anna", "ORD-778899")
RULES = json.dumps(
    [
        "email",
        "credit_card",
        {"name": "order", "values": "ORD-[0-9]{6}"},
        {"name": "password", "keys": "(?i)^password$"},
    ]
)
KEPT = "a sentence that is kept"
TOLD = {"email": 7, "credit_card": 6, "order": 6, "password": 2}


def secretive(number: int) -> Span:
    """A span with secrets in each of its parts."""
    said = f"{KEPT}: {' and '.join((SECRETS[0], SECRETS[1], SECRETS[3]))}"
    span = otlp_span(number, trace_id=number, said=said)
    made: dict[str, Any] = {
        "json": json.dumps({"messages": [{"content": f"\n{said}\n", "password": SECRETS[2]}]}),
        "list": [said, 1],
        "map": {"inner": said, "Password": {"is": SECRETS[2]}},
        "filler": "x" * 20_000 + SECRETS[0],
    }
    for key, value in made.items():
        span.attributes.add(key=key, value=any_value(value))
    span.status.message = said
    span.events.add(name="told", attributes=[{"key": "said", "value": any_value(said)}])
    return span


def request(*numbers: int) -> ExportTraceServiceRequest:
    return otlp_request(*map(secretive, numbers), service="anna's shop")


def as_json(sent: ExportTraceServiceRequest) -> bytes:
    made = MessageToDict(sent, use_integers_for_enums=True)
    for span in made["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        span["traceId"], span["spanId"] = f"{3:032x}", f"{3:016x}"
    return json.dumps(made).encode()


def secretive_logs(*numbers: int) -> ExportLogsServiceRequest:
    """Log records with secrets in their body and their attributes."""
    said = f"{KEPT}: {' and '.join((SECRETS[0], SECRETS[1], SECRETS[3]))}"
    records = [otlp_log(number, body={"said": said, "password": SECRETS[2]}) for number in numbers]
    for record in records:
        record.attributes.add(key="said", value=any_value(said))
    return logs_request(*records, service="anna's shop")


def send_logs(studio: OwnStudio, key: str) -> None:
    headers = {"x-junjo-api-key": key}
    with grpc.insecure_channel(f"127.0.0.1:{studio.otlp_port}") as channel:
        LogsServiceStub(channel).Export(secretive_logs(1), metadata=tuple(headers.items()))  # type: ignore[no-untyped-call] # generated
    as_lines = json.dumps(MessageToDict(secretive_logs(2), use_integers_for_enums=True))
    as_lines = as_lines.replace(b64encode((1).to_bytes(16, "big")).decode(), f"{1:032x}")
    as_lines = as_lines.replace(b64encode((1).to_bytes(8, "big")).decode(), f"{1:016x}")
    bodies = {"application/x-protobuf": secretive_logs(3).SerializeToString(), "application/json": as_lines.encode()}
    for kind, body in bodies.items():
        assert studio.call("POST", "/v1/logs", body, headers | {"Content-Type": kind}).status == 200


def send_in_every_way(studio: OwnStudio, key: str, folder: Path) -> None:
    headers = {"x-junjo-api-key": key}
    with grpc.insecure_channel(f"127.0.0.1:{studio.otlp_port}") as channel:
        TraceServiceStub(channel).Export(request(1), metadata=tuple(headers.items()))  # type: ignore[no-untyped-call] # generated
    bodies = {"application/x-protobuf": request(2).SerializeToString(), "application/json": as_json(request(3))}
    for kind, body in bodies.items():
        assert studio.call("POST", "/v1/traces", body, headers | {"Content-Type": kind}).status == 200
    lines = folder / "spans.jsonl"
    lines.write_bytes(as_json(request(3)).replace(f"{3:032x}".encode(), f"{4:032x}".encode()) + b"\n")
    import_files(StudioClient(f"http://127.0.0.1:{studio.http_port}", key), [lines])
    lines.unlink()


def found_in_files(folder: Path) -> set[str]:
    """Which of the secrets, and of what is kept, are in any file; in segments, as they are read."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    content = b"".join(path.read_bytes() for path in files)
    for path in files:
        if path.suffix == ".parquet":
            content += str(pq.read_table(path).to_pylist()).encode()
    return {text for text in (*SECRETS, KEPT) if text.encode() in content}


def with_secrets_pulled(folder: Path, **more: str) -> tuple[set[str], set[str], list[dict[str, Any]]]:
    """What is in the write-ahead log, then in segments, and the spans as they are shown."""
    with OwnStudio(folder, **more) as studio:
        key = studio.sign_up()
        send_in_every_way(studio, key, folder.parent)
        send_logs(studio, key)
        studio.call(
            "POST",
            "/v1/traces",
            otlp_request(otlp_span(9, trace_id=9)).SerializeToString(),
            {"x-junjo-api-key": key, "Content-Type": "application/x-protobuf"},
        )
        while len(studio.stored("anna's shop")) + len(studio.stored("pulled")) < 5:
            pass  # the pull; the time limit of the test is the bound
    logged = found_in_files(folder)
    with OwnStudio(folder, **more) as studio:
        studio.sign_in()
        studio.rest("DELETE", f"/api/v1/observability/traces/{9:032x}")  # which flushes everything
        logs = studio.rest("GET", "/api/v1/observability/export?format=jsonl&what=logs").body
        assert logs.count(KEPT.encode()) == 2 * 3
        shown = [
            span
            for number in range(1, 6)
            for span in studio.rest("GET", f"/api/v1/observability/traces/{number:032x}/spans").json
        ]
    assert any(folder.rglob("*.parquet"))
    return logged, found_in_files(folder), shown


@pytest.mark.parametrize("rules", [RULES, ""], ids=["masked", "not masked"])
async def test_what_is_masked_is_in_no_file(data_dir: Path, rules: str) -> None:
    service = IngestionService(v3=True)
    service.add(5, trace_id=5)
    service.rows[0] = (secretive(5).SerializeToString(), service.rows[0][1])
    async with serving(service) as port:
        more = {
            "INGESTION_HOST": "127.0.0.1",
            "INGESTION_PORT": str(port),
            "SPAN_POLL_INTERVAL": "1",
            "JUNJO_MASK": rules,
        }
        logged, sealed, shown = await asyncio.to_thread(with_secrets_pulled, data_dir, **more)
    assert logged == sealed == ({KEPT} if rules else {KEPT, *SECRETS})
    assert len(shown) == 5
    assert [span["attributes_json"].get("junjo.masked") for span in shown] == [TOLD if rules else None] * 5


async def test_an_expression_that_cannot_be_used_is_named_at_the_start(data_dir: Path) -> None:
    rules = '[{"name": "order", "values": "ORD-[0-9"}]'
    process = await start_studio(data_dir, variables={"JUNJO_MASK": rules})
    _, errors = await process.communicate()
    assert process.returncode
    assert b"JUNJO_MASK" in errors
    assert b"'order'" in errors
