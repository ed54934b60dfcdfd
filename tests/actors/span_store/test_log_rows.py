"""Log records as rows: nothing is lost, the identity is that of what is said, and no span can be one."""

import math
from typing import Any

import pyarrow as pa
import pytest

from actors.span_store.columns.attribute_column import shown
from actors.span_store.columns.log_rows import stored_rows
from actors.span_store.columns.logs import Log, Logs, StoredLog, log_detail, stored_log
from actors.span_store.columns.promoted import PROMOTED_FIELDS
from actors.span_store.columns.remap import remapped
from actors.span_store.columns.rows import numbered
from actors.span_store.columns.spans import LOG, InstrumentationScope, Resource, span_columns
from tests.spans import START, log, span

pytestmark = pytest.mark.unit

CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 7, "cost": 1.0}


def table_of(*logs: Log) -> pa.Table:
    return pa.Table.from_batches([numbered(stored_rows(Logs(logs)).batch, 0)])


def stored(record: Log) -> StoredLog:
    [row] = shown(table_of(record)).to_pylist()
    return stored_log(row)


def identity(record: Log) -> str:
    [key] = stored_rows(Logs([record])).keys
    assert key.startswith(record.trace_id)
    return key.removeprefix(record.trace_id)


@pytest.mark.parametrize(
    ("time", "observed", "start", "end"),
    [(5, 7, 5, 7), (5, 0, 5, 5), (0, 7, 7, 7), (0, 0, 0, 0), (7, 5, 7, 5), (1, 2**64 - 1, 1, 2**64 - 1)],
)
def test_times_come_back_as_they_were_sent(time: int, observed: int, start: int, end: int) -> None:
    record = log(time_unix_nano=time, observed_time_unix_nano=observed)
    [row] = table_of(record).to_pylist()
    assert (row["start_time_unix_nano"], row["end_time_unix_nano"]) == (start, end)
    back = stored(record)
    assert (back.time_unix_nano, back.observed_time_unix_nano) == (time, observed)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("said", '"said"'),
        ("null", '"null"'),
        ("", '""'),
        (0, "0"),
        (False, "false"),
        ([], "[]"),
        ({}, "{}"),
        ({"a": [1, {"b": "c"}]}, '{"a":[1,{"b":"c"}]}'),
        (b"\x00\xff", '"00ff"'),
        (math.nan, "null"),
        ([None], "[null]"),
        (None, None),
    ],
    ids=repr,
)
def test_a_body_comes_back_as_json(body: Any, text: str | None) -> None:
    assert stored(log(body=body)).body_json == text


def test_what_plain_json_loses_is_kept_exactly() -> None:
    back = stored(log(body=[b"x", math.nan], attributes={"a": 1}))
    assert back.exact_json is not None
    assert '"body":{"arrayValue":{"values":[{"bytesValue":"eA=="},{"doubleValue":"NaN"}]}}' in back.exact_json
    assert '"attributes":[{"key":"a","value":{"intValue":"1"}}]' in back.exact_json
    assert stored(log()).exact_json is None
    exact = stored(log(body=None, attributes={"a": b"x"})).exact_json
    assert exact is not None
    assert "body" not in exact


OTHERS: tuple[dict[str, Any], ...] = (
    {"trace_id": f"{2:032x}"},
    {"span_id": f"{2:016x}"},
    {"time_unix_nano": START},
    {"observed_time_unix_nano": START},
    {"severity_number": 10},
    {"severity_text": "WARN"},
    {"event_name": "other"},
    {"body": "other"},
    {"body": None},
    {"body": ["body 1"]},
    {"body": b"body 1"},
    {"body": math.nan},
    {"body": math.inf},
    {"body": [None]},
    {"attributes": {"a": 1}},
    {"attributes": {"a": 1.0}},
    {"attributes": {"a": "1"}},
    {"attributes": {"a": True}},
    {"attributes": {"a": b"1"}},
    {"dropped_attributes_count": 1},
    {"flags": 0},
    {"resource": Resource({"service.name": "other"})},
    {"resource": Resource({"service.name": "tests"}, schema_url="u")},
    {"scope": InstrumentationScope("tests", "2")},
    {"scope": InstrumentationScope("tests", "1", {"a": 1})},
)


def test_records_that_say_another_thing_are_others() -> None:
    assert len({identity(log(1)._replace(**other)) for other in ({}, *OTHERS)}) == 1 + len(OTHERS)


@pytest.mark.parametrize("odd", [1, b"x"])
def test_the_order_of_what_is_said_makes_no_difference(odd: Any) -> None:
    there = {"a": odd, "b": {"c": 1, "d": [{"e": 1, "f": 2}]}}
    back = {"b": {"d": [{"f": 2, "e": 1}], "c": 1}, "a": odd}
    first, second = (
        log(body=each, attributes=each, resource=Resource(each), scope=InstrumentationScope(attributes=each))
        for each in (there, back)
    )
    assert identity(first) == identity(second)
    assert len(identity(first)) == 16


def test_records_of_one_request_share_what_they_share() -> None:
    resources = [Resource({"service.name": name}) for name in ("a", "b")]
    records = [log(1, resource=resource) for resource in (*resources, *resources)]
    rows = stored_rows(Logs(records))
    assert rows.keys[:2] == rows.keys[2:]
    assert rows.batch["service_name"].to_pylist() == ["a", "b", "a", "b"]
    assert [identity(record) for record in records] == [key[32:] for key in rows.keys]


def test_a_record_is_a_child_of_its_span_and_has_nothing_promoted() -> None:
    table = table_of(log(span_id=7, attributes=CALL))
    for rows in (table, remapped(table), remapped(table.drop_columns(["type", "model"]))):
        [row] = rows.to_pylist()
        assert (row["kind"], row["parent_span_id"]) == (LOG, f"{7:016x}")
        assert {row[field.name] for field in PROMOTED_FIELDS} == {None}


def test_columns_of_spans_are_derived_anew_beside_log_records() -> None:
    spans = pa.Table.from_batches([numbered(stored_rows([span(1, attributes=CALL)]).batch, 0)])
    both = remapped(pa.concat_tables([table_of(log(attributes=CALL)), spans]))
    assert both["type"].to_pylist() == [None, "llm"]
    assert both["input_tokens"].to_pylist() == [None, 7]


@pytest.mark.security
def test_a_span_cannot_be_sent_as_a_log_record() -> None:
    sent = [span(1, kind=LOG), span(2, kind=3), span(3, kind=7), span(4, kind=-1)]
    for spans in (sent, span_columns(sent)):
        rows = stored_rows(spans)
        assert rows.batch["kind"].to_pylist() == [0, 3, 7, -1]
        assert not rows.are_logs


def test_a_detail_has_what_was_sent_and_nothing_else() -> None:
    assert log_detail(stored(log(1, body={"a": [1]}, attributes={"event.name": "former"}))) == {
        "time": START + 1,
        "observed_time": START + 2,
        "severity_number": 9,
        "severity": "INFO",
        "event_name": "log 1",
        "body": {"a": [1]},
        "attributes": {"event.name": "former"},
    }
    bare = log(time_unix_nano=0, observed_time_unix_nano=0, severity_text="", event_name="", body=None)
    for attributes, name in (({}, None), ({"event.name": "former"}, "former"), ({"event.name": 7}, None)):
        detail = log_detail(stored(bare._replace(attributes=attributes)))
        assert (detail["time"], detail["observed_time"], detail["severity"], detail["body"]) == (None,) * 4
        assert detail["event_name"] == name


def test_a_span_of_kind_6_of_an_earlier_version_breaks_nothing() -> None:
    rows = pa.Table.from_batches([numbered(stored_rows([span(1)]).batch, 0)])
    [row] = shown(rows).to_pylist()
    assert stored_log(row | {"kind": LOG}).body_json is None
