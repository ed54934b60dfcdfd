"""A span or a trace in one line."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from studio.terminal.figures import counted, duration, moment, money, text, tokens
from studio.terminal.rendering import rendered


def shown(item: Mapping[str, Any]) -> str:
    """When, what, of which service, how long, and its trace."""
    line = Text(f"{moment(item['start_time'])}  ", "dim", no_wrap=True, overflow="ellipsis")
    line.append(text(item["name"]), "not dim bold").append(f"  {text(item['service'])}", "not dim")
    if item["status"] == "error":
        line.append("  failed", "not dim red")
    line.append(f"  {'  '.join(_figures(item))}", "not dim")
    return rendered(line)


def _figures(item: Mapping[str, Any]) -> list[str]:
    figures = [duration(item["duration_ns"])]
    if "span_count" in item:
        figures.append(counted(item["span_count"], "span"))
    elif item["type"] is not None:
        figures.append(text(item["type"]))
    if item["tokens"] is not None:
        figures += [tokens(item["tokens"]), money(item["cost_usd"])]
    return [*figures, text(item["trace_id"])]
