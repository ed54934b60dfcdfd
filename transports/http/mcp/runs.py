"""The tool that compares two runs of workflows or agents."""

import asyncio
from typing import Annotated

import attrs
import orjson

from actors.span_store.asked.workflows import CompareRuns
from transports.http.api.span_answers import read_within_budget
from transports.http.api.workflows import CompareQuery
from transports.http.framework.route import described
from transports.http.framework.rules import HexId
from transports.http.mcp.fitting import Document, fitted, with_most, without_unknown
from transports.http.mcp.tool import MAX_TOKENS, MaxTokens, Tool, ToolCall
from transports.http.wire.run_json import render_comparison


@attrs.frozen(kw_only=True)
class CompareRunsArguments(CompareQuery):
    """Two runs."""

    trace_id: Annotated[str, HexId(32)] = attrs.field(
        metadata=described("The trace of the first run", "0af7651916cd43dd8448eb211c80319c")
    )
    span_id: Annotated[str, HexId(16)] = attrs.field(
        metadata=described("The span of the first run: of type workflow, subflow or agent", "00f067aa0ba902b7")
    )
    max_tokens: MaxTokens = attrs.field(default=4000, metadata=described(MAX_TOKENS, 4000))


async def compare_runs(asked: ToolCall[CompareRunsArguments]) -> bytes:
    wanted = asked.arguments
    trace_id, _, span_id = wanted.with_.lower().partition("/")
    request = CompareRuns(
        trace_id=wanted.trace_id, span_id=wanted.span_id, with_trace_id=trace_id, with_span_id=span_id
    )

    async def read(room: int) -> bytes:
        found = await asked.call.bus.ask(attrs.evolve(request, room=room))
        return await asyncio.to_thread(lambda: _written(render_comparison(found), wanted.max_tokens))

    async with read_within_budget(asked.call, read) as text:
        return text


def _written(text: bytes, most: int) -> bytes:
    found = orjson.loads(text)
    shown = {"first_difference": found["first_difference"], "nodes": [_node(node) for node in found["nodes"]]}
    return fitted(with_most(shown, "nodes", most), most)


def _node(node: Document) -> Document:
    """A node as both ran it. What both did to the state is said once."""
    runs = {name: None if node[name] is None else without_unknown(node[name]) for name in ("a", "b")}
    patches = [run.pop("patch", []) for run in runs.values() if run is not None]
    document = {"label": node["label"], **runs}
    if len(patches) > 1 and patches[0] == patches[1]:
        return {**document, "both": patches[0]}
    for name, patch in zip((name for name, run in runs.items() if run is not None), patches, strict=True):
        document[name]["patch"] = patch
    return document


TOOLS = (
    Tool(
        name="compare_runs",
        title="Compare two runs",
        description=(
            "Two runs of a workflow or an agent, node by node: a is that of trace_id and span_id, b that of with; null "
            "where one did not run it. patch is what a node did to the state, both where the two did the same; "
            "first_difference is the first step after which the states differ, and where."
        ),
        arguments=CompareRunsArguments,
        run=compare_runs,
    ),
)
