"""Routes of runs of workflows and agents: their graph, their states step by step, and what is different in another."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

import attrs
from aiohttp import web

from actors.errors import NotFound, Overloaded, TooLarge
from actors.runtime.messages import Request
from actors.span_store.asked.workflows import (
    BlameStep,
    CompareRuns,
    GetRun,
    GetRunState,
    GetStateDifference,
    ListRunSteps,
)
from transports.http.api.tagged_answers import Body, answer_tagged
from transports.http.framework.path_ids import SPAN_ID, TRACE_ID, ids_of
from transports.http.framework.route import Access, Call, Handler, Route, described
from transports.http.framework.rules import Between, MaxLength, Pattern
from transports.http.wire import run_answers, run_json

_PREFIX = "/api/v1/workflows/{trace_id}/{span_id}"
_MOST_STEP = 2**31 - 1
_POINTER = r"^(/([^~/]|~[01])*)*$"  # RFC 6901
_LONGEST_POINTER = 2048
_RUN = r"^[0-9a-fA-F]{32}/[0-9a-fA-F]{16}$"


@attrs.frozen(kw_only=True)
class StatesQuery:
    """All steps, or the state after one of them."""

    at: Annotated[int, Between(0, _MOST_STEP)] | None = attrs.field(
        default=None, metadata=described("The step whose state is wanted, 0 for the start", 3)
    )


@attrs.frozen(kw_only=True)
class DifferenceQuery:
    """Two steps of one run."""

    from_: Annotated[int, Between(0, _MOST_STEP)] = attrs.field(metadata=described("Step of the first state", 2))
    to: Annotated[int, Between(0, _MOST_STEP)] = attrs.field(metadata=described("Step of the second state", 3))


@attrs.frozen(kw_only=True)
class BlameQuery:
    """A place in the state."""

    path: Annotated[str, Pattern(_POINTER), MaxLength(_LONGEST_POINTER)] = attrs.field(
        metadata=described("JSON Pointer into the state", "/count")
    )


@attrs.frozen(kw_only=True)
class CompareQuery:
    """Another run."""

    with_: Annotated[str, Pattern(_RUN)] = attrs.field(
        metadata=described("The other run: trace id, slash, span id", f"{run_answers.TRACE_ID}/{run_answers.SPAN_ID}")
    )


async def get_run(call: Call[None, None]) -> web.StreamResponse:
    return await _answer(call, GetRun(**ids_of(call)), run_json.render_run)


async def get_run_states(call: Call[None, StatesQuery]) -> web.StreamResponse:
    step = call.query.at
    if step is None:
        return await _answer(call, ListRunSteps(**ids_of(call)), run_json.render_steps)
    return await _answer(call, GetRunState(**ids_of(call), step=step), run_json.render_state)


async def get_run_diff(call: Call[None, DifferenceQuery]) -> web.StreamResponse:
    request = GetStateDifference(**ids_of(call), first=call.query.from_, second=call.query.to)
    return await _answer(call, request, run_json.render_difference)


async def get_run_blame(call: Call[None, BlameQuery]) -> web.StreamResponse:
    return await _answer(call, BlameStep(**ids_of(call), path=call.query.path), run_json.render_blame)


async def compare_runs(call: Call[None, CompareQuery]) -> web.StreamResponse:
    trace_id, _, span_id = call.query.with_.lower().partition("/")
    request = CompareRuns(**ids_of(call), with_trace_id=trace_id, with_span_id=span_id)
    return await _answer(call, request, run_json.render_comparison)


async def _answer(call: Call[None, Any], request: Any, render: Callable[[Any], bytes]) -> web.StreamResponse:  # noqa: ANN401 - any of the requests above
    async def read(room: int) -> Body:
        asked: Request[Any] = attrs.evolve(request, room=room)
        found = await call.bus.ask(asked)
        return Body(content=await asyncio.to_thread(render, found))

    return await answer_tagged(call, read)


def _route(path: str, handler: Handler, summary: str, answers: Any, query: type | None = None) -> Route:  # noqa: ANN401 - a type, or several
    return Route(
        method="GET",
        path=f"{_PREFIX}{path}",
        handler=handler,
        access=Access.SESSION_OR_READ_KEY,
        path_parameters={"trace_id": TRACE_ID, "span_id": SPAN_ID},
        query=query,
        errors=(NotFound, TooLarge, Overloaded),
        only_known=True,
        has_etag=True,
        tag="workflows",
        summary=summary,
        answers=answers,
    )


ROUTES = (
    _route("", get_run, "Get a run of a workflow or agent: graph, states, what is missing", run_answers.RunAnswer),
    _route(
        "/states",
        get_run_states,
        "List the steps of a run, or get the state after one",
        run_answers.RunStepsAnswer | run_answers.RunStateAnswer,
        StatesQuery,
    ),
    _route(
        "/diff",
        get_run_diff,
        "Get what is different between the states after two steps",
        run_answers.StateDifferenceAnswer,
        DifferenceQuery,
    ),
    _route(
        "/blame",
        get_run_blame,
        "Get the last step that changed something in the state",
        run_answers.BlameAnswer,
        BlameQuery,
    ),
    _route(
        "/compare",
        compare_runs,
        "Compare a run with another one, node by node",
        run_answers.RunComparisonAnswer,
        CompareQuery,
    ),
)
