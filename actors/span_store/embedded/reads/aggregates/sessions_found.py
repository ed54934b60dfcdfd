"""Sessions of the spans of a view: which ones a filter finds, and one of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from actors.span_store.asked.sessions import GetSession, ListSessions, SessionOutline, SessionPage
from actors.span_store.embedded.reads.aggregates.right_spans import right_spans
from actors.span_store.embedded.reads.aggregates.sessions import Sessions
from actors.span_store.embedded.reads.aggregates.stored import Stored
from actors.span_store.embedded.reads.aggregates.traces_found import traces_found
from actors.span_store.embedded.reads.span_table import SpanTable


def session_page(stored: Stored, request: ListSessions, is_left: Callable[[], bool]) -> SessionPage:
    """``is_left`` says that nobody waits for it any more."""
    table = SpanTable(stored.cursor, stored.view)
    right = right_spans(stored, table, request.where, is_left)
    with (
        _sessions(stored, table) as sessions,
        traces_found(stored.cursor, request.where, sessions.spans, right) as found,
    ):
        return sessions.page(request, found)


def session_outline(stored: Stored, request: GetSession) -> SessionOutline | None:
    with _sessions(stored, SpanTable(stored.cursor, stored.view)) as sessions:
        return sessions.outline(request)


@contextmanager
def _sessions(stored: Stored, table: SpanTable) -> Iterator[Sessions]:
    with table.relation() as spans:
        yield Sessions(stored.cursor, spans, stored.view.sealed, stored.view.recent.next_seq)
