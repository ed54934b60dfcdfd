"""Answers in gzip: for clients that ask for it, where it helps, and the same inside."""

import gzip
import json
import zlib
from collections.abc import AsyncIterator, Mapping

import pytest
from aiohttp import ClientSession, DummyCookieJar

from actors.span_store.messages import IngestSpans
from tests.http_studio import ORIGIN, HttpStudio, Reply
from tests.spans import span
from transports.http.framework.compression import GzipStream

pytestmark = pytest.mark.integration

LARGE = "/openapi.json"
OBS = "/api/v1/observability"


@pytest.fixture
async def client(studio: HttpStudio) -> AsyncIterator[ClientSession]:
    """A client that asks for nothing by itself, and shows what comes as it comes."""
    async with ClientSession(
        f"http://127.0.0.1:{studio.port}",
        auto_decompress=False,
        cookie_jar=DummyCookieJar(),
        skip_auto_headers=("Accept-Encoding",),
    ) as session:
        yield session


async def got(client: ClientSession, path: str, method: str = "GET", **headers: str) -> Reply:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.request(method, path, headers=sent) as response:
        return Reply(status=response.status, headers=response.headers, body=await response.read())


@pytest.mark.parametrize(
    ("accepts", "compressed"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, gzip;q=0.2", True),
        ("*", True),
        ("identity, *;q=0.1", True),
        ("gzip ; q=0.001", True),
        ("", False),
        ("identity", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*;q=0", False),
        ("gzip;q=x", False),
        ("gzipped", False),
        (",;,q=1", False),
    ],
)
async def test_the_client_decides(client: ClientSession, accepts: str, *, compressed: bool) -> None:
    plain = await got(client, LARGE)
    reply = await got(client, LARGE, Accept_Encoding=accepts)
    assert reply.headers.get("Content-Encoding") == ("gzip" if compressed else None)
    assert (gzip.decompress(reply.body) if compressed else reply.body) == plain.body
    assert reply.headers["Content-Length"] == str(len(reply.body))
    assert reply.headers["Content-Type"] == plain.headers["Content-Type"] == "application/json"
    assert reply.headers["Vary"] == plain.headers["Vary"] == "Origin, Accept-Encoding"
    assert len(reply.body) < len(plain.body) / 4 or not compressed


async def test_who_does_not_ask_gets_it_as_it_is(client: ClientSession) -> None:
    reply = await got(client, LARGE)
    assert "Content-Encoding" not in reply.headers
    assert json.loads(reply.body)["openapi"]


async def test_it_goes_together_with_cors(client: ClientSession) -> None:
    reply = await got(client, LARGE, Accept_Encoding="gzip", Origin=ORIGIN)
    assert reply.headers["Vary"] == "Origin, Accept-Encoding"
    assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/ping", 200), ("GET", "/nowhere", 404), ("HEAD", LARGE, 405)]
)
async def test_small_answers_stay_as_they_are(client: ClientSession, method: str, path: str, status: int) -> None:
    reply = await got(client, path, method, Accept_Encoding="gzip")
    assert reply.status == status
    assert "Content-Encoding" not in reply.headers
    assert reply.headers["Vary"] == "Origin"


async def test_an_answer_without_a_body_stays_without(studio: HttpStudio, client: ClientSession) -> None:
    cookie = await studio.set_up()
    await studio.make_key(cookie)
    (key,) = (await studio.call("GET", "/api_keys", cookie=cookie)).json
    reply = await got(client, f"/api_keys/{key['id']}", "DELETE", Accept_Encoding="gzip", Cookie=f"session={cookie}")
    assert (reply.status, reply.body) == (204, b"")
    assert "Content-Encoding" not in reply.headers


async def test_spans_and_errors_come_compressed(studio: HttpStudio, client: ClientSession) -> None:
    cookie = await studio.set_up()
    spans = [span(number, attributes={"text": f"{number} é " * 200}) for number in range(1, 500)]
    await studio.bus.ask(IngestSpans(spans=spans, size=1))
    unknown = "&".join(f"parameter{number}=1" for number in range(100))
    for path, status in ((f"{OBS}/services/tests/spans", 200), (f"{OBS}/export?{unknown}", 422)):
        plain = await got(client, path, Cookie=f"session={cookie}")
        reply = await got(client, path, Cookie=f"session={cookie}", Accept_Encoding="gzip")
        assert (reply.status, gzip.decompress(reply.body)) == (status, plain.body)
        assert len(reply.body) < len(plain.body) / 4


@pytest.mark.parametrize(
    ("path", "compressed"),
    [
        (f"{OBS}/export?format=jsonl", True),
        (f"{OBS}/export?format=csv", True),
        (f"{OBS}/export?format=jsonl&service=nobody", True),
        (f"{OBS}/export?format=parquet", False),
        ("/api/v1/backup", False),
    ],
)
async def test_downloads_of_text_are_compressed_and_others_are_not(
    studio: HttpStudio, client: ClientSession, path: str, *, compressed: bool
) -> None:
    cookie = f"session={await studio.set_up()}"
    for begin in range(0, 5000, 1000):
        spans = [span(number, attributes={"text": f"{number} é" * 50}) for number in range(begin + 1, begin + 1001)]
        await studio.bus.ask(IngestSpans(spans=spans, size=1))
    plain = await got(client, path, Cookie=cookie)
    reply = await got(client, path, Cookie=cookie, Accept_Encoding="gzip")
    assert reply.headers.get("Content-Encoding") == ("gzip" if compressed else None)
    assert reply.headers["Content-Disposition"] == plain.headers["Content-Disposition"]
    assert (reply.headers.get("Vary") == "Origin, Accept-Encoding") is compressed
    if compressed:
        assert gzip.decompress(reply.body) == plain.body


async def test_exporters_are_answered_as_they_are(studio: HttpStudio, client: ClientSession) -> None:
    key = await studio.make_key(await studio.set_up())
    headers: Mapping[str, str] = {"x_junjo_api_key": key, "Content_Type": "application/json", "Accept_Encoding": "gzip"}
    reply = await got(client, "/v1/traces", "POST", **headers)
    assert (reply.status, reply.headers.get("Content-Encoding")) == (400, None)


@pytest.mark.unit
def test_each_part_of_a_stream_can_be_read_when_it_has_come() -> None:
    stream, reader = GzipStream(), zlib.decompressobj(16 + zlib.MAX_WBITS)
    for part in (b"a" * 10, b"", b"b" * 100_000):
        assert reader.decompress(stream.add(part)) == part
    assert reader.decompress(stream.end(b"c")) == b"c"
    assert reader.eof
