"""Members of the answer with everything about one span. They describe what ``trace_json`` makes of it."""

from datetime import datetime
from typing import Any

import attrs

from transports.http.framework.route import described
from transports.http.wire.trace_answers import SPAN, SpanSummaryAnswer

_TIME = "2026-11-30T07:00:00.500Z"


@attrs.frozen(kw_only=True)
class EventAnswer:
    """Something that happened during the span."""

    name: str = attrs.field(metadata=described("Name of the event", "exception"))
    time: datetime = attrs.field(metadata=described("UTC, nine decimals", _TIME))
    attributes: dict[str, Any] = attrs.field(metadata=described("Attributes", {"exception.type": "RateLimitError"}))
    dropped_attributes: int = attrs.field(metadata=described("How many the sender left out", 0))


@attrs.frozen(kw_only=True)
class LinkAnswer:
    """A pointer to another span."""

    trace_id: str = attrs.field(metadata=described("32 lower-case hex digits", "0af7651916cd43dd8448eb211c80319c"))
    span_id: str = attrs.field(metadata=described("16 lower-case hex digits", "b7ad6b7169203331"))
    trace_state: str | None = attrs.field(metadata=described("W3C trace state", None))
    flags: int = attrs.field(metadata=described("OTLP flags, whole", 0))
    attributes: dict[str, Any] = attrs.field(metadata=described("Attributes", {"reason": "retry"}))


@attrs.frozen(kw_only=True)
class ScopeAnswer:
    """The library that made the span."""

    name: str = attrs.field(metadata=described("Name of the library", "openinference.instrumentation.openai"))
    version: str = attrs.field(metadata=described("Version of the library", "0.1.66"))
    attributes: dict[str, Any] = attrs.field(metadata=described("Attributes", {"short": True}))


@attrs.frozen(kw_only=True)
class DroppedAnswer:
    """How many of each the sender left out."""

    attributes: int = attrs.field(metadata=described("Attributes", 0))
    events: int = attrs.field(metadata=described("Events", 0))
    links: int = attrs.field(metadata=described("Links", 0))


@attrs.frozen(kw_only=True)
class TruncatedAnswer:
    """A value of which only the first 16 KB are shown; it is whole under ``…/attributes/KEY?in=``."""

    in_: str = attrs.field(metadata=described("attributes, resource, scope, event.N or link.N", "attributes"))
    key: str = attrs.field(metadata=described("Key of the attribute", "input.value"))
    bytes: int = attrs.field(metadata=described("Size of the whole value: of the text, or of its JSON", 2097152))


@attrs.frozen(kw_only=True)
class SpanDetailAnswer:
    """Everything about one span. Values of more than 256 KB are their first 16 KB."""

    span: SpanSummaryAnswer = attrs.field(metadata=described("Summary of the span", SPAN))
    attributes: dict[str, Any] = attrs.field(
        metadata=described("Attributes; bytes are hex text", {"gen_ai.request.model": "gpt-4o"})
    )
    events: list[EventAnswer] = attrs.field(
        metadata=described(
            "Events in order", [{"name": "exception", "time": _TIME, "attributes": {}, "dropped_attributes": 0}]
        )
    )
    links: list[LinkAnswer] = attrs.field(
        metadata=described(
            "Links to other spans",
            [
                {
                    "trace_id": "0af7651916cd43dd8448eb211c80319c",
                    "span_id": "b7ad6b7169203331",
                    "trace_state": None,
                    "flags": 0,
                    "attributes": {},
                }
            ],
        )
    )
    resource: dict[str, Any] = attrs.field(
        metadata=described("Attributes of what sent the span", {"service.name": "shop"})
    )
    scope: ScopeAnswer = attrs.field(
        metadata=described(
            "The library", {"name": "openinference.instrumentation.openai", "version": "0.1.66", "attributes": {}}
        )
    )
    dropped: DroppedAnswer = attrs.field(
        metadata=described("How many of each were left out", {"attributes": 0, "events": 0, "links": 0})
    )
    logs: list[dict[str, Any]] = attrs.field(
        metadata=described("Log records of the span, oldest first", [{"event_name": "gen_ai.user.message"}])
    )
    messages: list[dict[str, Any]] = attrs.field(
        metadata=described(
            "What was asked and answered, in one form",
            [{"role": "user", "side": "input", "parts": [{"type": "text", "text": "Where is my order 4711?"}]}],
        )
    )
    tools: list[dict[str, Any]] = attrs.field(
        metadata=described("Tools that the model had", [{"name": "lookup_order", "parameters": None}])
    )
    parameters: dict[str, Any] = attrs.field(metadata=described("Parameters of the request", {"temperature": 0.2}))
    input: Any = attrs.field(metadata=described("What went into a span without messages", {"order_id": "4711"}))
    output: Any = attrs.field(metadata=described("What came out of a span without messages", "customs"))
    cost: dict[str, Any] | None = attrs.field(
        metadata=described("How the cost is made up", {"usd": 0.00031, "source": "computed"})
    )
    truncated: list[TruncatedAnswer] = attrs.field(
        metadata=described(
            "Values of which only the beginning is shown",
            [{"in": "attributes", "key": "input.value", "bytes": 2097152}],
        )
    )
