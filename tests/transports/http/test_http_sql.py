"""SQL over HTTP: four formats, refusals at their column, and what may be read."""

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from actors.span_store.asked.sql_views import EXAMPLES, VIEWS
from tests.http_studio import Reply
from tests.spans import START
from tests.transports.http.stage import TRACE, Reader, call, made

pytestmark = pytest.mark.integration

PATH = "/api/v1/sql"


def named(number: int, name: str) -> OtlpSpan:
    span = made(number)
    span.name = name
    return span


async def ask(reader: Reader, sql: str, **members: Any) -> Reply:
    return await reader.studio.call("POST", PATH, body={"sql": sql} | members, cookie=reader.cookie)


async def rows(reader: Reader, sql: str, **members: Any) -> Any:
    reply = await ask(reader, sql, **members)
    assert reply.status == 200, reply.body
    return reply.json["rows"]


async def test_rows_are_json(reader: Reader) -> None:
    await reader.send(made(1), call(2, 1), call(3, 1, failed=True))
    reply = await ask(
        reader, "SELECT span_id, start_time, counted, parent_span_id FROM spans ORDER BY span_id", limit=2
    )
    answer = reply.json
    assert answer.pop("elapsed_ms") > 0
    assert answer == {
        "columns": [
            {"name": "span_id", "type": "VARCHAR"},
            {"name": "start_time", "type": "TIMESTAMP_NS"},
            {"name": "counted", "type": "BOOLEAN"},
            {"name": "parent_span_id", "type": "VARCHAR"},
        ],
        "rows": [
            [f"{1:016x}", "2023-11-14T22:13:20.000000001Z", False, None],
            [f"{2:016x}", "2023-11-14T22:13:20.000000002Z", True, f"{1:016x}"],
        ],
        "truncated": True,
    }
    assert reply.headers["x-junjo-truncated"] == "true"
    assert START == 1_700_000_000_000_000_000


async def test_each_type_is_plain(reader: Reader) -> None:
    await reader.send(made(1))
    values = {
        "1::HUGEINT << 100": 2**100,
        "1.50::DECIMAL(10, 2)": 1.5,
        "'nan'::DOUBLE": None,
        "'infinity'::DOUBLE": None,
        "DATE '2026-11-30'": "2026-11-30",
        "'infinity'::DATE": None,
        "TIME '07:00:00.5'": "07:00:00.500000",
        "TIMESTAMP '2026-11-30 07:00:00'": "2026-11-30T07:00:00.000000000Z",
        "TIMESTAMP '200000-01-01 00:00:00'": None,
        "TIMESTAMPTZ '2026-11-30 07:00:00+01'": "2026-11-30T06:00:00.000000000Z",
        "INTERVAL 14 MONTH + INTERVAL 3 DAY + INTERVAL 1500 MILLISECOND": "P14M3DT1.500000000S",
        "['a', NULL, 'b']": ["a", None, "b"],
        "[TIMESTAMP_NS '2026-11-30 07:00:00.000000001']": ["2026-11-30T07:00:00.000000001Z"],
        "{'a': 1, 'b': [DATE '2026-11-30']}": {"a": 1, "b": ["2026-11-30"]},
        "NULL": None,
        "'{\"a\": [1, null]}'::JSON": {"a": [1, None]},
        "['1'::JSON]": [1],
        "18446744073709551615::UBIGINT": 2**64 - 1,
    }
    [row] = await rows(reader, f"SELECT {', '.join(values)}")
    assert dict(zip(values, row, strict=True)) == values
    for format_ in ("csv", "arrow", "parquet"):
        assert (await ask(reader, f"SELECT {', '.join(values)}", format=format_)).status == 200


async def test_attributes_are_json_inside(reader: Reader) -> None:
    await reader.send(call(1))
    [[attributes, model]] = await rows(reader, "SELECT attributes, attributes ->> 'gen_ai.request.model' FROM calls")
    assert (attributes["gen_ai.request.model"], model) == ("gpt-4o", "gpt-4o")


async def test_other_formats_have_the_same_rows(reader: Reader) -> None:
    await reader.send(made(1), call(2, 1))
    sql = "SELECT span_id, duration_ns, span_id, attributes FROM spans ORDER BY span_id"
    expected = await rows(reader, sql)
    names = ["span_id", "duration_ns", "span_id_1", "attributes"]
    arrow = await ask(reader, sql, format="arrow")
    parquet = await ask(reader, sql, format="parquet")
    assert arrow.headers["Content-Type"] == "application/vnd.apache.arrow.stream"
    assert parquet.headers["Content-Type"] == "application/vnd.apache.parquet"
    for table in (pa.ipc.open_stream(arrow.body).read_all(), pq.read_table(io.BytesIO(parquet.body))):
        assert table.column_names == names
        found = [[*row.values()] for row in table.to_pylist()]
        assert [[*row[:3], json.loads(row[3])] for row in found] == expected
    csv = await ask(reader, sql, format="csv")
    assert csv.headers["Content-Type"] == "text/csv; charset=utf-8"
    table = pa_csv.read_csv(io.BytesIO(csv.body))
    assert table.column_names == names
    assert table["duration_ns"].to_pylist() == [row[1] for row in expected]
    assert [json.loads(str(text)) for text in table["attributes"].to_pylist()] == [row[3] for row in expected]


async def test_no_text_is_a_formula_in_csv(reader: Reader) -> None:
    await reader.send(named(1, "=cmd|' /C calc'!A0"), named(2, "plain"))
    reply = await ask(reader, 'SELECT name AS "=1+1", [name] AS list FROM spans ORDER BY span_id', format="csv")
    assert reply.body.decode() == (
        '"\'=1+1","list"\n"\'=cmd|\' /C calc\'!A0","[""=cmd|\' /C calc\'!A0""]"\n"plain","[""plain""]"\n'
    )


@pytest.mark.parametrize(
    ("sql", "kind", "column"),
    [
        ("SELECT 1; DROP VIEW spans", "sql_forbidden", 1),
        ("SELECT * FROM read_csv('/etc/passwd')", "sql_forbidden", 15),
        ("SELECT missing FROM spans", "sql_error", 8),
        ("SELECT", "sql_error", 1),
    ],
)
async def test_refusals_have_their_place(reader: Reader, sql: str, kind: str, column: int) -> None:
    reply = await ask(reader, sql)
    [problem] = reply.json["detail"]
    assert (reply.status, problem["type"], problem["loc"]) == (422, kind, ["body", "sql", column])
    assert problem["msg"].startswith(f"Column {column}: ")


@pytest.mark.parametrize(
    ("members", "where"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 100_001}, "limit"),
        ({"format": "xml"}, "format"),
        ({"sql": "x" * 10_001}, "sql"),
    ],
)
async def test_bounds_are_held(reader: Reader, members: dict[str, Any], where: str) -> None:
    reply = await ask(reader, **({"sql": "SELECT 1"} | members))
    assert (reply.status, reply.json["detail"][0]["loc"]) == (422, ["body", where])


async def test_scores_are_a_view(reader: Reader) -> None:
    await reader.send(made(1))
    for value in (0.5, "polite"):
        body = {"name": "helpful", "value": value, "source": "human"}
        path = f"/api/v1/observability/traces/{TRACE}/scores"
        assert (await reader.studio.call("POST", path, body=body, cookie=reader.cookie)).status == 201
    found = await rows(
        reader, "SELECT value, word, source, scored_by, scores.name FROM scores JOIN traces USING (trace_id)"
    )
    assert found == [
        [0.5, None, "human", "admin@example.com", "helpful"],
        [None, "polite", "human", "admin@example.com", "helpful"],
    ]
    assert await rows(reader, "SELECT count(*) FROM SCORES WHERE created_at <= now()") == [[2]]


async def test_the_schema_is_that_of_the_views(reader: Reader) -> None:
    reply = await reader.studio.call("GET", f"{PATH}/schema", cookie=reader.cookie)
    assert [view["name"] for view in reply.json["views"]] == [view.name for view in VIEWS]
    for view in reply.json["views"]:
        answer = (await ask(reader, f"SELECT * FROM {view['name']}")).json
        assert answer["columns"] == [{"name": each["name"], "type": each["type"]} for each in view["columns"]]
    assert len(reply.json["examples"]) == len(EXAMPLES)
    for example in reply.json["examples"]:
        assert (await ask(reader, example["sql"])).status == 200


async def test_large_answers_are_read_within_the_budget(reader: Reader) -> None:
    await reader.send(*(named(number, "x" * 1000) for number in range(1, 101)))
    sql = "SELECT a.name, b.name AS other FROM spans a, spans b"
    reply = await ask(reader, sql, limit=10_000, format="arrow")
    assert pa.ipc.open_stream(reply.body).read_all().num_rows == 10_000
    tight = await ask(reader, f"{sql}, spans c", limit=100_000)
    assert tight.status == 413
