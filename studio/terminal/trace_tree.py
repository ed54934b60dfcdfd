"""``studio trace``: the spans of a trace as a tree, with times, tokens and cost."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import attrs
from rich.text import Text

from studio.terminal.figures import counted, duration, moment, money, parsed, text, tokens
from studio.terminal.rendering import is_utf8, rendered, table

_Span = Mapping[str, Any]

_MOST_GUIDES = 8  # levels that are drawn, so that a name has room at any depth
_DRAWN, _ASCII = ("│  ", "├─ ", "└─ ", "   "), ("|  ", "|- ", "`- ", "   ")
_MICROSECOND = timedelta(microseconds=1)


@attrs.frozen
class _Row:
    """A span and where it hangs: for each level below its top, whether it is the last there."""

    span: _Span
    depth: int
    are_last: tuple[bool, ...]  # of the lowest levels

    def guides(self) -> str:
        down, has_next, last, nothing = _DRAWN if is_utf8() else _ASCII
        if not self.depth:
            return ""
        *above, own = self.are_last
        skipped = f"{self.depth}: " if self.depth > _MOST_GUIDES else ""
        return skipped + "".join(nothing if each else down for each in above) + (last if own else has_next)


def shown(document: Mapping[str, Any], limit: int) -> str:
    """What a terminal shows of the answer of ``GET traces/ID``."""
    trace, spans = document["trace"], document["spans"]
    rows = table()
    rows.add_column("span", ratio=1, no_wrap=True, overflow="ellipsis")
    for heading in ("start", "took", "tokens", "cost"):
        rows.add_column(heading, justify="right", no_wrap=True)
    for row in islice(_tree(spans), limit):
        rows.add_row(*_cells(row, parsed(trace["start_time"])))
    left = trace["span_count"] - min(limit, len(spans))
    more = [Text(f"{counted(left, 'more span')} not shown", "dim")] if left > 0 else []
    return rendered(*_head(trace), Text(), rows, *more)


def _head(trace: Mapping[str, Any]) -> Iterator[Text]:
    name = Text(text(trace["name"]), "bold")
    yield name.append(f"  {text(trace['service'])}", "not bold")
    facts = [
        f"{moment(trace['start_time'])} UTC",
        duration(trace["duration_ns"]),
        counted(trace["span_count"], "span"),
        counted(trace["error_count"], "error"),
        counted(trace["llm_calls"], "model call"),
        f"tokens {tokens(trace['tokens'])}",
        money(trace["cost_usd"]),
    ]
    unpriced = f" ({counted(trace['unpriced'], 'call')} without a price)" if trace["unpriced"] else ""
    yield Text(", ".join(facts) + unpriced)
    if trace["status"] == "error":
        yield Text("It failed.", "red")
    if not trace["complete"]:
        yield Text("Its root has not ended, or is not here.", "yellow")


def _tree(spans: Sequence[_Span]) -> Iterator[_Row]:
    """All spans, each below its parent, in the order of the answer. Whoever has none here stands by itself."""
    known = {span["span_id"] for span in spans}
    children: defaultdict[str | None, list[_Span]] = defaultdict(list)
    for span in spans:
        parent = span["parent_span_id"]
        children[parent if parent in known and parent != span["span_id"] else None].append(span)
    seen: set[str] = set()
    for top in (*children[None], *spans):  # of spans that are each other's parents the first
        if top["span_id"] not in seen:
            yield from _below(top, children, seen)


def _below(top: _Span, children: Mapping[str | None, Sequence[_Span]], seen: set[str]) -> Iterator[_Row]:
    waiting = [_Row(top, 0, ())]
    while waiting:
        row = waiting.pop()
        seen.add(row.span["span_id"])
        yield row
        below = [each for each in children.get(row.span["span_id"], ()) if each["span_id"] not in seen]
        for number, child in reversed([*enumerate(below, 1)]):
            are_last = (*row.are_last, number == len(below))[-_MOST_GUIDES:]
            waiting.append(_Row(child, row.depth + 1, are_last))


def _cells(row: _Row, origin: datetime) -> tuple[Text, ...]:
    span = row.span
    name = Text(row.guides(), "dim").append(
        text(span["name"]), "not dim red" if span["status"] == "error" else "not dim"
    )
    kinds = [text(each) for each in (span["type"], span["model"] or span["tool"] or span["agent"]) if each]
    name.append(f"  {' '.join(kinds)}" if kinds else "")
    if span["status"] == "error":
        name.append(f"  error {text(span['error_type'] or '')}".rstrip(), "not dim red")
    start = (parsed(span["start_time"]) - origin) // _MICROSECOND * 1000
    figures = [duration(start), duration(span["duration_ns"]) if span["end_time"] else "runs"]
    # Sums that agents carry, and calls that are told of twice, are in no cell: the cells add up to the trace.
    figures += [tokens(span["tokens"]), money(span["cost_usd"])] if span["counted"] else ["", ""]
    return (name, *map(Text, figures))
