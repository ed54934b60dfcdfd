"""OTLP requests for load: LLM spans of about 2.3 KB, ten to a trace, ids new in each request."""

import random
import time
from collections.abc import Mapping

import attrs
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from scripts.load.own_studio import SpanId

SPANS_A_TRACE = 10
_TEMPLATES = 8  # requests with texts of their own, so that nothing profits from repetition


@attrs.frozen(kw_only=True)
class Payload:
    """A serialised request and the spans in it."""

    body: bytes
    ids: tuple[SpanId, ...]


class Payloads:
    """Makes requests of ``spans`` spans. The texts are made once; each request gets ids, times and a service anew."""

    def __init__(self, spans: int, seed: int = 5) -> None:
        self._chance = random.Random(seed)
        self._words = [self._word() for _ in range(3000)]
        self._templates = [self._template(spans) for _ in range(_TEMPLATES)]

    def make(self, service: str) -> Payload:
        """One more request."""
        request = self._chance.choice(self._templates)
        resource_spans = request.resource_spans[0]
        resource_spans.resource.attributes[0].value.string_value = service
        spans = resource_spans.scope_spans[0].spans
        now = time.time_ns()
        for number, span in enumerate(spans):
            span.span_id = random.randbytes(8)
            if number % SPANS_A_TRACE == 0:
                trace_id, root = random.randbytes(16), span.span_id
            else:
                span.parent_span_id = root
            span.trace_id = trace_id
            span.start_time_unix_nano = now + number * 1000
            span.end_time_unix_nano = now + number * 1000 + 5_000_000
        ids = tuple((span.trace_id.hex(), span.span_id.hex()) for span in spans)
        return Payload(body=request.SerializeToString(), ids=ids)

    def _template(self, spans: int) -> ExportTraceServiceRequest:
        request = ExportTraceServiceRequest()
        resource_spans = request.resource_spans.add()
        resource_spans.resource.attributes.add(key="service.name")
        scope_spans = resource_spans.scope_spans.add()
        scope_spans.scope.name = "load"
        for _ in range(spans):
            _put(scope_spans.spans.add(name="ChatCompletion", kind=Span.SPAN_KIND_CLIENT), self._attributes())
        return request

    def _attributes(self) -> Mapping[str, str | int]:
        return {
            "openinference.span.kind": "LLM",
            "llm.model_name": "gpt-4o",
            "llm.provider": "openai",
            "llm.token_count.prompt": self._chance.randint(1, 2000),
            "llm.token_count.completion": self._chance.randint(1, 500),
            "llm.token_count.total": 700,
            "input.value": self._text(600),
            "output.value": self._text(400),
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.content": self._text(500),
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": self._text(300),
            "llm.invocation_parameters": '{"temperature": 0.2}',
            "input.mime_type": "text/plain",
            "session.id": "s1",
        }

    def _word(self) -> str:
        return "".join(self._chance.choices("abcdefghijklmnopqrstuvwxyz", k=self._chance.randint(3, 9)))

    def _text(self, length: int) -> str:
        return " ".join(self._chance.choices(self._words, k=length // 4))[:length]


def _put(span: Span, attributes: Mapping[str, str | int]) -> None:
    for key, value in attributes.items():
        attribute = span.attributes.add(key=key)
        if isinstance(value, str):
            attribute.value.string_value = value
        else:
            attribute.value.int_value = value
