"""The commands that ask a running studio, and their arguments."""

import argparse
import json
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from studio.transfer.client import StudioClient, TransferFailed
from studio.transfer.commands import add_studio, client_of

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse has no other name for it

NAMES = ("trace",)
_OBSERVABILITY = "/api/v1/observability"
_MOST_SPANS = 1000  # of a trace, that are shown
_MOST_DIGITS = 9
# What JSON leaves as it is inside of texts, and a terminal may obey or hide.
_UNSEEN = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def add_commands(commands: "Commands") -> None:
    """Add the commands to the parser."""
    trace = commands.add_parser("trace", help="show a trace as a tree, with times, tokens and cost")
    trace.add_argument("trace_id", metavar="ID", help="its id, 32 hex digits")
    trace.add_argument("--limit", type=_count, default=_MOST_SPANS, help=f"spans to show; by default {_MOST_SPANS}")
    _add_common(trace)


def answer(given: argparse.Namespace) -> str:
    """Run a command of ``NAMES``; returns what it prints. Raises ``TransferFailed``."""
    client = client_of(given)
    body = _asked(client, given)
    try:
        document = json.loads(body)
        return _UNSEEN.sub(_escaped, body.decode()) if given.json else _shown(document, given)
    except (ValueError, LookupError, TypeError, AttributeError) as fault:
        raise TransferFailed(f"{client.endpoint} does not answer like a studio of this version") from fault


def _asked(client: StudioClient, given: argparse.Namespace) -> bytes:
    return client.get(f"{_OBSERVABILITY}/traces/{quote(given.trace_id, safe='')}", {})


def _shown(document: Any, given: argparse.Namespace) -> str:  # noqa: ANN401 - any JSON value
    """The answer for people. What draws is loaded only now: a studio that runs has no use for it."""
    shown: str = import_module("studio.terminal.trace_tree").shown(document, given.limit)
    return shown


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print what the API answers")
    add_studio(parser, "read")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number above 0")
    return int(text)


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
