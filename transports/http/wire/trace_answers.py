"""Members of the answers about one trace. They describe what ``trace_json`` makes; tests hold the two together."""

from datetime import datetime
from typing import Any

import attrs

from transports.http.framework.route import described

_TRACE_ID, _SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"
_START, _END = "2026-11-30T07:00:00.123Z", "2026-11-30T07:00:00.935Z"
_KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"]


@attrs.frozen(kw_only=True)
class TokensAnswer:
    """Tokens of a model call, or of several."""

    input: int | None = attrs.field(metadata=described("Of the input, cached ones included", 100))
    output: int | None = attrs.field(metadata=described("Of the output, reasoning included", 20))
    cache_read: int | None = attrs.field(metadata=described("Of the input, read from a cache", 40))
    cache_write: int | None = attrs.field(metadata=described("Of the input, written to a cache", None))
    reasoning: int | None = attrs.field(metadata=described("Of the output, for reasoning", 8))


@attrs.frozen(kw_only=True)
class SpanSummaryAnswer:
    """One span without its attributes."""

    trace_id: str = attrs.field(metadata=described("32 lower-case hex digits", _TRACE_ID))
    span_id: str = attrs.field(metadata=described("16 lower-case hex digits", _SPAN_ID))
    parent_span_id: str | None = attrs.field(metadata=described("null for a root", None))
    service: str = attrs.field(metadata=described("Name of the service, or NO_SERVICE_NAME", "shop"))
    name: str = attrs.field(metadata=described("Name of the span; may be empty", "chat gpt-4o"))
    kind: str = attrs.field(metadata=described("Span kind", "client") | {"enum": _KINDS})
    type: str | None = attrs.field(
        metadata=described("What it is, whichever library sent it: llm, tool, agent …", "llm")
    )
    start_time: datetime = attrs.field(metadata=described("UTC, nine decimals", _START))
    end_time: datetime | None = attrs.field(metadata=described("UTC, nine decimals; null while it runs", _END))
    duration_ns: int | None = attrs.field(metadata=described("Nanoseconds; null while it runs", 812000000))
    status: str = attrs.field(metadata=described("Status of the span", "ok") | {"enum": ["unset", "ok", "error"]})
    status_message: str = attrs.field(metadata=described("Text that came with the status", ""))
    error_type: str | None = attrs.field(metadata=described("Type of the error, or of its last exception", None))
    model: str | None = attrs.field(
        metadata=described("Model that answered, else the one that was asked", "gpt-4o-2026-08-07")
    )
    request_model: str | None = attrs.field(metadata=described("Model that was asked", "gpt-4o"))
    provider: str | None = attrs.field(metadata=described("One word for each provider", "openai"))
    tokens: TokensAnswer | None = attrs.field(
        metadata=described(
            "null when none was sent",
            {"input": 100, "output": 20, "cache_read": 40, "cache_write": None, "reasoning": 8},
        )
    )
    cost_usd: float | None = attrs.field(metadata=described("US dollars; null when it is not known", 0.00031))
    cost_source: str | None = attrs.field(
        metadata=described("Who said the cost: reported by the sender, or computed", "computed")
    )
    counted: bool = attrs.field(
        metadata=described("It stands for a model call: all sums are those of such spans", example=True)
    )
    session_id: str | None = attrs.field(metadata=described("Conversation that it belongs to", "session-77"))
    user_id: str | None = attrs.field(metadata=described("User that it was for", "user-5"))
    agent: str | None = attrs.field(metadata=described("Name of the agent", None))
    tool: str | None = attrs.field(metadata=described("Name of the tool", None))
    finish_reason: str | None = attrs.field(
        metadata=described("stop, length, tool_calls, content_filter, error, else as it was sent", "stop")
    )
    time_to_first_token_ns: int | None = attrs.field(metadata=described("Nanoseconds", 210000000))
    prompt_name: str | None = attrs.field(metadata=described("Name of the prompt", None))
    prompt_version: str | None = attrs.field(metadata=described("Version of the prompt", None))
    version: str | None = attrs.field(metadata=described("Version of the service", "1.4.2"))
    environment: str | None = attrs.field(metadata=described("Environment of the service", "production"))
    input_preview: str | None = attrs.field(
        metadata=described("What went in, in a line of 200 characters at most", "Where is my order 4711?")
    )
    output_preview: str | None = attrs.field(
        metadata=described("What came out, in a line", "The order 4711 is on its way.")
    )


SPAN: dict[str, Any] = {
    "trace_id": _TRACE_ID,
    "span_id": _SPAN_ID,
    "parent_span_id": None,
    "service": "shop",
    "name": "chat gpt-4o",
    "kind": "client",
    "type": "llm",
    "start_time": _START,
    "end_time": _END,
    "duration_ns": 812000000,
    "status": "ok",
    "status_message": "",
    "error_type": None,
    "model": "gpt-4o-2026-08-07",
    "request_model": "gpt-4o",
    "provider": "openai",
    "tokens": {"input": 100, "output": 20, "cache_read": 40, "cache_write": None, "reasoning": 8},
    "cost_usd": 0.00031,
    "cost_source": "computed",
    "counted": True,
    "session_id": "session-77",
    "user_id": "user-5",
    "agent": None,
    "tool": None,
    "finish_reason": "stop",
    "time_to_first_token_ns": 210000000,
    "prompt_name": None,
    "prompt_version": None,
    "version": "1.4.2",
    "environment": "production",
    "input_preview": "Where is my order 4711?",
    "output_preview": "The order 4711 is on its way.",
}


@attrs.frozen(kw_only=True)
class ScoreSummaryAnswer:
    """The scores of one name."""

    name: str = attrs.field(metadata=described("What was judged", "helpful"))
    value: float | str = attrs.field(metadata=described("Their mean, or the most frequent word", 0.8))
    count: int = attrs.field(metadata=described("How many there are", 2))


@attrs.frozen(kw_only=True)
class TraceSummaryAnswer:
    """A trace by what all of its spans say."""

    trace_id: str = attrs.field(metadata=described("32 lower-case hex digits", _TRACE_ID))
    root: SpanSummaryAnswer | None = attrs.field(
        metadata=described("The earliest span without a parent; null when none has come", SPAN)
    )
    name: str = attrs.field(metadata=described("Name of the root; without one, of the earliest span", "chat gpt-4o"))
    service: str = attrs.field(metadata=described("Service of the root; without one, of the earliest span", "shop"))
    services: list[str] = attrs.field(metadata=described("Services of its spans, ascending, at most 20", ["shop"]))
    start_time: datetime = attrs.field(metadata=described("UTC, nine decimals", _START))
    end_time: datetime | None = attrs.field(metadata=described("Of what has ended", _END))
    duration_ns: int | None = attrs.field(
        metadata=described("Nanoseconds from the first start to the last end", 812000000)
    )
    span_count: int = attrs.field(metadata=described("How many spans it has", 12))
    error_count: int = attrs.field(metadata=described("How many of them have the status error", 1))
    status: str = attrs.field(
        metadata=described("error when the root or a counted model call failed", "ok") | {"enum": ["ok", "error"]}
    )
    complete: bool = attrs.field(metadata=described("A root that ended is there", example=True))
    llm_calls: int = attrs.field(metadata=described("Model calls, each counted once", 2))
    models: list[str] = attrs.field(
        metadata=described("Models of these calls, ascending, at most 20", ["gpt-4o-2026-08-07"])
    )
    tokens: TokensAnswer | None = attrs.field(
        metadata=described(
            "Sums of these calls; null when none was sent",
            {"input": 200, "output": 40, "cache_read": 80, "cache_write": None, "reasoning": 16},
        )
    )
    cost_usd: float | None = attrs.field(
        metadata=described("US dollars of the calls with a price; null when none has one", 0.01)
    )
    unpriced: int = attrs.field(metadata=described("Calls without a price", 0))
    session_id: str | None = attrs.field(
        metadata=described("Of the root, else of the earliest span that says one", "session-77")
    )
    user_id: str | None = attrs.field(
        metadata=described("Of the root, else of the earliest span that says one", "user-5")
    )
    agents: list[str] = attrs.field(metadata=described("Agents of its spans, ascending, at most 20", ["support"]))
    tools: list[str] = attrs.field(metadata=described("Tools of its spans, ascending, at most 20", ["lookup_order"]))
    input_preview: str | None = attrs.field(
        metadata=described("What went into the root, in a line", "Where is my order 4711?")
    )
    output_preview: str | None = attrs.field(
        metadata=described("What came out of the root, in a line", "The order 4711 is on its way.")
    )
    scores: list[ScoreSummaryAnswer] = attrs.field(
        metadata=described("Scores by name", [{"name": "helpful", "value": 0.8, "count": 2}])
    )


_TRACE: dict[str, Any] = {
    "trace_id": _TRACE_ID,
    "root": SPAN,
    "name": "chat gpt-4o",
    "service": "shop",
    "services": ["shop"],
    "start_time": _START,
    "end_time": _END,
    "duration_ns": 812000000,
    "span_count": 12,
    "error_count": 1,
    "status": "ok",
    "complete": True,
    "llm_calls": 2,
    "models": ["gpt-4o-2026-08-07"],
    "tokens": {"input": 200, "output": 40, "cache_read": 80, "cache_write": None, "reasoning": 16},
    "cost_usd": 0.01,
    "unpriced": 0,
    "session_id": "session-77",
    "user_id": "user-5",
    "agents": ["support"],
    "tools": ["lookup_order"],
    "input_preview": "Where is my order 4711?",
    "output_preview": "The order 4711 is on its way.",
    "scores": [{"name": "helpful", "value": 0.8, "count": 2}],
}


_NEXT = "WyI1ZTg4IiwiMTcwMDAwIl0"


@attrs.frozen(kw_only=True)
class TracesAnswer:
    """A page of a list of traces."""

    traces: list[TraceSummaryAnswer] = attrs.field(metadata=described("The traces, in order", [_TRACE]))
    next: str | None = attrs.field(metadata=described("For after, to go on; null at the end", _NEXT))


@attrs.frozen(kw_only=True)
class SpansAnswer:
    """A page of a list of spans."""

    spans: list[SpanSummaryAnswer] = attrs.field(metadata=described("The spans, in order", [SPAN]))
    next: str | None = attrs.field(metadata=described("For after, to go on; null at the end", _NEXT))


@attrs.frozen(kw_only=True)
class TraceAnswer:
    """A trace and its spans."""

    trace: TraceSummaryAnswer = attrs.field(metadata=described("Summary of all spans", _TRACE))
    spans: list[SpanSummaryAnswer] = attrs.field(metadata=described("Oldest first, at most 50,000", [SPAN]))
    truncated: bool = attrs.field(default=False, metadata=described("true when there are more spans", example=False))


@attrs.frozen(kw_only=True)
class OutlineDictionaries:
    """Names by their index, for the columns that have indices."""

    name: list[str] = attrs.field(metadata=described("Names of spans", ["support", "chat gpt-4o"]))
    service: list[str] = attrs.field(metadata=described("Services", ["shop"]))
    type: list[str] = attrs.field(metadata=described("Types", ["agent", "llm"]))
    model: list[str] = attrs.field(metadata=described("Models", ["gpt-4o-2026-08-07"]))
    status: list[str] = attrs.field(metadata=described("Statuses", ["unset", "ok", "error"]))


@attrs.frozen(kw_only=True)
class OutlineColumns:
    """A value for each span, by start, then id."""

    span_id: list[str] = attrs.field(
        metadata=described("16 lower-case hex digits", ["00f067aa0ba902b7", "00f067aa0ba902b8"])
    )
    parent: list[int] = attrs.field(
        metadata=described("Row of the parent; -1 for a root, -2 for one that is not here", [-1, 0])
    )
    start_us: list[int] = attrs.field(metadata=described("Microseconds since the origin", [0, 1200]))
    duration_us: list[int | None] = attrs.field(
        metadata=described("Microseconds; null while it runs", [812000, 640000])
    )
    name: list[int] = attrs.field(metadata=described("Index of the name", [0, 1]))
    service: list[int] = attrs.field(metadata=described("Index of the service", [0, 0]))
    type: list[int] = attrs.field(metadata=described("Index of the type, -1 for none", [0, 1]))
    model: list[int] = attrs.field(metadata=described("Index of the model, -1 for none", [-1, 0]))
    status: list[int] = attrs.field(metadata=described("Index of the status", [1, 1]))
    input_tokens: list[int | None] = attrs.field(metadata=described("Tokens of the input", [None, 100]))
    output_tokens: list[int | None] = attrs.field(metadata=described("Tokens of the output", [None, 20]))
    cost_usd: list[float | None] = attrs.field(metadata=described("US dollars", [None, 0.00031]))
    counted: list[bool] = attrs.field(metadata=described("Whether the span stands for a model call", [False, True]))
    errors: list[int] = attrs.field(metadata=described("Events that are exceptions", [0, 0]))
    events: list[int] = attrs.field(metadata=described("Events", [0, 1]))


@attrs.frozen(kw_only=True)
class OutlineAnswer:
    """A trace as columns, for a picture of it."""

    trace: TraceSummaryAnswer = attrs.field(metadata=described("Summary of all spans", _TRACE))
    count: int = attrs.field(metadata=described("How many spans the trace has", 2))
    origin: datetime = attrs.field(metadata=described("Earliest start", _START))
    truncated: bool = attrs.field(
        metadata=described("There are more spans than rows: those are the first 200,000", example=False)
    )
    dictionaries: OutlineDictionaries = attrs.field(
        metadata=described(
            "Names by their index",
            {
                "name": ["support", "chat gpt-4o"],
                "service": ["shop"],
                "type": ["agent", "llm"],
                "model": ["gpt-4o-2026-08-07"],
                "status": ["unset", "ok", "error"],
            },
        )
    )
    columns: OutlineColumns = attrs.field(
        metadata=described(
            "A value for each span",
            {
                "span_id": ["00f067aa0ba902b7", "00f067aa0ba902b8"],
                "parent": [-1, 0],
                "start_us": [0, 1200],
                "duration_us": [812000, 640000],
                "name": [0, 1],
                "service": [0, 0],
                "type": [0, 1],
                "model": [-1, 0],
                "status": [1, 1],
                "input_tokens": [None, 100],
                "output_tokens": [None, 20],
                "cost_usd": [None, 0.00031],
                "counted": [False, True],
                "errors": [0, 0],
                "events": [0, 1],
            },
        )
    )
