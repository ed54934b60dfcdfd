"""Lists of traces and of spans: what is asked for, and a page of what is found."""

from enum import Enum

import attrs

from actors.runtime.messages import Request
from actors.span_store.columns.rows import INDEX_COLUMNS
from actors.span_store.query.expression import COUNTED, EVERYTHING, And, Expression, columns_of, demand_bounds, equal
from actors.span_store.traces.summary import SpanSummary, TraceSummary

_LISTED = frozenset([*INDEX_COLUMNS, COUNTED])


class Sort(Enum):
    """The order of a list. What is equal in it ascends by trace id, then span id."""

    NEWEST = "-start"
    OLDEST = "start"
    LONGEST = "-duration"
    DEAREST = "-cost"  # in picodollars of each call, cut off
    MOST_TOKENS = "-tokens"  # input and output together
    MOST_ERRORS = "-errors"  # spans whose status is error


@attrs.frozen(kw_only=True)
class Place:
    """A place in a list: right behind the trace, or the span, with this id and this value of what is sorted by.

    Values are whole numbers: nanoseconds, picodollars, tokens, errors. What has none comes last.
    """

    value: int | None
    trace_id: str
    span_id: str = ""


@attrs.frozen(kw_only=True)
class TracePage:
    """Traces, and where the next page begins (``None`` at the end).

    A page may have fewer traces than were asked for, or none, and not be the last.
    """

    traces: tuple[TraceSummary, ...]
    next: Place | None


@attrs.frozen(kw_only=True)
class SummaryPage:
    """Summaries of spans, and where the next page begins; as ``TracePage`` has it."""

    spans: tuple[SpanSummary, ...]
    next: Place | None


@attrs.frozen(kw_only=True)
class ListTraces(Request[TracePage]):
    """Traces with a span, of a service or of any, that ``where`` is true of.

    Times bound their beginning, which is that of the earliest span: from (included) to (excluded).

    Where ``where`` asks for more than promoted attributes, traces are gone through one after the other, for some
    tenths of a second a page. Then a page ends where its time was up.

    ``NeedsRoom`` when what is read for the page takes more than ``room`` bytes, and the page has but one trace.
    """

    service_name: str | None = None  # of the span
    where: Expression = attrs.field(default=EVERYTHING, validator=demand_bounds)
    from_time_unix_nano: int | None = None
    to_time_unix_nano: int | None = None
    sort: Sort = Sort.NEWEST
    limit: int = 50
    after: Place | None = None
    room: int | None = None


@attrs.frozen(kw_only=True)
class ListSpans(Request[SummaryPage]):
    """Spans that ``where`` is true of, and that started in this time; otherwise as ``ListTraces``."""

    service_name: str | None = None  # of the span
    where: Expression = attrs.field(default=EVERYTHING, validator=demand_bounds)
    from_time_unix_nano: int | None = None
    to_time_unix_nano: int | None = None
    sort: Sort = Sort.NEWEST
    limit: int = 50
    after: Place | None = None
    room: int | None = None


@attrs.frozen(kw_only=True)
class RankTraces(ListTraces):
    """A list of traces for which many have to be looked at: see ``looks_at_many``. It waits with others of its kind."""


@attrs.frozen(kw_only=True)
class RankSpans(ListSpans):
    """A list of spans, as ``RankTraces``."""


def looks_at_many(sort: Sort, where: Expression) -> bool:
    """Whether more is looked at than a page has: for an order not by time, for a filter of more than promoted ones."""
    return sort not in (Sort.NEWEST, Sort.OLDEST) or not columns_of(where) <= _LISTED


def wanted(request: ListTraces | ListSpans) -> Expression:
    """All that a list asks of a span but for its time."""
    service = EVERYTHING if request.service_name is None else equal(service_name=request.service_name)
    return And([service, request.where])
