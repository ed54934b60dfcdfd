"""Spans in the order of their arrival: what is behind a position, for whoever follows what comes in."""

from collections.abc import Sequence

import attrs

from actors.runtime.messages import Request
from actors.span_store.query.expression import EVERYTHING, Expression, demand_bounds
from actors.span_store.query.position import Position
from actors.span_store.traces.summary import SpanSummary

MOST_ARRIVALS = 1000  # of one answer


@attrs.frozen(kw_only=True)
class ArrivedSpan:
    """A span as it was when it was looked at, and the position right behind it."""

    span: SpanSummary
    position: Position


@attrs.frozen(kw_only=True)
class ArrivedTrace:
    """A trace with new spans, and the position right behind the first of them."""

    trace_id: str
    position: Position


@attrs.frozen(kw_only=True)
class Arrivals:
    """What came behind a position, in the order of arrival.

    ``end`` is behind everything that was looked at: who goes on there neither repeats nor leaves out anything.
    """

    spans: tuple[ArrivedSpan, ...] = ()
    traces: tuple[ArrivedTrace, ...] = ()
    skipped: int = 0  # that are left out, because they are more than were asked for
    end: Position
    is_last: bool  # nothing was behind ``end`` when it was looked


@attrs.frozen(kw_only=True)
class GetEnd(Request[Position]):
    """The position behind all that is committed now. Answered from memory.

    Positions stay what they are when the store is opened again. ``Unavailable`` while it cannot be.
    """


@attrs.frozen(kw_only=True)
class ListArrivals(Request[Arrivals]):
    """Spans behind a position that ``where`` is true of, at most ``limit``; there may be fewer and yet more behind.

    With ``traces`` the answer has the traces of these spans in their place. What is far behind takes as long as the
    page of a list. ``NotFound`` for a position that is behind the end, or before the first span that is still stored.
    ``NeedsRoom`` when the first span alone takes more than ``room`` bytes.
    """

    where: Expression = attrs.field(default=EVERYTHING, validator=demand_bounds)
    after: Position
    limit: int = attrs.field(default=500, validator=[attrs.validators.ge(1), attrs.validators.le(MOST_ARRIVALS)])
    traces: bool = False
    room: int | None = None


@attrs.frozen(kw_only=True)
class Watched:
    """A filter whose spans somebody follows, behind a position; at most ``limit``, the rest is counted.

    With ``traces`` the answer has traces: those with a new span that the filter is true of, and those of ``traces``
    with any new span.
    """

    where: Expression  # whose bounds were demanded when it came from outside: it is asked ten times a second
    after: Position
    limit: int
    traces: frozenset[str] | None = None


@attrs.frozen(kw_only=True)
class ListNews(Request[Sequence[Arrivals | None]]):
    """What is new for each of these filters, all looked at together.

    ``None`` where the position is too far behind for that, or none at all: ``ListArrivals`` knows what is there.
    """

    watched: tuple[Watched, ...]
