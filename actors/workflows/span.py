"""A span as the readers of runs see it: plain values, whoever has them."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Span:
    """One span of a trace. ``events`` are those of ``events_json``: ``{"name", "timeUnixNano", "attributes"}``."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    service: str
    name: str
    start_time_unix_nano: int
    end_time_unix_nano: int | None  # None while it runs
    status: str  # unset, ok, error
    status_message: str
    attributes: Mapping[str, Any] = attrs.field(repr=False)
    events: Sequence[Mapping[str, Any]] = attrs.field(default=(), repr=False)
    dropped_attributes: int = 0
    dropped_events: int = 0

    @property
    def order(self) -> tuple[int, str]:
        """By start; spans that start together by id."""
        return self.start_time_unix_nano, self.span_id

    def text(self, key: str) -> str | None:
        """An attribute that is a text with something in it."""
        return text_in(self.attributes, key)

    def number(self, key: str) -> int | None:
        """An attribute that is an integer."""
        return number_in(self.attributes, key)

    def flag(self, key: str) -> bool | None:
        """An attribute that is true or false."""
        value = self.attributes.get(key)
        return value if isinstance(value, bool) else None


def text_in(attributes: Mapping[str, Any], key: str) -> str | None:
    """An attribute that is a text with something in it."""
    value = attributes.get(key)
    return value if isinstance(value, str) and value else None


def number_in(attributes: Mapping[str, Any], key: str) -> int | None:
    """An attribute that is an integer. True and false are none."""
    value = attributes.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
