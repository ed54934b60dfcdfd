"""Parts that both encodings of OTLP share: the decoded request, and the rules for the identity of a span."""

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeAlias

import attrs
from google.protobuf.message import Message

from actors.span_store.columns.logs import Log
from actors.span_store.columns.spans import Span

_TRACE_ID_BYTES = 16
_SPAN_ID_BYTES = 8
LOG_RECORD = "log record"  # how ``summary`` calls one
NO_SPAN = bytes(_SPAN_ID_BYTES)  # written by some senders where there is no span
_NO_ID = frozenset((b"", NO_SPAN, bytes(_TRACE_ID_BYTES)))


# Decodes and stores a request of one signal: ``receive_traces``, ``receive_logs``.
Receive: TypeAlias = Callable[..., Coroutine[Any, Any, Message]]


@attrs.frozen(kw_only=True)
class DecodedRequest:
    """The valid spans of a request, and the number and reasons of the rejected ones (OTLP ``partial_success``)."""

    spans: Sequence[Span]
    rejected: int
    message: str  # "" when nothing was rejected


@attrs.frozen(kw_only=True)
class DecodedLogs:
    """The same of log records."""

    records: Sequence[Log]
    rejected: int
    message: str


def fault_of_ids(trace_id: bytes, span_id: bytes) -> str:
    """Why a span with these ids cannot be stored, or "". The rules are those of the trace data model."""
    if len(trace_id) != _TRACE_ID_BYTES or trace_id in _NO_ID:
        return "trace_id must be 16 bytes, not all zero"
    if len(span_id) != _SPAN_ID_BYTES or span_id in _NO_ID:
        return "span_id must be 8 bytes, not all zero"
    return ""


def fault_of_log(trace_id: bytes, span_id: bytes) -> str:
    """Why a log record with these ids cannot be stored, or ""."""
    if trace_id in _NO_ID and span_id in _NO_ID:
        return "only log records of a span are stored, which have its trace_id and span_id"
    return fault_of_ids(trace_id, span_id)


def parent_id(sent: bytes) -> str:
    """The parent's id in hex, "" for none; some senders write an id of zeros for none."""
    return "" if sent in _NO_ID else sent.hex()


def summary(faults: "Counter[str]", noun: str = "span") -> str:
    """The text of ``partial_success``. There are few kinds of fault, so it stays short however many spans are bad."""
    return "; ".join(f"{count} {noun}(s) rejected: {fault}" for fault, count in faults.items())
