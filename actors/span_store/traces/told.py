"""What a span tells in the forms that others make: its conversation, its log records, its cost explained."""

from typing import Any

from actors.span_store.columns.spans import StoredSpan
from actors.span_store.traces.detail import Said
from actors.span_store.traces.summary import SpanSummary


def said_by(_: StoredSpan) -> Said:
    """Messages, tools and values of a span. Nothing reads conversations yet."""
    return Said()


def logs_of(_: StoredSpan) -> tuple[dict[str, Any], ...]:
    """The log records of a span. None are stored yet."""
    return ()


def cost_of(_: SpanSummary) -> dict[str, Any] | None:
    """The cost of a model call line by line. Nothing explains costs yet."""
    return None
