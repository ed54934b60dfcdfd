"""All that is stored of one span, as values."""

from typing import Any

import attrs

from actors.span_store.pricing.cost import Cost
from actors.span_store.traces.summary import SpanSummary

LARGEST = 256 * 1024  # bytes of a value that is shown whole
SHOWN = 16 * 1024  # bytes of a larger one that are shown


@attrs.frozen(kw_only=True)
class Event:
    """Something that happened during a span."""

    name: str
    time_unix_nano: int
    attributes: dict[str, Any]
    dropped_attributes: int


@attrs.frozen(kw_only=True)
class Link:
    """A pointer to another span."""

    trace_id: str
    span_id: str
    trace_state: str | None
    flags: int
    attributes: dict[str, Any]


@attrs.frozen(kw_only=True)
class Scope:
    """The library that made the span."""

    name: str
    version: str
    attributes: dict[str, Any]


@attrs.frozen(kw_only=True)
class Dropped:
    """How many of each the sender left out."""

    attributes: int
    events: int
    links: int


@attrs.frozen(kw_only=True)
class Truncated:
    """A value of which only the beginning is shown. ``GetAttributeValue`` has it whole."""

    # attributes, resource, scope, event.N, link.N; messages, input, output, log.N, which say it again; logs, without a
    # key, for more than ``bytes`` of them, of which none is shown.
    within: str
    key: str  # of messages the number of the message and of its part, as 0.1
    bytes: int


@attrs.frozen(kw_only=True)
class Said:
    """What a span says in the one form for all conventions, as it is answered."""

    messages: tuple[dict[str, Any], ...] = ()
    tools: tuple[dict[str, Any], ...] = ()
    parameters: dict[str, Any] = attrs.field(factory=dict)
    input: Any = None  # what a span without messages says of itself
    output: Any = None


@attrs.frozen(kw_only=True)
class SpanDetail:
    """One span. Attributes are plain JSON: bytes are hex text there."""

    span: SpanSummary
    attributes: dict[str, Any]
    events: tuple[Event, ...]
    links: tuple[Link, ...]
    resource: dict[str, Any]
    scope: Scope
    dropped: Dropped
    said: Said
    logs: tuple[dict[str, Any], ...]  # as ``log_detail`` has them
    cost: Cost | None  # of a model call
    truncated: tuple[Truncated, ...]


@attrs.frozen(kw_only=True)
class AttributeValue:
    """A value whole: a text, bytes, or JSON."""

    media_type: str
    content: bytes = attrs.field(repr=False)
