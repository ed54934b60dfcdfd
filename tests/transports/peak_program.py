"""Decode hostile requests one after the other, and print what each took at its peak: a program for Linux.

A line of JSON a request: its name, its size, the memory that decoding it took besides, both in bytes, and how it ended.
"""

import gc
import json
import sys
from collections.abc import Callable
from pathlib import Path

from actors.errors import StudioError
from transports.otlp.decode import decode_any
from transports.otlp.decode_logs import decode_any_logs
from transports.otlp.limits import RequestLimits

IDS = b"\x0a\x10" + bytes(range(1, 17)) + b"\x12\x08" + bytes(range(1, 9))


def field(number: int, content: bytes) -> bytes:
    """A length-delimited field."""
    size, length = len(content), b""
    while size > 0x7F:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def request(span: bytes = b"", *, spans: bytes = b"", scopes: bytes = b"", resource: bytes = b"") -> bytes:
    """A request with this span, and these further fields."""
    return field(1, resource + field(2, spans + field(2, IDS + span)) + scopes)


def numbered(count: int) -> bytes:
    """Spans with their own ids and a key of their own."""
    return b"".join(
        field(2, field(1, n.to_bytes(16)) + field(2, n.to_bytes(8)) + field(9, field(1, b"key %d" % n) + TEXT))
        for n in range(1, count + 1)
    )


TEXT = field(2, field(1, b"v"))
JSON_SPAN = '{"traceId": "%032x", "spanId": "%016x"%s}'


def json_request(spans: str) -> bytes:
    return ('{"resourceSpans": [{"scopeSpans": [{"spans": [' + spans + "]}]}]}").encode()


PROTOBUF: dict[str, Callable[[int], bytes]] = {
    "resources": lambda n: b"\x0a\x00" * n,
    "resources with a span": lambda n: b"".join(
        field(1, field(1, field(1, field(1, b"%d" % i) + TEXT)) + field(2, field(2, IDS))) for i in range(n)
    ),
    "scopes": lambda n: request(scopes=b"\x12\x00" * n),
    "spans": lambda n: request(spans=b"\x12\x00" * n),
    "spans with keys of their own": lambda n: request(spans=numbered(n)),
    "attributes": lambda n: request(b"\x4a\x00" * n),
    "attributes of different keys": lambda n: request(b"".join(field(9, field(1, b"%d" % i) + TEXT) for i in range(n))),
    "events": lambda n: request(b"\x5a\x00" * n),
    "links": lambda n: request(b"\x6a\x00" * n),
    "attributes of an event": lambda n: request(field(11, b"\x1a\x00" * n)),
    "attributes of a link": lambda n: request(field(13, b"\x22\x00" * n)),
    "attributes of a resource": lambda n: request(resource=field(1, b"\x0a\x00" * n)),
    "attributes of a scope": lambda n: request(spans=field(1, b"\x1a\x00" * n)),
    "items of an array": lambda n: request(field(9, field(1, b"k") + field(2, field(5, b"\x0a\x00" * n)))),
    "items of a map": lambda n: request(field(9, field(1, b"k") + field(2, field(6, b"\x0a\x00" * n)))),
    "arrays in arrays": lambda n: request(field(9, field(2, field(5, b"\x0a\x02\x2a\x00" * n)))),
    "tags in two bytes": lambda n: request(b"\xca\x00\x00" * n),
    "unknown fields": lambda n: b"\x78\x00" * n,
    "unknown fields, then nonsense": lambda n: b"\x78\x00" * n + b"\x0a\x01\xff",
    "zeros": lambda n: bytes(2 * n),
}
LOG_IDS = b"\x4a\x10" + bytes(range(1, 17)) + b"\x52\x08" + bytes(range(1, 9))


def logs_request(record: bytes = b"", *, records: bytes = b"", scopes: bytes = b"", resource: bytes = b"") -> bytes:
    """A request with this log record, and these further fields."""
    return field(1, resource + field(2, records + field(2, LOG_IDS + record)) + scopes)


def numbered_records(count: int) -> bytes:
    """Log records of their own spans, with a key and a text of their own."""
    return b"".join(
        field(
            2,
            field(9, n.to_bytes(16)) + field(10, n.to_bytes(8)) + field(3, b"%d" % n) + field(6, field(1, b"k%d" % n)),
        )
        for n in range(1, count + 1)
    )


LOGS: dict[str, Callable[[int], bytes]] = {
    "resources of logs": lambda n: b"\x0a\x00" * n,
    "scopes of logs": lambda n: logs_request(scopes=b"\x12\x00" * n),
    "log records": lambda n: logs_request(records=b"\x12\x00" * n),
    "log records of the same": lambda n: logs_request(records=field(2, LOG_IDS) * n),
    "log records with keys of their own": lambda n: logs_request(records=numbered_records(n)),
    "attributes of a log record": lambda n: logs_request(b"\x32\x00" * n),
    "attributes of different keys of a log record": lambda n: logs_request(
        b"".join(field(6, field(1, b"%d" % i) + TEXT) for i in range(n))
    ),
    "items of a body": lambda n: logs_request(field(5, field(5, b"\x0a\x00" * n))),
    "items of a map of a body": lambda n: logs_request(field(5, field(6, b"\x0a\x00" * n))),
    "arrays in arrays of a body": lambda n: logs_request(field(5, field(5, b"\x0a\x02\x2a\x00" * n))),
    "bytes of a body": lambda n: logs_request(field(5, field(7, bytes(2 * n)))),
    "unknown fields of a log record": lambda n: logs_request(b"\x78\x00" * n),
}
JSON_LOG = '{"traceId": "%032x", "spanId": "%016x"}'
JSON_LOGS: dict[str, Callable[[int], bytes]] = {
    "JSON log records": lambda n: json_logs_request(",".join(["{}"] * n)),
    "JSON log records with ids": lambda n: json_logs_request(",".join(JSON_LOG % (i, i) for i in range(1, n))),
    "JSON body": lambda n: json_logs_request(
        f'{(JSON_LOG % (1, 1))[:-1]}, "body": {{"arrayValue": {{"values": [{",".join(["{}"] * n)}]}}}}}}'
    ),
}


def json_logs_request(records: str) -> bytes:
    return ('{"resourceLogs": [{"scopeLogs": [{"logRecords": [' + records + "]}]}]}").encode()


JSON: dict[str, Callable[[int], bytes]] = {
    "JSON resources": lambda n: ('{"resourceSpans": [' + ",".join(["{}"] * n) + "]}").encode(),
    "JSON spans": lambda n: json_request(",".join(["{}"] * n)),
    "JSON spans with ids": lambda n: json_request(",".join(JSON_SPAN % (i, i, "") for i in range(1, n))),
    "JSON attributes": lambda n: json_request(JSON_SPAN % (1, 1, ', "attributes": [' + ",".join(["{}"] * n) + "]")),
    "JSON arrays": lambda n: ('{"x": [' + ",".join(["[]"] * n) + "]}").encode(),
    "JSON half characters": lambda n: json_request(",".join(['"\\ud83d"'] * n)),
    "JSON numbers": lambda n: ('{"x": [' + ",".join(["123"] * n) + "]}").encode(),
    "JSON nesting": lambda n: ("[" * n + "]" * n).encode(),
}


SHAPES = (
    (decode_any, PROTOBUF, False),
    (decode_any, JSON, True),
    (decode_any_logs, LOGS, False),
    (decode_any_logs, JSON_LOGS, True),
)


def peak() -> int:
    """The most memory that the process had since ``forget_peak``, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def forget_peak() -> int:
    """Begin to look for the peak anew. The memory that the process has now."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def measure(name: str, body: bytes, decode: Callable[[bytes, bool, RequestLimits], object], *, as_json: bool) -> None:
    before = forget_peak()
    try:
        decode(body, as_json, RequestLimits())
        end = "decoded"
    except StudioError as error:
        end = type(error).__name__
    line = {"name": name, "size": len(body), "took": peak() - before, "end": end}
    sys.stdout.write(json.dumps(line) + "\n")


def main() -> None:
    for parts in map(int, sys.argv[1:]):
        for decode, makers, as_json in SHAPES:
            for name, make in makers.items():
                measure(name, make(parts), decode, as_json=as_json)


if __name__ == "__main__":
    main()
