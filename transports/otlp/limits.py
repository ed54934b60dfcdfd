"""Limits on the parts of a request: what is small on the wire must not become gigabytes.

An empty span takes two bytes on the wire and several hundred as an object, so a limit on bytes alone bounds nothing.
The parts are counted before objects exist. A refusal is final: sent again the request would have as many.
"""

import re
from contextlib import suppress

import attrs
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.message import DecodeError

from actors.errors import TooLarge
from transports.otlp.protobuf_columns import span_frames
from transports.otlp.walk import parts_in

# The most memory for decoding a request: eight times its size and a constant number of bytes.
_TIMES_ITS_SIZE = 8
_BESIDES = 50 * 1024 * 1024
# The most memory of each part while it is decoded, measured: an attribute takes most when each has its own key.
_MEMORY = {
    "resources": 2000,
    "scopes": 2000,
    "spans": 750,
    "logs": 2000,
    "objects": 750,
    "attributes": 420,
    "items": 130,
}
_LEAST_ON_THE_WIRE = 2  # bytes of any part: its tag, and a length of 0
_SPAN_COLUMNS = 76  # bytes that the parser takes for each span, whatever is in it

# Memory by the mark in JSON: an object with a member, an array, one more member or item.
_JSON_MEMORY = {b"{": 300, b"[": 90, b",": 60}
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_DENSE_JSON = "The request has too many small parts: send smaller batches, or protobuf"

_COUNTED_AS = {
    "resource_spans": "resources",
    "scope_spans": "scopes",
    "resource_logs": "resources",
    "scope_logs": "scopes",
    "span": "spans",
    "log": "logs",
    "event": "objects",
    "link": "objects",
    "attribute": "attributes",
    "item": "items",
}
_LONG = 2 * 1024 * 1024  # bytes
# Tags of resources, scopes, spans, attributes, events and links.
_TAGS = pa.array([0x0A, 0x12, 0x4A, 0x5A, 0x6A], pa.uint8())
_DENSE = 12  # bytes of a body for each of one tag
_MOST_FIELDS = 5_000_000  # looked at, of whatever kind, which takes seconds

# Up to this many bytes the parser's columns stay within the bound, whatever is in them; beyond, they are counted.
UNCOUNTED_COLUMNS = _BESIDES // (_SPAN_COLUMNS // _LEAST_ON_THE_WIRE - _TIMES_ITS_SIZE)
# The same for what is decoded into objects.
UNCOUNTED_OBJECTS = _BESIDES // (max(_MEMORY.values()) // _LEAST_ON_THE_WIRE - _TIMES_ITS_SIZE)


@attrs.frozen(kw_only=True)
class RequestLimits:
    """The most parts of one request. Exporters send 512 spans at once by default, a Collector 8,192."""

    spans: int = 200_000  # or as many log records
    values: int = 2_000_000  # attributes, events, links, and values in values
    resources: int = 10_000  # and as many scopes

    def demand(self, parts: "Parts", size: int) -> None:
        """Raise ``TooLarge`` when a request of ``size`` bytes has too many parts."""
        fault = self._fault(parts, size)
        if fault:
            raise TooLarge(f"{fault}: send smaller batches")

    def demand_json(self, parts: "Parts", memory: int, size: int) -> None:
        """The same for a document whose objects take ``memory`` bytes besides."""
        self.demand(parts, size)
        if parts.memory + memory > most_memory(size):
            raise TooLarge(_DENSE_JSON)

    def allow(self, parts: "Parts", size: int) -> bool:
        return not self._fault(parts, size)

    def _fault(self, parts: "Parts", size: int) -> str:
        for what, count, most in (
            ("resources", parts.resources, self.resources),
            ("scopes", parts.scopes, self.resources),
            ("spans", parts.spans, self.spans),
            ("log records", parts.logs, self.spans),
            ("attributes, events, links and values in values", parts.values, self.values),
        ):
            if count > most:
                return f"The request has more than {most} {what}"
        return "" if parts.memory <= most_memory(size) else "The request has too many small parts"


def json_memory(body: bytes) -> int:
    """Memory of the objects of a JSON document, in bytes. ``TooLarge`` when that is more than its size allows.

    Objects, arrays and commas inside a text are subtracted only where the count without that is too high.
    """
    memory = _json_memory(body)
    if memory > most_memory(len(body)):
        memory -= sum(_json_memory(text[0]) for text in _TEXT.finditer(body))
    if memory > most_memory(len(body)):
        raise TooLarge(_DENSE_JSON)
    return memory


def _json_memory(body: bytes) -> int:
    return sum(body.count(mark) * size for mark, size in _JSON_MEMORY.items())


def most_memory(size: int) -> int:
    """The most memory that decoding a request of ``size`` bytes may take, in bytes."""
    return _TIMES_ITS_SIZE * size + _BESIDES


@attrs.define
class Parts:
    """Number of parts of a request, by kind."""

    resources: int = 0
    scopes: int = 0
    spans: int = 0
    logs: int = 0
    objects: int = 0  # events and links
    attributes: int = 0
    items: int = 0

    @property
    def values(self) -> int:
        return self.objects + self.attributes + self.items

    @property
    def memory(self) -> int:
        """Memory of decoding, in bytes, at the most."""
        return sum(getattr(self, name) * size for name, size in _MEMORY.items())


def demand_few(body: bytes, limits: RequestLimits) -> None:
    """Raise ``TooLarge`` when a serialised ``ExportTraceServiceRequest`` has too many parts. Cheap for usual ones."""
    if len(body) <= UNCOUNTED_OBJECTS:
        return
    parts = None if is_dense(body) else _seen_at_once(body)
    if parts is None or not limits.allow(parts, len(body)):
        parts = count_parts(body, limits)
    limits.demand(parts, len(body))


def demand_few_logs(body: bytes, limits: RequestLimits) -> None:
    """The same for a serialised ``ExportLogsServiceRequest``. Takes a microsecond a field of all but small ones."""
    if len(body) > UNCOUNTED_OBJECTS:
        limits.demand(count_parts(body, limits, "logs_request"), len(body))


def is_dense(body: bytes) -> bool:
    """Whether a long body may be little but empty parts.

    The parser holds the interpreter's lock until it has seen all of a body, a fifth of a second for ten megabytes of
    these. Of usual bodies no tag is more than a twelfth of all bytes. Arrow counts them without the lock.
    """
    if len(body) <= _LONG:
        return False
    values = pa.Array.from_buffers(pa.uint8(), len(body), [None, pa.py_buffer(body)])
    counts = pc.value_counts(values)
    tags = counts.filter(pc.is_in(counts.field("values"), _TAGS))
    return bool(pc.any(pc.greater(tags.field("counts"), pa.scalar(len(body) // _DENSE))).as_py())


def _seen_at_once(body: bytes) -> Parts | None:
    """Count the parts of a request, of nested parts an upper bound. ``None`` if it is unreadable."""
    found = span_frames(body)
    if found is None:
        return None
    scopes = found.field("scope_spans").values
    spans = scopes.field("spans").values
    events, links = len(spans.field("events").values), len(spans.field("links").values)
    hidden = [b"\x0a\x8a"]  # the first bytes of the tags of values in values, and of attributes of a resource
    if events or len(scopes):
        hidden.append(b"\x1a\x9a")  # of attributes of an event or a scope
    if links:
        hidden.append(b"\x22\xa2")
    return Parts(
        resources=len(found),
        scopes=len(scopes),
        spans=len(spans),
        objects=events + links,
        attributes=len(spans.field("attributes").values),
        items=sum(body.count(bytes([tag])) for tags in hidden for tag in tags),
    )


def count_parts(body: bytes, limits: RequestLimits, kind: str = "request") -> Parts:
    """Count the parts of a request one by one, up to a malformed part, or to too many parts.

    ``kind`` is as in ``parts_in``. ``TooLarge`` when it has too many fields of other kinds. A decoder reports a
    malformed part better.
    """
    counts = dict.fromkeys(_MEMORY, 0)
    most = dict.fromkeys(counts, limits.values) | {"resources": limits.resources, "scopes": limits.resources}
    most |= {"spans": limits.spans, "logs": limits.spans}
    with suppress(DecodeError):
        for seen, part in enumerate(parts_in(body, kind)):
            if seen > _MOST_FIELDS:
                raise TooLarge("The request has too many small parts: send smaller batches")
            counted = _COUNTED_AS.get(part)
            if counted:
                counts[counted] += 1
                if counts[counted] > most[counted]:
                    break
    return Parts(**counts)
