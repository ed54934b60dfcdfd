"""The parser from protobuf to Arrow columns, and the check for bodies that it must not be given.

It takes a length of nearly 2^64 bytes for a negative one. Then it panics, which prints to standard error and is no
``Exception``, or goes back and reads the same field for ever.
"""

from typing import Any

import ptars
import pyarrow as pa
import pyarrow.compute as pc
from google.protobuf.message import Message

from actors.span_store.columns.types import Untold
from transports.grpc.generated import span_columns_pb2, span_counts_pb2
from transports.otlp.walk import is_well_framed

_pool = ptars.HandlerPool([span_columns_pb2.DESCRIPTOR, span_counts_pb2.DESCRIPTOR])
_frames = _pool.get_for_message(span_counts_pb2.Request.DESCRIPTOR)
# The last bytes of a varint above 2^64 - 2^35, which any body may have. Arrow finds them in an eighth of the time of
# ``bytes``.
_HUGE = pc.MatchSubstringOptions(r"\xff\xff\xff\xff\x01")
# The whole varint, but for a negative number behind the tag of an integer value or a kind, unless that has two bytes.
_HUGE_LENGTH = pc.MatchSubstringOptions(
    r"(?s)(?:[^\x18\x30]|[\x80-\xff].)" + r"[\x80-\xff]" * 5 + r"\xff\xff\xff\xff\x01"
)
_MATCH = pc.get_function("match_substring_regex")


def parser_of(kind: type[Message]) -> Any:  # noqa: ANN401 - the library's class has no public name
    """A parser of a kind of message in span_columns.proto."""
    return _pool.get_for_message(kind.DESCRIPTOR)


def is_parseable(body: bytes) -> bool:
    """Whether the parser will report any fault of a request, and not hang or panic. Few are looked at closely."""
    bounds = pa.array([0, len(body)], pa.int32()).buffers()[1]
    whole = [pa.Array.from_buffers(pa.binary(), 1, [None, bounds, pa.py_buffer(body)])]
    suspect = all(_MATCH.call(whole, varint)[0].as_py() for varint in (_HUGE, _HUGE_LENGTH))
    return not suspect or is_well_framed(body)


def span_frames(body: bytes) -> Untold | None:
    """The ``ResourceSpans`` of a request with everything in spans still encoded; ``None`` when it cannot be parsed."""
    if not is_parseable(body):
        return None
    try:
        return _frames.list_to_record_batch([body]).column(0).values
    except ValueError:
        return None
