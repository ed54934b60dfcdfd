"""Stored LLM spans as requests that can be sent again."""

from typing import Any

import attrs

from actors.errors import NotFound, Refused
from actors.playground.messages import ReplaySpan
from transports.http.prompts import GenerateRequest, request_document
from transports.http.route import Access, Answer, Call, Parameter, Route, described


@attrs.frozen(kw_only=True)
class ReplayAnswer:
    """A request, and what of the span it does not say."""

    request: GenerateRequest = attrs.field(metadata=described("Ready to be sent", {"model": "openai/gpt-4o"}))
    not_carried_over: list[str] = attrs.field(metadata=described("What got lost, for people", ["parameter seed"]))


async def replay_span(call: Call[None, None]) -> Answer:
    replay = await call.bus.ask(ReplaySpan(trace_id=call.path("trace_id"), span_id=call.path("span_id")))
    body: dict[str, Any] = {
        "request": request_document(replay.prompt),
        "not_carried_over": list(replay.not_carried_over),
    }
    return Answer(body=body)


ROUTES = (
    Route(
        method="GET",
        path="/llm/replay/{trace_id}/{span_id}",
        handler=replay_span,
        access=Access.SESSION,
        answers=ReplayAnswer,
        errors=(NotFound, Refused),
        path_parameters={
            "trace_id": Parameter(description="Id of the trace", example="0af7651916cd43dd8448eb211c80319c"),
            "span_id": Parameter(description="Id of the span", example="b7ad6b7169203331"),
        },
        tag="playground",
        summary="Turn a stored LLM span into a request",
    ),
)
