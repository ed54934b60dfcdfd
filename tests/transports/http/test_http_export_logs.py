"""Downloads of log records, in the three formats of spans."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest

from actors.span_store.columns.logs import LOG_TABLE, Logs
from actors.span_store.messages import IngestSpans
from tests.http_studio import HttpStudio
from tests.spans import START, log, log_like, span

pytestmark = pytest.mark.integration

EXPORT = "/api/v1/observability/export"


async def filled(studio: HttpStudio) -> str:
    """Two spans and three log records, one of another service; the cookie of an admin."""
    await studio.bus.ask(IngestSpans(spans=[span(1), span(2, name="=1+1")], size=1))
    logs = Logs([log(1, body="a, b"), log(2, service="other", body={"deep": [1]}), log_like(span(2, name="=1+1"))])
    await studio.bus.ask(IngestSpans(spans=logs, size=1))
    return await studio.set_up()


@pytest.mark.parametrize(("what", "spans", "logs"), [("", 2, 3), ("&what=spans", 2, 0), ("&what=logs", 0, 3)])
async def test_lines_of_logs_come_after_those_of_spans(studio: HttpStudio, what: str, spans: int, logs: int) -> None:
    reply = await studio.call("GET", f"{EXPORT}?format=jsonl{what}", cookie=await filled(studio))
    lines = [json.loads(line) for line in reply.body.splitlines()]
    assert [next(iter(line)) for line in lines] == ["resourceSpans"] * spans + ["resourceLogs"] * logs
    if logs:
        [record] = lines[spans]["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
        assert record["body"] == {"stringValue": "a, b"}
        assert (record["timeUnixNano"], record["eventName"]) == (str(START + 1), "log 1")


async def test_parquet_has_columns_of_log_records(studio: HttpStudio) -> None:
    cookie = await filled(studio)
    reply = await studio.call("GET", f"{EXPORT}?what=logs", cookie=cookie)
    assert reply.headers["Content-Disposition"] == 'attachment; filename="logs.parquet"'
    table = pq.read_table(io.BytesIO(reply.body))
    assert table.schema.names == LOG_TABLE.names
    assert table["body_json"].to_pylist()[:2] == ['"a, b"', '{"deep":[1]}']
    assert table["span_id"].to_pylist() == [f"{number:016x}" for number in (1, 1, 2)]
    reply = await studio.call("GET", f"{EXPORT}?what=logs&service=nobody", cookie=cookie)
    assert pq.read_table(io.BytesIO(reply.body)).schema.names == LOG_TABLE.names
    reply = await studio.call("GET", EXPORT, cookie=cookie)
    assert pq.read_table(io.BytesIO(reply.body)).num_rows == 2


async def test_csv_has_no_formula_of_a_log_record(studio: HttpStudio) -> None:
    reply = await studio.call("GET", f"{EXPORT}?format=csv&what=logs&trace_id={1:032x}", cookie=await filled(studio))
    rows = list(csv.DictReader(io.StringIO(reply.body.decode())))
    assert [row["event_name"] for row in rows] == ["log 1", "log 2", "'=1+1"]
    assert rows[0]["severity_number"] == "9"


async def test_another_what_is_refused(studio: HttpStudio) -> None:
    reply = await studio.call("GET", f"{EXPORT}?what=both", cookie=await studio.set_up())
    assert (reply.status, reply.json["detail"][0]["loc"]) == (422, ["query", "what"])


async def test_the_audit_trail_says_what_left(studio: HttpStudio) -> None:
    cookie = await filled(studio)
    await studio.call("GET", f"{EXPORT}?what=logs", cookie=cookie)
    entries = (await studio.call("GET", "/api/v1/audit?action=read", cookie=cookie)).json["entries"]
    assert {"format": "parquet", "what": "logs"} in [entry["details"] for entry in entries]
