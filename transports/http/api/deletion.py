"""Routes that delete spans for good, and the scores of traces that are gone with them."""

from contextlib import suppress

import attrs

from actors.errors import NotFound, Overloaded, StudioError, Unavailable
from actors.runtime.messages import Request
from actors.scores.messages import SweepScores
from actors.span_store.messages import Deleted, DeleteService, DeleteTrace
from transports.http.framework.route import Access, Call, Handler, Parameter, Route, described

_LONGEST = 600.0  # seconds: the files of a large service are written anew


@attrs.frozen(kw_only=True)
class DeletedAnswer:
    """The number of deleted spans."""

    deleted_spans: int = attrs.field(metadata=described("How many spans were deleted", 12))


async def delete_trace(call: Call[None, None]) -> DeletedAnswer:
    trace_id = call.path("trace_id")
    return await _delete(call, DeleteTrace(trace_id=trace_id, by=call.by), SweepScores(trace_id=trace_id))


async def delete_service(call: Call[None, None]) -> DeletedAnswer:
    request = DeleteService(service_name=call.path("service_name"), by=call.by)
    return await _delete(call, request, SweepScores())


async def _delete(call: Call[None, None], request: Request[Deleted], sweep: SweepScores) -> DeletedAnswer:
    """The spans are gone whatever comes of the scores, which are looked for again later."""
    deleted = await call.bus.ask(request, timeout=_LONGEST)
    with suppress(StudioError):
        await call.bus.ask(sweep, timeout=_LONGEST)
    return DeletedAnswer(deleted_spans=deleted.spans)


def _route(path: str, handler: Handler, parameters: dict[str, Parameter], summary: str) -> Route:
    return Route(
        method="DELETE",
        path=f"/api/v1/observability/{path}",
        handler=handler,
        access=Access.ADMIN,
        answers=DeletedAnswer,
        errors=(NotFound, Overloaded, Unavailable),
        only_known=True,
        path_parameters=parameters,
        tag="observability",
        summary=summary,
    )


ROUTES = (
    _route(
        "traces/{trace_id}",
        delete_trace,
        {"trace_id": Parameter(description="32 lower-case hex digits", example="0af7651916cd43dd8448eb211c80319c")},
        "Delete every span of a trace for good",
    ),
    _route(
        "services/{service_name}",
        delete_service,
        {"service_name": Parameter(description="Name of the service, percent-encoded", example="joke-agent")},
        "Delete every span of a service for good",
    ),
)
