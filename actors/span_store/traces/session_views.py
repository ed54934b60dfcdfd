"""Answers what is asked of sessions, from whatever engine has their spans."""

from collections.abc import Sequence

import attrs

from actors.errors import NotFound
from actors.span_store.asked.sessions import (
    GetSession,
    ListSessions,
    Session,
    SessionPage,
    SessionTurns,
    TurnPlace,
)
from actors.span_store.storage import SpanStorage
from actors.span_store.traces.summary import TraceSummary
from actors.span_store.traces.views import TraceViews


@attrs.frozen
class SessionViews:
    """Each answer is of the spans that are stored when it is asked for."""

    _storage: SpanStorage
    _views: TraceViews

    async def page(self, request: ListSessions) -> SessionPage:
        page = await self._storage.sessions(request)
        return attrs.evolve(page, sessions=tuple([await self._previewed(session) for session in page.sessions]))

    async def turns(self, request: GetSession) -> SessionTurns:
        found = await self._storage.session(request)
        if found is None:
            raise NotFound("Session not found")
        return SessionTurns(
            session=await self._previewed(found.session),
            turns=tuple(await self._summaries(found.turns, request.room)),
            next=found.next,
        )

    async def _previewed(self, session: Session) -> Session:
        if session.first_root_span_id is None:
            return session
        asked, _ = await self._views.preview(session.first_trace_id, session.first_root_span_id)
        return attrs.evolve(session, preview=asked)

    async def _summaries(self, turns: Sequence[TurnPlace], room: int | None) -> list[TraceSummary]:
        """Those of the traces that are still there."""
        found = []
        for turn in turns:
            try:
                found.append(await self._views.summary(turn.trace_id, room))
            except NotFound:
                continue
        return found
