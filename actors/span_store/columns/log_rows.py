"""Log records become rows of the store, which is made of spans and of the log records of spans.

A record is a row of kind ``LOG`` whose parent is its span. What a span has no column for is in the attributes of its
only event, so that deletion, retention, backups, compaction and repair need not know of log records at all.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any

import orjson
import structlog

from actors.errors import InternalError
from actors.span_store.columns.attributes import is_plain, key_values
from actors.span_store.columns.logs import BODY, OBSERVED, SEVERITY, Log, Logs
from actors.span_store.columns.rows import SpanRows, rows_of, span_keys, span_rows
from actors.span_store.columns.spans import LOG, AttributeValue, Span, SpanColumns, SpanEvent, span_columns

log = structlog.get_logger(__name__)

_ID_BYTES = 8
_EVENT = "log"
_APART = ("body", "resource", "scope")  # members that are made canonical by themselves


def stored_rows(given: Iterable[Span] | SpanColumns | SpanRows | Logs) -> SpanRows:
    """The rows of spans or of log records. ``InternalError`` when one of them cannot be stored. See ``span_rows``."""
    return _log_rows(given) if isinstance(given, Logs) else span_rows(given)


def _log_rows(logs: Logs) -> SpanRows:
    try:
        batch = rows_of(span_columns(_rows(logs.records)), promotes=False)
        return SpanRows(batch, span_keys(batch), are_logs=True)
    except (TypeError, ValueError, OverflowError):  # what orjson and Arrow raise for a value that they cannot hold
        log.exception("log records cannot be stored")
    raise InternalError("Internal Server Error")  # out here, so that it does not carry its cause to the asker


def _rows(records: Iterable[Log]) -> list[Span]:
    origins: dict[tuple[int, int], bytes] = {}  # by the identities of resource and scope, which many records share
    rows = []
    for record in records:
        shared = id(record.resource), id(record.scope)
        if shared not in origins:
            origins[shared] = _canonical([list(record.resource), list(record.scope)])
        rows.append(_row(record, _identity(record, origins[shared])))
    return rows


def _row(record: Log, identity: str) -> Span:
    time, observed = record.time_unix_nano, record.observed_time_unix_nano
    return Span(
        trace_id=record.trace_id,
        span_id=identity,
        parent_span_id=record.span_id,
        trace_state="",
        flags=record.flags,
        name=record.event_name,
        kind=LOG,
        start_time_unix_nano=time or observed,
        end_time_unix_nano=observed or time,
        attributes=record.attributes,
        dropped_attributes_count=record.dropped_attributes_count,
        events=(SpanEvent(time, _EVENT, _said(record)),),
        dropped_events_count=0,
        links=(),
        dropped_links_count=0,
        status_code=0,
        status_message=record.severity_text,
        resource=record.resource,
        scope=record.scope,
    )


def _said(record: Log) -> dict[str, AttributeValue]:
    """What a span has no column for. The time is text: no attribute holds 64 bits without a sign."""
    said: dict[str, AttributeValue] = {}
    if record.observed_time_unix_nano:
        said[OBSERVED] = str(record.observed_time_unix_nano)
    if record.severity_number:
        said[SEVERITY] = record.severity_number
    if record.body is not None:
        said[BODY] = record.body
    return said


def _identity(record: Log, origin: bytes) -> str:
    """16 hex digits that a record has whenever it is sent: a digest of all that it says, whatever its order."""
    body = [] if record.body is None else [record.body]
    told = _canonical([*(value for name, value in record._asdict().items() if name not in _APART), body])
    return blake2b(b"%d:%b%b" % (len(origin), origin, told), digest_size=_ID_BYTES).hexdigest()


def _canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON-like value
    """Text that is the same for equal values only; keys of maps are in one order."""
    if is_plain(value):
        return orjson.dumps(value, dict, option=orjson.OPT_SORT_KEYS)  # of a mapping that is no dictionary
    return orjson.dumps(key_values({"": _in_order(value)}))


def _in_order(value: Any) -> Any:  # noqa: ANN401 - as above
    if isinstance(value, Mapping):
        return {key: _in_order(value[key]) for key in sorted(value)}
    return [_in_order(item) for item in value] if isinstance(value, list | tuple) else value
