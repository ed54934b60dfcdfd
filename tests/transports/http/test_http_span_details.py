"""One span over HTTP: everything about it, its values whole, and the rules of all routes of traces."""

import json
from collections import Counter
from typing import Any
from urllib.parse import quote

import pytest

from tests.spans import START, any_value
from tests.transports.http.stage import TRACE, Reader, call, made

pytestmark = pytest.mark.integration


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


async def test_spans_with_values_of_megabytes_are_answered(reader: Reader) -> None:
    await reader.send(made(1, text="x" * 9_000_000), call(2, 1))
    assert len((await reader.json(TRACE))["spans"]) == 2
    path = f"{TRACE}/spans/{1:016x}"
    assert (await reader.json(f"{path}/detail"))["truncated"][0]["bytes"] == 9_000_000
    assert len((await reader.get(f"{path}/attributes/text")).body) == 9_000_000
