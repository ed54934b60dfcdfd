"""Members of the answers about sessions. They describe what ``session_json`` makes; tests hold the two together."""

from datetime import datetime
from typing import Any

import attrs

from transports.http.framework.route import described
from transports.http.wire.trace_answers import TRACE, TokensAnswer, TraceSummaryAnswer

SESSION_ID = "session-77"
_START, _END = "2026-11-30T07:00:00.123Z", "2026-11-30T07:12:30.935Z"
_TOKENS = {"input": 2000, "output": 400, "cache_read": 800, "cache_write": None, "reasoning": 160}
_NEXT = "WyI1ZTg4IiwxXQ"
_SESSION: dict[str, Any] = {
    "session_id": SESSION_ID,
    "user_id": "user-5",
    "services": ["shop"],
    "traces": 12,
    "turns": 12,
    "start_time": _START,
    "end_time": _END,
    "tokens": _TOKENS,
    "cost_usd": 0.12,
    "unpriced": 0,
    "error_count": 1,
    "preview": "Where is my order 4711?",
}


@attrs.frozen(kw_only=True)
class SessionAnswer:
    """A conversation of an agent, by what all spans of its traces say."""

    session_id: str = attrs.field(metadata=described("As the spans say it", SESSION_ID))
    user_id: str | None = attrs.field(metadata=described("Of the first turn that says one", "user-5"))
    services: list[str] = attrs.field(metadata=described("Services of its spans, ascending, at most 20", ["shop"]))
    traces: int = attrs.field(metadata=described("How many traces belong to it", 12))
    turns: int = attrs.field(metadata=described("How many turns it has: one for each trace", 12))
    start_time: datetime = attrs.field(metadata=described("UTC, nine decimals", _START))
    end_time: datetime | None = attrs.field(metadata=described("Of what has ended", _END))
    tokens: TokensAnswer | None = attrs.field(
        metadata=described("Sums of its model calls, each counted once; null when none was sent", _TOKENS)
    )
    cost_usd: float | None = attrs.field(
        metadata=described("US dollars of the calls with a price; null when none has one", 0.12)
    )
    unpriced: int = attrs.field(metadata=described("Calls without a price", 0))
    error_count: int = attrs.field(metadata=described("Spans with the status error", 1))
    preview: str | None = attrs.field(
        metadata=described("What went into the root of the first turn, in a line", _SESSION["preview"])
    )


@attrs.frozen(kw_only=True)
class SessionsAnswer:
    """A page of sessions."""

    sessions: list[SessionAnswer] = attrs.field(metadata=described("The latest first", [_SESSION]))
    next: str | None = attrs.field(metadata=described("For after, to go on; null at the end", _NEXT))


@attrs.frozen(kw_only=True)
class TurnAnswer:
    """A turn of a session, which is a trace."""

    trace: TraceSummaryAnswer = attrs.field(metadata=described("Summary of all its spans", TRACE))
    input: str | None = attrs.field(metadata=described("What went into its root, in a line", TRACE["input_preview"]))
    output: str | None = attrs.field(metadata=described("What came out, in a line", TRACE["output_preview"]))


_TURN = {"trace": TRACE, "input": TRACE["input_preview"], "output": TRACE["output_preview"]}


@attrs.frozen(kw_only=True)
class SessionTurnsAnswer:
    """A session and a page of its turns."""

    session: SessionAnswer = attrs.field(metadata=described("All of its turns together", _SESSION))
    turns: list[TurnAnswer] = attrs.field(metadata=described("Oldest first", [_TURN]))
    next: str | None = attrs.field(metadata=described("For after, to go on; null at the end", _NEXT))
