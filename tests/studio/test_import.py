"""``studio import`` parses as the studio parses requests over HTTP; a part that is refused costs only itself."""

import asyncio
import json
from collections.abc import AsyncIterator
from email.message import Message
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import orjson
import pyarrow.parquet as pq
import pytest
from aiohttp import web

from studio.transfer import json_files
from studio.transfer.client import StudioClient, TransferFailed, _wait
from studio.transfer.downloads import export
from studio.transfer.uploads import import_files
from tests.http_studio import ADMIN, HttpStudio, http_config, running_http_studio
from tests.source import PROJECT
from tests.spans import any_value, many_spans, otlp_request, otlp_span
from tests.studio_process import start_studio, studio_process

pytestmark = pytest.mark.integration

SAMPLES = PROJECT / "tests" / "recordings" / "import"


@pytest.fixture
async def studio(tmp_path: Path) -> AsyncIterator[HttpStudio]:
    async with running_http_studio(tmp_path, http_config()) as studio:
        yield studio


@pytest.fixture
async def client(studio: HttpStudio) -> StudioClient:
    return await client_of(studio)


async def client_of(studio: HttpStudio) -> StudioClient:
    key = await studio.make_key(await studio.set_up(), "ingest", "read")
    return StudioClient(f"http://127.0.0.1:{studio.port}", key)


def document(number: int, **more: Any) -> dict[str, Any]:
    span = {"traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": f"span {number}", **more}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def line(number: int, **more: Any) -> str:
    return json.dumps(document(number, **more))


def written(path: Path, *lines: str | bytes) -> Path:
    path.write_bytes(b"\n".join(each if isinstance(each, bytes) else each.encode() for each in lines) + b"\n")
    return path


async def imported(client: StudioClient, *paths: Path) -> str:
    return await asyncio.to_thread(import_files, client, paths)


async def left(client: StudioClient, *paths: Path) -> list[str]:
    """The lines of the report of an import that could not take everything."""
    with pytest.raises(TransferFailed) as partial:
        await imported(client, *paths)
    return str(partial.value).splitlines()


async def stored(client: StudioClient, folder: Path) -> list[dict[str, Any]]:
    """All spans in the order of their ids."""
    path = folder / "stored.parquet"
    await asyncio.to_thread(export, client, path, {"format": "parquet"})
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return sorted(rows, key=lambda row: (row["trace_id"], row["span_id"]))


async def names(client: StudioClient, folder: Path) -> list[str]:
    return [row["name"] for row in await stored(client, folder)]


@pytest.mark.parametrize(
    ("name", "spans"),
    [
        ("bom.json", 1),
        ("empty-object.jsonl", 2),
        ("null-resource-spans.jsonl", 2),
        ("null-scope-spans.json", 1),
        ("indented-far.json", 1),
        ("lone-surrogate.jsonl", 2),
        ("two-signals.jsonl", 2),
    ],
)
async def test_files_of_other_programs_are_taken(client: StudioClient, tmp_path: Path, name: str, spans: int) -> None:
    *notes, total = (await imported(client, SAMPLES / name)).splitlines()
    assert total == f"Sent {spans} spans of 1 files"
    signals = [f"{SAMPLES / name}, line 2: resourceMetrics, which a studio does not keep"]
    assert notes == (signals if name == "two-signals.jsonl" else [])
    assert len(await stored(client, tmp_path)) == spans


async def test_of_a_file_that_was_cut_the_whole_lines_are_taken(client: StudioClient, tmp_path: Path) -> None:
    path = SAMPLES / "cut-last-line.jsonl"
    assert await left(client, path) == [
        f"{path}, line 3: The JSON is not valid",
        "Sent 2 spans of 1 files; 1 places could not be taken",
    ]
    assert len(await stored(client, tmp_path)) == 2


ODD_DOUBLE = line(1, attributes=[{"key": "d", "value": {"doubleValue": "HERE"}}]).replace('"HERE"', "-1e400")
ONE_OF_TWO = otlp_request(otlp_span(1), otlp_span(2))
ONE_OF_TWO.resource_spans[0].scope_spans[0].spans[1].attributes.add(key="k", value=any_value("HERE"))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"  \r\n\t\n", id="blanks"),
        pytest.param(b"{}", id="no members"),
        pytest.param(b'{"resourceSpans":null}', id="a null for a list"),
        pytest.param(b'{"resourceSpans":[]}', id="an empty list"),
        pytest.param(b'{"resourceSpans":[{}, {"scopeSpans":[{"spans":null}]}]}', id="nulls within"),
        pytest.param(b"\xef\xbb\xbf" + line(1).encode(), id="a byte order mark"),
        pytest.param(json.dumps(document(1), indent=2).encode("utf-8-sig"), id="a byte order mark and many lines"),
        pytest.param(json.dumps(document(1), indent=700).encode(), id="indented far"),
        pytest.param(json.dumps(document(1), indent=2).replace("\n", "\r\n").encode(), id="lines of Windows"),
        pytest.param(b"\n" * 10_000 + line(1).encode(), id="many blank lines"),
        pytest.param(line(1, name="Zürich").encode("utf-16"), id="UTF-16"),
        pytest.param(json.dumps(document(1), indent=2).encode("utf-16"), id="UTF-16 of many lines"),
        pytest.param(line(1, name="東京").encode("utf-16-be"), id="UTF-16 without a mark"),
        pytest.param(line(1, name="a\u2028b\x85c\x0cd").replace("\\u2028", "\u2028").encode(), id="odd separators"),
        pytest.param(line(1, name="a\ud83db").encode(), id="a lone surrogate"),
        pytest.param(ODD_DOUBLE.encode(), id="a double that no double holds"),
        pytest.param(line(1, later="HERE").replace('"HERE"', "9" * 5000).encode(), id="a number that is not looked at"),
        pytest.param(line(1, later="HERE").replace('"HERE"', "[" * 400 + "]" * 400).encode(), id="deep, not looked at"),
        pytest.param(line(1, startTimeUnixNano=1.7e18, flags="3", kind=2.0).encode(), id="numbers said otherwise"),
        pytest.param(many_spans(50, seed=1), id="protobuf"),
    ],
)
async def test_what_the_studio_takes_over_http_is_imported_the_same(
    studio: HttpStudio, client: StudioClient, tmp_path: Path, content: bytes
) -> None:
    json_or_not = "application/x-protobuf" if content == many_spans(50, seed=1) else "application/json"
    body = content if content.strip() else b"{}"  # of a file, no lines are no fault
    reply = await studio.send_spans(client.key, body, **{"Content-Type": json_or_not})
    assert reply.status == 200
    (tmp_path / "file").write_bytes(content)
    (tmp_path / "other").mkdir()
    async with running_http_studio(tmp_path / "other", http_config()) as other:
        there = await client_of(other)
        assert "could not be taken" not in await imported(there, tmp_path / "file")
        assert await stored(there, tmp_path) == await stored(client, tmp_path)


async def test_of_a_protobuf_file_the_spans_that_can_be_read_are_taken(client: StudioClient, tmp_path: Path) -> None:
    (tmp_path / "request").write_bytes(ONE_OF_TWO.SerializeToString().replace(b"HERE", b"\xff\xff\xff\xff"))
    *notes, total = await left(client, tmp_path / "request")
    assert total == "Sent 2 spans of 1 files, 1 of which the studio rejected"
    assert "malformed" in notes[0]
    assert await names(client, tmp_path) == ["span 1"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("no JSON", "The JSON is not valid"),
        (line(9)[:-5], "The JSON is not valid"),
        ("[" * 100_000, "The JSON is not valid"),
        (b'{"a":"\xff"}', "The JSON is not valid"),
        (b"\0\0\0\0", "The JSON is not valid"),
        ("5", "The JSON is not an object"),
        ('{"resource_spans": []}', "no resourceSpans"),
        ('{"resourceSpans": {}}', "resourceSpans must be an array of objects"),
        ('{"resourceSpans": [null]}', "resourceSpans must be an array of objects"),
        ('{"resourceSpans": [{"scopeSpans": 5}]}', "scopeSpans must be an array of objects"),
    ],
)
async def test_a_bad_line_is_named_and_the_others_are_sent(
    client: StudioClient, tmp_path: Path, bad: str | bytes, reason: str
) -> None:
    for place in range(4):
        lines: list[str | bytes] = [line(1), line(2), line(3)]
        lines.insert(place, bad)
        path = written(tmp_path / "spans.jsonl", *lines)
        assert await left(client, path) == [
            f"{path}, line {place + 1}: {reason}",
            "Sent 3 spans of 1 files; 1 places could not be taken",
        ]
    assert await names(client, tmp_path) == ["span 1", "span 2", "span 3"]


async def test_a_span_that_the_studio_rejects_is_named_by_its_line(
    studio: HttpStudio, client: StudioClient, tmp_path: Path
) -> None:
    lines = [line(number) for number in range(1, 101)]
    lines[41] = line(42, flags=-1)
    lines[42] = line(43).replace('"span 43"', '"span 43", "flags": ' + "9" * 5000)
    lines[99] = line(100, traceId="0a " * 16)
    path = written(tmp_path / "spans.jsonl", *lines)
    assert await left(client, path) == [
        f"{path}, line 43: 1 span(s) rejected: flags must be an integer from 0 to 4294967295",
        f"{path}, line 42: 1 span(s) rejected: flags must be an integer from 0 to 4294967295",
        f"{path}, line 100: 1 span(s) rejected: traceId must be hexadecimal",
        "Sent 100 spans of 1 files, 3 of which the studio rejected",
    ]
    assert len(await stored(client, tmp_path)) == 97
    assert studio.bus.statistics.snapshot()["IngestSpans"].asked == 1  # the line that stands alone has no good one


async def test_many_bad_lines_are_counted(client: StudioClient, tmp_path: Path) -> None:
    path = written(tmp_path / "spans.jsonl", line(1), *["bad"] * 1000)
    *notes, more, total = await left(client, path)
    assert notes == [f"{path}, line {number}: The JSON is not valid" for number in range(2, 22)]
    assert more == f"{path}: 980 more like these"
    assert total == "Sent 1 spans of 1 files; 1000 places could not be taken"


@pytest.mark.parametrize("content", ['{"resourceMetrics":[]}', '{"resourceProfiles":[]}\n{"resourceMetrics":[]}'])
async def test_a_file_of_other_signals_has_no_spans(client: StudioClient, tmp_path: Path, content: str) -> None:
    path = written(tmp_path / "file", content)
    [reason, _] = await left(client, path)
    assert reason.startswith(f"{path} has no spans: line 1: resource")
    assert reason.endswith("which a studio does not keep")


async def test_a_bad_file_costs_the_others_nothing(client: StudioClient, tmp_path: Path) -> None:
    missing, no_text, good = tmp_path / "missing", tmp_path / "no text", written(tmp_path / "good", line(1))
    no_text.write_bytes(line(2).encode("utf-16")[:-1])
    assert await left(client, missing, no_text, tmp_path, good) == [
        f"Cannot read {missing}: No such file or directory",
        f"{no_text} has no spans: its text is not utf-16-le",
        f"Cannot read {tmp_path}: Is a directory",
        "Sent 1 spans of 4 files; 3 places could not be taken",
    ]
    assert await names(client, tmp_path) == ["span 1"]


async def test_a_line_that_nobody_would_take_is_passed_over(
    client: StudioClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_files, "MOST_BYTES", 1000)
    for encoding in ("utf-8", "utf-16"):
        path = tmp_path / encoding
        path.write_text("\n".join([line(1), line(2, name="x" * 5000), line(3)]), encoding)
        assert (await left(client, path))[0] == f"{path}, line 2: longer than 1000 bytes"
    assert await names(client, tmp_path) == ["span 1", "span 3"]


async def test_what_is_too_large_for_the_studio_costs_only_itself(tmp_path: Path) -> None:
    async with running_http_studio(tmp_path, http_config(max_request_bytes=20_000)) as studio:
        client = await client_of(studio)
        small = [line(number, name="x" * 1000) for number in range(1, 51)]
        path = written(tmp_path / "spans.jsonl", *small, line(60, name="x" * 30_000), line(61))
        assert await left(client, path) == [
            f"{path}, line 51: {client.endpoint} says 413: The request is larger than 20000 bytes",
            "Sent 51 spans of 1 files; 1 places could not be taken",
        ]
        assert len(await stored(client, tmp_path)) == 51


async def test_an_export_of_spans_that_are_large_together_is_imported(client: StudioClient, tmp_path: Path) -> None:
    spans = [otlp_span(number) for number in range(1, 101)]
    for span in spans:
        span.name = "x" * 1000
    (tmp_path / "request").write_bytes(otlp_request(*spans).SerializeToString())
    assert await imported(client, tmp_path / "request") == "Sent 100 spans of 1 files"
    before = await stored(client, tmp_path)
    (tmp_path / "other").mkdir()
    async with running_http_studio(tmp_path / "other", http_config(max_request_bytes=20_000)) as other:
        there = await client_of(other)
        assert await imported(there, tmp_path / "stored.parquet") == "Sent 100 spans of 1 files"
        assert await stored(there, tmp_path) == before


async def test_a_row_that_is_no_span_costs_only_itself(client: StudioClient, tmp_path: Path) -> None:
    path = written(tmp_path / "spans.jsonl", line(1), line(2), line(3))
    await imported(client, path)
    await stored(client, tmp_path)
    table = pq.read_table(tmp_path / "stored.parquet")
    events = table["events_json"].to_pylist()
    events[1] = "no JSON"
    changed = table.set_column(table.schema.get_field_index("events_json"), "events_json", [events])
    damaged, other = tmp_path / "damaged.parquet", tmp_path / "other.parquet"
    pq.write_table(changed, damaged)
    pq.write_table(table.select(["name"]), other)
    assert await left(client, damaged, other) == [
        f"{damaged}, row 2: not a span as a studio exports it",
        f"{other}, row 1: not a span as a studio exports it",
        f"{other}, row 2: not a span as a studio exports it",
        f"{other}, row 3: not a span as a studio exports it",
        "Sent 2 spans of 2 files; 4 places could not be taken",
    ]


async def test_a_parquet_file_that_was_cut_is_said_to_be(client: StudioClient, tmp_path: Path) -> None:
    await imported(client, written(tmp_path / "spans.jsonl", line(1)))
    await stored(client, tmp_path)
    cut = tmp_path / "cut.parquet"
    cut.write_bytes((tmp_path / "stored.parquet").read_bytes()[:-100])
    assert (await left(client, cut))[0] == f"{cut} has no spans: its Parquet is damaged"


async def test_partial_success_has_its_exit_code(tmp_path: Path) -> None:
    """The program itself: everything taken, other signals passed over, a part left."""
    async with studio_process(tmp_path / "data") as running:
        client = StudioClient(f"http://127.0.0.1:{running.http_port}", await key_of(running.http_port))
        for name, code in (("bom.json", 0), ("two-signals.jsonl", 0), ("cut-last-line.jsonl", 1)):
            arguments = ["import", str(SAMPLES / name), "--endpoint", client.endpoint]
            process = await start_studio(tmp_path / "data", arguments, {"JUNJO_AI_STUDIO_API_KEY": client.key})
            out, err = (each.decode() for each in await process.communicate())
            assert process.returncode == code
            assert ("line 3: The JSON is not valid" in err) == (code == 1)
            assert "spans of 1 files" in (err if code else out)
            assert (out if code else err) == ""


async def key_of(port: int) -> str:
    import aiohttp  # noqa: PLC0415 - only this test speaks to a program

    cookies = aiohttp.CookieJar(unsafe=True)  # an address may have cookies, too
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", cookie_jar=cookies) as session:
        await session.post("/users/create-first-user", json=ADMIN)
        async with session.post("/api_keys", json={"name": "import"}) as answer:
            key: str = (await answer.json())["key"]
            return key


async def test_when_the_studio_takes_no_more_it_is_told_what_was_sent(tmp_path: Path) -> None:
    """Answers of a program that takes one request, and of one that is no studio."""
    taken = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal taken
        taken += len(orjson.loads(await request.read())["resourceSpans"])
        return web.json_response({}) if taken <= 3000 else web.json_response({"detail": "ended"}, status=401)

    async def welcome(_: web.Request) -> web.Response:
        return web.Response(text="<h1>Welcome</h1>")

    many = written(tmp_path / "many.jsonl", *(line(number, name="x" * 1000) for number in range(1, 5001)))
    for handler, said in ((answer, r"says 401: ended; 1\d{3} spans had been sent before"), (welcome, "like a studio$")):
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/traces", handler)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        client = StudioClient(f"http://127.0.0.1:{runner.addresses[0][1]}", "A" * 64)
        try:
            with pytest.raises(TransferFailed, match=said):
                await imported(client, many)
        finally:
            await runner.cleanup()


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("2", 2), ("0", 0), ("0.5", 0.5), ("3600", 10), ("1e308", 1), ("inf", 1), ("9" * 5000, 1), ("nan", 1), ("-1", 1)],
)
def test_what_a_studio_asks_to_wait_can_be_waited(asked: str, seconds: float) -> None:
    headers = Message()
    headers["Retry-After"] = asked
    assert _wait(HTTPError("http://studio", 503, "later", headers, BytesIO())) == seconds
