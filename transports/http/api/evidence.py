"""Routes by which junjo's own client reads what traces prove, and which agents ran."""

import asyncio
from typing import Annotated, Final

import attrs
import orjson
from aiohttp import web

from actors.errors import NotFound, Overloaded, TooLarge
from actors.span_store.asked.evidence import AgentOutcome, AgentRunPage, GetTraceEvidence, ListAgentRuns
from actors.span_store.messages import Cursor
from transports.http.api.page_headers import next_page
from transports.http.api.tagged_answers import Body, answer_tagged
from transports.http.framework.dispatch import json_bytes
from transports.http.framework.path_ids import TRACE_ID, ids_of
from transports.http.framework.route import Access, Answer, Call, Route, described
from transports.http.framework.rules import Between, MaxLength, NotBlank
from transports.http.wire.evidence_answers import (
    MOST_NAME,
    AgentRunAnswer,
    ContradictionAnswer,
    EvidenceAnswer,
    EvidenceIssueAnswer,
)
from transports.http.wire.evidence_json import render_evidence, run_documents
from transports.http.wire.moments import Moment

_TIME: Final = "2026-11-30T07:00:00.000Z"
_MOST_KEY: Final = 128  # characters: all parameters have to fit into a request line
_MOST_TOLD: Final = 100  # contradictions in an answer


@attrs.frozen(kw_only=True)
class RunsQuery:
    """A selection of the runs of a service's agents."""

    service_namespace: Annotated[str, MaxLength(MOST_NAME)] = attrs.field(
        metadata=described("Resource attribute service.namespace; empty where there is none", "")
    )
    service_name: Annotated[str, NotBlank("A service has a name"), MaxLength(MOST_NAME)] = attrs.field(
        metadata=described("Resource attribute service.name", "shop")
    )
    agent_key: Annotated[str, MaxLength(_MOST_KEY)] | None = attrs.field(
        default=None, metadata=described("What the application calls the agent", "support")
    )
    structural_id: Annotated[str, MaxLength(_MOST_KEY)] | None = attrs.field(
        default=None, metadata=described("Structural id of the agent", "agent_sha256:c7fb9ba63399")
    )
    service_version: Annotated[str, MaxLength(_MOST_KEY)] | None = attrs.field(
        default=None, metadata=described("Resource attribute service.version", "1.4.0")
    )
    outcome: AgentOutcome | None = attrs.field(default=None, metadata=described("How the run ended", "failed"))
    start_time: Moment | None = attrs.field(
        default=None, metadata=described("Only runs that started at this time or later", _TIME)
    )
    end_time: Moment | None = attrs.field(
        default=None, metadata=described("Only runs that started before this time", "2026-11-30T08:00:00.000Z")
    )
    limit: Annotated[int, Between(1, 250)] = attrs.field(default=100, metadata=described("Most runs to answer", 100))
    after: Cursor | None = attrs.field(
        default=None,
        metadata=described("The x-next-cursor of an earlier answer: go on behind it", "MTcwMDAwMDAwMDE0Mzk1Ni4xMg"),
    )


async def get_trace_evidence(call: Call[None, None]) -> web.StreamResponse:
    request = GetTraceEvidence(**ids_of(call))

    async def read(room: int) -> Body:
        evidence = await call.bus.ask(attrs.evolve(request, room=room))
        return Body(content=await asyncio.to_thread(render_evidence, evidence))

    return await answer_tagged(call, read)


async def list_agent_executions(call: Call[None, RunsQuery]) -> Answer | web.Response:
    """Answer a plain array, as the front end expects it; the next page is named in headers."""
    page = await call.bus.ask(_request(call.query))
    if page.contradictions:
        return _contradiction(page)
    return Answer(body=orjson.Fragment(run_documents(page.runs)), headers=next_page(call.request, page.next))


def _request(query: RunsQuery) -> ListAgentRuns:
    return ListAgentRuns(
        service_namespace=query.service_namespace,
        service_name=query.service_name,
        agent_key=query.agent_key,
        structural_id=query.structural_id,
        service_version=query.service_version,
        outcome=query.outcome,
        from_time_unix_nano=None if query.start_time is None else query.start_time.unix_nano,
        to_time_unix_nano=None if query.end_time is None else query.end_time.unix_nano,
        limit=query.limit,
        after=query.after,
    )


def _contradiction(page: AgentRunPage) -> web.Response:
    faulty = {each.owner_span_id for each in page.contradictions}
    issues = [each.issue for each in page.contradictions[:_MOST_TOLD]]
    answer = ContradictionAnswer(
        code="unidentifiable_agent",
        message=f"{len(faulty)} runs lack or contradict what every run says",
        diagnostics=[EvidenceIssueAnswer(code=each.code, path=each.path, message=each.message) for each in issues],
    )
    return web.Response(status=409, body=json_bytes(answer), content_type="application/json")


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/trace-evidence/{trace_id}",
        handler=get_trace_evidence,
        access=Access.SESSION_OR_STUDIO_KEY,
        path_parameters={"trace_id": TRACE_ID},
        only_known=True,
        has_etag=True,
        answers=EvidenceAnswer,
        errors=(NotFound, TooLarge, Overloaded),
        tag="junjo",
        summary="Get all spans of a trace, and what they prove of its workflows and agents",
    ),
    Route(
        method="GET",
        path="/api/v1/agent-executions",
        handler=list_agent_executions,
        access=Access.SESSION_OR_STUDIO_KEY,
        query=RunsQuery,
        only_known=True,
        answers=list[AgentRunAnswer],
        conflict=ContradictionAnswer,
        errors=(Overloaded,),
        tag="junjo",
        summary="List runs of a service's agents, newest start first",
    ),
)
