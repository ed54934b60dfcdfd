"""Route by which junjo's own client finds the span of an execution."""

from typing import Annotated, Final
from urllib.parse import quote

import attrs
from aiohttp import web

from actors.errors import NotFound
from actors.span_store.asked.evidence import MOST_MATCHES, ExecutableType, ExecutionPlace, FindExecution
from transports.http.framework.dispatch import json_bytes
from transports.http.framework.route import Access, Call, Route, described
from transports.http.framework.rules import MaxLength, NotBlank
from transports.http.wire.evidence_answers import MOST_NAME, RUNTIME_ID, SPAN_ID, TRACE_ID

_CODE: Final = "ambiguous_execution_identity"
_ROOMS = {
    ExecutableType.WORKFLOW: "workflows",
    ExecutableType.SUBFLOW: "workflows",
    ExecutableType.AGENT: "agents",
}


@attrs.frozen(kw_only=True)
class ResolutionQuery:
    """The identity of an execution, as junjo has it."""

    service_namespace: Annotated[str, MaxLength(MOST_NAME)] = attrs.field(
        metadata=described("Resource attribute service.namespace; empty where there is none", "")
    )
    service_name: Annotated[str, NotBlank("A service has a name"), MaxLength(MOST_NAME)] = attrs.field(
        metadata=described("Resource attribute service.name", "shop")
    )
    executable_type: ExecutableType = attrs.field(metadata=described("What was executed", "agent"))
    runtime_id: Annotated[str, NotBlank("An execution has an id"), MaxLength(MOST_NAME)] = attrs.field(
        metadata=described("Its junjo.executable_runtime_id", RUNTIME_ID)
    )


@attrs.frozen(kw_only=True)
class ResolutionAnswer:
    """The span of an execution, and where people look at it."""

    service_namespace: str = attrs.field(metadata=described("As it was asked for", ""))
    service_name: str = attrs.field(metadata=described("As it was asked for", "shop"))
    executable_type: ExecutableType = attrs.field(metadata=described("As it was asked for", "agent"))
    runtime_id: str = attrs.field(metadata=described("As it was asked for", RUNTIME_ID))
    trace_id: str = attrs.field(metadata=described("32 lower-case hex digits", TRACE_ID))
    span_id: str = attrs.field(metadata=described("16 lower-case hex digits", SPAN_ID))
    detail_path: str = attrs.field(
        metadata=described("Path of the execution in the front end", f"/agents/shop/{TRACE_ID}/{SPAN_ID}")
    )
    trace_path: str = attrs.field(
        metadata=described("Path of its trace in the front end", f"/traces/shop/{TRACE_ID}/{SPAN_ID}")
    )
    failure_path: str = attrs.field(
        metadata=described(
            "Path of what failed in it, in the front end", f"/agents/shop/{TRACE_ID}/{SPAN_ID}?view=failure"
        )
    )


@attrs.frozen(kw_only=True)
class AmbiguousAnswer:
    """Several executions have the identity."""

    code: str = attrs.field(metadata=described("What is wrong, for programs", _CODE) | {"const": _CODE})
    message: str = attrs.field(metadata=described("What is wrong, for people", "2 executions have this identity"))
    match_count: int = attrs.field(metadata=described(f"How many; {MOST_MATCHES} for more", 2) | {"minimum": 2})


async def resolve_execution(call: Call[None, ResolutionQuery]) -> ResolutionAnswer | web.Response:
    """Answer 409 when several executions have the identity: none of them is chosen."""
    query = call.query
    found = await call.bus.ask(
        FindExecution(
            service_namespace=query.service_namespace,
            service_name=query.service_name,
            type=query.executable_type,
            runtime_id=query.runtime_id,
        )
    )
    if found.latest is None:
        raise NotFound("Execution not found")
    if found.count > 1:
        return _ambiguous(found.count)
    return _resolved(query, found.latest)


def _ambiguous(count: int) -> web.Response:
    answer = AmbiguousAnswer(code=_CODE, message=f"{count} executions have this identity", match_count=count)
    return web.Response(status=409, body=json_bytes(answer), content_type="application/json")


def _resolved(query: ResolutionQuery, place: ExecutionPlace) -> ResolutionAnswer:
    where = f"{quote(query.service_name, safe='')}/{place.trace_id}/{place.span_id}"
    detail = f"/{_ROOMS[query.executable_type]}/{where}"
    return ResolutionAnswer(
        service_namespace=query.service_namespace,
        service_name=query.service_name,
        executable_type=query.executable_type,
        runtime_id=query.runtime_id,
        trace_id=place.trace_id,
        span_id=place.span_id,
        detail_path=detail,
        trace_path=f"/traces/{where}",
        failure_path=f"{detail}?view=failure",
    )


ROUTES = (
    Route(
        method="GET",
        path="/api/v1/execution-resolution",
        handler=resolve_execution,
        access=Access.SESSION_OR_STUDIO_KEY,
        query=ResolutionQuery,
        only_known=True,
        answers=ResolutionAnswer,
        conflict=AmbiguousAnswer,
        errors=(NotFound,),
        tag="junjo",
        summary="Find the span of an execution by its runtime id",
    ),
)
