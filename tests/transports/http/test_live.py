"""Spans and traces as they come in, over a WebSocket."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSCloseCode, WSServerHandshakeError
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan

from actors.live.messages import GetLiveLoad
from tests.actors.stage import HandClock
from tests.http_studio import ORIGIN, http_config, running_http_studio
from tests.live_socket import PATH, live_socket
from tests.transports.http.stage import Reader, call, made
from transports.http.config import LiveConfig

pytestmark = pytest.mark.integration

RECORDINGS = Path(__file__).parents[2] / "recordings" / "instrumentations"
FILES = sorted(path.name for path in RECORDINGS.glob("*.bin") if ".logs" not in path.name)


def ids(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["item"]["span_id"] for frame in frames]


async def listed(reader: Reader, path: str, query: str = "limit=1000") -> Any:
    reply = await reader.studio.call("GET", f"/api/v1/observability/{path}?{query}", cookie=reader.cookie)
    assert reply.status == 200
    return reply.json[path]


async def test_recorded_spans_are_told_once_each_as_lists_have_them(reader: Reader) -> None:
    async with live_socket(reader.studio, cookie=reader.cookie) as socket:
        await socket.subscribe()
        page, caught_up = await socket.until("caught_up")
        assert (page["type"], page["items"], page["position"]) == ("page", [], caught_up["position"])
        for file in FILES:
            await reader.send_bytes((RECORDINGS / file).read_bytes())
        spans = {(each["trace_id"], each["span_id"]): each for each in await listed(reader, "spans")}
        frames = await socket.items(len(spans))
    told = {(frame["item"]["trace_id"], frame["item"]["span_id"]): frame["item"] for frame in frames}
    assert len(told) == len(spans) > 50
    positions = [int(frame["position"]) for frame in frames]
    assert positions == sorted(set(positions))
    for key, span in spans.items():
        # Of siblings it is known when they have come, and too many at once have no previews.
        later = {name: span[name] for name in ("counted", "input_preview", "output_preview")}
        assert told[key] | later == span
        assert told[key]["input_preview"] in (None, span["input_preview"])


async def test_recorded_traces_are_told_as_their_summaries(reader: Reader) -> None:
    async with live_socket(reader.studio, cookie=reader.cookie) as socket:
        await socket.subscribe(of="traces")
        await socket.until("caught_up")
        for file in FILES:
            await reader.send_bytes((RECORDINGS / file).read_bytes())
        expected = {each["trace_id"]: each for each in await listed(reader, "traces")}
        told: dict[str, Any] = {}
        while told != expected:
            frame = await socket.next()
            assert frame["type"] == "item"
            told[frame["item"]["trace_id"]] = frame["item"]


async def test_each_subscription_hears_what_its_filter_is_true_of(reader: Reader) -> None:
    async with live_socket(reader.studio, cookie=reader.cookie) as socket:
        filters = {"all": "", "llm": "type:llm", "failed": "status:error", "other": "service:other"}
        for id_, q in filters.items():
            await socket.subscribe(id_, q=q)
            await socket.until("caught_up", id_)
        await reader.send(made(1, trace_id=1, failed=True), call(2, 1, trace_id=1))
        await reader.send(made(3, trace_id=2), service="other")
        frames = await socket.items(6)
    heard = {id_: ids([frame for frame in frames if frame["id"] == id_]) for id_ in filters}
    one, two, three = (f"{number:016x}" for number in (1, 2, 3))
    assert heard == {"all": [one, two, three], "llm": [two], "failed": [one], "other": [three]}
    places = {(frame["item"]["span_id"], frame["position"]) for frame in frames}
    assert len(places) == 3, "positions are the same for all subscriptions"


async def test_a_page_has_what_was_there_and_no_item_repeats_it(reader: Reader) -> None:
    await reader.send(*(made(number, trace_id=number) for number in range(1, 6)))
    async with live_socket(reader.studio, cookie=reader.cookie) as socket:
        await socket.subscribe(limit=2, q="service:*")
        page, _ = await socket.until("caught_up")
        newest = await listed(reader, "spans", "limit=2")
        assert page["items"] == newest
        await reader.send(made(6, trace_id=6))
        assert ids(await socket.items(1)) == [f"{6:016x}"]


async def test_going_on_at_a_position_neither_repeats_nor_leaves_out(reader: Reader) -> None:
    async with live_socket(reader.studio, cookie=reader.cookie) as socket:
        await socket.subscribe()
        await socket.until("caught_up")
        await reader.send(*(made(number) for number in range(1, 4)))
        frames = await socket.items(3)
    await reader.send(*(made(number) for number in range(4, 7)))
    async with live_socket(reader.studio, cookie=reader.cookie) as socket:
        for frame in frames:
            await socket.subscribe(frame["position"], after=frame["position"])
            behind = await socket.until("caught_up", frame["position"])
            expected = range(int(frame["item"]["span_id"], 16) + 1, 7)
            assert ids(behind[:-1]) == [f"{number:016x}" for number in expected]


async def test_a_trace_is_told_again_with_its_new_spans(reader: Reader) -> None:
    async with live_socket(reader.studio, cookie=reader.cookie) as socket:
        await socket.subscribe(of="traces", q="status:error")
        page = (await socket.until("caught_up"))[0]
        await reader.send(made(1, failed=True))
        [first] = await socket.items(1)
        await reader.send(call(2, 1))
        [again] = await socket.items(1)
    assert (first["item"]["span_count"], again["item"]["span_count"]) == (1, 2)
    async with live_socket(reader.studio, cookie=reader.cookie) as socket:
        for position, count in ((page["position"], 1), (first["position"], 1), (again["position"], 0)):
            await socket.subscribe(position, of="traces", q="status:error", after=position)
            assert len(await socket.until("caught_up", position)) == 1 + count


async def test_scores_in_a_filter_are_those_of_when_it_began(reader: Reader) -> None:
    await reader.send(made(1, trace_id=1), made(2, trace_id=2))
    body = {"name": "helpful", "value": 0.2, "source": "human"}
    path = f"/api/v1/observability/traces/{1:032x}/scores"
    assert (await reader.studio.call("POST", path, body=body, cookie=reader.cookie)).status == 201
    async with live_socket(reader.studio, cookie=reader.cookie) as socket:
        await socket.subscribe(q="score.helpful:<0.5", of="traces")
        page = (await socket.until("caught_up"))[0]
        await reader.send(made(3, trace_id=2), made(4, trace_id=1))
        [told] = await socket.items(1)
    assert [each["trace_id"] for each in page["items"]] == [told["item"]["trace_id"]] == [f"{1:032x}"]
    assert told["item"]["scores"] == [{"name": "helpful", "value": 0.2, "count": 1}]


async def test_a_position_of_what_is_deleted_is_refused(reader: Reader) -> None:
    await reader.send(made(1, trace_id=1))
    await reader.send(made(2, trace_id=2))
    reply = await reader.studio.call("DELETE", f"/api/v1/observability/traces/{1:032x}", cookie=reader.cookie)
    assert reply.status == 200
    async with live_socket(reader.studio, cookie=reader.cookie) as socket:
        for after in ("0", "9999999999", "x", "-1", "1" * 30, ""):
            await socket.subscribe(after=after)
            frame = await socket.next()
            assert (frame["type"], frame["id"]) == ("error", "s")
            [problem] = frame["detail"]
            assert (problem["type"], problem["loc"]) == ("cursor_invalid", ["body", "after"])
        await socket.subscribe()  # the id is free
        assert (await socket.until("caught_up"))[-1]["id"] == "s"


FAULTY: list[tuple[dict[str, Any], str, list[Any]]] = [
    ({"type": "subscribe"}, "missing", ["body", "id"]),
    ({"type": "subscribe", "id": ""}, "string_too_short", ["body", "id"]),
    ({"type": "subscribe", "id": "x" * 129}, "string_too_long", ["body", "id"]),
    ({"type": "subscribe", "id": 1}, "string_type", ["body", "id"]),
    ({"type": "subscribe", "id": "a", "of": "logs"}, "enum", ["body", "of"]),
    ({"type": "subscribe", "id": "a", "limit": 0}, "greater_than_equal", ["body", "limit"]),
    ({"type": "subscribe", "id": "a", "limit": 1001}, "less_than_equal", ["body", "limit"]),
    ({"type": "subscribe", "id": "a", "q": "status:("}, "query_syntax", ["body", "q", 8]),
    ({"type": "subscribe", "id": "a", "q": "nofield:x"}, "query_field", ["body", "q", 1]),
    ({"type": "subscribe", "id": "a", "q": "duration:>x"}, "query_value", ["body", "q", 11]),
    ({"type": "unsubscribe", "id": "a"}, "value_error", ["body"]),
    ({"type": "what"}, "enum", ["body", "type"]),
    ({}, "enum", ["body", "type"]),
]


async def test_a_faulty_frame_is_answered_with_its_fault(reader: Reader) -> None:
    async with live_socket(reader.studio, cookie=reader.cookie) as socket:
        for frame, kind, where in FAULTY:
            await socket.send(**frame)
            answer = await socket.next()
            id_ = frame.get("id")
            assert (answer["type"], answer["id"]) == ("error", id_ if isinstance(id_, str) else None)
            problem = answer["detail"][0]
            assert (problem["type"], problem["loc"]) == (kind, where), frame
            await socket.send(type="ping")
            assert await socket.next() == {"type": "pong"}


async def test_hostile_frames_end_the_socket(reader: Reader) -> None:
    for text in ("[", "[" * 60_000, "7", '{"type":"subscribe","id":"\\ud800"}'):
        async with live_socket(reader.studio, cookie=reader.cookie) as socket:
            for _ in range(20):
                await socket.socket.send_str(text)
            assert await socket.close_code() == 1008
    async with live_socket(reader.studio, cookie=reader.cookie) as socket:
        await socket.socket.send_bytes(b"{}")
        assert (await socket.next())["type"] == "error"
        await socket.socket.send_str("x" * (64 * 1024 + 1))
        assert await socket.close_code() == WSCloseCode.MESSAGE_TOO_BIG


async def test_subscriptions_are_bounded_and_end_when_they_are_told_to(reader: Reader) -> None:
    async with live_socket(reader.studio, cookie=reader.cookie) as socket:
        for number in range(32):
            await socket.subscribe(f"s{number}")
            await socket.until("caught_up", f"s{number}")
        await socket.subscribe("s32")
        refused = await socket.next()
        assert (refused["type"], refused["id"]) == ("error", "s32")
        await socket.subscribe("s0")
        assert (await socket.next())["type"] == "error"
        await socket.send(type="unsubscribe", id="s0")
        assert await socket.next() == {"type": "ended", "id": "s0", "detail": "unsubscribed"}
        await socket.subscribe("s32")
        await socket.until("caught_up", "s32")
        await reader.send(made(1))
        assert {frame["id"] for frame in await socket.items(32)} == {f"s{number}" for number in range(1, 33)}


async def test_sockets_are_bounded(tmp_path: Path) -> None:
    config = http_config()
    async with running_http_studio(tmp_path, config) as studio:
        cookie = await studio.set_up()
        with config.live.sockets.reserve() as others:
            others.grow(255)
            async with live_socket(studio, cookie=cookie):
                with pytest.raises(WSServerHandshakeError) as refused:
                    await studio.client.ws_connect(PATH, headers={"Cookie": f"session={cookie}", "Origin": ORIGIN})
                assert refused.value.status == 503
                assert refused.value.headers is not None
                assert int(refused.value.headers["Retry-After"]) > 0
    assert LiveConfig().sockets.room == 256


CALLERS: list[tuple[dict[str, str], int]] = [
    ({}, 401),
    ({"COOKIE": "live"}, 403),
    ({"COOKIE": "live", "Origin": "https://evil.example"}, 403),
    ({"KEY": "play"}, 403),
    ({"KEY": "read", "Origin": "https://evil.example"}, 403),
    ({"KEY": "read"}, 101),
    ({"KEY": "read", "Origin": ORIGIN}, 101),
    ({"COOKIE": "live", "Origin": ORIGIN}, 101),
]


@pytest.mark.security
async def test_who_may_open_a_live_socket(reader: Reader) -> None:
    for headers, status in CALLERS:
        sent = dict(headers)
        if sent.pop("COOKIE", None):
            sent["Cookie"] = f"session={reader.cookie}"
        if scope := sent.pop("KEY", None):
            sent["x-junjo-api-key"] = await reader.studio.make_key(reader.cookie, scope)
        if status == 101:
            async with live_socket(reader.studio, origin=None, headers=sent) as socket:
                await socket.send(type="ping")
                assert await socket.next() == {"type": "pong"}
            continue
        with pytest.raises(WSServerHandshakeError) as refused:
            await reader.studio.client.ws_connect(PATH, headers=sent)
        assert refused.value.status == status, headers


@pytest.mark.security
async def test_the_end_of_a_sign_in_ends_its_sockets(reader: Reader) -> None:
    async with live_socket(reader.studio, cookie=reader.cookie) as socket:
        await socket.subscribe()
        await socket.until("caught_up")
        await reader.studio.call("POST", "/sign-out", cookie=reader.cookie)
        assert await socket.close_code() == 4401


@pytest.mark.security
async def test_the_end_of_a_key_ends_its_sockets(reader: Reader) -> None:
    reply = await reader.studio.call(
        "POST", "/api/v1/keys", body={"name": "tail", "scopes": ["read"]}, cookie=reader.cookie
    )
    headers = {"x-junjo-api-key": reply.json["key"]}
    async with live_socket(reader.studio, origin=None, headers=headers) as socket:
        await socket.subscribe()
        await socket.until("caught_up")
        await reader.studio.call("DELETE", f"/api/v1/keys/{reply.json['id']}", cookie=reader.cookie)
        assert await socket.close_code() == 4401


@pytest.mark.security
async def test_an_expired_session_ends_its_live_socket(tmp_path: Path) -> None:
    clock = HandClock()
    async with running_http_studio(tmp_path, http_config(), clock=clock) as studio:
        cookie = await studio.set_up()
        async with live_socket(studio, cookie=cookie) as socket:
            clock.move(days=400)
            await socket.send(type="ping")
            assert await socket.close_code() == 4401


async def test_a_reader_that_does_not_read_hears_how_much_it_missed_and_holds_up_nobody(reader: Reader) -> None:
    async with (
        live_socket(reader.studio, cookie=reader.cookie) as slow,
        live_socket(reader.studio, cookie=reader.cookie) as quick,
    ):
        for socket in (slow, quick):
            await socket.subscribe()
            await socket.until("caught_up")
        slow.pause()
        sent = 0
        while not (await reader.studio.bus.ask(GetLiveLoad())).skipped:
            await reader.send(*(large(number) for number in range(sent + 1, sent + 21)))
            sent += 20
            assert ids(await quick.items(20))[-1] == f"{sent:016x}"
        slow.go_on()
        frames = await slow.until("lagged")
    told, lagged = frames[:-1], frames[-1]
    assert ids(told) == [f"{number:016x}" for number in range(1, len(told) + 1)]
    assert int(lagged["position"]) == int(told[-1]["position"]) + lagged["skipped"]


def large(number: int) -> OtlpSpan:
    span = made(number)
    span.name = "x" * 20_000
    return span
