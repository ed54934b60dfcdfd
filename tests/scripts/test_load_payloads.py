"""The payloads of the benchmarks: well-formed, each span different, and no easier to compress than English."""

import random
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from scripts.load.conversations import MARKS, mark
from scripts.load.payloads import Payload, Payloads
from scripts.load.prose import Prose

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]


def spans_of(payload: Payload) -> list[Span]:
    resource_spans = ExportTraceServiceRequest.FromString(payload.body).resource_spans
    return [span for each in resource_spans for scope_spans in each.scope_spans for span in scope_spans.spans]


def texts_of(span: Span) -> dict[str, str]:
    return {attribute.key: attribute.value.string_value for attribute in span.attributes}


@pytest.mark.parametrize("spans", [1, 2, 9, 10, 25, 128, 512])
def test_a_request_has_the_spans_that_it_says(spans: int) -> None:
    payload = Payloads(spans).make("joke-agent")

    stored = spans_of(payload)

    assert len(stored) == spans
    assert payload.ids == tuple((span.trace_id.hex(), span.span_id.hex()) for span in stored)
    assert len({span.span_id for span in stored}) == spans


def test_ids_are_new_in_each_run() -> None:
    assert set(Payloads(10).make("joke-agent").ids).isdisjoint(Payloads(10).make("joke-agent").ids)


def test_the_service_is_named_in_the_resource() -> None:
    payloads = Payloads(10)
    requests = [ExportTraceServiceRequest.FromString(payloads.make(name).body) for name in ("one", "two", "one")]

    names = [request.resource_spans[0].resource.attributes[0].value.string_value for request in requests]

    assert names == ["one", "two", "one"]


def test_a_trace_is_a_root_and_its_children_in_the_time_before_it_ended() -> None:
    root, *children = spans_of(Payloads(10).make("joke-agent", at=1_800_000_000_000_000_000))

    assert (root.parent_span_id, root.end_time_unix_nano) == (b"", 1_800_000_000_000_000_000)
    for child in children:
        assert (child.trace_id, child.parent_span_id) == (root.trace_id, root.span_id)
        assert root.start_time_unix_nano <= child.start_time_unix_nano < child.end_time_unix_nano
        assert child.end_time_unix_nano <= root.end_time_unix_nano


def test_spans_have_the_size_of_the_goal() -> None:
    payloads = Payloads(512)

    sizes = [len(payloads.make("joke-agent").body) / 512 for _ in range(10)]

    assert 2_250 < sum(sizes) / len(sizes) < 2_450


def test_no_two_spans_have_a_new_text_in_common() -> None:
    payloads = Payloads(512)
    spans = chain.from_iterable(spans_of(payloads.make("joke-agent")) for _ in range(4))

    answers = [texts_of(span)["output.value"] for span in spans]

    assert len({answer[-150:] for answer in answers}) == len(answers)


def test_a_second_call_repeats_the_first() -> None:
    _, *calls = map(texts_of, spans_of(Payloads(10).make("joke-agent")))
    key = "llm.{}_messages.{}.message.content"

    first = calls[2]
    second = calls[3]

    assert [second[key.format("input", number)] for number in range(2)] == [
        first[key.format("input", number)] for number in range(2)
    ]
    assert second[key.format("input", 2)] == first[key.format("output", 0)]
    assert key.format("input", 3) in second


def test_prose_compresses_no_better_than_english() -> None:
    english = b"".join(path.read_bytes() for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))])
    codec = pa.Codec("zstd", compression_level=1)

    def compressed(text: bytes) -> int:
        return len(codec.compress(text, asbytes=True))

    assert compressed(Prose(random.Random(1), 1_000_000).piece(len(english))) > compressed(english)


def test_marked_spans_have_attributes_of_known_rarity_and_some_failed() -> None:
    payloads = Payloads(512, marked=True)
    spans = list(chain.from_iterable(spans_of(payloads.make("joke-agent")) for _ in range(10)))

    for name, values in MARKS.items():
        found = [texts_of(span)[name] for span in spans]
        assert set(found) <= {mark(number) for number in range(values)}
        assert len(set(found)) > min(values, len(spans)) // 2
    assert 0 < sum(span.status.code == Status.STATUS_CODE_ERROR for span in spans) < len(spans) / 10


def test_other_spans_have_none() -> None:
    for span in spans_of(Payloads(25).make("joke-agent")):
        assert not MARKS.keys() & texts_of(span).keys()
        assert span.status.code == Status.STATUS_CODE_OK
