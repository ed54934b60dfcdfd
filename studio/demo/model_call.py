"""A call of a model by OpenTelemetry's GenAI conventions: messages, tokens of caches and of reasoning, first token."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from studio.demo.drafts import SpanDraft, Value
from studio.demo.mishaps import Fault, raised
from studio.demo.scripts import Model, ToolUse

Message = Mapping[str, Any]


def said(role: str, text: str) -> Message:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def called(tools: Sequence[ToolUse]) -> Message:
    parts = [
        {"type": "tool_call", "id": f"call_{use.tool}", "name": use.tool, "arguments": json.loads(use.arguments)}
        for use in tools
    ]
    return {"role": "assistant", "parts": parts}


def answered(use: ToolUse, result: object) -> Message:
    """What the model is told of a tool."""
    return {"role": "tool", "parts": [{"type": "tool_call_response", "id": f"call_{use.tool}", "response": result}]}


@attrs.frozen(kw_only=True)
class ModelCall:
    """A call: its tokens and what was said. A ``fault`` ends it without an answer."""

    model: Model
    instructions: str
    prompt: Sequence[Message]
    answer: Message
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    pace: float  # 2.0 takes twice as long
    person: Mapping[str, str]
    finish: str = "stop"
    fault: Fault | None = None

    @property
    def milliseconds(self) -> int:
        writing = 0 if self.fault else self.output_tokens * 1000 / self.model.per_second
        return round(self._first_token + self.pace * writing)

    def span(self, key: str, start: int) -> SpanDraft:
        at = (start, start + self.milliseconds)
        return SpanDraft(
            key=key,
            name=f"chat {self.model.name}",
            at=at,
            parent="agent",
            kind=Span.SPAN_KIND_CLIENT,
            attributes=self._asked() | (self._failed(self.fault) if self.fault else self._answered()),
            events=(raised(self.fault, at[1] - 1),) if self.fault else (),
            error=self.fault.message if self.fault else "",
        )

    @property
    def _first_token(self) -> float:
        return self.model.first_token * self.pace

    def _asked(self) -> dict[str, Value]:
        return {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": self.model.provider,
            "gen_ai.request.model": self.model.name,
            "gen_ai.request.max_tokens": 2048,
            "gen_ai.conversation.id": self.person["session.id"],
            "user.id": self.person["user.id"],
            "gen_ai.system_instructions": json.dumps([{"type": "text", "content": self.instructions}]),
            "gen_ai.input.messages": json.dumps(self.prompt),
            "server.address": self.model.server,
        }

    def _answered(self) -> dict[str, Value]:
        tokens: dict[str, Value] = {
            "gen_ai.usage.input_tokens": self.input_tokens,
            "gen_ai.usage.cache_read.input_tokens": self.cached_tokens,
            "gen_ai.usage.output_tokens": self.output_tokens,
        }
        if self.model.reasons:
            tokens["gen_ai.usage.reasoning.output_tokens"] = self.output_tokens // 3
        return tokens | {
            "gen_ai.response.model": self.model.version,
            "gen_ai.response.finish_reasons": [self.finish],
            "gen_ai.response.time_to_first_chunk": self._first_token / 1000,
            "gen_ai.output.messages": json.dumps([{**self.answer, "finish_reason": self.finish}]),
        }

    @staticmethod
    def _failed(fault: Fault) -> dict[str, Value]:
        return {"error.type": fault.type, "gen_ai.response.finish_reasons": ["error"]}
