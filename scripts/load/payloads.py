"""OTLP requests for load: an agent's LLM spans of 2.3 KB on average, ten to a trace, no two alike.

``scripts.load.conversations`` says what a span is. Of the 2,370 bytes of one, on average, 430 are text that no span
before has; 90 are repeated from the call before, 125 are the system prompt, 100 are ids and times. As much again as
all text is its second copy, and the rest is keys and the frame of the JSON. Real agents repeat more: their system
prompts are longer than a hundred characters, and their conversations than two calls. So the size on disk that these
payloads come to is meant to be no better than what real traffic comes to: 300 bytes a span in Parquet (zstd, level
1). The floor of it is the new text, of which zstd leaves 193 bytes, and the ids. 2,400 bytes of nothing but new
words, each text once, would come to 800.
"""

import random
import time
from collections.abc import Iterator

import attrs
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans

from scripts.load.conversations import SPANS_A_TRACE, TraceMould, system_prompts
from scripts.load.own_studio import SpanId
from scripts.load.prose import Prose

_SHAPES = 12  # of the traces of a service
_PROSE_A_SPAN = 32 * 1024  # bytes; a span takes some 300 of it
_MOST_PROSE = 16 * 1024 * 1024
_DELIMITED = 2  # protobuf's wire type of messages and strings


@attrs.frozen(kw_only=True)
class Payload:
    """A serialised request and the spans in it, all of one service."""

    service: str
    body: bytes
    packed_ids: tuple[bytes, ...]  # of each trace: 16 bytes of its own, 8 of each span

    @property
    def ids(self) -> tuple[SpanId, ...]:
        return tuple(
            (ids[:16].hex(), ids[begin : begin + 8].hex())
            for ids in self.packed_ids
            for begin in range(16, len(ids), 8)
        )


@attrs.frozen
class _Service:
    """The constant parts of a service's requests, and its trace templates."""

    resource: bytes
    scope: bytes
    whole: list[TraceMould]
    rest: TraceMould | None  # the trace of those that make no whole one


class Payloads:
    """Makes requests of ``spans`` spans. System prompts are a service's; ids, times and texts are a span's."""

    def __init__(self, spans: int, seed: int = 5, *, marked: bool = False) -> None:
        """``marked`` spans have attributes of known rarity, and some failed: see ``conversations.MARKS``."""
        self._marked = marked
        self._chance = random.Random(seed)
        self._spans = spans
        self.prose = Prose(self._chance, min(_PROSE_A_SPAN * max(spans, SPANS_A_TRACE), _MOST_PROSE))
        self._services: dict[str, _Service] = {}

    def make(self, service: str, at: int | None = None) -> Payload:
        """Make a request. Its traces ended at ``at``, in Unix nanoseconds; default: now."""
        if service not in self._services:
            self._services[service] = self._service(service)
        known, at = self._services[service], time.time_ns() if at is None else at
        made = [mould.make(at) for mould in self._moulds(known)]
        scope_spans = b"".join([known.scope, *(spans for spans, _ in made)])
        resource_spans = known.resource + _field(ResourceSpans.SCOPE_SPANS_FIELD_NUMBER, scope_spans)
        return Payload(service=service, body=_field(1, resource_spans), packed_ids=tuple(ids for _, ids in made))

    def _moulds(self, service: _Service) -> Iterator[TraceMould]:
        yield from self._chance.choices(service.whole, k=self._spans // SPANS_A_TRACE)
        if service.rest is not None:
            yield service.rest

    def _service(self, name: str) -> _Service:
        prompts = system_prompts(name, self.prose)
        resource = Resource()
        for key, value in {"service.name": name, "telemetry.sdk.language": "python"}.items():
            resource.attributes.add(key=key).value.string_value = value
        scope = InstrumentationScope(name="openinference.instrumentation.openai", version="0.1.40")
        rest = self._spans % SPANS_A_TRACE
        return _Service(
            resource=ResourceSpans(resource=resource).SerializeToString(),
            scope=ScopeSpans(scope=scope).SerializeToString(),
            whole=[self._mould(prompts, SPANS_A_TRACE) for _ in range(_SHAPES if self._spans >= SPANS_A_TRACE else 0)],
            rest=self._mould(prompts, rest) if rest else None,
        )

    def _mould(self, prompts: list[str], spans: int) -> TraceMould:
        return TraceMould(prompts, spans, self._chance, self.prose, marked=self._marked)


def _field(number: int, content: bytes) -> bytes:
    """A field of a serialised message (protobuf's encoding, "Length-Delimited Records")."""
    return bytes([number << 3 | _DELIMITED]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
