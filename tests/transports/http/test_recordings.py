"""Replays the recordings of the reference in their order against one studio.

A third of the recordings are not here, and with them some steps that the others follow from; ``_MISSING_STEPS`` makes
up for those. The ones for which models answered have a test of their own, with local providers.
"""

import json
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from actors.playground.providers.provider import Endpoint
from actors.runtime.budget import Budget
from tests.http_studio import ADMIN, HttpStudio, Reply, http_config, running_http_studio
from tests.providers.anthropic import AnthropicServer
from tests.providers.gemini import GeminiServer
from tests.providers.openai import OpenAIServer
from tests.providers.server import ProviderServer, Script
from tests.recordings_compare import differences
from tests.recordings_grpc import grpc_differences
from transports.grpc.config import GrpcConfig
from transports.grpc.server import serve_auth

pytestmark = pytest.mark.integration

_FOLDER = Path(__file__).parents[2] / "recordings"
_BOB = {"email": "bob@example.com", "password": "password456"}
_SECOND = {"email": "second@example.com", "password": "password123"}
_KEY_ID = "Nj-i2zCP0XgMNWwCuw2zs"  # as recorded
_BOBS_ID = "l8V2kmffrKMVOVxmsfNOYC"
# Before the recording of this name, this request.
_MISSING_STEPS: dict[str, tuple[str, str, Any]] = {
    "auth-test after create-first-user": ("POST", "/users/create-first-user", ADMIN),
    "old cookie replayed after sign-out": ("POST", "/sign-out", None),
    "users create duplicate": ("POST", "/users", _BOB),
    "users delete again (404)": ("DELETE", f"/users/{_BOBS_ID}", None),
    "api_keys create second, same name": ("POST", "/api_keys", {"name": "First Key"}),
    "api_keys list (newest first, full key visible)": ("POST", "/api_keys", {"name": "n" * 5000}),
    "api_keys delete again": ("DELETE", f"/api_keys/{_KEY_ID}", None),
    "users list before self-delete": ("POST", "/users", _SECOND),
    "sign-in for spans phase": ("POST", "/users", ADMIN),
}
_LLM_OK = "llm generate ok"
_START = 1_700_000_000_123_456_789


def _recordings() -> list[dict[str, Any]]:
    lines = (_FOLDER / "golden.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if not row["name"].startswith(_LLM_OK)]


def _answers_of_models() -> list[dict[str, Any]]:
    """Recorded with keys and local providers; a parameter that a model refuses was an error of the reference's own."""
    lines = (_FOLDER / "golden.jsonl").read_text().splitlines()
    return [row for row in map(json.loads, lines) if row["name"].startswith(_LLM_OK) and row["ours"] == "same"]


class Replay:
    """The state that the recordings build on: who is signed in, and what the recorded ids are called here."""

    def __init__(self, studio: HttpStudio, channel: grpc.aio.Channel) -> None:
        self.studio = studio
        self.channel = channel
        self.cookie: str | None = None
        self.ids: dict[str, str] = {}

    async def play(self, row: dict[str, Any]) -> list[str]:
        await self.before(row["name"])
        if row["method"] == "GRPC":
            return await grpc_differences(self.channel, row, await self.studio.make_key(self.cookie or ""))
        reply = await self.studio.call(
            row["method"],
            self._ours(row["path"]),
            data=_body_of(row),
            headers=dict(row["request_headers"] or {}),
            cookie=self._cookie_for(row),
        )
        self._learn(row, reply)
        return differences(row, reply.status, reply.headers, _parsed(reply))

    async def before(self, name: str) -> None:
        """Take the steps whose own recordings are missing."""
        if name in _MISSING_STEPS:
            method, path, body = _MISSING_STEPS[name]
            reply = await self.studio.call(method, self._ours(path), body=body, cookie=self.cookie)
            assert reply.status < 300, reply
            self._keep_cookie(reply)
        if name == "obs services":
            await self._send_spans()

    def _ours(self, path: str) -> str:
        for recorded, ours in self.ids.items():
            path = path.replace(recorded, ours)
        return path

    def _keep_cookie(self, reply: Reply) -> None:
        if reply.headers.get("Set-Cookie", "").endswith("Max-Age=2592000; httponly; samesite=strict"):
            self.cookie = reply.cookie

    async def _send_spans(self) -> None:
        key = await self.studio.make_key(self.cookie or "")
        for name in ("crafted_main", "junjo_0.62.0", "junjo_0.69.0"):
            reply = await self.studio.send_spans(key, (_FOLDER / f"{name}.bin").read_bytes())
            assert reply.status == 200
        assert (await self.studio.send_spans(key, _other_services())).status == 200

    def _cookie_for(self, row: dict[str, Any]) -> str | None:
        special = {"cookie garbage": "garbage", "cookie empty": "", "foreign cookie only": None}
        for prefix, value in special.items():
            if row["name"].startswith(prefix):
                return value
        return self.cookie if row["cookie_sent"] or row["name"].startswith("old cookie") else None

    def _learn(self, row: dict[str, Any], reply: Reply) -> None:
        """Recorded ids by their place in the answer; the cookie of a new session."""
        self._keep_cookie(reply)
        if row["path"] not in ("/users", "/api_keys") or reply.status not in (200, 201):
            return
        recorded, ours = row["body"], reply.json
        if isinstance(ours, list):
            by_name = {item.get("email", item.get("name")): item["id"] for item in ours}
            self.ids |= {item["id"]: by_name[item.get("email", item.get("name"))] for item in recorded}
        elif "id" in ours:
            self.ids[recorded["id"]] = ours["id"]


@pytest.mark.requires_grpc_server
async def test_every_recording_is_answered_as_recorded(studio: HttpStudio) -> None:
    recordings = _recordings()
    config = GrpcConfig(otlp_budget=Budget(1024 * 1024))
    async with (
        serve_auth(studio.bus, config, "127.0.0.1", 0) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        replay = Replay(studio, channel)
        found = [f"{row['name']}: {text}" for row in recordings for text in await replay.play(row)]
    assert len(recordings) > 100
    assert not found, "\n".join(found)


async def test_every_answer_of_a_model_is_as_recorded(tmp_path: Path) -> None:
    recordings = _answers_of_models()
    async with OpenAIServer() as openai, AnthropicServer() as anthropic, GeminiServer() as gemini:
        providers: dict[str, ProviderServer] = {"openai": openai, "anthropic": anthropic, "gemini": gemini}
        endpoints = {
            name: Endpoint(key=f"{name}-key", base_url=provider.base_url) for name, provider in providers.items()
        }
        async with running_http_studio(tmp_path, http_config(), endpoints=endpoints) as studio:
            cookie = await studio.set_up()
            found = []
            for row in recordings:
                provider = providers[row["request_body"]["model"].partition("/")[0]]
                provider.play(_script_for(row))
                reply = await studio.call("POST", row["path"], body=row["request_body"], cookie=cookie)
                found += [f"{row['name']}: {text}" for text in _model_differences(row, reply)]
    assert len(recordings) > 10
    assert not found, "\n".join(found)


def _script_for(row: dict[str, Any]) -> Script:
    """The provider's part of a recorded answer."""
    content: str = row["body"]["choices"][0]["message"]["content"]
    reasoning: str | None = row["body"]["reasoning_content"]
    return Script(text=(content,), reasoning=() if reasoning is None else (reasoning,))


def _model_differences(row: dict[str, Any], reply: Reply) -> list[str]:
    """Times, and ids that the reference made up itself, differ."""
    recorded = json.loads(json.dumps(row))
    if reply.status == 200:
        recorded["body"]["created"] = reply.json["created"]
    return differences(recorded, reply.status, reply.headers, _parsed(reply))


def _body_of(row: dict[str, Any]) -> bytes | None:
    body = row["request_body"]
    if body is None:
        return None
    if not isinstance(body, str):
        return json.dumps(body).encode()
    if body.startswith("b'"):  # the recorder's way to write bytes that are no text
        return body[2:-1].encode("latin-1").decode("unicode_escape").encode("latin-1")
    return body.encode()


def _parsed(reply: Reply) -> Any:
    if not reply.body:
        return None
    return reply.json if reply.headers["Content-Type"] == "application/json" else reply.body.decode()


def _other_services() -> bytes:
    """The spans of the services crafted-nan and NO_SERVICE_NAME, rebuilt from the recorded answers."""
    request = ExportTraceServiceRequest()
    nan = request.resource_spans.add()
    nan.resource.attributes.append(KeyValue(key="service.name", value=AnyValue(string_value="crafted-nan")))
    nan.scope_spans.add().spans.append(_span(5, 50, "nan attrs", _NAN_ATTRIBUTES))
    request.resource_spans.add().scope_spans.add().spans.append(_span(3, 30, "no service name"))
    number = request.resource_spans.add()
    number.resource.attributes.append(KeyValue(key="service.name", value=AnyValue(int_value=7)))
    number.scope_spans.add().spans.append(_span(4, 40, "int service name"))
    return request.SerializeToString()


def _span(trace: int, number: int, name: str, attributes: tuple[tuple[str, AnyValue], ...] = ()) -> Span:
    return Span(
        trace_id=bytes([trace]) * 16,
        span_id=number.to_bytes(8, "big"),
        name=name,
        start_time_unix_nano=_START + number * 1_000_001,
        end_time_unix_nano=_START + number * 1_000_001 + 2_500_500,
        attributes=[KeyValue(key=key, value=value) for key, value in attributes],
    )


_NAN_ATTRIBUTES = (
    ("str", AnyValue(string_value="héllo")),
    ("empty", AnyValue(string_value="")),
    ("int", AnyValue(int_value=42)),
    ("bigint", AnyValue(int_value=9007199254740993)),
    ("neg", AnyValue(int_value=-1)),
    ("dbl", AnyValue(double_value=2.5)),
    ("dbl_whole", AnyValue(double_value=3.0)),
    ("nan", AnyValue(double_value=float("nan"))),
    ("inf", AnyValue(double_value=float("inf"))),
    ("yes", AnyValue(bool_value=True)),
    ("no", AnyValue(bool_value=False)),
    ("bytes", AnyValue(bytes_value=b"\xde\xad")),
    (
        "arr",
        AnyValue(
            array_value=ArrayValue(
                values=[
                    AnyValue(string_value="a"),
                    AnyValue(int_value=1),
                    AnyValue(double_value=1.5),
                    AnyValue(bool_value=True),
                ]
            )
        ),
    ),
    (
        "map",
        AnyValue(
            kvlist_value=KeyValueList(
                values=[
                    KeyValue(key="s", value=AnyValue(string_value="x")),
                    KeyValue(key="i", value=AnyValue(int_value=2)),
                ]
            )
        ),
    ),
    ("dup", AnyValue(string_value="first")),
    ("dup", AnyValue(string_value="second")),
    ("dotted.key.name", AnyValue(string_value="kept flat")),
    ("junjo.other", AnyValue(string_value="kept")),
)
