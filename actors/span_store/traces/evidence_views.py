"""Answers what junjo's own client asks, from whatever engine has the spans."""

import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Final

import attrs

from actors.errors import NeedsRoom, NotFound, TooLarge
from actors.span_store.asked.evidence import (
    MOST_EVIDENCE_BYTES,
    MOST_MATCHES,
    AgentRunPage,
    ExecutionPlace,
    FindExecution,
    FoundExecutions,
    GetTraceEvidence,
    ListAgentRuns,
    TraceEvidence,
)
from actors.span_store.asked.lists import ListSpans
from actors.span_store.columns.spans import StoredSpan
from actors.span_store.messages import GetTraceSpans, SearchSpans
from actors.span_store.query.expression import (
    And,
    Attribute,
    Equals,
    Expression,
    IsNull,
    Or,
    Resource,
    Value,
    equal,
    started_between,
)
from actors.span_store.storage import SpanStorage
from actors.span_store.traces.bounded_work import Check, in_thread
from actors.span_store.traces.evidence_spans import sent_span
from actors.workflows.evidence.agents import ReadRun, read_run
from actors.workflows.evidence.assembled import MOST_STATES, trace_evidence
from actors.workflows.evidence.facts import CONTRACT, VERSION_KEY

_NAMESPACE: Final = Resource("service.namespace")
_COPIES: Final = 2  # of values in an answer: in their spans, and as what they prove
_SECONDS: Final = 10.0  # in which the stores of a trace have to be rebuilt
_SEVERAL: Final = 2  # matches, which are ambiguous
# Spans of agents have all that these said. They are read some at a time, and so often at most for a page.
_TOGETHER, _MOST_READS = 25, 20


@attrs.frozen
class EvidenceViews:
    """Each answer is of the spans that are stored when it is asked for."""

    _storage: SpanStorage

    async def find(self, request: FindExecution) -> FoundExecutions:
        """The index knows types and ids, so that few spans are looked at. Whoever waits for one asks often."""
        identity = equal(junjo_span_type=request.type.value, junjo_id=request.runtime_id)
        where = And([identity, in_namespace(request.service_namespace)])
        found = await self._first_two(SearchSpans(service_name=request.service_name, where=where))
        if not found:
            return FoundExecutions(count=0, latest=None)
        count = 1 if len(found) == 1 else await self._count(ListSpans(service_name=request.service_name, where=where))
        latest = ExecutionPlace(trace_id=found[0].trace_id, span_id=found[0].span_id)
        return FoundExecutions(count=max(count, len(found)), latest=latest)

    async def _first_two(self, asked: SearchSpans) -> list[StoredSpan]:
        found: list[StoredSpan] = []
        while True:
            page = await self._storage.query(attrs.evolve(asked, limit=_SEVERAL - len(found)))
            found += page.spans
            if page.next is None or len(found) == _SEVERAL:
                return found
            asked = attrs.evolve(asked, after=page.next)

    async def _count(self, asked: ListSpans) -> int:
        """How many there are, ``MOST_MATCHES`` at most."""
        count = 0
        while True:
            page = await self._storage.list_spans(attrs.evolve(asked, limit=MOST_MATCHES - count))
            count += len(page.spans)
            if page.next is None or count == MOST_MATCHES:
                return count
            asked = attrs.evolve(asked, after=page.next)

    async def evidence(self, request: GetTraceEvidence) -> TraceEvidence:
        room = MOST_EVIDENCE_BYTES if request.room is None else min(request.room, MOST_EVIDENCE_BYTES)
        try:
            spans = await self._storage.trace(GetTraceSpans(trace_id=request.trace_id, room=room))
        except NeedsRoom:
            if room < MOST_EVIDENCE_BYTES:
                raise
            raise TooLarge("The trace is too large to be answered as a whole: its spans come in pages") from None
        if not spans:
            raise NotFound("Trace not found")
        return await in_thread(
            partial(_evidence, spans), _SECONDS, "The stores of the trace take too long to be rebuilt"
        )

    async def runs(self, request: ListAgentRuns) -> AgentRunPage:
        asked = SearchSpans(service_name=request.service_name, where=_of_runs(request), after=request.after)
        read: list[ReadRun] = []
        for _ in range(_MOST_READS):
            page = await self._storage.query(attrs.evolve(asked, limit=min(_TOGETHER, request.limit - len(read))))
            read += await asyncio.to_thread(_runs_of, page.spans)
            asked = attrs.evolve(asked, after=page.next)
            if page.next is None or len(read) == request.limit:
                break
        return AgentRunPage(
            runs=tuple(each.run for each in read if each.run is not None),
            contradictions=tuple(chain.from_iterable(each.contradictions for each in read)),
            next=asked.after,
        )


def _evidence(spans: Sequence[StoredSpan], check: Check) -> TraceEvidence:
    ordered = tuple(sorted(spans, key=lambda span: (span.start_time_unix_nano, span.span_id)))
    taken = sum(len(span.attributes_json) + len(span.events_json) for span in ordered)
    room = max(MOST_EVIDENCE_BYTES - _COPIES * taken, 0)
    proved = trace_evidence(map(sent_span, ordered), room=min(room, MOST_STATES), check=check)
    return TraceEvidence(trace_id=ordered[0].trace_id, spans=ordered, proved=proved)


def _of_runs(request: ListAgentRuns) -> Expression:
    """All that is asked of the spans of runs."""
    asked: dict[Attribute | Resource, Value | None] = {
        Attribute(VERSION_KEY): CONTRACT,
        Attribute("junjo.agent.key"): request.agent_key,
        Attribute("junjo.executable_structural_id"): request.structural_id,
        Resource("service.version"): request.service_version,
        Attribute("junjo.agent.outcome"): None if request.outcome is None else request.outcome.value,
    }
    return And(
        [
            equal(junjo_span_type="agent"),
            started_between(request.from_time_unix_nano, request.to_time_unix_nano),
            in_namespace(request.service_namespace),
            *(Equals(field, value) for field, value in asked.items() if value is not None),
        ]
    )


def _runs_of(spans: Sequence[StoredSpan]) -> list[ReadRun]:
    return [read_run(sent_span(span)) for span in spans]


def in_namespace(namespace: str) -> Expression:
    """Spans of services of this namespace. The empty one is that of services that name none."""
    named = Equals(_NAMESPACE, namespace)
    return named if namespace else Or([named, IsNull(_NAMESPACE)])
