"""``studio traces``: a page of traces, two lines each, so that a terminal of 80 columns has room for ids."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from studio.terminal.figures import counted, duration, moment, money, text, tokens
from studio.terminal.rendering import rendered


def shown(document: Mapping[str, Any]) -> str:
    """What a terminal shows of the answer of ``GET traces``."""
    lines = [line for trace in document["traces"] for line in _lines(trace)] or [_line("No trace is like that.")]
    if document["next"] is not None:
        lines.append(_line(f"more: --after {text(document['next'])}", "dim"))
    return rendered(*lines)


def _lines(trace: Mapping[str, Any]) -> Iterator[Text]:
    first = _line(f"{moment(trace['start_time'])}  ", "dim")
    first.append(text(trace["name"]), "not dim bold").append(f"  {text(trace['service'])}", "not dim")
    if trace["status"] == "error":
        first.append("  failed", "not dim red")
    if not trace["complete"]:
        first.append("  not complete", "not dim yellow")
    yield first
    figures = [text(trace["trace_id"]), duration(trace["duration_ns"]), counted(trace["span_count"], "span")]
    if trace["error_count"]:
        figures.append(counted(trace["error_count"], "error"))
    if trace["llm_calls"]:
        figures += [tokens(trace["tokens"]), money(trace["cost_usd"])]
    yield _line(f"  {'  '.join(figures)}")


def _line(said: str, style: str = "") -> Text:
    return Text(said, style, no_wrap=True, overflow="ellipsis")
