"""A trace in few words: the spans that say most, in the order of the tree, and how many are hidden below each."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import attrs
import orjson

from actors.errors import NotFound
from actors.span_store.traces.summary import SpanSummary, TraceSpans, TraceSummary
from transports.http.mcp.fitting import Cut, Document, bytes_of, fitted, shortened, without_unknown
from transports.http.wire.trace_json import Scores, tokens_document, trace_document

# Of what a summary has in a line: previews have 200 characters.
_LINE: Final = Cut(200, 30, 4)
_LEAST_ROW: Final = 60  # bytes
_MOST_MISSES: Final = 100  # rows that are too long for the room that is left, before nothing shorter is looked for
_COUNTS: Final = 40  # bytes of depth and hidden, and of the comma behind a row
_HEAD: Final = 100  # bytes of the names of the members, and of the cursor
_TELLING: Final = 3  # ranks below have previews


def trace_line(trace: TraceSummary, scores: Scores = ()) -> Document:
    """A trace, without what is not known, nor what follows from the rest."""
    members = {
        **trace_document(trace, scores),
        "root": None,
        "error": None if trace.root is None else trace.root.status_message,
        "services": trace.services if len(trace.services) > 1 else None,
        "end_time": None,
        "complete": None if trace.complete else False,
        "unpriced": trace.unpriced or None,
    }
    return _line(members)


def _line(members: Document) -> Document:
    line: Document = shortened(without_unknown(members), _LINE)
    return line


def digest(found: TraceSpans, scores: Scores, below: str | None, most: int) -> bytes:
    """The trace, or its part below a span, in ``most`` tokens. CPU-heavy for thousands of spans."""
    tree = _Tree.of(found.spans, below)
    head = _head(found, scores)
    chosen = _chosen(tree, found.trace, bytes_of(most) - len(orjson.dumps(head)) - _HEAD)
    rows = tree.rows(chosen)
    return fitted({**head, "spans": rows, "hidden": len(tree.order) - len(rows)}, most)


def page(found: TraceSpans, scores: Scores, below: str | None, after: str, most: int) -> bytes:
    """The spans behind one, in the order of the tree and none left out, in ``most`` tokens."""
    tree = _Tree.of(found.spans, below)
    head = _head(found, scores)
    room = bytes_of(most) - len(orjson.dumps(head)) - _HEAD
    rows: list[Document] = []
    ids = [found.spans[number].span_id for number in tree.order]
    begin = _position(ids, after) + 1
    for number in tree.order[begin:]:
        row = {**_row(found.spans[number], found.trace, is_telling=True), "depth": tree.depths[number]}
        room -= len(orjson.dumps(row)) + 1
        if room < 0 and rows:
            break
        rows.append(row)
    end = begin + len(rows)
    return fitted({**head, "spans": rows, "next": ids[end - 1] if end < len(ids) else None}, most)


def _head(found: TraceSpans, scores: Scores) -> Document:
    head: Document = {"trace": trace_line(found.trace, scores)}
    return head | ({"truncated": True} if found.truncated else {})


def _position(ids: Sequence[str], span_id: str) -> int:
    try:
        return ids.index(span_id)
    except ValueError:
        raise NotFound("No such span in this part of the trace") from None


@attrs.frozen(kw_only=True)
class _Tree:
    """Numbers of spans, each behind its parent, with the number of its parent (-1 is none here) and its depth."""

    order: Sequence[int]
    parents: Sequence[int]
    depths: Sequence[int]
    spans: Sequence[SpanSummary]

    @classmethod
    def of(cls, spans: Sequence[SpanSummary], below: str | None) -> "_Tree":
        """The whole trace, or one span and what is below it. Spans that are each other's parents begin anew."""
        parents, children = _families(spans)
        begins = [number for number, parent in enumerate(parents) if parent < 0]
        if below is not None:
            begins = [_position([span.span_id for span in spans], below)]
        depths = [-1] * len(spans)
        order: list[int] = []
        for begin in (*begins, *(range(len(spans)) if below is None else ())):
            _walk(begin, children, depths, order, parents)
        return cls(order=order, parents=parents, depths=depths, spans=spans)

    def rows(self, chosen: dict[int, Document]) -> list[Document]:
        """The rows with the depth among themselves, and how many spans below each are not shown."""
        nearest: dict[int, int] = {}
        hidden, depths = Counter[int](), dict[int, int]()
        for number in self.order:
            above = nearest.get(self.parents[number], -1)
            nearest[number] = number if number in chosen else above
            if number in chosen:
                depths[number] = depths.get(above, -1) + 1
            else:
                hidden[above] += 1
        shown = [number for number in self.order if number in chosen]
        return [_counted({**chosen[number], "depth": depths[number]}, hidden[number]) for number in shown]


def _counted(row: Document, hidden: int) -> Document:
    return {**row, "hidden": hidden} if hidden else row


def _families(spans: Sequence[SpanSummary]) -> tuple[list[int], list[list[int]]]:
    numbers = {span.span_id: number for number, span in enumerate(spans)}
    parents = [-1 if span.parent_span_id is None else numbers.get(span.parent_span_id, -1) for span in spans]
    children: list[list[int]] = [[] for _ in spans]
    for number, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(number)
    return parents, children


def _walk(
    begin: int, children: Sequence[Sequence[int]], depths: list[int], order: list[int], parents: list[int]
) -> None:
    """Go through what is below a span and was not met yet; not by recursion, a trace may be as deep as it is long."""
    if depths[begin] >= 0:
        return
    parents[begin], depths[begin] = -1, 0
    waiting = [begin]
    while waiting:
        number = waiting.pop()
        order.append(number)
        for child in reversed(children[number]):
            if depths[child] < 0:
                depths[child] = depths[number] + 1
                waiting.append(child)


def _chosen(tree: _Tree, trace: TraceSummary, room: int) -> dict[int, Document]:
    """The rows that fit into so many bytes, those that say most first; the first of the order in any case."""
    chosen: dict[int, Document] = {}
    misses = 0
    for number in sorted(tree.order, key=lambda number: _rank(tree, number)):
        row = _row(tree.spans[number], trace, is_telling=_rank(tree, number)[0] < _TELLING)
        size = len(orjson.dumps(row)) + _COUNTS
        if not chosen or size <= room:
            chosen[number] = row
            room -= size
        else:
            misses += 1
        if room < _LEAST_ROW or misses > _MOST_MISSES:
            break
    return chosen


def _rank(tree: _Tree, number: int) -> tuple[int, int, int]:
    """The beginning, what failed, model calls, what is known to be a step, and the longest of the others."""
    span = tree.spans[number]
    if number == tree.order[0]:
        return 0, 0, number
    if span.status == "error":
        return 1, 0, number
    kind = 2 if span.counted else 3 if span.type is not None else 4
    return kind, -(span.duration_ns or 0), number


def _row(span: SpanSummary, trace: TraceSummary, *, is_telling: bool) -> Document:
    members: dict[str, Any] = {
        "span_id": span.span_id,
        "name": span.name,
        "type": span.type,
        "service": None if span.service == trace.service else span.service,
        "offset_ns": span.start_time_unix_nano - trace.start_time_unix_nano,
        "duration_ns": span.duration_ns,
        "status": None if span.status == "unset" else span.status,
        "error_type": span.error_type,
        "status_message": span.status_message,
        "model": span.model,
        "tokens": tokens_document(span.tokens),
        "cost_usd": span.cost_usd,
        "agent": span.agent,
        "tool": span.tool,
        "finish_reason": span.finish_reason,
        "input_preview": span.input_preview if is_telling else None,
        "output_preview": span.output_preview if is_telling else None,
    }
    return _line(members)
