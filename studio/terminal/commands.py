"""The commands that ask a running studio, and their arguments."""

import argparse
import json
import re
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from studio.transfer.client import TransferFailed
from studio.transfer.commands import add_studio, client_of

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no other name for it

# The commands, each with the module that draws its answer. What that needs is loaded only then: a studio that runs has
# no use for it.
_DRAWN_BY = {"traces": "trace_list", "trace": "trace_tree", "stats": "sums"}
NAMES = tuple(_DRAWN_BY)
_OBSERVABILITY = "/api/v1/observability"
_MOST_SPANS = 1000  # of a trace, that are shown
_MOST_DIGITS = 9
# Orders as they are given without a dash, which would begin an option.
_SORTS = {"latest": "-start", "start": "start", "duration": "-duration", "cost": "-cost"} | {
    "tokens": "-tokens",
    "errors": "-errors",
}
_PARAMETERS = {
    "traces": ("q", "service", "from", "to", "sort", "limit", "after"),
    "trace": (),
    "stats": ("q", "of", "group_by", "interval", "tz", "from", "to", "limit", "score"),
}
# What JSON leaves as it is inside of texts, and a terminal may obey or hide.
_UNSEEN = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def add_commands(commands: "Commands") -> None:
    """Add the commands to the parser."""
    traces = commands.add_parser("traces", help="list traces, the latest first")
    _add_filter(traces)
    traces.add_argument("--sort", choices=_SORTS, help="latest, start (the first one first), or the most of something")
    traces.add_argument("--limit", type=_count, help="traces to list, 1000 at most; by default 50")
    traces.add_argument("--after", help="what the page before named at its end")
    _add_common(traces)
    trace = commands.add_parser("trace", help="show a trace as a tree, with times, tokens and cost")
    trace.add_argument("trace_id", metavar="ID", help="its id, 32 hex digits")
    trace.add_argument("--limit", type=_count, default=_MOST_SPANS, help=f"spans to show; by default {_MOST_SPANS}")
    _add_common(trace)
    stats = commands.add_parser("stats", help="sum up model calls, spans or traces")
    _add_filter(stats)
    stats.add_argument("--of", choices=("calls", "spans", "traces"), help="what is counted; by default model calls")
    stats.add_argument("--group-by", metavar="FIELDS", help="up to three, with commas between: model,service")
    stats.add_argument("--interval", help="buckets of time: 1m 5m 15m 1h 6h 1d or auto")
    stats.add_argument("--tz", help="time zone of the buckets, such as Europe/Berlin; by default UTC")
    stats.add_argument("--score", metavar="NAME", help="a score of traces, of which the mean is said, too")
    stats.add_argument("--limit", type=_count, help="groups to show, 200 at most; by default 50")
    _add_common(stats)


def answer(given: argparse.Namespace) -> str:
    """Run a command of ``NAMES``; returns what it prints. Raises ``TransferFailed``."""
    client = client_of(given)
    body = client.get(f"{_OBSERVABILITY}/{_path(given)}", _query(given))
    try:
        document = json.loads(body)
        return _UNSEEN.sub(_escaped, body.decode()) if given.json else _shown(document, given)
    except (ValueError, LookupError, TypeError, AttributeError) as fault:
        raise TransferFailed(f"{client.endpoint} does not answer like a studio of this version") from fault


def _path(given: argparse.Namespace) -> str:
    return f"traces/{quote(given.trace_id, safe='')}" if given.command == "trace" else str(given.command)


def _query(given: argparse.Namespace) -> Mapping[str, str]:
    chosen = {name: getattr(given, name) for name in _PARAMETERS[given.command]}
    if chosen.get("sort"):
        chosen["sort"] = _SORTS[chosen["sort"]]
    if given.command == "stats" and given.service is not None:  # which has no parameter for it
        chosen["q"] = " ".join([*([f"({given.q})"] if given.q else []), f"service:{_quoted(given.service)}"])
    return {name: str(value) for name, value in chosen.items() if value is not None}


def _quoted(value: str) -> str:
    """A value of the filter language that is no pattern."""
    escaped = re.sub(r'(["\\])', r"\\\1", value)
    return f'"{escaped}"'


def _shown(document: Any, given: argparse.Namespace) -> str:  # noqa: ANN401 - any JSON value
    """The answer for people."""
    limit = [given.limit] if given.command == "trace" else []
    drawn_by = import_module(f"studio.terminal.{_DRAWN_BY[given.command]}")
    shown: str = drawn_by.shown(document, *limit)
    return shown


def _add_filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "q", nargs="?", metavar="Q", help="a filter, such as 'status:error model:gpt-4*' (docs/query.md)"
    )
    parser.add_argument("--service", help="only of this service")
    parser.add_argument("--from", help="only what started at this time or later: RFC 3339, or now-1h, say")
    parser.add_argument("--to", help="only what started before this time")


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print what the API answers")
    add_studio(parser, "read")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number above 0")
    return int(text)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
