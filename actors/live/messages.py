"""The public face of LiveActor: spans and traces as they come in."""

from enum import Enum
from typing import TypeAlias

import attrs

from actors.principal import Principal
from actors.runtime.messages import Request, StreamRequest
from actors.span_store.query.expression import EVERYTHING, Expression, demand_bounds
from actors.span_store.query.position import Position
from actors.span_store.traces.summary import SpanSummary, TraceSummary

MOST_FOLLOWERS = 512  # of all sockets together
MOST_A_SECOND = 1000  # items that one follower gets


class Of(Enum):
    """What is followed."""

    SPANS = "spans"
    TRACES = "traces"


@attrs.frozen(kw_only=True)
class Page:
    """What was there when the follower came, newest start first."""

    items: tuple[SpanSummary | TraceSummary, ...]
    position: Position


@attrs.frozen(kw_only=True)
class Item:
    """A span that has come, or a trace with new spans. Who goes on at the position hears what comes behind it."""

    item: SpanSummary | TraceSummary
    position: Position


@attrs.frozen(kw_only=True)
class Lagged:
    """So many items were left out, because the follower was slow or they were too many; the position is behind them."""

    skipped: int
    position: Position


@attrs.frozen(kw_only=True)
class CaughtUp:
    """All that was there before has been told; from now on items come as they are stored. Told once."""

    position: Position


LiveEvent: TypeAlias = Page | Item | Lagged | CaughtUp


@attrs.frozen(kw_only=True)
class Follow(StreamRequest[tuple[LiveEvent, ...]]):
    """Stream what ``where`` is true of, in the order in which it was committed: each span once.

    ``after`` is a position that any follower was told; without it there is a page of ``limit`` items first. What came
    before the follower has caught up is read at its pace, however much it is. What comes then waits for it in a queue:
    where that is full, or more than ``MOST_A_SECOND`` come, items are left out, and it hears ``Lagged``.

    A trace's item is its summary, at most twice a second, and takes the place of the one before. It comes when a new
    span is matched, and when the trace is one of the last thousand that the follower was told and has any new span.

    ``NotFound`` for a position that is none, ``Overloaded`` when there are ``MOST_FOLLOWERS``.
    """

    where: Expression = attrs.field(default=EVERYTHING, validator=demand_bounds)
    of: Of = Of.SPANS
    after: Position | None = None
    limit: int = 50


@attrs.frozen(kw_only=True)
class AwaitLeaving(StreamRequest[None]):
    """Stream one item when the session of this principal has ended, or its API key may no longer read."""

    by: Principal


@attrs.frozen(kw_only=True)
class LiveLoad:
    """How many follow, and how many of these have not caught up; items left out since the start."""

    followers: int
    catching_up: int
    skipped: int


@attrs.frozen(kw_only=True)
class GetLiveLoad(Request[LiveLoad]):
    """Answered from memory."""
