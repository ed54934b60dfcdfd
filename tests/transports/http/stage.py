"""What tests of routes share: somebody who reads traces, and the spans of them."""

from typing import Any

import attrs
from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.http_studio import HttpStudio, Reply
from tests.spans import START, any_value, otlp_request, otlp_span

API = "/api/v1/observability/traces"
TRACE = f"{1:032x}"


@attrs.frozen
class Reader:
    """Somebody who is signed in, and sends spans."""

    studio: HttpStudio
    cookie: str
    _keys: list[str] = attrs.field(factory=list)  # the one to send with, when it was made

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
        if not self._keys:
            self._keys.append(await self.studio.make_key(self.cookie))
        assert (await self.studio.send_spans(self._keys[0], body)).status == 200


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
