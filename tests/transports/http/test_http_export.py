"""Downloads of spans in three formats."""

import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aiohttp import ClientPayloadError

from actors.span_store.columns.spans import InstrumentationScope, Resource, SpanEvent, SpanLink
from actors.span_store.messages import ExportSpans, IngestSpans
from tests.http_studio import HttpStudio, http_config, running_http_studio
from tests.spans import START, otlp_request, otlp_span, span

pytestmark = pytest.mark.integration

EXPORT = "/api/v1/observability/export"
ODD = span(
    7,
    trace_id=9,
    parent=1,
    attributes={"bytes": b"\x00\xff", "nan": float("nan"), "none": [None], "int": 2**63 - 1, "whole": 3.0, "é": [True]},
    events=[SpanEvent(5, "e", {"k": b"v"}, 1), SpanEvent(6, "f", {})],
    links=[SpanLink("0a" * 16, "0b" * 8, "s=1", {"l": {"deep": [1, "2"]}}, 2, 3)],
    flags=0x301,
    trace_state="v=1",
    status_code=2,
    status_message='no, "not"\n at all',
    kind=3,
    dropped_attributes_count=1,
    dropped_events_count=2,
    dropped_links_count=3,
    resource=Resource({"service.name": "odd", "host": b"h"}, 4, "url", ({"type": "t", "idKeys": ["host"]},)),
    scope=InstrumentationScope("scope", "2", {"a": 1}, 5, "scope-url"),
)


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[HttpStudio]:
    async with running_http_studio(tmp_path, http_config()) as studio:
        yield studio


async def everything(studio: HttpStudio) -> pa.Table:
    async with studio.bus.stream(ExportSpans()) as parts:
        return pa.concat_tables([part async for part in parts]).drop_columns("seq")


async def test_json_lines_are_otlp_and_lose_nothing(studio: HttpStudio, tmp_path: Path) -> None:
    await studio.bus.ask(IngestSpans(spans=[ODD, span(1)], size=1))
    before = await everything(studio)
    cookie = await studio.set_up()
    reply = await studio.call("GET", f"{EXPORT}?format=jsonl", cookie=cookie)
    assert reply.headers["Content-Type"] == "application/x-ndjson"
    lines = reply.body.splitlines()
    assert len(lines) == 2
    assert json.loads(lines[1])["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["startTimeUnixNano"] == str(START)
    (tmp_path / "other").mkdir()
    async with running_http_studio(tmp_path / "other", http_config()) as other:
        key = await other.make_key(await other.set_up())
        for line in lines:
            sent = {"x-junjo-api-key": key, "Content-Type": "application/json"}
            assert (await other.call("POST", "/v1/traces", data=line, headers=sent)).json == {}
        assert (await everything(other)).to_pylist() == before.to_pylist()


async def test_parquet_has_all_columns(studio: HttpStudio) -> None:
    await studio.bus.ask(IngestSpans(spans=[ODD, span(1)], size=1))
    reply = await studio.call("GET", EXPORT, cookie=await studio.set_up())
    assert reply.headers["Content-Disposition"] == 'attachment; filename="spans.parquet"'
    assert pq.read_table(io.BytesIO(reply.body)).to_pylist() == (await everything(studio)).to_pylist()


async def test_csv_has_a_header_and_quotes(studio: HttpStudio) -> None:
    await studio.bus.ask(IngestSpans(spans=[ODD, span(1)], size=1))
    reply = await studio.call("GET", f"{EXPORT}?format=csv", cookie=await studio.set_up())
    [odd, _] = csv.DictReader(io.StringIO(reply.body.decode()))
    assert odd["status_message"] == 'no, "not"\n at all'
    assert json.loads(odd["resource_json"])["attributes"]["service.name"] == "odd"


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=cmd|"/c calc"!A1', "\uff1d1")
HARMLESS = ("a=1", " =1", "'=1", "1-1", "", "é", "\u200b=1")


@pytest.mark.security
async def test_no_text_of_a_csv_is_a_formula(studio: HttpStudio) -> None:
    """Only there: the other formats are lossless. Numbers may be below zero."""
    texts = (*FORMULAS, *HARMLESS)
    spans = [
        span(number, service=text, name=text, status_message=text, attributes={"cost": -1.5})
        for number, text in enumerate(texts, 1)
    ]
    await studio.bus.ask(IngestSpans(spans=spans, size=1))
    cookie = await studio.set_up()
    reply = await studio.call("GET", f"{EXPORT}?format=csv", cookie=cookie)
    rows = list(csv.DictReader(io.StringIO(reply.body.decode(), newline="")))
    expected = [f"'{text}" for text in FORMULAS] + list(HARMLESS)
    for column in ("name", "status_message"):
        assert [row[column] for row in rows] == expected
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "@", "-"))]
    table = pq.read_table(io.BytesIO((await studio.call("GET", EXPORT, cookie=cookie)).body))
    assert table["name"].to_pylist() == list(texts)
    lines = (await studio.call("GET", f"{EXPORT}?format=jsonl", cookie=cookie)).body.splitlines()
    names = [json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0].get("name", "") for line in lines]
    assert names == list(texts)


@pytest.mark.parametrize("form", ["parquet", "jsonl", "csv"])
async def test_an_empty_export_is_a_whole_file(studio: HttpStudio, form: str) -> None:
    reply = await studio.call("GET", f"{EXPORT}?format={form}", cookie=await studio.set_up())
    assert reply.status == 200
    if form == "parquet":
        assert pq.read_table(io.BytesIO(reply.body)).num_rows == 0
    else:
        assert len(reply.body.splitlines()) == (form == "csv")


async def test_service_and_times_choose(studio: HttpStudio) -> None:
    later = START + 3600 * 10**9
    await studio.bus.ask(IngestSpans(spans=[ODD, span(1), span(2, start=later)], size=1))
    cookie = await studio.set_up()

    async def count(**query: str) -> int:
        parameters = "&".join(f"{name}={value}" for name, value in query.items())
        reply = await studio.call("GET", f"{EXPORT}?format=jsonl&{parameters}", cookie=cookie)
        return len(reply.body.splitlines())

    assert await count(service="odd") == 1
    assert await count(service="tests", to="2023-11-14T23:00:00Z") == 1
    assert await count(**{"from": "2023-11-14T23:00:00Z"}) == 1
    assert await count(**{"from": "2023-11-14T22:00:00Z", "to": "2024-01-01T00:00:00Z"}) == 3


async def test_what_is_wrong_is_said_by_its_name(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    reply = await studio.call("GET", f"{EXPORT}?from=yesterday&format=xml", cookie=cookie)
    assert reply.status == 422
    assert [item["loc"] for item in reply.json["detail"]] == [["query", "from"], ["query", "format"]]


async def test_keys_that_may_read_may_export(studio: HttpStudio) -> None:
    cookie = await studio.set_up()
    reader, sender = await studio.make_key(cookie, "read"), await studio.make_key(cookie, "ingest")
    assert (await studio.call("GET", EXPORT, headers={"x-junjo-api-key": reader})).status == 200
    assert (await studio.call("GET", EXPORT, headers={"x-junjo-api-key": sender})).status == 403
    assert (await studio.call("GET", EXPORT)).status == 401


async def test_a_download_that_fails_on_the_way_is_cut_short(studio: HttpStudio, tmp_path: Path) -> None:
    """Half a file must not look like a whole one."""
    cookie = await studio.set_up()
    key = await studio.make_key(cookie)
    for trace in range(1, 40):
        spans = (otlp_span(number, trace_id=trace, text="x" * 1000) for number in range(1, 500))
        await studio.send_spans(key, otlp_request(*spans).SerializeToString())
    async with studio.client.get(f"{EXPORT}?format=jsonl", headers={"Cookie": f"session={cookie}"}) as response:
        assert response.status == 200
        await response.content.read(1000)
        await studio.supervisor.stop()
        with pytest.raises(ClientPayloadError):
            await response.read()
