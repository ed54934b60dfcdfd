"""``studio stats``: sums of groups, and of each bucket of time where an interval was asked for."""

from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from rich.text import Text

from studio.terminal.figures import NOT_KNOWN, counted, duration, money, number, parsed, text, tokens
from studio.terminal.rendering import rendered, table

_HEADINGS = ("count", "errors", "tokens", "cost", "p50", "p95")


def shown(document: Mapping[str, Any]) -> str:
    """What a terminal shows of the answer of ``GET stats``."""
    rows = table()
    rows.add_column(text(document["of"]), ratio=1, no_wrap=True, overflow="ellipsis")
    headings = (*_HEADINGS, "score") if any("score" in group["total"] for _, group in _groups(document)) else _HEADINGS
    for heading in headings:
        rows.add_column(heading, justify="right", no_wrap=True)
    zone = ZoneInfo(document["tz"])
    for name, group in _groups(document):
        rows.add_row(Text(name, "bold" if group["points"] else ""), *map(Text, _figures(group["total"])))
        for point in group["points"]:
            rows.add_row(Text(f"  {_minute(point, zone)}"), *map(Text, _figures(point)))
    return rendered(rows)


def _groups(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for group in document["groups"]:
        yield ", ".join(_value(value) for value in group["key"].values()) or "all", group
    other = document["other"]
    if other is not None:
        yield counted(other["groups"], "other group"), other


def _value(value: object) -> str:
    return text(value if isinstance(value, str) or value is None else str(value))


def _minute(point: Mapping[str, Any], zone: ZoneInfo) -> str:
    """When the bucket begins, in the time zone that was asked for; one that may have more says so."""
    return f"{parsed(point['time']).astimezone(zone):%Y-%m-%d %H:%M}{' +' if point['partial'] else ''}"


def _figures(point: Mapping[str, Any]) -> list[str]:
    took = point["duration_ns"] or {"p50": None, "p95": None}
    return [
        *(number(point["count"]), number(point["errors"]), tokens(point["tokens"]), money(point["cost_usd"])),
        *(duration(took["p50"]), duration(took["p95"])),
        *([_score(point["score"])] if "score" in point else []),
    ]


def _score(score: Mapping[str, Any] | None) -> str:
    """The mean, and of how many scores it is."""
    return NOT_KNOWN if score is None else f"{score['mean']:.3g} ({number(score['count'])})"
