"""``studio export``, ``import`` and ``backup`` against a running studio."""

import asyncio
import gzip
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from aiohttp import ClientSession, CookieJar, web

from studio.cli import main
from studio.transfer.client import StudioClient, TransferFailed
from studio.transfer.downloads import back_up, export
from studio.transfer.uploads import import_files
from tests.http_studio import ADMIN, HttpStudio, http_config, running_http_studio
from tests.source import PROJECT
from tests.spans import many_spans, otlp_request, otlp_span
from tests.studio_process import start_studio, studio_process

pytestmark = pytest.mark.integration

RECORDINGS = PROJECT / "tests" / "recordings"


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[HttpStudio]:
    async with running_http_studio(tmp_path, http_config()) as studio:
        yield studio


@pytest.fixture
async def client(studio: HttpStudio) -> StudioClient:
    key = await studio.make_key(await studio.set_up(), "ingest", "read", "backup")
    return StudioClient(f"http://127.0.0.1:{studio.port}", key)


def signed_out(endpoint: str) -> ClientSession:
    return ClientSession(endpoint, cookie_jar=CookieJar(unsafe=True))  # an address may have cookies, too


async def exported(client: StudioClient, path: Path, **query: str) -> list[dict[str, Any]]:
    await asyncio.to_thread(export, client, path, {"format": "parquet"} | query)
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


async def test_what_is_exported_is_imported_as_it_was(studio: HttpStudio, client: StudioClient, tmp_path: Path) -> None:
    for name in ("crafted_main.bin", "junjo_0.62.0.bin", "junjo_0.69.0.bin"):
        await studio.send_spans(client.key, (RECORDINGS / name).read_bytes())
    parquet, lines = tmp_path / "spans.parquet", tmp_path / "spans.jsonl"
    before = await exported(client, parquet)
    await asyncio.to_thread(export, client, lines, {"format": "jsonl"})
    assert len(before) > 10
    for source in (parquet, lines):
        folder = tmp_path / f"from {source.suffix}"
        folder.mkdir()
        async with running_http_studio(folder, http_config()) as other:
            there = StudioClient(f"http://127.0.0.1:{other.port}", await other.make_key(await other.set_up()))
            for _ in range(2):  # the second time changes nothing
                report = await asyncio.to_thread(import_files, there, [source])
                assert report == f"Sent {len(before)} spans of 1 files"
            assert await exported(there, folder / "again.parquet") == before


async def test_files_of_otlp_are_known_by_their_content(client: StudioClient, tmp_path: Path) -> None:
    (tmp_path / "request").write_bytes(many_spans(20, seed=1))
    document = {
        "resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "0a" * 16, "spanId": "0b" * 8, "name": "a"}]}]}]
    }
    (tmp_path / "one.json").write_text(json.dumps(document, indent=2))
    (tmp_path / "line.json").write_text(json.dumps(document).replace("0b0b", "0c0c"))
    files = [tmp_path / name for name in ("request", "one.json", "line.json")]
    assert await asyncio.to_thread(import_files, client, files) == "Sent 22 spans of 3 files"
    assert len(await exported(client, tmp_path / "all.parquet")) == 22


async def test_many_lines_go_in_few_requests(studio: HttpStudio, client: StudioClient, tmp_path: Path) -> None:
    await studio.send_spans(client.key, many_spans(5000, seed=2))
    await asyncio.to_thread(export, client, tmp_path / "spans.jsonl", {"format": "jsonl"})
    posts = studio.bus.statistics.snapshot()["IngestSpans"].asked
    assert await asyncio.to_thread(import_files, client, [tmp_path / "spans.jsonl"]) == "Sent 5000 spans of 1 files"
    assert studio.bus.statistics.snapshot()["IngestSpans"].asked - posts < 10


async def test_rejected_spans_are_told(client: StudioClient, tmp_path: Path) -> None:
    request = otlp_request(otlp_span(1), otlp_span(2))
    request.resource_spans[0].scope_spans[0].spans[1].span_id = b""
    (tmp_path / "request").write_bytes(request.SerializeToString())
    with pytest.raises(TransferFailed) as partial:
        await asyncio.to_thread(import_files, client, [tmp_path / "request"])
    assert str(partial.value).splitlines() == [
        f"{tmp_path / 'request'}: 1 span(s) rejected: span_id must be 8 bytes, not all zero",
        "Sent 2 spans of 1 files, 1 of which the studio rejected",
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"no spans at all",
        b'{"a": 1}\n',
        b"[1]",
        b'{"resourceSpans": 5}',
        b'{"resour',
        b"PAR1",
        gzip.compress(b"", mtime=0),
    ],
)
async def test_a_file_of_something_else_is_refused(client: StudioClient, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(TransferFailed, match="has no spans"):
        await asyncio.to_thread(import_files, client, [tmp_path / "file"])


async def test_faults_are_one_line_without_the_key(client: StudioClient, tmp_path: Path) -> None:
    wrong = StudioClient(client.endpoint, "A" * 64)
    nowhere = StudioClient("http://127.0.0.1:1", "A" * 64)
    odd = StudioClient("ftp://127.0.0.1", "A" * 64)
    for faulty, text in ((wrong, "401"), (nowhere, "No studio answers"), (odd, "no URL")):
        with pytest.raises(TransferFailed, match=text) as caught:
            await asyncio.to_thread(export, faulty, tmp_path / "f.csv", {"format": "csv"})
        assert "AAAA" not in str(caught.value)
    with pytest.raises(TransferFailed, match="Cannot read"):
        await asyncio.to_thread(import_files, client, [tmp_path / "missing"])
    with pytest.raises(TransferFailed, match="422"):
        await asyncio.to_thread(export, client, tmp_path / "f.csv", {"format": "csv", "from": "yesterday"})
    assert not [name for name in await asyncio.to_thread(os.listdir, tmp_path) if name.startswith("f.csv")]


@pytest.mark.security
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_key_follows_no_redirect(client: StudioClient, tmp_path: Path, status: int) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        location = client.endpoint if len(asked) % 2 else f"http://{request.host}/elsewhere"
        return web.Response(status=status, headers={"Location": f"{location}/{client.key}"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        elsewhere = StudioClient(f"http://127.0.0.1:{runner.addresses[0][1]}", client.key)
        (tmp_path / "spans").write_bytes(many_spans(1, seed=1))
        for work in (
            lambda: export(elsewhere, tmp_path / "f.csv", {"format": "csv"}),
            lambda: import_files(elsewhere, [tmp_path / "spans"]),
            lambda: back_up(elsewhere, tmp_path / "copy"),
        ):
            with pytest.raises(TransferFailed, match=f"says {status}: it points to .* follows no redirect") as caught:
                await asyncio.to_thread(work)
            assert client.key not in str(caught.value)
    finally:
        await runner.cleanup()
    assert asked == ["/api/v1/observability/export", "/v1/traces", "/api/v1/backup"]


async def test_csv_is_for_spreadsheets_and_not_imported(client: StudioClient, tmp_path: Path) -> None:
    await asyncio.to_thread(export, client, tmp_path / "spans.csv", {"format": "csv"})
    with pytest.raises(TransferFailed, match="has no spans"):
        await asyncio.to_thread(import_files, client, [tmp_path / "spans.csv"])


async def test_a_backup_needs_a_new_folder(client: StudioClient, tmp_path: Path) -> None:
    with pytest.raises(TransferFailed, match="exists"):
        await asyncio.to_thread(back_up, client, tmp_path)


def test_without_a_key_nothing_is_asked(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUNJO_AI_STUDIO_API_KEY", raising=False)
    assert main(["backup", "somewhere"]) == 1
    assert "no API key" in capsys.readouterr().err


async def test_a_studio_runs_on_a_backup(tmp_path: Path) -> None:
    """The whole way: two programs, and the backup in use while the original goes on."""
    copy = tmp_path / "copies" / "monday"
    async with studio_process(tmp_path / "data") as running:
        endpoint = f"http://127.0.0.1:{running.http_port}"
        async with signed_out(endpoint) as session:
            await session.post("/users/create-first-user", json=ADMIN)
            async with session.post("/api_keys", json={"name": "b", "scopes": ["ingest", "backup"]}) as answer:
                key = (await answer.json())["key"]
            headers = {"x-junjo-api-key": key, "Content-Type": "application/x-protobuf"}
            async with session.post("/v1/traces", data=many_spans(1000, seed=3), headers=headers) as answer:
                assert answer.status == 200
        more = {"JUNJO_AI_STUDIO_API_KEY": key}
        process = await start_studio(tmp_path / "data", ["backup", str(copy), "--endpoint", endpoint], more)
        out, err = await process.communicate()
        assert (process.returncode, err.decode()) == (0, "")
        assert str(copy) in out.decode()
    assert (copy.stat().st_mode & 0o777, (copy / "sqlite/junjo.db").stat().st_mode & 0o777) == (0o700, 0o600)
    with duckdb.connect(copy / "duckdb/traces.duckdb", read_only=True) as index:
        assert index.execute("SELECT count(*) FROM span").fetchall() == [(0,)]  # all is in the journal still
    async with studio_process(copy) as running, signed_out(f"http://127.0.0.1:{running.http_port}") as session:
        async with session.post("/sign-in", json=ADMIN) as answer:
            assert answer.status == 200
        async with session.get("/api/v1/observability/services/tests/spans?limit=10000") as answer:
            assert len(await answer.json()) == 1000
