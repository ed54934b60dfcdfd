"""One trace over HTTP: what is said of it, of its spans, and of their values, wherever its spans are."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from actors.span_store.embedded.lifetime import EmbeddedStorage, Limits
from actors.span_store.messages import GetStoreState
from actors.span_store.traces import views
from tests.http_studio import ADMIN, HttpStudio, http_config, running_http_studio
from tests.spans import START, any_value, otlp_span
from tests.transports.http.stage import TRACE, Reader, call, made

pytestmark = pytest.mark.integration

RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
TRUTH: dict[str, list[dict[str, Any]]] = json.loads((RECORDINGS / "truth.json").read_text())
FILES = sorted(path.name for path in RECORDINGS.glob("*.bin") if ".logs" not in path.name)
MEMBERS = ("input", "output", "cache_read", "cache_write", "reasoning")
# The number stands in the history of the conversation, as that of the call before.
OF_ANOTHER_CALL = {("b92aeeeaf8036243", "reasoning")}


async def test_of_each_recording_calls_and_tokens_are_those_of_the_truth(reader: Reader) -> None:
    for file in FILES:
        await reader.send_bytes((RECORDINGS / file).read_bytes())
    for file, calls in TRUTH.items():
        for trace_id in {each["trace_id"] for each in calls}:
            found = (await reader.get_unchecked(trace_id)).json
            own = [each for each in calls if each["trace_id"] == trace_id and not each["duplicate_of_sdk_span"]]
            embeddings = [span for span in found["spans"] if span["type"] == "embedding" and span["counted"]]
            assert found["trace"]["llm_calls"] == len(own) + len(embeddings), file
            sums = found["trace"]["tokens"] or {}
            assert sent(own, embeddings).items() <= sums.items(), file


def sent(calls: Sequence[Any], embeddings: Sequence[Any]) -> dict[str, int]:
    """Sums of what the models had answered, as far as libraries said it; ``truth.json`` has no embeddings."""
    sums = Counter[str]()
    for each in calls:
        names = [name for name in each.get("sent", ()) if (each["span_id"], name) not in OF_ANOTHER_CALL]
        sums.update({name: each["tokens"][name] for name in names})
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
    for trace_id in {each["trace_id"] for calls in TRUTH.values() for each in calls[-1:]}:  # one of each recording
        found, outline = [(await reader.get_unchecked(path)).json for path in (trace_id, f"{trace_id}/outline")]
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


async def test_a_trace_with_too_many_spans_is_refused_and_its_spans_are_not(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MOST_BYTES", 10_000)
    await reader.send(*(call(number) for number in range(1, 101)))
    for path in (TRACE, f"{TRACE}/outline"):
        refused = await reader.get(path)
        assert (refused.status, "pages" in refused.json["detail"]) == (413, True)
    detail = await reader.json(f"{TRACE}/spans/{7:016x}/detail")
    assert (detail["span"]["name"], detail["span"]["counted"]) == ("span 7", True)
