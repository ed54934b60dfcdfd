"""Metrics are not stored, and the answer says how many there were."""

import orjson
import pytest
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from actors.errors import TooLarge
from transports.otlp import discarded
from transports.otlp.decoder import Decoder
from transports.otlp.discarded import METRICS, discard

pytestmark = [pytest.mark.integration, pytest.mark.error_recovery]

NOW = 1_700_000_000_000_000_000


def metrics(times: int = 1) -> ExportMetricsServiceRequest:
    """Requests of six data points, of each kind of metric."""
    request = ExportMetricsServiceRequest()
    for _ in range(times):
        scope = request.resource_metrics.add().scope_metrics.add()
        scope.scope.name = "app"
        for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary"):
            metric = scope.metrics.add(name=kind, unit="1")
            getattr(metric, kind).data_points.add(time_unix_nano=NOW)
        scope.metrics[0].gauge.data_points.add(time_unix_nano=NOW)
    return request


@pytest.mark.parametrize("json", [False, True])
@pytest.mark.parametrize("times", [1, 300])
async def test_each_data_point_is_rejected_and_the_answer_says_what_to_set(times: int, *, json: bool) -> None:
    request = metrics(times)
    body = MessageToJson(request).encode() if json else request.SerializeToString()
    partial = (await discard(METRICS, body, json=json, decoder=Decoder())).partial_success  # type: ignore[attr-defined]
    assert partial.rejected_data_points == 6 * times
    assert "OTEL_METRICS_EXPORTER=none" in partial.error_message


@pytest.mark.parametrize(
    ("body", "json"),
    [
        (b"", False),
        (b"anything", False),
        (b"\xff" * 100, False),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", False),
        (b"{", True),
        (b"[]", True),
        (b'{"resourceMetrics": 5}', True),
        (b'{"resourceMetrics": {"scopeMetrics": [null, [], "x"]}}', True),
    ],
)
async def test_what_cannot_be_read_is_discarded_with_success(body: bytes, *, json: bool) -> None:
    assert await discard(METRICS, body, json=json, decoder=Decoder()) == METRICS.response()


async def test_a_body_that_is_cut_counts_as_far_as_it_goes() -> None:
    body = metrics(2).SerializeToString()
    partial = (await discard(METRICS, body[:-1], json=False, decoder=Decoder())).partial_success  # type: ignore[attr-defined]
    assert 0 < partial.rejected_data_points < 12


@pytest.mark.security
async def test_small_parts_are_not_counted_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discarded, "_MOST_FIELDS", 1000)
    with pytest.raises(TooLarge):
        await discard(METRICS, b"\x12\x00" * 2000, json=False, decoder=Decoder())


@pytest.mark.security
async def test_a_document_of_tiny_objects_is_refused_before_it_is_parsed() -> None:
    body = orjson.dumps({"resourceMetrics": [{}] * 6_000_000})
    with pytest.raises(TooLarge):
        await discard(METRICS, body, json=True, decoder=Decoder())
