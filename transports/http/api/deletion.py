"""Routes that delete spans for good."""

import attrs

from actors.errors import NotFound, Overloaded, Unavailable
from actors.span_store.messages import Deleted, DeleteService, DeleteTrace
from transports.http.framework.route import Access, Call, Handler, Parameter, Route, described

_LONGEST = 600.0  # seconds: the files of a large service are written anew


@attrs.frozen(kw_only=True)
class DeletedAnswer:
    """The number of deleted spans."""

    deleted_spans: int = attrs.field(metadata=described("How many spans were deleted", 12))


async def delete_trace(call: Call[None, None]) -> DeletedAnswer:
    return _answer(await call.bus.ask(DeleteTrace(trace_id=call.path("trace_id"), by=call.by), timeout=_LONGEST))


async def delete_service(call: Call[None, None]) -> DeletedAnswer:
    request = DeleteService(service_name=call.path("service_name"), by=call.by)
    return _answer(await call.bus.ask(request, timeout=_LONGEST))


def _answer(deleted: Deleted) -> DeletedAnswer:
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
