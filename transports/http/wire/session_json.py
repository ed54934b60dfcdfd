"""Sessions as JSON: see ``session_answers`` for their members."""

from typing import Any

from actors.span_store.asked.sessions import Session
from actors.span_store.traces.summary import TraceSummary
from transports.http.wire.moments import time_text
from transports.http.wire.trace_json import Scores, tokens_document, trace_document


def session_document(session: Session) -> dict[str, Any]:
    """The members of a Session. Each of its traces is a turn."""
    end = session.end_time_unix_nano
    return {
        "session_id": session.session_id,
        "user_id": session.user_id,
        "services": session.services,
        "traces": session.traces,
        "turns": session.traces,
        "start_time": time_text(session.start_time_unix_nano),
        "end_time": None if end is None else time_text(end),
        "tokens": tokens_document(session.tokens),
        "cost_usd": session.cost_usd,
        "unpriced": session.unpriced,
        "error_count": session.error_count,
        "preview": session.preview,
    }


def turn_document(trace: TraceSummary, scores: Scores) -> dict[str, Any]:
    """A turn: a trace with its scores, what went into its root, and what came out."""
    return {"trace": trace_document(trace, scores), "input": trace.input_preview, "output": trace.output_preview}
