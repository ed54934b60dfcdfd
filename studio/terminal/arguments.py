"""The arguments of the commands that ask a running studio."""

import argparse
from typing import TYPE_CHECKING

from studio.arguments import add_studio

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no other name for it

# The commands, each with the module that draws its answer.
DRAWN_BY = {"traces": "trace_list", "trace": "trace_tree", "stats": "sums"}
NAMES = tuple(DRAWN_BY)
# Orders as they are given without a dash, which would begin an option.
SORTS = {"latest": "-start", "start": "start", "duration": "-duration", "cost": "-cost"} | {
    "tokens": "-tokens",
    "errors": "-errors",
}
_MOST_SHOWN = 1000  # of what came in before
_MOST_SPANS = 1000  # of a trace, that are shown
_MOST_DIGITS = 9


def add_questions(commands: "Commands") -> None:
    """Add the commands to the parser."""
    traces = commands.add_parser("traces", help="list traces, the latest first")
    _add_filter(traces)
    traces.add_argument("--sort", choices=SORTS, help="latest, start (the first one first), or the most of something")
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
    stats.add_argument("--score", metavar="NAME", help="a score of traces, of which the mean is said, too")
    stats.add_argument("--tz", help="time zone of the buckets, such as Europe/Berlin; by default UTC")
    stats.add_argument("--limit", type=_count, help="groups to show, 200 at most; by default 50")
    _add_common(stats)


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


def add_tail(commands: "Commands") -> None:
    """Add ``studio tail``."""
    tail = commands.add_parser("tail", help="print spans as they come in, until it is stopped")
    tail.add_argument("q", nargs="?", default="", metavar="Q", help="a filter, such as 'status:error' (docs/query.md)")
    tail.add_argument("--of", choices=("spans", "traces"), default="spans", help="what is printed; by default spans")
    tail.add_argument(
        "--limit", type=_shown_first, default=10, help="latest ones to print first, 1000 at most; by default 10"
    )
    tail.add_argument("--after", metavar="POSITION", help="go on there: the position that --json printed with an item")
    tail.add_argument("--count", type=_count, help="stop after so many")
    tail.add_argument("--json", action="store_true", help="print each as a line of JSON, with its position")
    add_studio(tail, "read")


def _shown_first(text: str) -> int:
    count = _count(text)
    if count > _MOST_SHOWN:
        raise argparse.ArgumentTypeError(f"must be at most {_MOST_SHOWN}")
    return count
