"""Answers what is asked of runs of workflows and agents. A run is read and folded once, and kept while it is asked for.

Whether it is still what is stored is looked at each time, by the numbers of the spans of its trace: a trace that is
deleted is not answered from memory, and one that has grown is read again.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from actors.errors import NeedsRoom, NotFound, TooLarge
from actors.span_store.asked.workflows import (
    BlameStep,
    ComparedNode,
    CompareRuns,
    GetRun,
    GetRunState,
    GetStateDifference,
    ListRunSteps,
    NodeRun,
    RunComparison,
)
from actors.span_store.columns.attribute_column import STORED
from actors.span_store.columns.types import Untold
from actors.span_store.lru_cache import LruCache
from actors.span_store.storage import SpanStorage, TraceColumns
from actors.span_store.traces.bounded_work import in_thread
from actors.span_store.traces.call_sums import CallSums, sums_by_member
from actors.span_store.traces.run_spans import LIGHT, run_spans
from actors.span_store.traces.views import TraceViews
from actors.workflows.comparing import Pair, first_difference, pairs_of, patches_of
from actors.workflows.form import Blame, Patch, Run, RunState, RunStep, StateDifference
from actors.workflows.runs import Check, Executed, FoldedRun, folded_run
from actors.workflows.trace import TraceRuns

T = TypeVar("T")

MOST_BYTES: Final = 64 * 1024 * 1024  # of a trace: of the events of all its spans, and of the attributes of what runs
_KEPT_BYTES, _LARGEST_KEPT = 64 * 1024 * 1024, 48 * 1024 * 1024
_MOST_SECONDS: Final = 20.0  # of work on one question
_EVENTS, _RUNS = "events_json", "junjo_span_type"
_JUNJO_SCOPE: Final = pa.scalar("junjo", pa.string())  # operations of agents have no span type
_OVERVIEW: Final = ("seq", *LIGHT, _RUNS, "scope", _EVENTS)

Key: TypeAlias = tuple[str, str, tuple[int, int, int]]
Asked: TypeAlias = GetRun | ListRunSteps | GetRunState | GetStateDifference | BlameStep


class RunViews:
    """Each answer is of the spans that are stored when it is asked for. What takes long runs in a thread."""

    def __init__(self, storage: SpanStorage, views: TraceViews) -> None:
        self._storage = storage
        self._views = views
        self._kept: LruCache[Key, FoldedRun] = LruCache(_KEPT_BYTES, _LARGEST_KEPT)

    async def run(self, request: GetRun) -> Run:
        found = await self._of(request)
        _demand_room(found.shown_bytes, request.room)
        return found.run

    async def steps(self, request: ListRunSteps) -> tuple[RunStep, ...]:
        found = await self._of(request)
        _demand_room(found.listed_bytes, request.room)
        return await _in_thread(lambda _: found.steps)

    async def state(self, request: GetRunState) -> RunState:
        found = await self._of(request)
        _demand_room(found.step_bytes(request.step), request.room)
        return await _in_thread(lambda check: found.state(request.step, check))

    async def difference(self, request: GetStateDifference) -> StateDifference:
        found = await self._of(request)
        return await _in_thread(lambda check: found.difference(request.first, request.second, check))

    async def blame(self, request: BlameStep) -> Blame:
        found = await self._of(request)
        return await _in_thread(lambda check: found.blame(request.path, check))

    async def compare(self, request: CompareRuns) -> RunComparison:
        one = await self._folded(request.trace_id, request.span_id, request.room)
        other = await self._folded(request.with_trace_id, request.with_span_id, request.room)
        _demand_room(one.patch_bytes + other.patch_bytes, request.room)
        sums = await self._sums(one, request.room), await self._sums(other, request.room)
        return await _in_thread(lambda check: _compared(one, other, sums, check))

    async def _of(self, request: Asked) -> FoldedRun:
        return await self._folded(request.trace_id, request.span_id, request.room)

    async def _folded(self, trace_id: str, span_id: str, room: int | None) -> FoldedRun:
        numbers = await self._columns(trace_id, ("seq",), None, room)
        key = (trace_id, span_id, await asyncio.to_thread(_version, numbers))
        kept = self._kept.find(key)
        if kept is not None:
            return kept
        spans = await self._spans(trace_id, span_id, room)
        found = await _in_thread(lambda check: _read(spans, span_id, check))
        self._kept.keep(key, found)
        return found

    async def _spans(self, trace_id: str, span_id: str, room: int | None) -> pa.Table:
        """All spans of the trace, with the attributes of those that may run. ``NotFound`` without the one asked for."""
        overview = await self._columns(trace_id, _OVERVIEW, None, room)
        ids, runs = await asyncio.to_thread(_that_run, overview)
        if span_id not in ids:
            raise NotFound("Span not found")
        attributes = await self._columns(trace_id, ("span_id", STORED), frozenset(runs), room)
        return await asyncio.to_thread(_joined, overview, attributes)

    async def _columns(
        self, trace_id: str, columns: tuple[str, ...], span_ids: frozenset[str] | None, room: int | None
    ) -> pa.Table:
        most = MOST_BYTES if room is None else min(room, MOST_BYTES)
        wanted = TraceColumns(trace_id=trace_id, columns=columns, span_ids=span_ids, room=most)
        try:
            return await self._storage.columns(wanted)
        except NeedsRoom:
            if most < MOST_BYTES:
                raise
        raise TooLarge("The trace has too much in it for its runs to be read")

    async def _sums(self, run: FoldedRun, room: int | None) -> Mapping[str, CallSums]:
        calls = await self._views.calls(run.run.trace_id, room)
        return await asyncio.to_thread(sums_by_member, calls, run.members)


def _demand_room(needed: int, room: int | None) -> None:
    if room is not None and needed > room:
        raise NeedsRoom(needed)


def _version(numbers: pa.Table) -> tuple[int, int, int]:
    """Of the spans of a trace: how many there are, and which numbers they have."""
    if not numbers.num_rows:
        raise NotFound("Span not found")
    ends: Untold = pc.min_max(numbers["seq"])
    return numbers.num_rows, ends["min"].as_py(), ends["max"].as_py()


def _that_run(overview: pa.Table) -> tuple[set[str], list[str]]:
    """All span ids, and those of spans that say something of runs in their attributes."""
    says: Untold = pc.or_(pc.is_valid(overview[_RUNS]), pc.equal(overview["scope"], _JUNJO_SCOPE))
    ids: Untold = overview["span_id"]
    return set(ids.to_pylist()), ids.filter(says).to_pylist()


def _joined(overview: pa.Table, attributes: pa.Table) -> pa.Table:
    """Both, where each span has one row. Those without attributes have null."""
    ids: Untold = attributes["span_id"]
    places = pc.index_in(overview["span_id"], value_set=ids.combine_chunks())
    return overview.append_column(STORED, attributes[STORED].take(places))


def _read(spans: pa.Table, span_id: str, check: Check) -> FoldedRun:
    return folded_run(TraceRuns.of(run_spans(spans)), span_id, check)


def _compared(
    one: FoldedRun, other: FoldedRun, sums: tuple[Mapping[str, CallSums], Mapping[str, CallSums]], check: Check
) -> RunComparison:
    ours, theirs = patches_of(one), patches_of(other)
    return RunComparison(
        nodes=tuple(_compared_node(pair, (ours, theirs), sums) for pair in pairs_of(one, other)),
        first_difference=first_difference(one, other, check),
    )


def _compared_node(
    pair: Pair, patches: tuple[Mapping[str, Patch], Mapping[str, Patch]], sums: tuple[Mapping[str, CallSums], ...]
) -> ComparedNode:
    one, other = (
        None if each is None else _node_run(each, own, calls)
        for each, own, calls in zip((pair.one, pair.other), patches, sums, strict=True)
    )
    return ComparedNode(label=pair.label, one=one, other=other)


def _node_run(executed: Executed, patches: Mapping[str, Patch], sums: Mapping[str, CallSums]) -> NodeRun:
    calls = sums.get(executed.span_id)
    return NodeRun(
        span_id=executed.span_id,
        duration_ns=executed.duration_ns,
        tokens=None if calls is None else calls.tokens,
        cost_usd=None if calls is None else calls.cost_usd,
        status=executed.status,
        patch=patches.get(executed.span_id, ()),
    )


async def _in_thread(work: Callable[[Check], T]) -> T:
    return await in_thread(work, _MOST_SECONDS, "The run takes too long to be read")
