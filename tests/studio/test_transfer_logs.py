"""``studio export`` and ``studio import`` with log records: nothing that was sent is lost on the way."""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actors.span_store.columns.log_rows import stored_rows
from actors.span_store.columns.logs import Logs
from actors.span_store.columns.rows import numbered
from actors.span_store.columns.spans import InstrumentationScope, Resource
from actors.span_store.embedded.sealed.segment_file import encoded
from actors.span_store.messages import IngestSpans
from studio.transfer.client import StudioClient, TransferFailed
from studio.transfer.downloads import export
from studio.transfer.uploads import import_files
from tests.http_studio import HttpStudio, http_config, running_http_studio
from tests.source import PROJECT
from tests.spans import log, logs_request, otlp_log, span

pytestmark = pytest.mark.integration

RECORDED = sorted((PROJECT / "tests" / "recordings" / "instrumentations").glob("*.logs.bin"))
ODD = log(
    7,
    trace_id=9,
    body={"bytes": b"\x00\xff", "nan": math.nan, "none": [None], "int": 2**63 - 1, "whole": 3.0, "null": "null"},
    attributes={"bytes": b"\x00", "é": [True, -0.0]},
    dropped_attributes_count=3,
    flags=0x301,
    severity_number=-5,
    observed_time_unix_nano=2**64 - 1,
    resource=Resource({"service.name": "odd", "host": b"h"}, 4, "url", ({"type": "t", "idKeys": ["host"]},)),
    scope=InstrumentationScope("scope", "2", {"a": 1}, 5, "scope-url"),
)
PLAIN = [
    log(1),
    log(2, body=None, severity_number=0, severity_text="", event_name=""),
    log(3, time_unix_nano=0),
    log(4, observed_time_unix_nano=0),
    log(5, time_unix_nano=0, observed_time_unix_nano=0, body=[]),
    log(6, body=False),
    log(7, body=math.inf),
]


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[HttpStudio]:
    async with running_http_studio(tmp_path, http_config()) as studio:
        yield studio


@pytest.fixture
async def client(studio: HttpStudio) -> StudioClient:
    return StudioClient(
        f"http://127.0.0.1:{studio.port}", await studio.make_key(await studio.set_up(), "ingest", "read")
    )


async def exported(client: StudioClient, path: Path, what: str = "logs") -> list[dict[str, Any]]:
    await asyncio.to_thread(export, client, path, {"format": "parquet", "what": what})
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


async def test_what_is_exported_is_imported_as_it_was(studio: HttpStudio, client: StudioClient, tmp_path: Path) -> None:
    sent = [ODD, *PLAIN]
    await studio.bus.ask(IngestSpans(spans=[span(1), span(2)], size=1))
    assert (await studio.bus.ask(IngestSpans(spans=Logs(sent), size=1))).stored == len(sent)
    parquet, lines, only = tmp_path / "logs.parquet", tmp_path / "all.jsonl", tmp_path / "logs.jsonl"
    before = await exported(client, parquet)
    assert len(before) == len(sent)
    await asyncio.to_thread(export, client, lines, {"format": "jsonl"})
    await asyncio.to_thread(export, client, only, {"format": "jsonl", "what": "logs"})
    kinds = [next(iter(json.loads(line))) for line in lines.read_text().splitlines()]
    assert kinds == ["resourceSpans"] * 2 + ["resourceLogs"] * len(sent)
    for source, spans in ((parquet, 0), (lines, 2), (only, 0)):
        folder = tmp_path / f"from {source.name}"
        folder.mkdir()
        async with running_http_studio(folder, http_config()) as other:
            key = await other.make_key(await other.set_up(), "ingest", "read")
            there = StudioClient(f"http://127.0.0.1:{other.port}", key)
            for _ in range(2):  # the second time changes nothing
                report = await asyncio.to_thread(import_files, there, [source])
                assert report == f"Sent {spans} spans and {len(sent)} log records of 1 files"
            assert await exported(there, folder / "again.parquet") == before
            assert len(await exported(there, folder / "spans.parquet", "spans")) == spans


async def test_a_segment_has_spans_and_log_records_and_both_are_imported(client: StudioClient, tmp_path: Path) -> None:
    rows = [stored_rows([span(1), span(2)]).batch, stored_rows(Logs([ODD, *PLAIN])).batch]
    tables = [pa.Table.from_batches([numbered(batch, 10 * place)]) for place, batch in enumerate(rows)]
    (tmp_path / "segment.parquet").write_bytes(encoded(pa.concat_tables(tables)).content)
    report = await asyncio.to_thread(import_files, client, [tmp_path / "segment.parquet"])
    assert report == "Sent 2 spans and 8 log records of 1 files"
    assert len(await exported(client, tmp_path / "logs.parquet")) == 8
    stored = await exported(client, tmp_path / "spans.parquet", "spans")
    assert [each["name"] for each in stored] == ["span 1", "span 2"]


@pytest.mark.parametrize("recording", RECORDED, ids=lambda path: path.name)
async def test_recorded_logs_are_imported_from_their_requests(
    client: StudioClient, tmp_path: Path, recording: Path
) -> None:
    report = await asyncio.to_thread(import_files, client, [recording])
    stored = await exported(client, tmp_path / "logs.parquet")
    assert stored
    assert report == f"Sent 0 spans and {len(stored)} log records of 1 files"
    assert all(each["body_json"] or each["attributes_json"] != "{}" for each in stored)


async def test_a_document_may_have_both(client: StudioClient, tmp_path: Path) -> None:
    ids = {"traceId": "0a" * 16, "spanId": "0b" * 8}
    both = {
        "resourceSpans": [{"scopeSpans": [{"spans": [{**ids, "name": "a"}]}]}],
        "resourceLogs": [{"scopeLogs": [{"logRecords": [{**ids, "body": {"stringValue": "said"}}]}]}],
    }
    (tmp_path / "lines").write_text(f"{json.dumps(both)}\n{json.dumps(both).replace('0b0b', '0c0c')}\n")
    (tmp_path / "one").write_text(json.dumps(both, indent=1).replace("0b0b", "0d0d"))
    report = await asyncio.to_thread(import_files, client, [tmp_path / "lines", tmp_path / "one"])
    assert report == "Sent 3 spans and 3 log records of 2 files"
    assert len(await exported(client, tmp_path / "logs.parquet")) == 3


async def test_rejected_log_records_are_told(client: StudioClient, tmp_path: Path) -> None:
    stray = otlp_log(2)
    stray.ClearField("trace_id")
    stray.ClearField("span_id")
    sentence = "1 log record(s) rejected: only log records of a span are stored, which have its trace_id and span_id"
    (tmp_path / "request").write_bytes(logs_request(otlp_log(1), stray).SerializeToString())
    (tmp_path / "lines").write_text('{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}]}]}')
    for name, sent in (("request", 2), ("lines", 1)):
        with pytest.raises(TransferFailed) as partial:
            await asyncio.to_thread(import_files, client, [tmp_path / name])
        note, total = str(partial.value).splitlines()
        assert note.endswith(sentence)
        assert total == f"Sent 0 spans and {sent} log records of 1 files, 1 of which the studio rejected"
