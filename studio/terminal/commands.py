"""The commands that ask a running studio."""

import argparse
import json
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any
from urllib.parse import quote

from studio.terminal.arguments import DRAWN_BY, SORTS
from studio.transfer.client import TransferFailed, client_of

_OBSERVABILITY = "/api/v1/observability"
_PARAMETERS = {
    "traces": ("q", "service", "from", "to", "sort", "limit", "after"),
    "trace": (),
    "stats": ("q", "of", "group_by", "interval", "tz", "from", "to", "limit", "score"),
}
# What JSON leaves as it is inside of texts, and a terminal may obey or hide.
_UNSEEN = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


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
        chosen["sort"] = SORTS[chosen["sort"]]
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
    drawn_by = import_module(f"studio.terminal.{DRAWN_BY[given.command]}")
    shown: str = drawn_by.shown(document, *limit)
    return shown


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
