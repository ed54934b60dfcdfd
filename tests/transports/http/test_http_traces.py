"""One trace over HTTP: what is said of it, of its spans, and of their values, wherever its spans are."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from actors.span_store.embedded.lifetime import EmbeddedStorage, Limits
from actors.span_store.messages import GetStoreState
from tests.http_studio import ADMIN, HttpStudio, Reply, http_config, running_http_studio
from tests.spans import START, any_value, otlp_request, otlp_span

pytestmark = pytest.mark.integration

API = "/api/v1/observability/traces"
TRACE = f"{1:032x}"
RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
TRUTH: dict[str, list[dict[str, Any]]] = json.loads((RECORDINGS / "truth.json").read_text())
FILES = sorted(path.name for path in RECORDINGS.glob("*.bin") if ".logs" not in path.name)
MEMBERS = ("input", "output", "cache_read", "cache_write", "reasoning")
# The number stands in the history of the conversation, as that of the call before.
OF_ANOTHER_CALL = {("b92aeeeaf8036243", "reasoning")}


@attrs.frozen
class Reader:
    """Somebody who is signed in, and sends spans."""

    studio: HttpStudio
    cookie: str

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.studio.call("GET", f"{API}/{path}", cookie=self.cookie, headers=headers)

    async def json(self, path: str) -> Any:
        reply = await self.get(path)
        assert reply.status == 200, reply.body
        return reply.json

    async def get_unchecked(self, path: str, **headers: str) -> Reply:
        """Without a comparison with the OpenAPI document, which takes minutes for thousands of spans."""
        sent = {"Cookie": f"session={self.cookie}"} | headers
        async with self.studio.client.get(f"{API}/{path}", headers=sent) as response:
            return Reply(status=response.status, headers=response.headers, body=await response.read())

    async def send(self, *spans: OtlpSpan, service: str = "tests") -> None:
        await self.send_bytes(otlp_request(*spans, service=service).SerializeToString())

    async def send_bytes(self, body: bytes) -> None:
        key = await self.studio.make_key(self.cookie)
        assert (await self.studio.send_spans(key, body)).status == 200


@pytest.fixture
async def reader(studio: HttpStudio) -> Reader:
    return Reader(studio, await studio.set_up())


def made(number: int, parent: int | None = None, *, ends: bool = True, failed: bool = False, **others: Any) -> OtlpSpan:
    """A span; those with higher numbers start later."""
    span = otlp_span(number, start=START + number, **others)
    if parent is not None:
        span.parent_span_id = parent.to_bytes(8, "big")
    span.end_time_unix_nano = span.end_time_unix_nano if ends else 0
    span.status.code = Status.STATUS_CODE_ERROR if failed else Status.STATUS_CODE_UNSET
    return span


def call(number: int, parent: int | None = None, **others: Any) -> OtlpSpan:
    span = made(number, parent, **others)
    for key, value in {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}.items():
        span.attributes.add(key=key, value=any_value(value))
    return span


async def test_of_each_recording_calls_and_tokens_are_those_of_the_truth(reader: Reader) -> None:
    for file in FILES:
        await reader.send_bytes((RECORDINGS / file).read_bytes())
    for file, calls in TRUTH.items():
        for trace_id in {each["trace_id"] for each in calls}:
            found = await reader.json(trace_id)
            own = [each for each in calls if each["trace_id"] == trace_id and not each["duplicate_of_sdk_span"]]
            embeddings = [span for span in found["spans"] if span["type"] == "embedding"]
            assert found["trace"]["llm_calls"] == len(own) + len(embeddings), file
            sums = found["trace"]["tokens"] or {}
            assert sent(own, embeddings).items() <= sums.items(), file


def sent(calls: Sequence[Any], embeddings: Sequence[Any]) -> dict[str, int]:
    """Sums of what the models had answered, as far as libraries said it; ``truth.json`` has no embeddings."""
    sums = Counter[str]()
    for call in calls:
        names = [name for name in call.get("sent", ()) if (call["span_id"], name) not in OF_ANOTHER_CALL]
        sums.update({name: call["tokens"][name] for name in names})
    for span in embeddings:
        sums.update({name: span["tokens"][name] or 0 for name in MEMBERS if span["tokens"] and name in sums})
    return dict(sums)


async def test_a_trace_says_the_same_wherever_its_spans_are(tmp_path: Path) -> None:
    """In memory, in the WAL after a restart, in segments, and in a segment made of these."""
    flushing = Limits(flush_at=1, deferred=0)
    async with running_http_studio(tmp_path, http_config()) as studio:
        reader = Reader(studio, await studio.set_up())
        for part in parts_of_a_trace():
            await reader.send(*part)
        first = await everything(reader)
    assert first == await after_restart(tmp_path)
    (later := tmp_path / "later").mkdir()
    async with running_http_studio(later, http_config(), store_limits=flushing) as studio:
        reader = Reader(studio, await studio.set_up())
        others = [[otlp_span(number, trace_id=2)] for number in range(1, 6)]  # eight small segments are compacted
        for number, part in enumerate([*reversed(parts_of_a_trace()), *others], 1):
            await reader.send(*part)
            await flushed(studio, number)
        assert first == await everything(reader)
    storage = await EmbeddedStorage.open(later / "traces.duckdb", limits=flushing)
    await storage.tidy()
    assert storage.state().segments == 1
    await storage.close()
    assert first == await after_restart(later)


def parts_of_a_trace() -> list[list[OtlpSpan]]:
    """A library's span with content in one request, and the SDK's below it in another one."""
    said = {"gen_ai.input.messages": "[]", "gen_ai.usage.input_tokens": 100}
    outer = call(2, 1)
    for key, value in said.items():
        outer.attributes.add(key=key, value=any_value(value))
    inner = call(3, 2)
    inner.attributes.add(key="gen_ai.usage.input_tokens", value=any_value(99))
    return [[inner], [outer, call(4, 1, failed=True)], [made(1)]]


async def everything(reader: Reader) -> list[Any]:
    spans = [await reader.json(f"{TRACE}/spans/{number:016x}/detail") for number in range(1, 5)]
    trace = await reader.json(TRACE)
    assert [span["span"] for span in spans] == trace["spans"]
    assert [span["counted"] for span in trace["spans"]] == [False, True, False, True]
    return [trace, await reader.json(f"{TRACE}/outline"), *spans]


async def after_restart(folder: Path) -> list[Any]:
    async with running_http_studio(folder, http_config()) as studio:
        signed_in = await studio.call("POST", "/sign-in", body=ADMIN)
        return await everything(Reader(studio, signed_in.cookie))


async def flushed(studio: HttpStudio, segments: int) -> None:
    state = await studio.bus.ask(GetStoreState())
    while state.segments < segments or state.recent_spans:
        await asyncio.sleep(0.01)
        state = await studio.bus.ask(GetStoreState())


async def test_a_trace_with_a_root_that_ended_is_complete(reader: Reader) -> None:
    await reader.send(made(1, session_id="s"), call(2, 1), made(3, 1, failed=True))
    trace = (await reader.json(TRACE))["trace"]
    assert trace["root"]["span_id"] == f"{1:016x}"
    assert (trace["name"], trace["service"], trace["services"]) == ("span 1", "tests", ["tests"])
    assert (trace["complete"], trace["status"], trace["error_count"]) == (True, "ok", 1)
    assert (trace["span_count"], trace["llm_calls"], trace["models"], trace["unpriced"]) == (3, 1, ["gpt-4o"], 1)
    assert (trace["tokens"], trace["cost_usd"], trace["scores"]) == (None, None, [])
    assert trace["start_time"] == "2023-11-14T22:13:20.000000001Z"
    assert trace["end_time"] == "2023-11-14T22:13:20.000001003Z"
    assert trace["duration_ns"] == 1002


async def test_a_trace_without_a_root_is_called_like_its_earliest_span(reader: Reader) -> None:
    await reader.send(made(3, 2), made(2, 9), service="late")
    trace = (await reader.json(TRACE))["trace"]
    assert (trace["root"], trace["complete"], trace["name"]) == (None, False, "span 2")
    outline = await reader.json(f"{TRACE}/outline")
    assert outline["columns"]["parent"] == [-2, 0]


async def test_a_root_that_runs_makes_no_trace_complete(reader: Reader) -> None:
    await reader.send(made(1, ends=False), made(2, 1))
    found = await reader.json(TRACE)
    assert (found["trace"]["root"]["end_time"], found["trace"]["root"]["duration_ns"]) == (None, None)
    assert (found["trace"]["complete"], found["trace"]["end_time"]) == (False, found["spans"][1]["end_time"])
    assert (await reader.json(f"{TRACE}/outline"))["columns"]["duration_us"] == [None, 1]


async def test_a_trace_of_two_services_that_began_elsewhere_and_gets_its_root_late(reader: Reader) -> None:
    await reader.send(made(5, 4), service="stock")
    await reader.send(made(4, 1, failed=True), service="shop")
    before = (await reader.json(TRACE))["trace"]
    assert (before["root"], before["service"], before["services"]) == (None, "shop", ["shop", "stock"])
    await reader.send(made(1), service="front")
    after = (await reader.json(TRACE))["trace"]
    assert (after["complete"], after["service"], after["services"]) == (True, "front", ["front", "shop", "stock"])
    assert (before["status"], after["status"], after["error_count"]) == ("ok", "ok", 1)


@pytest.mark.parametrize("failed", ["root", "call"])
async def test_a_trace_failed_when_its_root_or_a_call_did(reader: Reader, failed: str) -> None:
    await reader.send(made(1, failed=failed == "root"), call(2, 1, failed=failed == "call"), made(3, 1))
    assert (await reader.json(TRACE))["trace"]["status"] == "error"


async def test_what_was_reported_as_cost_is_summed(reader: Reader) -> None:
    paid = [call(number, 1) for number in (2, 3, 4)]
    for span, cost in zip(paid, (0.1, 0.2), strict=False):
        span.attributes.add(key="llm.cost.total", value=any_value(cost))
    await reader.send(made(1), *paid)
    found = await reader.json(TRACE)
    assert [(span["cost_usd"], span["cost_source"]) for span in found["spans"]] == [
        (None, None),
        (0.1, "reported"),
        (0.2, "reported"),
        (None, None),
    ]
    assert (found["trace"]["cost_usd"], found["trace"]["unpriced"]) == (pytest.approx(0.3), 1)


async def test_the_outline_has_what_the_spans_say(reader: Reader) -> None:
    for file in FILES:
        await reader.send_bytes((RECORDINGS / file).read_bytes())
    for trace_id in sorted({each["trace_id"] for calls in TRUTH.values() for each in calls}):
        found, outline = await reader.json(trace_id), await reader.json(f"{trace_id}/outline")
        assert outline["trace"] == found["trace"]
        assert (outline["count"], outline["truncated"]) == (len(found["spans"]), False)
        assert outline["origin"] == found["trace"]["start_time"]
        assert rows_of(outline) == [row_of(span, found["spans"]) for span in found["spans"]]


def rows_of(outline: Any) -> list[dict[str, Any]]:
    columns, names = outline["columns"], outline["dictionaries"]
    shown = {
        name: [names[name][index] if index >= 0 else None for index in values] if name in names else values
        for name, values in columns.items()
        if name not in ("start_us", "duration_us", "errors", "events")
    }
    return [dict(zip(shown, values, strict=True)) for values in zip(*shown.values(), strict=True)]


def row_of(span: Any, spans: Sequence[Any]) -> dict[str, Any]:
    ids = [each["span_id"] for each in spans]
    parent = span["parent_span_id"]
    tokens = span["tokens"] or {"input": None, "output": None}
    copied = ("span_id", "name", "service", "type", "model", "status", "cost_usd", "counted")
    return {name: span[name] for name in copied} | {
        "parent": -1 if parent is None else ids.index(parent) if parent in ids else -2,
        "input_tokens": tokens["input"],
        "output_tokens": tokens["output"],
    }


async def test_the_outline_counts_events_and_exceptions(reader: Reader) -> None:
    span = made(1)
    for name in ("exception", "retry", "exception"):
        event = span.events.add(name=name, time_unix_nano=START)
        event.attributes.add(key="exception.message", value=any_value('"timeUnixNano":1,"droppedAttributesCount":0'))
    await reader.send(span, made(2, 1))
    columns = (await reader.json(f"{TRACE}/outline"))["columns"]
    assert (columns["errors"], columns["events"]) == ([2, 0], [3, 0])
    assert (columns["start_us"], columns["duration_us"]) == ([0, 0], [1, 1])


async def test_the_detail_of_a_span_has_everything(reader: Reader) -> None:
    span = made(1, key="value", count=7, raw=b"\x01\xff", odd=float("nan"))
    span.events.add(name="tick", time_unix_nano=START + 5, dropped_attributes_count=2)
    span.links.add(trace_id=b"\x02" * 16, span_id=b"\x03" * 8, flags=1)
    span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count = 3, 4, 5
    await reader.send(span)
    detail = await reader.json(f"{TRACE}/spans/{1:016x}/detail")
    assert detail["span"] == (await reader.json(TRACE))["spans"][0]
    assert detail["attributes"] == {"key": "value", "count": 7, "raw": "01ff", "odd": None}
    tick = {"name": "tick", "time": "2023-11-14T22:13:20.000000005Z", "attributes": {}, "dropped_attributes": 2}
    assert detail["events"] == [tick]
    link: dict[str, Any] = {
        "trace_id": "02" * 16,
        "span_id": "03" * 8,
        "trace_state": None,
        "flags": 1,
        "attributes": {},
    }
    assert detail["links"] == [link]
    assert detail["resource"] == {"service.name": "tests"}
    assert detail["scope"] == {"name": "tests", "version": "", "attributes": {}}
    assert detail["dropped"] == {"attributes": 3, "events": 4, "links": 5}
    assert detail["truncated"] == []


async def test_large_values_are_cut_and_can_be_had_whole(reader: Reader) -> None:
    text, items = "ä" * 200_000, ["x" * 1000] * 300
    span = made(1, text=text, items=items, small="x" * 262_144)
    span.events.add(name="said").attributes.add(key="text", value=any_value(text))
    await reader.send(span)
    path = f"{TRACE}/spans/{1:016x}"
    detail = await reader.json(f"{path}/detail")
    assert detail["attributes"]["text"] == "ä" * 8192
    assert detail["attributes"]["items"] == json.dumps(items, separators=(",", ":"))[:16384]
    assert len(detail["attributes"]["small"]) == 262_144
    cut = {(each["in"], each["key"]): each["bytes"] for each in detail["truncated"]}
    assert cut == {("attributes", "text"): 400_000, ("attributes", "items"): 300_901, ("event.0", "text"): 400_000}
    assert (await reader.get(f"{path}/attributes/text")).body.decode() == text
    assert (await reader.get(f"{path}/attributes/text?in=event.0")).body.decode() == text
    assert (await reader.get(f"{path}/attributes/items")).json == items


@pytest.mark.parametrize(
    ("value", "media_type", "body"),
    [
        ("plain", "text/plain; charset=utf-8", b"plain"),
        ('{"a": 1}', "text/plain; charset=utf-8", b'{"a": 1}'),
        ("", "text/plain; charset=utf-8", b""),
        (b"\x00\xff", "application/octet-stream", b"\x00\xff"),
        (b"", "application/octet-stream", b""),
        (7, "application/json", b"7"),
        (True, "application/json", b"true"),
        (["a", 1.5], "application/json", b'["a",1.5]'),
        ({"a": {"b": []}}, "application/json", b'{"a":{"b":[]}}'),
        ([b"\xff"], "application/json", b'["ff"]'),
    ],
)
async def test_a_value_has_its_own_type(reader: Reader, value: Any, media_type: str, body: bytes) -> None:
    await reader.send(made(1, value=value, other=b"\x01"))
    reply = await reader.get(f"{TRACE}/spans/{1:016x}/attributes/value")
    assert (reply.status, reply.headers["Content-Type"], reply.body) == (200, media_type, body)


@pytest.mark.parametrize("key", ["a/b", "50%", "a b", "ä", "a?b#c", "%2F", "x" * 2000])
async def test_a_key_may_be_any_text(reader: Reader, key: str) -> None:
    span = made(1)
    span.attributes.add(key=key, value=any_value("found"))
    await reader.send(span)
    reply = await reader.get(f"{TRACE}/spans/{1:016x}/attributes/{quote(key, safe='')}")
    assert (reply.status, reply.body) == (200, b"found")


async def test_values_of_resources_scopes_events_and_links(reader: Reader) -> None:
    span = made(1)
    span.events.add(name="first")
    span.events.add(name="second").attributes.add(key="k", value=any_value(b"\x07"))
    span.links.add(trace_id=b"\x02" * 16, span_id=b"\x03" * 8).attributes.add(key="k", value=any_value("v"))
    await reader.send(span)
    path = f"{TRACE}/spans/{1:016x}/attributes"
    found = {
        where: (await reader.get(f"{path}/{where}")).body
        for where in ("service.name?in=resource", "k?in=event.1", "k?in=link.0")
    }
    assert list(found.values()) == [b"tests", b"\x07", b"v"]
    for missing in ("k", "k?in=resource", "k?in=scope", "k?in=event.0", "k?in=event.2", "k?in=link.1"):
        assert (await reader.get(f"{path}/{missing}")).status == 404, missing


async def test_what_is_unknown_is_not_found(reader: Reader) -> None:
    await reader.send(made(1))
    other, span = f"{2:032x}", f"spans/{2:016x}"
    replies = [
        await reader.get(path)
        for path in (other, f"{other}/outline", f"{other}/{span}/detail", f"{TRACE}/{span}/detail")
    ]
    replies.append(await reader.get(f"{TRACE}/{span}/attributes/key"))
    replies.append(await reader.get(f"{TRACE}/spans/{1:016x}/attributes/key"))
    assert Counter((reply.status, reply.json["detail"]) for reply in replies) == {
        (404, "Trace not found"): 2,
        (404, "Span not found"): 3,
        (404, "The span has no such attribute"): 1,
    }


PATHS = ("", "/outline", f"/spans/{0xAB:016x}/detail", f"/spans/{0xAB:016x}/attributes/key")


@pytest.mark.parametrize("path", PATHS)
async def test_ids_may_be_upper_case_and_must_be_ids(reader: Reader, path: str) -> None:
    trace = "ab" * 16
    span = made(0xAB, key="value")
    span.trace_id = bytes.fromhex(trace)
    await reader.send(span)
    lower, upper = await reader.get(f"{trace}{path}"), await reader.get(f"{trace.upper()}{path.replace('ab', 'AB')}")
    assert (upper.status, upper.body) == (200, lower.body)
    bad = await reader.get(f"{trace[1:]}{path.replace('ab', 'xy')}")
    locations = [["path", "trace_id"], *([["path", "span_id"]] if "spans" in path else [])]
    assert bad.status == 422
    assert [(each["type"], each["loc"]) for each in bad.json["detail"]] == [("id_pattern", loc) for loc in locations]


@pytest.mark.parametrize("path", PATHS)
async def test_unknown_parameters_are_refused(reader: Reader, path: str) -> None:
    reply = await reader.get(f"{TRACE}{path}?limit=5")
    assert reply.status == 422
    [fault] = reply.json["detail"]
    assert (fault["type"], fault["loc"]) == ("extra_forbidden", ["query", "limit"])


@pytest.mark.parametrize("where", ["", "nowhere", "event", "event.-1", "event.x", "attributes.0", "link.9999999999"])
async def test_a_place_of_an_attribute_that_is_none_is_refused(reader: Reader, where: str) -> None:
    reply = await reader.get(f"{TRACE}/spans/{1:016x}/attributes/key?in={where}")
    assert (reply.status, reply.json["detail"][0]["loc"]) == (422, ["query", "in"])


@pytest.mark.parametrize("path", PATHS)
async def test_who_has_the_answer_already_is_not_sent_it_again(reader: Reader, path: str) -> None:
    await reader.send(made(0xAB, key="value"))
    first = await reader.get(f"{TRACE}{path}")
    tag = first.headers["ETag"]
    for known in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
        again = await reader.get(f"{TRACE}{path}", **{"If-None-Match": known})
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
    for other in ('"x"', "garbage"):
        assert (await reader.get(f"{TRACE}{path}", **{"If-None-Match": other})).body == first.body


async def test_a_trace_that_changed_has_another_tag(reader: Reader) -> None:
    await reader.send(made(1))
    tag = (await reader.get(TRACE)).headers["ETag"]
    await reader.send(made(2, 1))
    assert (await reader.get(TRACE, **{"If-None-Match": tag})).status == 200


async def test_a_large_trace_is_answered_whole_and_compressed(reader: Reader) -> None:
    for first in range(1, 12_001, 1000):
        await reader.send(*(call(number, 1 if number > 1 else None) for number in range(first, first + 1000)))
    plain = await reader.get_unchecked(TRACE, **{"Accept-Encoding": "identity"})
    assert ("Content-Encoding" in plain.headers, plain.json["trace"]["span_count"]) == (False, 12_000)
    assert [span["name"] for span in plain.json["spans"]] == [f"span {number}" for number in range(1, 12_001)]
    for path in (TRACE, f"{TRACE}/outline"):
        packed = await reader.get_unchecked(path, **{"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.json["trace"] == plain.json["trace"]


async def test_spans_with_values_of_megabytes_are_answered(reader: Reader) -> None:
    await reader.send(made(1, text="x" * 9_000_000), call(2, 1))
    assert len((await reader.json(TRACE))["spans"]) == 2
    path = f"{TRACE}/spans/{1:016x}"
    assert (await reader.json(f"{path}/detail"))["truncated"][0]["bytes"] == 9_000_000
    assert len((await reader.get(f"{path}/attributes/text")).body) == 9_000_000
