"""The frames of ``/api/v1/live``, from the client and to it. Each is one JSON object in a text frame."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import attrs
import orjson

from actors.errors import InvalidRequest, Problem, StudioError
from actors.live.messages import CaughtUp, Item, Lagged, LiveEvent, Of, Page
from actors.scores.messages import ScoreSummary
from actors.span_store.query.position import Position
from actors.span_store.traces.summary import SpanSummary, TraceSummary
from transports.http.framework.error_answers import detail_of
from transports.http.framework.rules import Between, Fault, MaxLength, MinLength
from transports.http.framework.validation import echo, invalid, structure_body
from transports.http.wire.filters import MOST_CHARACTERS, Filter, filter_in
from transports.http.wire.trace_json import span_document, trace_document

Id = Annotated[str, MinLength(1, "String should have at least 1 character"), MaxLength(128)]

CURSOR_INVALID: Final = "cursor_invalid"
_POSITION = "Input should be a position of an earlier frame, of what is still stored"


@attrs.frozen(kw_only=True)
class SubscribeFrame:
    """Request to hear of what comes in."""

    id: Id
    q: Annotated[str, MaxLength(MOST_CHARACTERS)] = ""
    of: Of = Of.SPANS
    after: str | None = None
    limit: Annotated[int, Between(1, 1000)] = 50


@attrs.frozen(kw_only=True)
class UnsubscribeFrame:
    """Request to hear no more of it."""

    id: Id


@attrs.frozen(kw_only=True)
class PingFrame:
    """Request for a sign of life."""


ClientFrame = SubscribeFrame | UnsubscribeFrame | PingFrame
_KINDS: Final[Mapping[str, type[ClientFrame]]] = {
    "subscribe": SubscribeFrame,
    "unsubscribe": UnsubscribeFrame,
    "ping": PingFrame,
}


def parsed(text: str) -> dict[str, Any]:
    """Parse a frame as a JSON object; ``InvalidRequest`` otherwise."""
    try:
        document = orjson.loads(text)
    except ValueError:
        raise _fault("json_invalid", "A frame must be JSON") from None
    if not isinstance(document, dict):
        raise _fault("dict_type", "A frame must be a JSON object")
    return document


def client_frame(document: dict[str, Any]) -> ClientFrame:
    """Validate a client's frame. ``InvalidRequest`` names all its faults."""
    kind = document.get("type")
    if not isinstance(kind, str) or kind not in _KINDS:
        names = " or ".join(repr(name) for name in _KINDS)
        raise _fault("enum", f"Input should be {names}", "type")
    return structure_body(document, _KINDS[kind])


def id_in(document: dict[str, Any]) -> str | None:
    """The id of a faulty frame, where that much can be read."""
    found = document.get("id")
    return found if isinstance(found, str) else None


def filter_of(frame: SubscribeFrame) -> Filter:
    """Its filter. ``InvalidRequest`` with the column where it is none."""
    try:
        return filter_in(frame.q)
    except Fault as fault:
        problem = Problem(
            type=fault.type, location=("body", "q", *fault.within), message=fault.message, input=echo(frame.q)
        )
        raise invalid(problem) from None


def position_of(frame: SubscribeFrame) -> Position | None:
    """Its position. ``InvalidRequest`` for a text that is none."""
    if frame.after is None:
        return None
    try:
        return Position.from_text(frame.after)
    except ValueError:
        raise no_position(frame.after) from None


def no_position(text: str | None) -> InvalidRequest:
    """The answer to a position that never was, or from which not everything is stored any more."""
    return invalid(Problem(type=CURSOR_INVALID, location=("body", "after"), message=_POSITION, input=echo(text)))


def error_frame(id_: str | None, error: StudioError) -> str:
    """Serialise the refusal of a client's frame, in the form of a 422's ``detail``."""
    detail = detail_of(error)
    if isinstance(detail, str):
        detail = [{"type": "value_error", "loc": ["body"], "msg": detail}]
    return orjson.dumps({"type": "error", "id": id_, "detail": detail}).decode()


def ended_frame(id_: str, detail: str) -> str:
    """Serialise the end of a subscription."""
    return orjson.dumps({"type": "ended", "id": id_, "detail": detail}).decode()


def pong_frame() -> str:
    """Serialise the answer to a ping."""
    return '{"type":"pong"}'


def event_frame(id_: str, event: LiveEvent, scores: Mapping[str, tuple[ScoreSummary, ...]]) -> str:
    """Serialise what a subscription is told; ``scores`` are those of its traces."""
    members: dict[str, Any]
    match event:
        case Page(items=items):
            members = {"type": "page", "items": [_document(item, scores) for item in items]}
        case Item(item=item):
            members = {"type": "item", "item": _document(item, scores)}
        case Lagged(skipped=skipped):
            members = {"type": "lagged", "skipped": skipped}
        case CaughtUp():
            members = {"type": "caught_up"}
    return orjson.dumps({**members, "id": id_, "position": str(event.position)}).decode()


def traces_in(events: tuple[LiveEvent, ...]) -> tuple[str, ...]:
    """The traces of which something is told."""
    found: list[SpanSummary | TraceSummary] = []
    for event in events:
        found += event.items if isinstance(event, Page) else [event.item] if isinstance(event, Item) else []
    return tuple(item.trace_id for item in found if isinstance(item, TraceSummary))


def _document(item: SpanSummary | TraceSummary, scores: Mapping[str, tuple[ScoreSummary, ...]]) -> dict[str, Any]:
    if isinstance(item, TraceSummary):
        return trace_document(item, scores.get(item.trace_id, ()))
    return span_document(item)


def _fault(kind: str, message: str, *where: str) -> InvalidRequest:
    return invalid(Problem(type=kind, location=("body", *where), message=message))
