"""Rows read back as the spans and log records that they were made of, and masked on their way out."""

import math
from pathlib import Path

import pyarrow as pa
import pytest

from actors.span_store.columns.attribute_column import shown
from actors.span_store.columns.log_rows import stored_rows
from actors.span_store.columns.logs import Logs
from actors.span_store.columns.read_back import logs_of, spans_of
from actors.span_store.columns.rows import SpanRows, numbered, span_rows
from actors.span_store.columns.spans import InstrumentationScope, Resource, SpanEvent, SpanLink
from actors.span_store.masking.masking import MASKED, Masking
from actors.span_store.masking.reading import read_masking
from actors.span_store.masking.stored import masked_rows
from tests.source import PROJECT
from tests.spans import log, span
from transports.otlp.decode import decode_trace_request
from transports.otlp.decode_logs import decode_logs_request

pytestmark = pytest.mark.unit

RECORDED = sorted((PROJECT / "tests" / "recordings" / "instrumentations").glob("*.bin"))
MAIL = "a@b.co"
RESOURCE = Resource({"service.name": "odd", "host": b"h"}, 4, "url", ({"type": "t", "idKeys": ["host"]},))
SCOPE = InstrumentationScope("scope", "2", {"a": 1}, 5, "scope-url")
ODD_VALUES = {"bytes": b"\x00\xff", "none": [None], "int": 2**63 - 1, "whole": 3.0, "é": [True, {"m": -0.0}]}
ODD = span(
    7,
    parent=1,
    attributes=ODD_VALUES | {"infinite": -math.inf},
    events=[SpanEvent(5, "e", {"k": b"v"}, 1), SpanEvent(6, "f", {})],
    links=[SpanLink("0a" * 16, "0b" * 8, "s=1", {"l": {"deep": [1, "2"]}}, 2, 3)],
    flags=0x301,
    trace_state="v=1",
    status_code=2,
    status_message="no",
    dropped_attributes_count=1,
    dropped_events_count=2,
    dropped_links_count=3,
    resource=RESOURCE,
    scope=SCOPE,
)
ODD_LOGS = [
    log(1, body=ODD_VALUES, attributes=ODD_VALUES, resource=RESOURCE, scope=SCOPE),
    log(2, body=None, severity_number=0, severity_text="", event_name=""),
    log(3, time_unix_nano=0, body=[]),
    log(4, observed_time_unix_nano=2**64 - 1, severity_number=-5, body=False),
]


def table(rows: SpanRows) -> pa.Table:
    return shown(pa.Table.from_batches([numbered(rows.batch, 10)]))


def masking(rules: str) -> Masking:
    made = read_masking(rules)
    assert made is not None
    return made


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
def test_what_was_recorded_is_read_back_as_it_was(path: Path) -> None:
    if path.name.endswith(".logs.bin"):
        records = decode_logs_request(path.read_bytes()).records
        assert logs_of(table(stored_rows(Logs(records)))) == records
        return
    rows = table(span_rows(decode_trace_request(path.read_bytes()).spans))
    assert table(span_rows(spans_of(rows))).equals(rows)


def test_what_plain_json_cannot_say_is_read_back() -> None:
    rows = table(span_rows([ODD, span(1)]))
    assert spans_of(rows)[0]._replace(resource=RESOURCE) == ODD._replace(attributes=spans_of(rows)[0].attributes)
    assert table(span_rows(spans_of(rows))).equals(rows)
    [not_a_number] = spans_of(table(span_rows([span(1, attributes={"nan": math.nan})])))
    assert math.isnan(not_a_number.attributes["nan"])  # type: ignore[arg-type] # a float
    read = logs_of(table(stored_rows(Logs(ODD_LOGS))))
    assert stored_rows(Logs(read)).keys == stored_rows(Logs(ODD_LOGS)).keys


def test_what_follows_each_other_shares_its_resource() -> None:
    one, two = spans_of(table(span_rows([span(1), span(2)])))
    assert one.resource is two.resource
    assert one.scope is two.scope


@pytest.mark.security
def test_rows_are_masked_as_their_spans_would_have_been() -> None:
    attributes = {"gen_ai.request.model": "gpt-4o", "gen_ai.operation.name": "chat", "user.id": MAIL}
    given = [
        ODD,
        span(1, attributes=attributes, name=f"ask {MAIL}", status_message=MAIL),
        span(2, events=[SpanEvent(1, "told", {"to": [MAIL]})], resource=Resource({"service.name": MAIL})),
        span(3),
    ]
    rules = masking("email")
    masked = masked_rows(table(span_rows(given)), rules)
    assert masked.equals(table(span_rows(rules.spans(given))))
    assert masked["seq"].to_pylist() == [10, 11, 12, 13]
    assert masked["user_id"].to_pylist()[1] == "[email]"
    texts = list(map(str, masked["attributes_json"].to_pylist()))
    assert MASKED in texts[1]
    assert texts[3] == "{}"


@pytest.mark.security
def test_log_records_are_masked_as_such() -> None:
    """What a record has no column for is in an event of its row, under names that no rule is meant for."""
    rules = masking('["email", {"name": "own", "keys": "body|severity"}, {"name": "time", "values": "17000"}]')
    given = [*ODD_LOGS, log(5, body={"to": MAIL, "body": "x"}), log(6, event_name=MAIL, attributes={"body": "y"})]
    masked = masked_rows(table(stored_rows(Logs(given))), rules)
    assert masked.equals(table(stored_rows(Logs(rules.logs(given)))))
    assert logs_of(masked)[4].body == {"to": "[email]", "body": "[own]"}


@pytest.mark.security
def test_a_cost_stays_unless_what_it_was_made_of_is_masked() -> None:
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 12}
    stored = table(span_rows([span(1, attributes=attributes | {"to": MAIL})]))
    priced = stored.set_column(stored.schema.get_field_index("cost_usd"), "cost_usd", pa.array([0.25]))
    assert masked_rows(priced, masking("email"))["cost_usd"].to_pylist() == [0.25]
    for key in ("model", "input_tokens"):
        without = masked_rows(priced, masking(f'[{{"name": "own", "keys": "{key}$"}}]'))
        assert without["cost_usd"].to_pylist() == [None]
        assert "gpt-4o" not in str(without.to_pylist()) or key != "model"


def test_nothing_is_made_of_nothing() -> None:
    empty = table(span_rows([]))
    assert masked_rows(empty, masking("all")).equals(empty)
