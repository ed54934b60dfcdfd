"""Sessions, which are conversations of an agent: what is asked of them, and what is answered.

A trace belongs to the session of its root, or where that says none to the first that one of its spans says.
"""

import attrs

from actors.runtime.messages import Request
from actors.span_store.query.expression import EVERYTHING, Expression, demand_bounds
from actors.span_store.query.position import Position
from actors.span_store.traces.summary import Tokens, TraceSummary

MOST_ID = 1000  # characters of a session's id; of longer ones there is no list


@attrs.frozen(kw_only=True)
class SessionPlace:
    """A place in the list of sessions: behind the one that has these.

    All pages of a list are of what had arrived before ``as_of``, so that what comes in meanwhile moves none of them.
    """

    as_of: Position
    last_start_time_unix_nano: int
    position: Position  # of the latest arrival among its spans


@attrs.frozen(kw_only=True)
class TurnPlace:
    """A turn, and its place in the session: behind the one that has these. ``as_of`` as in ``SessionPlace``."""

    as_of: Position
    start_time_unix_nano: int
    trace_id: str


@attrs.frozen(kw_only=True)
class Session:
    """A conversation by what all spans of its traces say. Each trace is a turn; sums are those of spans that count."""

    session_id: str
    user_id: str | None  # of the first turn that says one
    services: tuple[str, ...]  # ascending, 20 at most
    traces: int
    start_time_unix_nano: int
    end_time_unix_nano: int | None  # of what has ended
    tokens: Tokens | None
    cost_usd: float | None  # of the calls that have a price
    unpriced: int  # calls that have none
    error_count: int  # spans whose status is error
    first_trace_id: str
    first_root_span_id: str | None
    preview: str | None = None  # what went into the root of the first turn, in a line


@attrs.frozen(kw_only=True)
class SessionPage:
    """Sessions, latest first, and where the next page begins (``None`` at the end)."""

    sessions: tuple[Session, ...]
    next: SessionPlace | None


@attrs.frozen(kw_only=True)
class ListSessions(Request[SessionPage]):
    """Sessions that have a span in one of their traces which ``where`` is true of.

    Latest first: by the start of the latest span that says their id. ``NeedsRoom`` when the page takes more bytes than
    ``room``.
    """

    where: Expression = attrs.field(default=EVERYTHING, validator=demand_bounds)
    limit: int = 50
    after: SessionPlace | None = None
    room: int | None = None


@attrs.frozen(kw_only=True)
class SessionTurns:
    """A session, some of its turns, oldest first, and where the next ones begin (``None`` at the end)."""

    session: Session
    turns: tuple[TraceSummary, ...]
    next: TurnPlace | None


@attrs.frozen(kw_only=True)
class GetSession(Request[SessionTurns]):
    """A session with its turns, oldest first. ``NotFound`` when no trace belongs to it.

    ``NeedsRoom`` when what is read of one of them takes more bytes than ``room``, ``TooLarge`` as with ``GetTrace``.
    """

    session_id: str
    limit: int = 50
    after: TurnPlace | None = None
    room: int | None = None


@attrs.frozen(kw_only=True)
class SessionOutline:
    """A session as an engine finds it: without its preview, and its turns by their ids."""

    session: Session
    turns: tuple[TurnPlace, ...]
    next: TurnPlace | None
