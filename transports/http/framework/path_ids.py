"""Ids in paths, which are checked before anything is asked of an actor."""

from typing import Any

from actors.errors import Problem
from transports.http.framework.route import Call, Parameter
from transports.http.framework.rules import Fault, HexId
from transports.http.framework.validation import echo, invalid

_DIGITS = {"trace_id": HexId(32), "span_id": HexId(16)}

TRACE_ID = Parameter(description="32 hex digits", example="0af7651916cd43dd8448eb211c80319c", rule=_DIGITS["trace_id"])
SPAN_ID = Parameter(description="16 hex digits", example="00f067aa0ba902b7", rule=_DIGITS["span_id"])


def ids_of(call: Call[Any, Any]) -> dict[str, Any]:
    """The ids that the path names, in lower case. ``InvalidRequest`` for those that are none."""
    given = {name: call.path(name) for name in _DIGITS if name in call.request.match_info}
    ids, problems = {}, []
    for name, text in given.items():
        try:
            ids[name] = _DIGITS[name].apply(text)
        except Fault as fault:
            location = ("path", name)
            problems.append(Problem(type=fault.type, location=location, message=fault.message, input=echo(text)))
    if problems:
        raise invalid(*problems)
    return ids
