"""Model calls whose messages came as log records are replayed, whichever came first."""

from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.http_studio import HttpStudio

pytestmark = pytest.mark.integration

RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
CALLED = "openai-v2-content-2.4b0"


def first_call() -> tuple[str, str]:
    """Trace and span of the first model call that its log records speak of."""
    request = ExportLogsServiceRequest.FromString((RECORDINGS / f"{CALLED}.logs.bin").read_bytes())
    record = request.resource_logs[0].scope_logs[0].log_records[0]
    return record.trace_id.hex(), record.span_id.hex()


@pytest.mark.parametrize("order", [("traces", "logs"), ("logs", "traces")], ids=" then ".join)
async def test_messages_in_log_records_are_replayed(studio: HttpStudio, order: tuple[str, str]) -> None:
    cookie = await studio.set_up()
    key = await studio.make_key(cookie)
    bodies = {"traces": f"{CALLED}.bin", "logs": f"{CALLED}.logs.bin"}
    for signal in order:
        body = (RECORDINGS / bodies[signal]).read_bytes()
        sent = await studio.call(
            "POST",
            f"/v1/{signal}",
            data=body,
            headers={"Content-Type": "application/x-protobuf", "x-junjo-api-key": key},
        )
        assert sent.status == 200
    trace_id, span_id = first_call()
    reply = await studio.call("GET", f"/llm/replay/{trace_id}/{span_id}", cookie=cookie)
    assert reply.status == 200
    messages = reply.json["request"]["messages"]
    assert messages
    assert all(message["content"] or message.get("tool_calls") for message in messages)
