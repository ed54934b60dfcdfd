"""Answers what junjo's own client asks, from whatever engine has the spans."""

import attrs

from actors.span_store.asked.evidence import MOST_MATCHES, ExecutionPlace, FindExecution, FoundExecutions
from actors.span_store.asked.lists import ListSpans
from actors.span_store.query.expression import And, Equals, Expression, IsNull, Or, Resource, equal
from actors.span_store.storage import SpanStorage

_NAMESPACE = Resource("service.namespace")


@attrs.frozen
class EvidenceViews:
    """Each answer is of the spans that are stored when it is asked for."""

    _storage: SpanStorage

    async def find(self, request: FindExecution) -> FoundExecutions:
        """The index knows types and ids, so that few spans are looked at."""
        identity = equal(junjo_span_type=request.type.value, junjo_id=request.runtime_id)
        where = And([identity, in_namespace(request.service_namespace)])
        asked = ListSpans(service_name=request.service_name, where=where, limit=MOST_MATCHES)
        count, latest = 0, None
        while True:
            page = await self._storage.list_spans(asked)
            count += len(page.spans)
            if latest is None and page.spans:
                latest = ExecutionPlace(trace_id=page.spans[0].trace_id, span_id=page.spans[0].span_id)
            if page.next is None or count >= MOST_MATCHES:
                return FoundExecutions(count=min(count, MOST_MATCHES), latest=latest)
            asked = attrs.evolve(asked, after=page.next)


def in_namespace(namespace: str) -> Expression:
    """Spans of services of this namespace. The empty one is that of services that name none."""
    named = Equals(_NAMESPACE, namespace)
    return named if namespace else Or([named, IsNull(_NAMESPACE)])
