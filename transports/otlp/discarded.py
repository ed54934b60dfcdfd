"""Counting of what is discarded: metrics. The answer says how much it was (OTLP 1.11, "Partial Success")."""

from collections.abc import Mapping
from typing import Any

import attrs
import orjson
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

from actors.errors import TooLarge
from transports.otlp.decoder import Decoder
from transports.otlp.limits import json_memory
from transports.otlp.protobuf_wire import LENGTH_DELIMITED, field_at

_MOST_FIELDS = 5_000_000  # of one request, which takes seconds
_INLINE_BYTES = 1024


@attrs.frozen(kw_only=True)
class Signal:
    """A signal of OTLP that is not stored.

    ``inside`` says for each message which fields hold the next one, by number; the last of them are what is counted.
    ``members`` says the same of JSON, a name or several for each level.
    """

    inside: tuple[tuple[int, ...], ...]
    members: tuple[tuple[str, ...], ...]
    response: type[Message]
    rejected: str  # the member of ``partial_success``
    sentence: str


METRICS = Signal(
    inside=((1,), (2,), (2,), (5, 7, 9, 10, 11), (1,)),
    members=(
        ("resourceMetrics",),
        ("scopeMetrics",),
        ("metrics",),
        ("gauge", "sum", "histogram", "exponentialHistogram", "summary"),
        ("dataPoints",),
    ),
    response=ExportMetricsServiceResponse,
    rejected="rejected_data_points",
    sentence="Metrics are not stored: set OTEL_METRICS_EXPORTER=none",
)


async def discard(signal: Signal, body: bytes, *, json: bool, decoder: Decoder) -> Message:
    """The answer to a request of which nothing is stored. A body that cannot be read counts as far as it can.

    ``TooLarge`` when it has too many small parts to be counted.
    """

    def count() -> int:
        return _count_json(body, signal.members) if json else _count(body, signal.inside)

    discarded = await decoder.run(count, len(body)) if len(body) > _INLINE_BYTES else count()
    response = signal.response()
    if discarded:
        partial = response.partial_success  # type: ignore[attr-defined]  # every response has one
        setattr(partial, signal.rejected, discarded)
        partial.error_message = signal.sentence
    return response


def _count(body: bytes, inside: tuple[tuple[int, ...], ...]) -> int:
    """How many of the innermost messages there are, up to where the body is malformed."""
    found, seen = 0, 0
    ends = [len(body)]  # of the messages that hold the present position
    position = 0
    try:
        while ends:
            if position >= ends[-1]:
                ends.pop()
                continue
            seen += 1
            if seen > _MOST_FIELDS:
                raise TooLarge("The request has too many small parts: send smaller batches")
            number, wire_type, begin, after = field_at(body, position, ends[-1])
            position = after
            if wire_type == LENGTH_DELIMITED and number in inside[len(ends) - 1]:
                if len(ends) == len(inside):
                    found += 1
                else:
                    ends.append(after)
                    position = begin
    except DecodeError:
        return found
    return found


def _count_json(body: bytes, members: tuple[tuple[str, ...], ...]) -> int:
    json_memory(body)  # no more than its size allows
    try:
        return _items(orjson.loads(body), members)
    except orjson.JSONDecodeError:
        return 0


def _items(value: Any, members: tuple[tuple[str, ...], ...]) -> int:  # noqa: ANN401 - any JSON value
    if not members:
        return 1
    if not isinstance(value, Mapping):
        return 0
    found = 0
    for name in members[0]:
        inner = value.get(name)
        found += sum(_items(item, members[1:]) for item in (inner if isinstance(inner, list) else [inner]))
    return found
