"""Route of the replay: a stored LLM span as a request that can be sent again."""

import json
from typing import Any

import attrs

from actors.errors import NotFound, Overloaded, Refused, TooLarge
from actors.playground.messages import ReplaySpan
from transports.http.api.span_answers import read_within_budget
from transports.http.framework.json_body import MOST_PROMPT_BYTES
from transports.http.framework.route import Access, Answer, Call, Parameter, Route, described
from transports.http.wire.prompts import GenerateRequest, request_document


@attrs.frozen(kw_only=True)
class ReplayAnswer:
    """A request, and the parts of the span that it does not carry."""

    request: GenerateRequest = attrs.field(
        metadata=described(
            "Ready to be sent",
            {"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "How far is the moon?"}]},
        )
    )
    not_carried_over: list[str] = attrs.field(metadata=described("What got lost, for people", ["parameter seed"]))


async def replay_span(call: Call[None, None]) -> Answer:
    asked = ReplaySpan(trace_id=call.path("trace_id"), span_id=call.path("span_id"))
    async with read_within_budget(call, lambda room: call.bus.ask(attrs.evolve(asked, room=room))) as replay:
        request = request_document(replay.prompt)
        _check_size(request)
        return Answer(body={"request": request, "not_carried_over": list(replay.not_carried_over)})


def _check_size(request: dict[str, Any]) -> None:
    """Raise ``TooLarge`` unless the request can be sent back, also by a client that writes blanks and escapes."""
    if len(json.dumps(request)) > MOST_PROMPT_BYTES:
        raise TooLarge(f"The prompt of this span is larger than {MOST_PROMPT_BYTES} bytes, the most that may be sent")


ROUTES = (
    Route(
        method="GET",
        path="/llm/replay/{trace_id}/{span_id}",
        handler=replay_span,
        access=Access.SESSION_OR_READ_KEY,
        answers=ReplayAnswer,
        errors=(NotFound, Refused, TooLarge, Overloaded),
        only_known=True,
        path_parameters={
            "trace_id": Parameter(description="Id of the trace", example="0af7651916cd43dd8448eb211c80319c"),
            "span_id": Parameter(description="Id of the span", example="b7ad6b7169203331"),
        },
        tag="playground",
        summary="Turn a stored LLM span into a request",
    ),
)
