"""Spans of model calls of which several may describe the same call."""

import random
from typing import Any

from actors.span_store.columns.spans import InstrumentationScope, Span
from tests.spans import START, span

_SCOPES = [InstrumentationScope(name) for name in ("sdk", "library", "other")]
_KINDS = ("chat", "chat", "chat", "embeddings", "CHAIN", "", "TOOL", "AGENT")


def doubled(
    draw: random.Random, number: int, *, kind: str | None = None, parent: int | None = -1, trace: int | None = None
) -> Span:
    """A span of one of four traces, whose parent is any, a later one or itself included; ``kind`` may be given."""
    kind = draw.choice(_KINDS) if kind is None else kind
    trace = draw.randrange(1, 5) if trace is None else trace
    others = [None, *range(1, 12)]
    start = START + draw.randrange(5) * 100
    attributes: dict[str, Any] = {"openinference.span.kind": kind} if kind.isupper() else {}
    if kind.islower() and kind:
        attributes = {"gen_ai.operation.name": kind, "gen_ai.request.model": draw.choice(["m", "m-2026-01-01", "n"])}
        attributes |= draw.choice([{}, {"gen_ai.response.id": draw.choice(["", "a", "b"])}])
        attributes |= draw.choice([{}, {"gen_ai.input.messages": "[]"}])
        attributes |= draw.choice([{}, {"gen_ai.usage.input_tokens": number}])
    return span(
        number,
        trace_id=trace,
        parent=draw.choice(others) if parent == -1 else parent,
        start=start,
        end_time_unix_nano=draw.choice([0, start, start + 50, start + 200]),
        status_code=draw.choice([0, 0, 2]),
        scope=draw.choice(_SCOPES),
        service=draw.choice(["one", "two"]),
        attributes=attributes,
    )
