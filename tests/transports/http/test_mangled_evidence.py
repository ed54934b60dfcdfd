"""Whatever a program sends under junjo's names, its own client can read what it is said to prove."""

import random
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from actors.span_store.asked.evidence import TraceEvidence
from actors.span_store.columns.rows import SHOWN_COLUMNS, span_rows, stored_spans
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.traces.evidence_spans import sent_span
from actors.workflows.evidence.assembled import trace_evidence
from transports.http.wire.evidence_json import render_evidence
from transports.otlp.decode import decode_trace_request

pytest.importorskip("junjo", reason="junjo does not allow this version of Python")

from junjo.studio.models import TraceEvidenceRead

pytestmark = pytest.mark.unit

RECORDINGS = Path(__file__).parents[2] / "recordings"
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 2, 3, -1, 2**53, 2**63, 1.5, "", " ", "full", "excluded", "reference", "node", "agent"),
    *("tool", "model_request", "{}", "[]", "null", "[1]", "{", '"text"', '{"calls":[{"id":"a","name":"b"}]}', [], {}),
    *('[{"op":"copy","from":"","path":"/a"}]', '[{"op":"add","path":"/a","value":1e400}]', "[" * 5000, "\u0000\u2028"),
    *({"a": [1, {"b": None}]}, ["junjo"], '{"v":1,"modelResponses":1,"fields":{"x":{"sum":1,"observations":"1"}}}'),
)


def recorded(name: str) -> list[StoredSpan]:
    request = decode_trace_request((RECORDINGS / name).read_bytes())
    rows = pa.Table.from_batches([span_rows(request.spans).batch])
    return list(stored_spans(rows.select(SHOWN_COLUMNS)))


def mangled(span: StoredSpan, chance: random.Random) -> StoredSpan:
    attributes, events = orjson.loads(span.attributes_json), orjson.loads(span.events_json)
    for place in (attributes, *(event["attributes"] for event in events)):
        for key in list(place):
            if chance.random() < 0.04:
                del place[key]
            elif chance.random() < 0.06:
                place[key] = chance.choice(ODD)
    chance.shuffle(events)
    if chance.random() < 0.1:
        events = events[1:]
    return span._replace(
        attributes_json=orjson.dumps(attributes).decode(),
        events_json=orjson.dumps(events).decode(),
        parent_span_id=chance.choice([None, span.span_id, span.parent_span_id, span.parent_span_id]),
        end_time_unix_nano=chance.choice([0, span.end_time_unix_nano, 2**64 - 1]),
        status_code=chance.choice([0, 1, 2, 7, -1]),
        status_message=chance.choice(["", "it failed"]),
    )


@pytest.mark.parametrize(
    ("name", "seed"), [("junjo_0.69.0.bin", 1), ("junjo_0.69.0.bin", 2), ("junjo_runs_0.69.0.bin", 3)]
)
def test_mangled_spans_are_evidence_that_the_client_reads(name: str, seed: int) -> None:
    chance, spans = random.Random(seed), recorded(name)
    for _ in range(20):
        sent = [mangled(span, chance) for span in spans if chance.random() < 0.95]
        proved = trace_evidence(map(sent_span, sent))
        body = render_evidence(TraceEvidence(trace_id="0" * 32, spans=tuple(sent), proved=proved))
        read = TraceEvidenceRead.model_validate_json(body)
        assert len(read.spans) == len(sent)
        assert all(each["integrity"] for each in read.executables_by_span_id.values())
